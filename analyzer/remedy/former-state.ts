// What a route object was before a change: its fields of today with the change taken back.
// In: the change's `before` line (ingest/changes/field-words.ts) and the fields of today. Out: the former fields, or null.
// Bounds: pure; a line that was cut, or that counts "and N more", does not hold the whole difference: null.
const ROOTS =
  "http|tcp|tls|hosts|gateways|exportTo|host|subsets|outlierDetection|connectionPool|loadBalancer|portLevelSettings|rules|hostnames|parentRefs";
const PART = new RegExp(`, (?=(?:no )?(?:${ROOTS})(?:[.[ ]))`);
const INCOMPLETE = /…|, and \d+ more$/;
// The words that stand for `trafficPolicy.X` in a change's lines.
const OF_TRAFFIC_POLICY = /^(outlierDetection|connectionPool|loadBalancer|portLevelSettings|tls)[ .]/;

interface FormerField {
  readonly path: string;
  /** Null: the field was not there. */
  readonly value: string | null;
}

function pathOf(label: string, isRule: boolean): string {
  if (!isRule || !OF_TRAFFIC_POLICY.test(`${label} `)) return label;
  return `trafficPolicy.${label.replace(/^(outlierDetection|connectionPool) /, "$1.")}`;
}

function readPart(part: string, isRule: boolean): FormerField | null {
  const isAbsent = part.startsWith("no ");
  const text = isAbsent ? part.slice(3) : part;
  const found = isAbsent ? [text, text, ""] : (/^((?:outlierDetection|connectionPool) \S+|\S+) (.*)$/.exec(text) ?? []);
  const [, label, value] = found;
  if (label === undefined || value === undefined) return null;
  return { path: pathOf(label, isRule), value: isAbsent ? null : value };
}

/**
 * `reviews v1 90, reviews v2 10` put back into the destinations, in their order; false when they do not fit. The line stands for
 * the whole list: people are told of hosts, subsets and weights in one.
 */
function putShares(fields: Map<string, string>, path: string, value: string): boolean {
  const root = path.slice(0, -"weights".length);
  const isMember = new RegExp(`^${root.replaceAll(/[.[\]]/g, "\\$&")}(?:route|backendRefs)\\[[^\\]]*\\]`);
  const members = [...new Set([...fields.keys()].flatMap((key) => isMember.exec(key)?.[0] ?? []))];
  const shares = value.split(", ").map((share) => /^(\S+?)(?: (\S+))? (\d+)$/.exec(share));
  if (members.length !== shares.length) return false;
  for (const [index, member] of members.entries()) {
    const [, host, subset, weight] = shares[index] ?? [];
    if (host === undefined || weight === undefined) return false;
    const at = `${member}.destination.host`;
    const today = fields.get(at);
    if (today !== undefined) fields.set(at, [host, ...today.split(".").slice(1)].join("."));
    if (subset !== undefined) fields.set(`${member}.destination.subset`, subset);
    else fields.delete(`${member}.destination.subset`);
    if (members.length > 1 || fields.has(`${member}.weight`)) fields.set(`${member}.weight`, weight);
  }
  return true;
}

/** The fields before the change; null when its line does not tell all of it. */
export function formerFields(
  today: ReadonlyMap<string, string>,
  before: string | null,
  kind: string,
): Map<string, string> | null {
  if (before === null || before === "" || INCOMPLETE.test(before)) return null;
  const fields = new Map(today);
  for (const part of before.split(PART)) {
    const former = readPart(part, kind === "DestinationRule");
    if (former === null) return null;
    const { path, value } = former;
    if (path.endsWith("weights")) {
      if (value === null || !putShares(fields, path, value)) return null;
    } else if (value !== null) fields.set(path, value);
    else for (const key of today.keys()) if (key === path || key.startsWith(`${path}.`)) fields.delete(key);
  }
  return fields;
}
