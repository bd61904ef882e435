// Which words people use for the fields of Kubernetes objects, and which fields they ask for first.
// In: paths as ingest/changes/desired-state.ts makes them. Out: a label, a rank, and lines of before and after.
// Bounds: at most SHOWN fields a line and LINE characters; the rest is counted.

const SHOWN = 8;
const LINE = 600;
const VALUE = 120;

// The first rule that fits gives the rank; what none names comes last.
const RANKS: readonly RegExp[] = [
  /containers\[[^\]]*\]\.image$/,
  /weights$/,
  /^phase$|^paused$|[.]paused$/,
  /runtimeClassName$/,
  /^(min|max)?replicas$/i,
  /\bfault\b/,
  /\b(timeout|perTryTimeout|retries)\b/,
  /^action$|mtls|^subsets\[|outlierDetection|connectionPool/,
  /\.resources\./,
  /\.env\[/,
  /Probe\./,
  /nodeSelector|affinity|tolerations|unschedulable|taints/,
  /\.(args|command)$/,
];

/** The rank of a field: smaller is more telling. */
export function rankOf(path: string): number {
  const index = RANKS.findIndex((rule) => rule.test(path));
  return index < 0 ? RANKS.length : index;
}

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^template\.spec\./, ""],
  [/^template\.metadata\./, "pod "],
  [/\.template\.spec\./, "."],
  [/^strategy\.canary\./, "canary "],
  [/initContainers\[([^\]]*)\]\./, "init $1 "],
  [/resources\.(limit|request)s\.(\S+)$/, "$2 $1"],
  [/env\[([^\]]*)\]$/, "env $1"],
  [/(liveness|readiness|startup)Probe\./, "$1 probe "],
  [/^trafficPolicy\./, ""],
  [/outlierDetection\./, "outlierDetection "],
  [/connectionPool\./, "connectionPool "],
  [/^nodeSelector\./, "nodeSelector "],
  [/^pod annotations\.kubectl\.kubernetes\.io\/restartedAt$/, "restarted at"],
];

/** The label of a field; `isLone`: the pod has one container, so its name says nothing. */
export function labelOf(path: string, isLone: boolean): string {
  let label = path;
  for (const [rule, words] of WORDS) label = label.replace(rule, words);
  return label.replace(/\bcontainers\[([^\]]*)\]\./, isLone ? "" : "$1 ");
}

/** What differs, as two lines with the fields in one order, and as one line with arrows. */
export interface Difference {
  readonly before: string | null;
  readonly after: string | null;
  /** Such as `image shop/pricing:2.3.0 → shop/pricing:2.3.1, replicas 2 → 3`; '' when nothing that is kept differs. */
  readonly headline: string;
}

type Fields = ReadonlyMap<string, string>;

/** Compares two states. */
export function diffFields(before: Fields, after: Fields): Difference {
  const isLone = containersOf(before) <= 1 && containersOf(after) <= 1;
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path),
  );
  const told = withoutEchoes(sorted(paths));
  if (told.length === 0) return { before: null, after: null, headline: "" };
  const shown = told.slice(0, SHOWN).map((path) => ({
    label: labelOf(path, isLone),
    old: before.get(path),
    new: after.get(path),
  }));
  const more = told.length > SHOWN ? `, and ${told.length - SHOWN} more` : "";
  const side = (name: "old" | "new"): string =>
    joined(
      shown.map((field) => part(field.label, field[name])),
      more,
    );
  const arrows = shown.map(({ label, old, new: next }) => {
    if (old === undefined) return `${label} ${short(next ?? "")} added`;
    if (next === undefined) return `${label} removed (was ${short(old)})`;
    return `${label} ${short(old)} → ${short(next)}`;
  });
  return { before: side("old"), after: side("new"), headline: joined(arrows, more) };
}

/** What an object is, in one line: its most telling fields; null when nothing is kept of it. */
export function describeFields(fields: Fields): string | null {
  const isLone = containersOf(fields) <= 1;
  const paths = withoutEchoes(sorted([...fields.keys()]));
  const telling = paths.filter((path) => rankOf(path) < RANKS.length);
  const shown = (telling.length > 0 ? telling : paths).slice(0, SHOWN);
  if (shown.length === 0) return null;
  return joined(
    shown.map((path) => part(labelOf(path, isLone), fields.get(path))),
    "",
  );
}

function sorted(paths: readonly string[]): string[] {
  return paths.toSorted((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
}

/** A route's weights say what its list of destinations says, a file's lines what its digest says. */
function withoutEchoes(paths: readonly string[]): string[] {
  const weighed = paths.filter((path) => path.endsWith("weights")).map((path) => path.slice(0, -"weights".length));
  const withLines = new Set(paths.flatMap((path) => (path.includes(": ") ? [path.slice(0, path.indexOf(": "))] : [])));
  return paths.filter(
    (path) =>
      !withLines.has(path) &&
      !weighed.some((root) => path.startsWith(`${root}route[`) || path.startsWith(`${root}backendRefs[`)),
  );
}

function containersOf(fields: Fields): number {
  const names = new Set<string>();
  for (const path of fields.keys()) {
    const name = /\bcontainers\[([^\]]*)\]/.exec(path)?.[1];
    if (name !== undefined) names.add(name);
  }
  return names.size;
}

function part(label: string, value: string | undefined): string {
  return value === undefined ? `no ${label}` : `${label} ${short(value)}`;
}

function short(value: string): string {
  return value.length <= VALUE ? value : `${value.slice(0, VALUE - 1)}…`;
}

function joined(parts: readonly string[], more: string): string {
  const line = parts.join(", ");
  return line.length + more.length <= LINE ? line + more : `${line.slice(0, LINE - 1 - more.length)}…${more}`;
}
