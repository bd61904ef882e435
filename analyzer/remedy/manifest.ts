// The desired state of a route object, from fields by path back to a manifest that a person may review and apply.
// In: fields as ingest/changes/desired-state.ts keeps them. Out: a spec, or null where the fields do not hold all of it.
// Bounds: pure; a spec of which a value was cut, or whose order of named routes is lost, is not rebuilt: a patch that drops a
//   route would be worse than none.
import { stringify } from "yaml";
import { ROUTE_KINDS, type RouteKind } from "../../storage/route-objects.ts";

/** Anything that YAML can say. */
export type Value = string | number | boolean | Value[] | { [key: string]: Value };
/** A mapping of a manifest. */
export type Mapping = { [key: string]: Value };

/** Where a manifest belongs. */
export interface ObjectName {
  readonly kind: RouteKind;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

const MAX_FIELDS = 250;
const CUT = /… \(\d+ characters #/;
// By the schemas of Istio and of the Gateway API; everything else is text.
const NUMBERS =
  /(^|\.)(number|weight|attempts|httpStatus|value|port|maxConnections|http1MaxPendingRequests|http2MaxRequests|maxRequestsPerConnection|maxRetries|consecutive5xxErrors|consecutiveGatewayErrors|consecutiveLocalOriginFailures|maxEjectionPercent|minHealthPercent|grpcStatus|redirectCode|statusCode)$/;
const BOOLEANS =
  /(^|\.)(ignoreUriCase|enabled|allowCredentials|retryRemoteLocalities|splitExternalLocalOriginErrors|useSourceIp|insecureSkipVerify)$/;
const TEXT_LISTS =
  /(^|\.)(hosts|gateways|exportTo|hostnames|remove|allowMethods|allowHeaders|exposeHeaders|sniHosts|destinationSubnets|failoverPriority|subjectAltNames)$/;
// Below these the rest of a path is one key, which may hold dots itself.
const FREE_KEYS = /(^|\.)(labels|sourceLabels|matchLabels|set|add|headers|withoutHeaders|queryParams)$/;
// Order decides in these lists, and a list that is keyed by name has lost it.
const ORDERED = /^(http|tcp|tls|rules)$/;

interface Step {
  readonly key: string;
  /** Set for a member of a list: its index, or its name. */
  readonly member: string | null;
}

function stepsOf(path: string): Step[] {
  const steps: Step[] = [];
  let rest = path;
  while (rest !== "") {
    const found = /^([^.[]+)(?:\[([^\]]*)\])?\.?/.exec(rest);
    if (found === null) return [];
    steps.push({ key: found[1]!, member: found[2] ?? null });
    rest = rest.slice(found[0].length);
    const walked = steps.map((step) => step.key).join(".");
    if (rest === "" || !FREE_KEYS.test(walked)) continue;
    // `match[0].headers.x-user.exact`: the key ends where the kind of match begins.
    const matcher = /\.(exact|prefix|regex)$/.exec(rest)?.[0] ?? "";
    steps.push({ key: rest.slice(0, rest.length - matcher.length), member: null });
    if (matcher !== "") steps.push({ key: matcher.slice(1), member: null });
    break;
  }
  return steps;
}

function typed(path: string, text: string): Value {
  if (TEXT_LISTS.test(path)) return text.split(", ");
  if (BOOLEANS.test(path)) return text === "true";
  const number = Number(text);
  return NUMBERS.test(path) && text !== "" && Number.isFinite(number) ? number : text;
}

function listAt(holder: Mapping, key: string): Mapping[] {
  const known = holder[key];
  if (Array.isArray(known)) return known as Mapping[];
  const made: Mapping[] = [];
  holder[key] = made;
  return made;
}

function memberOf(list: Mapping[], member: string): Mapping | null {
  if (/^\d+$/.test(member)) {
    const index = Number(member);
    if (index > list.length) return null;
    return (list[index] ??= {});
  }
  const known = list.find((one) => one["name"] === member);
  if (known !== undefined) return known;
  const made: Mapping = { name: member };
  list.push(made);
  return made;
}

function put(spec: Mapping, path: string, text: string): boolean {
  const steps = stepsOf(path);
  const last = steps.at(-1);
  if (last === undefined) return false;
  let at: Mapping = spec;
  for (const [index, { key, member }] of steps.entries()) {
    const isLast = index === steps.length - 1;
    if (member !== null) {
      const next = memberOf(listAt(at, key), member);
      if (next === null) return false;
      at = next;
      // `subsets[v1]: yes` says that there is nothing but the name.
    } else if (isLast) at[key] = typed(path.replaceAll(/\[[^\]]*\]/g, ""), text);
    else {
      const known = at[key];
      if (known !== undefined && (typeof known !== "object" || Array.isArray(known))) return false;
      at = (at[key] ??= {}) as Mapping;
    }
  }
  return true;
}

function byIndexFirst(a: string, b: string): number {
  const padded = (path: string) =>
    path.replaceAll(/\[(\d+)\]/g, (_all, index: string) => `[${index.padStart(6, "0")}]`);
  return padded(a) < padded(b) ? -1 : 1;
}

/** The spec that the fields describe; null where they do not hold all of it. */
export function specOf(fields: ReadonlyMap<string, string>): Mapping | null {
  if (fields.size === 0 || fields.size >= MAX_FIELDS) return null;
  const spec: Mapping = {};
  for (const path of [...fields.keys()].sort(byIndexFirst)) {
    const text = fields.get(path)!;
    // What people read (`http[0].weights`) echoes what the list itself says.
    if (path === "weights" || path.endsWith(".weights")) continue;
    if (CUT.test(text) || CUT.test(path) || text.startsWith("(hidden #") || text === "(nested too deeply)") return null;
    if (!put(spec, path, text)) return null;
  }
  for (const [key, list] of Object.entries(spec)) {
    if (!ORDERED.test(key) || !Array.isArray(list)) continue;
    if (list.length > 1 && (list as Mapping[]).some((one) => one["name"] !== undefined)) return null;
  }
  return spec;
}

/** The manifest as YAML; its first line says which cluster it is for, where that is known. */
export function manifestOf({ kind, cluster, namespace, name }: ObjectName, spec: Mapping): string {
  const metadata = { name, ...(namespace === "" ? {} : { namespace }) };
  const text = stringify({ apiVersion: ROUTE_KINDS[kind].apiVersion, kind, metadata, spec });
  return cluster === "" ? text : `# cluster: ${cluster}\n${text}`;
}
