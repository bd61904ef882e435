// Edges from mesh metrics: which reporter is believed, what the caller saw and what the callee saw, and what never arrived.
// In: increases (mesh-metrics.ts), one a bucket, reporter and status. Out: one edge a bucket, caller, callee and protocol, with both sides apart and every view that was seen.
// One reporter a side, edge and bucket, never added up: a waypoint's view replaces the destination's, and any view of requests ztunnel's connections
// under it; the statistics of Envoy count where no mesh metrics of the edge are, but for retries, which only they tell.
// Source: Istio's metrics reference, Kiali's graph (graph/telemetry/istio).
// Bounds: pure; each bucket by itself; as many edges as the rows name.
import { isNeverArrived, nameBothEnds, type NamedLabels } from "./mesh-ends.ts";
import type { MeshIncrease, MeshLabels } from "./mesh-metrics.ts";
import { addIncrease, type MeshSide, newSide } from "./mesh-sides.ts";

/** One end of an edge; '' where metrics do not say. */
export interface MeshPlace {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
}

/** Who saw an edge, in the contract's words. */
export type MeshView = "source-reporter" | "destination-reporter" | "waypoint" | "ztunnel";

/** One edge in one bucket. */
export interface MeshEdge {
  readonly bucket: number;
  readonly src: MeshPlace;
  readonly dst: MeshPlace;
  /** unknown: not even a host is known. */
  readonly dstKind: "service" | "external" | "unknown";
  readonly protocol: string;
  /** Whose view answers for the callee: rates, errors and durations are read there. */
  readonly evidence: "waypoint" | "destination" | "source" | "envoy";
  caller: MeshSide | null;
  callee: MeshSide | null;
  callerView: MeshView | null;
  calleeView: MeshView | null;
  /** All views, those too whose figures are not taken. */
  readonly views: Set<MeshView>;
  /** The caller's calls that no instance took: their flags say so and no workload answered. */
  neverArrived: number;
}

const NO_SERVICE = /^(Passthrough|BlackHole|InboundPassthrough)Cluster/;
const NOWHERE: MeshPlace = { cluster: "", namespace: "", service: "", version: "" };

/** What the rows of one bucket say of a pair of caller and callee. */
interface Pair {
  readonly views: Set<string>;
  /** Some reporter other than ztunnel and Envoy's own statistics saw requests. */
  hasRequests: boolean;
  /** What the pair speaks, by calls. */
  readonly protocols: Map<string, number>;
  /** Views whose figures are not taken. */
  readonly others: Set<MeshView>;
}

/** One report of one bucket, with names. */
interface Report extends NamedLabels {
  readonly increase: MeshIncrease;
  readonly pairKey: string;
  readonly exactKey: string;
  readonly protocol: string;
  /** Requests, or connections that ended; 0 where the report counts neither. */
  readonly ended: number;
}

/** Makes edges of increases. */
export function foldMeshEdges(increases: readonly MeshIncrease[]): MeshEdge[] {
  const buckets = new Map<number, MeshIncrease[]>();
  for (const increase of increases) {
    const known = buckets.get(increase.bucket);
    if (known === undefined) buckets.set(increase.bucket, [increase]);
    else known.push(increase);
  }
  return [...buckets.entries()].toSorted(([a], [b]) => a - b).flatMap(([, some]) => foldBucket(some));
}

function foldBucket(increases: readonly MeshIncrease[]): MeshEdge[] {
  const named = nameBothEnds(increases.map(({ labels }) => labels));
  const reports: Report[] = [];
  for (const [i, increase] of increases.entries()) {
    const name = named[i];
    if (name !== undefined) reports.push(reportOf(increase, name));
  }
  const pairs = new Map<string, Pair>();
  for (const report of reports) for (const key of [report.pairKey, report.exactKey]) noteView(pairs, key, report);
  const edges = new Map<string, MeshEdge>();
  for (const report of reports) {
    const pair = pairs.get(report.pairKey);
    const exact = pairs.get(report.exactKey);
    if (pair === undefined || exact === undefined) continue;
    const { labels } = report;
    const retriesAlone = labels.origin === "envoy" && [...pair.views].some((view) => view !== "envoy");
    const hasRetries = report.increase.rises.some(({ measure }) => measure === "upstream_retries");
    const side = retriesAlone && !hasRetries ? null : sideOf(report, pair);
    if (side === null) {
      if (!retriesAlone) pair.others.add(wordOf(labels));
      continue;
    }
    const edge = edgeOf(edges, report, exact, pair);
    if (side === "caller") edge.callerView ??= wordOf(labels);
    else edge.calleeView ??= wordOf(labels);
    edge.views.add(wordOf(labels));
    addIncrease((edge[side] ??= newSide()), report.increase, retriesAlone);
    if (side === "caller" && isNeverArrived(labels)) edge.neverArrived += report.ended;
  }
  for (const edge of edges.values())
    for (const view of pairs.get(pairKeyOf(edge.src, edge.dst))?.others ?? []) edge.views.add(view);
  return [...edges.values()];
}

