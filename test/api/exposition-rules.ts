// The rules of Prometheus' text format and of OpenMetrics, read strictly: what a scraper would refuse is thrown, with the line.
// In: a scrape's text. Out: families with their samples. Written from the formats' specifications, not from api/series.
// Beyond the grammar: one group a family, no series twice, histograms with rising bounds, growing counts, and +Inf equal to _count.

/** A sample as read. */
export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A family as read. */
export interface ReadFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string;
  readonly samples: ReadSample[];
}

const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*/;
const NUMBER = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Inf|NaN)$/;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\", n: "\n", '"': '"' };

class Reader {
  private at = 0;
  private readonly line: string;
  constructor(line: string) {
    this.line = line;
  }
  take(pattern: RegExp, what: string): string {
    const found = pattern.exec(this.line.slice(this.at))?.[0];
    if (found === undefined) this.fail(what);
    this.at += found.length;
    return found;
  }
  takeIf(text: string): boolean {
    if (!this.line.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }
  expect(text: string): void {
    if (!this.takeIf(text)) this.fail(text);
  }
  quoted(): string {
    this.expect('"');
    let text = "";
    for (;;) {
      const letter = this.line[this.at++];
      if (letter === undefined) this.fail("the closing quote");
      if (letter === '"') return text;
      if (letter !== "\\") {
        text += letter;
        continue;
      }
      const escaped = ESCAPES[this.line[this.at++] ?? ""];
      if (escaped === undefined) this.fail("a known escape");
      text += escaped;
    }
  }
  rest(): string {
    return this.line.slice(this.at);
  }
  fail(what: string): never {
    throw new Error(`expected ${what} at ${this.at} of ${JSON.stringify(this.line)}`);
  }
}

function readSample(line: string): ReadSample {
  const reader = new Reader(line);
  const name = reader.take(METRIC, "a metric's name");
  const labels: Record<string, string> = {};
  if (reader.takeIf("{")) {
    do {
      const label = reader.take(LABEL, "a label's name");
      if (Object.hasOwn(labels, label)) reader.fail("every label once");
      reader.expect("=");
      Object.defineProperty(labels, label, { value: reader.quoted(), enumerable: true });
    } while (reader.takeIf(","));
    reader.expect("}");
  }
  reader.expect(" ");
  const number = reader.rest();
  if (!NUMBER.test(number)) reader.fail("one number and no more");
  return { name, labels, value: Number(number.replace("Inf", "Infinity")) };
}

/** The family's name that samples and TYPE agree on: in OpenMetrics a counter's is without `_total`. */
function belongs(family: ReadFamily, name: string, isOpenMetrics: boolean): boolean {
  if (family.type === "counter") return name === (isOpenMetrics ? `${family.name}_total` : family.name);
  if (family.type === "histogram") return ["_bucket", "_sum", "_count"].some((suffix) => name === family.name + suffix);
  return name === family.name;
}

function checkHistogram(family: ReadFamily, isOpenMetrics: boolean): void {
  const groups = new Map<string, { bounds: number[]; counts: number[]; sum: number | null; count: number | null }>();
  for (const { name, labels, value } of family.samples) {
    const { le, ...others } = labels;
    const key = JSON.stringify(others);
    const group = groups.get(key) ?? { bounds: [], counts: [], sum: null, count: null };
    groups.set(key, group);
    if (name.endsWith("_bucket")) {
      if (le === undefined) throw new Error(`a bucket without le: ${key}`);
      if (isOpenMetrics && !/^(?:\+Inf|\d+\.\d+)$/.test(le)) throw new Error(`le is no canonical number: ${le}`);
      group.bounds.push(Number(le.replace("Inf", "Infinity")));
      group.counts.push(value);
    } else if (name.endsWith("_sum")) group.sum = value;
    else group.count = value;
  }
  for (const [key, { bounds, counts, sum, count }] of groups) {
    const isRising = bounds.every((bound, i) => i === 0 || bound > bounds[i - 1]!);
    const isGrowing = counts.every((value, i) => i === 0 || value >= counts[i - 1]!);
    if (!isRising || bounds.at(-1) !== Infinity) throw new Error(`bounds of ${family.name}${key}: ${bounds.join()}`);
    if (!isGrowing || counts.at(-1) !== count || sum === null)
      throw new Error(`counts of ${family.name}${key}: ${counts.join()}, count ${String(count)}, sum ${String(sum)}`);
  }
}

/** Reads a scrape; throws at the first thing that is not allowed. */
export function readExposition(text: string, isOpenMetrics: boolean): ReadFamily[] {
  const families = new Map<string, ReadFamily>();
  const series = new Set<string>();
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const lines = text.slice(0, -1).split("\n");
  if (isOpenMetrics && lines.pop() !== "# EOF") throw new Error("no # EOF at the end");
  let current: ReadFamily | null = null;
  let help: { name: string; text: string } | null = null;
  for (const line of lines) {
    const meta = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/s.exec(line);
    if (meta !== null) {
      const [, word, name = "", rest = ""] = meta;
      if (METRIC.exec(name)?.[0] !== name) throw new Error(`no metric's name: ${line}`);
      if (word === "HELP") {
        if (families.has(name)) throw new Error(`a second group: ${line}`);
        help = { name, text: rest };
      } else if (word === "TYPE") {
        if (families.has(name) || help?.name !== name) throw new Error(`TYPE out of place: ${line}`);
        if (!["counter", "gauge", "histogram"].includes(rest)) throw new Error(`no type: ${line}`);
        current = { name, type: rest, help: help.text, unit: "", samples: [] };
        families.set(name, current);
      } else {
        if (!isOpenMetrics || current?.name !== name || !name.endsWith(`_${rest}`) || current.samples.length > 0)
          throw new Error(`UNIT out of place: ${line}`);
        Object.assign(current, { unit: rest });
      }
      continue;
    }
    if (line.startsWith("#") || line === "") throw new Error(`neither a sample nor metadata: ${line}`);
    const sample = readSample(line);
    if (current === null || !belongs(current, sample.name, isOpenMetrics))
      throw new Error(`${sample.name} is not of the family ${current?.name ?? ""}`);
    const key = `${sample.name} ${JSON.stringify(sample.labels, Object.keys(sample.labels).toSorted())}`;
    if (series.has(key)) throw new Error(`twice: ${line}`);
    series.add(key);
    current.samples.push(sample);
  }
  for (const family of families.values()) if (family.type === "histogram") checkHistogram(family, isOpenMetrics);
  return [...families.values()];
}
