// Expands what Grafana's ClickHouse plugin expands, so that a panel's SQL can be run without Grafana.
// In: SQL, a time range, a step, variable values. Out: SQL for ClickHouse.
// Bounds: only the macros and variable formats that our dashboard may use; the plugin's order: $__conditionalAll, variables, the rest.
// What it does not know stays in the text, as in Grafana, and the test refuses any leftover.

/** What Grafana knows when it asks: seconds, a step in seconds, and variables; "$__all" means All. */
export interface GrafanaContext {
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly stepSeconds: number;
  readonly variables: Readonly<Record<string, string | readonly string[]>>;
  /** All values of a variable, for the All choice. */
  readonly allValues: Readonly<Record<string, readonly string[]>>;
}

/** The SQL that the plugin would send. */
export function expandMacros(sql: string, context: GrafanaContext): string {
  let expanded = replaceCalls(sql, "$__conditionalAll", (args) => {
    const cut = args.lastIndexOf(",");
    const name = args.slice(cut + 1).trim();
    if (!/^\$\w+$/.test(name)) throw new Error(`$__conditionalAll wants a bare variable, not ${name}`);
    const value = context.variables[name.slice(1)];
    return isAll(value) ? "1=1" : args.slice(0, cut).trim();
  });
  expanded = expanded.replace(/\$\{(\w+):singlequote\}/g, (whole, name: string) => {
    const value = context.variables[name];
    if (value === undefined) return whole;
    const values = isAll(value) ? (context.allValues[name] ?? []) : [value].flat();
    return values.map((one) => `'${one.replaceAll("'", String.raw`\'`)}'`).join(",");
  });
  const from = `toDateTime(${context.fromSeconds})`;
  const to = `toDateTime(${context.toSeconds})`;
  expanded = replaceCalls(expanded, "$__timeFilter", (column) => `${column} >= ${from} AND ${column} <= ${to}`);
  expanded = replaceCalls(
    expanded,
    "$__timeInterval",
    (column) => `toStartOfInterval(toDateTime(${column}), INTERVAL ${Math.max(1, context.stepSeconds)} second)`,
  );
  return expanded
    .replaceAll("$__fromTime", from)
    .replaceAll("$__toTime", to)
    .replaceAll("$__interval_s", String(Math.max(1, context.stepSeconds)));
}

function isAll(value: string | readonly string[] | undefined): boolean {
  return value === "" || value === "$__all" || (Array.isArray(value) && value.includes("$__all"));
}

/** Replaces each `name(...)`, parentheses matched, by what `expand` makes of its arguments. */
function replaceCalls(sql: string, name: string, expand: (args: string) => string): string {
  let out = "";
  let at = 0;
  for (;;) {
    const start = sql.indexOf(`${name}(`, at);
    if (start < 0) return out + sql.slice(at);
    let end = start + name.length + 1;
    for (let depth = 1; depth > 0; end++) {
      if (end >= sql.length) throw new Error(`${name} is not closed`);
      if (sql[end] === "(") depth++;
      if (sql[end] === ")") depth--;
    }
    out += sql.slice(at, start) + expand(sql.slice(start + name.length + 1, end - 1));
    at = end;
  }
}
