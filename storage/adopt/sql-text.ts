// Pieces of SQL text for the rules that are written from tables of the model.
// In: texts and patterns of our own code. Out: ClickHouse expressions.
// Bounds: literals are quoted here and nowhere else; a pattern is RE2 and must mean the same as JavaScript's (no look-around).

/** A text as a string literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** Literals in brackets, for IN. */
export function literals(texts: Iterable<string>): string {
  return `(${[...texts].map(literal).join(", ")})`;
}

/** True where `value` fits a pattern. */
export function fits(value: string, pattern: RegExp): string {
  const flags = pattern.flags.includes("i") ? "(?i)" : "";
  return `match(${value}, ${literal(flags + pattern.source)})`;
}

/** What the pattern's group, or else the whole pattern, finds in `value`; '' where it does not fit. */
export function extracted(value: string, pattern: string): string {
  return `extract(${value}, ${literal(pattern)})`;
}

/** `value` with every place that fits a pattern replaced, rule by rule; a group is `\\1`. */
export function rewritten(value: string, rules: readonly (readonly [pattern: string, replacement: string])[]): string {
  return rules.reduce(
    (rest, [pattern, replacement]) => `replaceRegexpAll(${rest}, ${literal(pattern)}, ${literal(replacement)})`,
    value,
  );
}

/** The value of a key of a map column; '' when it is absent. */
export function valueOf(map: string, key: string): string {
  return `${map}[${literal(key)}]`;
}

/** The first value that is not empty. */
export function firstGiven(values: readonly string[]): string {
  const last = values.at(-1) ?? literal("");
  const others = values.slice(0, -1).map((value) => `${value} != '', ${value}`);
  return others.length === 0 ? last : `multiIf(${others.join(", ")}, ${last})`;
}

/** The first `count` bytes. */
export function cut(value: string, count: number): string {
  return `substring(${value}, 1, ${count})`;
}

/** A text as a pattern that fits only it. */
export function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** A query with more columns over another. */
export function withColumns(columns: readonly string[], from: string): string {
  return `SELECT *, ${columns.join(",\n  ")}\nFROM (\n${from}\n)`;
}