function reportOf(increase: MeshIncrease, name: NamedLabels): Report {
  const { labels, dst } = name;
  const { rises } = increase;
  let ended = 0;
  let isTcp = false;
  for (const { measure, amount } of rises) {
    if (measure === "requests" || measure === "tcp_connections_closed") ended += amount;
    if (measure.startsWith("tcp_")) isTcp = true;
  }
  const protocol = labels.protocol || (isTcp ? "tcp" : "http");
  // By caller and callee, whatever version; and with the callee's version and the protocol.
  const pairKey = pairKeyOf(
    { namespace: labels.src_namespace, service: labels.src_service },
    { cluster: labels.dst_cluster, namespace: labels.dst_namespace, service: dst },
  );
  return { ...name, increase, pairKey, exactKey: `${pairKey}\0${labels.dst_version}\0${protocol}`, protocol, ended };
}

// Callers of several clusters are one here: clusters differ in which views they have, and not every reporter knows the caller's.
function pairKeyOf(src: Pick<MeshPlace, "namespace" | "service">, dst: Omit<MeshPlace, "version">): string {
  return `${src.namespace}\0${src.service}\0${dst.cluster}\0${dst.namespace}\0${dst.service}`;
}

function noteView(pairs: Map<string, Pair>, key: string, { labels, isHop, protocol, ended }: Report): void {
  let pair = pairs.get(key);
  if (pair === undefined) {
    pair = { views: new Set(), hasRequests: false, protocols: new Map(), others: new Set() };
    pairs.set(key, pair);
  }
  if (isHop) return;
  pair.views.add(viewOf(labels));
  if (labels.origin === "envoy" || labels.proxy === "ztunnel") return;
  if (protocol !== "tcp") pair.hasRequests = true;
  if (ended > 0) pair.protocols.set(protocol, (pair.protocols.get(protocol) ?? 0) + ended);
}

function viewOf(labels: MeshLabels): string {
  if (labels.origin === "envoy") return "envoy";
  return labels.proxy === "ztunnel" ? `ztunnel-${labels.reporter}` : labels.reporter;
}

function wordOf(labels: MeshLabels): MeshView {
  if (labels.proxy === "ztunnel") return "ztunnel";
  if (labels.reporter === "waypoint") return "waypoint";
  return labels.reporter === "source" ? "source-reporter" : "destination-reporter";
}

/** The side that a report speaks for, null where another view is believed instead. */
function sideOf({ labels, isHop }: Report, { views, hasRequests }: Pair): "caller" | "callee" | null {
  if (isHop) return null;
  if (labels.origin === "envoy") return labels.reporter === "source" ? "caller" : null;
  // Requests that a waypoint or a sidecar reports pass ztunnel as connections.
  if (labels.proxy === "ztunnel" && hasRequests) return null;
  if (labels.reporter === "source") return "caller";
  if (labels.reporter === "waypoint") return "callee";
  return views.has("waypoint") ? null : "callee";
}

function edgeOf(edges: Map<string, MeshEdge>, report: Report, exact: Pair, pair: Pair): MeshEdge {
  const { labels, dst, increase } = report;
  const dstKind = kindOf(labels, dst);
  const service = dstKind === "external" ? dst.replace(/:\d+$/, "") : dst;
  const place =
    dstKind === "service"
      ? { cluster: labels.dst_cluster, namespace: labels.dst_namespace, service, version: labels.dst_version }
      : { ...NOWHERE, service };
  const src =
    labels.src_service === ""
      ? NOWHERE
      : {
          cluster: labels.src_cluster,
          namespace: labels.src_namespace,
          service: labels.src_service,
          version: labels.src_version,
        };
  const protocol = spokenBy(report, pair);
  const key = `${src.cluster}\0${src.namespace}\0${src.service}\0${src.version}\0${place.cluster}\0${place.namespace}\0${place.service}\0${place.version}\0${protocol}`;
  const known = edges.get(key);
  if (known !== undefined) return known;
  const evidence = (["waypoint", "destination", "source"] as const).find(
    (view) => exact.views.has(view) || exact.views.has(`ztunnel-${view}`),
  );
  const edge: MeshEdge = {
    bucket: increase.bucket,
    src,
    dst: place,
    dstKind,
    protocol,
    evidence: evidence ?? "envoy",
    caller: null,
    callee: null,
    callerView: null,
    calleeView: null,
    views: new Set(),
    neverArrived: 0,
  };
  edges.set(key, edge);
  return edge;
}

/** The protocol of a report; one that does not count calls, and may not say, takes that of the pair's calls. */
function spokenBy({ labels, protocol, increase }: Report, { protocols }: Pair): string {
  const countsCalls = labels.origin !== "envoy" && increase.rises.some(({ measure }) => measure === "requests");
  if (protocol === "tcp" || countsCalls || protocols.has(protocol)) return protocol;
  const others = [...protocols].filter(([name]) => name !== "tcp");
  return others.toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0] ?? protocol;
}

function kindOf(labels: MeshLabels, dst: string): MeshEdge["dstKind"] {
  if (dst === "") return "unknown";
  return NO_SERVICE.test(dst) || isOutside(labels) ? "external" : "service";
}

/** A host of many labels that is no Kubernetes service and that no workload answered for. */
function isOutside(labels: MeshLabels): boolean {
  const host = labels.dst_host.split(":")[0] ?? "";
  return labels.dst_workload === "" && host.includes(".") && !/^[^.]+\.[^.]+\.svc(\.|$)/.test(host);
}
