// RED figures in one short line.
// In: figures of a place or call. Out: text such as `42/s · 31% · 412 ms`; what was not measured is left out.
// Bounds: '' when nothing was measured; an error share of zero says nothing and is left out too.
import type { RedFigures } from "../api/types.ts";
import type { Formats } from "../language/format.ts";
import type { Language } from "../language/language.tsx";

/** The figures in one line. */
export function figuresLine(figures: RedFigures, format: Formats, t: Language["t"]): string {
  const parts: string[] = [];
  if (figures.requestsPerSecond !== null) {
    parts.push(t("red.per_second", { value: format.rate(figures.requestsPerSecond) }));
  }
  if (figures.errorRatio !== null && figures.errorRatio >= 0.0005) parts.push(format.ratio(figures.errorRatio));
  if (figures.latencyP99Ms !== null) parts.push(format.latency(figures.latencyP99Ms));
  return parts.join(" · ");
}
