// Services that only metrics tell of: what each did in windows of equal length, the one in question and those to compare with.
// In: rows of storage/service-metrics.ts. Out: nodes with their history, who calls whom, names that mean one service resolved.
// Bounds: pure; a window in which nothing was reported of a node is absent, never zero.
import { type Entity, makeEntity } from "../../model/entity.ts";
import type { ServiceCallRow, ServiceMetricRow } from "../../storage/service-metrics.ts";
import { serviceKey } from "../history.ts";

/** Requests, failures and time of one node in one window. */
export interface MetricSum {
  readonly requests: number;
  readonly failed: number;
  readonly totalMs: number;
}

/** One node; `fault` is null where nothing was reported of it in the window in question. */
export interface MetricNode {
  readonly key: string;
  readonly entity: Entity;
  readonly fault: MetricSum | null;
  /** Windows with requests, of the same length as the one in question. */
  readonly baseline: readonly MetricSum[];
}

/** Calls between two nodes; null where the telemetry says only that there are some. */
export interface MetricCall {
  readonly from: string;
  readonly to: string;
  readonly calls: number | null;
}

/** Everything that metrics say of services and their calls; `owners` maps a name that callers use to the service that it stands for. */
export interface MetricScene {
  readonly nodes: ReadonlyMap<string, MetricNode>;
  readonly calls: readonly MetricCall[];
  readonly owners: ReadonlyMap<string, string>;
  /** Callers that are another node's view of callers it does not know. */
  readonly mirrors: ReadonlySet<string>;
}

// A shorter run of equal letters is chance: `api`, `prod`, `data`.
const MIN_NAME_OVERLAP = 5;
// Words that say what sort of thing a name is, not which one.
const SORTS = new Set(
  "backend cluster default external gateway internal loadbalancer private production proxy public server service services staging".split(
    " ",
  ),
);
// `https://name.domain`, `user@name.domain`, `name.domain:port`: an address, however senders decorate it.
const HOST = /(?:^|\/\/|@)([a-z0-9-]+)(?:\.[a-z0-9-]+)+/;

/** The first label of a name that is an address; null where it is none. */
export function hostLabel(name: string): string | null {
  return HOST.exec(name.toLowerCase())?.[1] ?? null;
}

/** Length of the longest run of letters and digits of one word of `a` that `b` has too. */
export function nameOverlap(a: string, b: string): number {
  const [words, other] = [a.toLowerCase().split(/[^a-z0-9]+/), b.toLowerCase()];
  let best = 0;
  for (const word of words) {
    if (SORTS.has(word)) continue;
    for (let start = 0; start < word.length; start++) {
      while (start + best < word.length && other.includes(word.slice(start, start + best + 1))) best++;
    }
  }
  return best;
}

type Callees = ReadonlyMap<string, ReadonlySet<string>>;

function calleesOf(calls: readonly MetricCall[]): Callees {
  const callees = new Map<string, Set<string>>();
  for (const { from, to } of calls) {
    if (from !== to) callees.set(from, (callees.get(from) ?? new Set()).add(to));
  }
  return callees;
}

/** The one of the nodes whose name is nearest to an address; null where none is near, or two are equally near. */
function nearest(nodes: ReadonlyMap<string, MetricNode>, label: string, keys: readonly string[]): string | null {
  const near = keys
    .map((key) => ({ key, overlap: nameOverlap(label, nodes.get(key)?.entity.service ?? "") }))
    .filter(({ overlap }) => overlap >= MIN_NAME_OVERLAP)
    .sort((a, b) => b.overlap - a.overlap);
  const [first, second] = near;
  return first === undefined || first.overlap === second?.overlap ? null : first.key;
}

/**
 * Names that stand for another node: a caller reports calls to an address that calls nothing itself (a host name, a load balancer). Whose
 * address it is, its name tells: of the services that its caller calls too, else of all services that call on.
 */
export function findOwners(
  nodes: ReadonlyMap<string, MetricNode>,
  calls: readonly MetricCall[],
  mirrors: ReadonlySet<string>,
): Map<string, string> {
  const callees = calleesOf(calls);
  const callsOn = [...callees.keys()].filter((key) => !mirrors.has(key));
  const owners = new Map<string, string>();
  for (const siblings of callees.values()) {
    for (const alias of siblings) {
      const label = hostLabel(nodes.get(alias)?.entity.service ?? "");
      if (label === null || callees.has(alias)) continue;
      const known = callsOn.filter((key) => siblings.has(key));
      const owner = nearest(nodes, label, known) ?? nearest(nodes, label, callsOn);
      if (owner !== null) owners.set(alias, owner);
    }
  }
  return owners;
}

/**
 * Callers that are but the callee's own view of callers it does not know: nobody calls them, they call one node, and are named after it.
 */
export function findMirrors(nodes: ReadonlyMap<string, MetricNode>, calls: readonly MetricCall[]): Set<string> {
  const called = new Set(calls.map(({ to }) => to));
  const nameOf = (key: string) => nodes.get(key)?.entity.service ?? "";
  const mirrors = [...calleesOf(calls)].filter(([caller, callees]) => {
    const [only] = callees;
    if (only === undefined || callees.size > 1 || called.has(caller)) return false;
    return nameOverlap(nameOf(caller), nameOf(only)) >= MIN_NAME_OVERLAP;
  });
  return new Set(mirrors.map(([caller]) => caller));
}

/** Which windows are compared: the one in question, and which of the others are usual. */
export interface MetricWindows {
  readonly fault: number;
  readonly isBaseline: (window: number) => boolean;
}

type GrowingNode = MetricNode & { fault: MetricSum | null; readonly baseline: MetricSum[] };

/** Builds the scene. Calls that name a service which reports its place (cluster, namespace) are calls to that place. */
export function buildMetricScene(
  rows: readonly ServiceMetricRow[],
  callRows: readonly ServiceCallRow[],
  { fault, isBaseline }: MetricWindows,
): MetricScene {
  const nodes = new Map<string, GrowingNode>();
  const byName = new Map<string, string>();
  const nodeAt = (cluster: string, namespace: string, service: string): GrowingNode => {
    const key = serviceKey({ cluster, namespace, service });
    const known = nodes.get(key);
    if (known !== undefined) return known;
    const entity = makeEntity("SERVICE", { cluster, namespace, service });
    const made: GrowingNode = { key, entity, fault: null, baseline: [] };
    nodes.set(key, made);
    if (!byName.has(service)) byName.set(service, key);
    return made;
  };
  for (const row of rows) {
    if (row.requests <= 0) continue;
    const node = nodeAt(row.cluster, row.namespace, row.service);
    const failed = Math.min(row.failed, row.requests);
    const sum = { requests: row.requests, failed, totalMs: row.total_ms };
    if (row.window === fault) node.fault = sum;
    else if (isBaseline(row.window)) node.baseline.push(sum);
  }
  const named = (service: string) => byName.get(service) ?? nodeAt("", "", service).key;
  const calls = callRows.map(({ client, server, calls: count }): MetricCall => ({
    from: named(client),
    to: named(server),
    calls: count > 0 ? count : null,
  }));
  const mirrors = findMirrors(nodes, calls);
  return { nodes, calls, owners: findOwners(nodes, calls, mirrors), mirrors };
}
