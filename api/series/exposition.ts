// Metrics as text for Prometheus (0.0.4) or OpenMetrics (1.0.0).
// In: families with their samples. Out: lines, piece by piece. Sources: Prometheus' exposition formats, the OpenMetrics specification.
// Bounds: linear; names and label names are ours, values may be anything and are escaped.

/** A sample; `suffix` follows the family's name, labels are in order. */
export interface Sample {
  readonly suffix: "" | "_total" | "_bucket" | "_sum" | "_count";
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number;
}

/** Samples of one name. A counter's name has no `_total`; `unit` is the end of the name. */
export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly unit: string;
  readonly samples: Iterable<Sample>;
}

/** How the text is written. */
export type Exposition = "prometheus" | "openmetrics";

/** The media type of each form. */
export const CONTENT_TYPES: Readonly<Record<Exposition, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

const CHUNK_CHARACTERS = 64 * 1024;

/** The form that an Accept header asks for; Prometheus' own unless OpenMetrics is asked for at least as much. */
export function expositionOf(accept: string | undefined): Exposition {
  const weights = { openmetrics: 0, prometheus: 0 };
  for (const part of (accept ?? "").toLowerCase().split(",")) {
    const [type = "", ...parameters] = part.split(";").map((word) => word.trim());
    const weight = Number(parameters.find((word) => word.startsWith("q="))?.slice(2) ?? 1) || 0;
    if (type === "application/openmetrics-text") weights.openmetrics = Math.max(weights.openmetrics, weight);
    if (["text/plain", "text/*", "*/*"].includes(type)) weights.prometheus = Math.max(weights.prometheus, weight);
  }
  return weights.openmetrics > 0 && weights.openmetrics >= weights.prometheus ? "openmetrics" : "prometheus";
}

/** The text of families, in chunks. */
export function* writeExposition(families: Iterable<Family>, form: Exposition): Generator<string> {
  let text = "";
  for (const family of families) {
    const name = form === "prometheus" && family.type === "counter" ? `${family.name}_total` : family.name;
    text += `# HELP ${name} ${escapeHelp(family.help, form)}\n# TYPE ${name} ${family.type}\n`;
    if (form === "openmetrics" && family.unit !== "") text += `# UNIT ${name} ${family.unit}\n`;
    for (const sample of family.samples) {
      text += `${family.name}${sample.suffix}${labelText(sample.labels, form)} ${numberText(sample.value)}\n`;
      if (text.length > CHUNK_CHARACTERS) {
        yield text;
        text = "";
      }
    }
  }
  yield form === "openmetrics" ? `${text}# EOF\n` : text;
}

function labelText(labels: Sample["labels"], form: Exposition): string {
  const shown = labels.map(([name, value]) => {
    const text = name === "le" && form === "openmetrics" && /^\d+$/.test(value) ? `${value}.0` : value;
    return `${name}="${escapeValue(text)}"`;
  });
  return shown.length === 0 ? "" : `{${shown.join(",")}}`;
}

function escapeValue(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function escapeHelp(text: string, form: Exposition): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return form === "openmetrics" ? escaped.replaceAll('"', '\\"') : escaped;
}

function numberText(value: number): string {
  return value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value);
}
