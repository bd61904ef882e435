// Edges from mesh metrics: which reporter is believed, what the caller saw and what the callee saw, and what never arrived.
// In: increases of one window (mesh-metrics.ts). Out: one edge a bucket, caller, callee and protocol, with both sides apart.
// One reporter a side, edge and window, never added up: a waypoint's view replaces the destination's, and ztunnel's connections under it; the
// statistics of Envoy count where no mesh metrics of the edge are. Source: Istio's metrics reference, Kiali's graph (graph/telemetry/istio).
// Bounds: pure; as many edges as the rows name.
import { HISTOGRAM_BUCKETS, HISTOGRAM_FLOOR_NS, HISTOGRAM_GROWTH, bucketOf } from "../model/histogram.ts";
import { judgeOutcome, type Outcome, splitFlags } from "../model/outcome.ts";
import { nameBothEnds } from "./mesh-ends.ts";
import type { MeshIncrease } from "./mesh-metrics.ts";

/** One end of an edge; '' where metrics do not say. */
export interface MeshPlace {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
}

/** What one side saw. Calls are requests, or connections where the protocol is tcp; fractions come from spreading over time. */
export interface MeshSide {
  calls: number;
  failed: number;
  degraded: number;
  cancelled: number;
  retries: number;
  durationMs: number;
  /** Observations behind `durationMs` and `histogram`. */
  timed: number;
  /** Buckets of model/histogram.ts. */
  readonly histogram: number[];
  requestBytes: number;
  responseBytes: number;
  messages: number;
  readonly flags: Record<string, number>;
}

/** One edge in one bucket. */
export interface MeshEdge {
  readonly bucket: number;
  readonly src: MeshPlace;
  readonly dst: MeshPlace;
  readonly dstKind: "service" | "external";
  readonly protocol: string;
  /** Whose view answers for the callee: rates, errors and durations are read there. */
  readonly evidence: "waypoint" | "destination" | "source" | "envoy";
  caller: MeshSide | null;
  callee: MeshSide | null;
  /** The caller's calls that no instance took: their flags say so and no workload answered. */
  neverArrived: number;
}

// Flags of calls that ended before an instance was reached (model/response-flags.ts has their meanings).
const NEVER_ARRIVED = new Set(["UH", "UF", "UO", "NR", "NC", "NFCF", "DF", "RL", "RLSE", "UAEX", "CONNECT", "DENY"]);
const NO_SERVICE = /^(Passthrough|BlackHole|InboundPassthrough)Cluster/;
// A gRPC library of old wrote -1 as an unsigned number.
const MAX_GRPC_STATUS = 16;
const NS_PER_MS = 1e6;

/** Makes edges of the increases of one window. */
export function foldMeshEdges(rows: readonly MeshIncrease[]): MeshEdge[] {
  const named = nameBothEnds(rows);
  const viewsOf = new Map<string, Set<string>>();
  for (const { row, dst } of named) {
    for (const key of [pairOf(row, dst), exactPairOf(row, dst)]) {
      const views = viewsOf.get(key) ?? new Set();
      viewsOf.set(key, views.add(viewOf(row)));
    }
  }
  const edges = new Map<string, MeshEdge>();
  for (const { row, dst } of named) {
    const side = sideOf(row, viewsOf.get(pairOf(row, dst)) ?? new Set());
    if (side === null) continue;
    const edge = edgeOf(edges, row, dst, viewsOf.get(exactPairOf(row, dst)) ?? new Set());
    const add = (edge[side] ??= newSide());
    addRow(add, row);
    if (side === "caller" && isCallCount(row) && neverArrived(row)) edge.neverArrived += row.amount;
  }
  return [...edges.values()];
}

/** Caller and callee in a window, whatever version and bucket; clusters may differ in what they have. */
function pairOf(row: MeshIncrease, dst: string): string {
  return [row.src_namespace, row.src_service, row.dst_cluster, row.dst_namespace, dst].join("\0");
}

/** The same with the callee's version and the protocol. */
function exactPairOf(row: MeshIncrease, dst: string): string {
  return [pairOf(row, dst), row.dst_version, protocolOf(row)].join("\0");
}

function viewOf(row: MeshIncrease): string {
  if (row.origin === "envoy") return "envoy";
  return row.proxy === "ztunnel" ? `ztunnel-${row.reporter}` : row.reporter;
}

/** The side that a row speaks for, null where another view is believed instead. */
function sideOf(row: MeshIncrease, views: ReadonlySet<string>): "caller" | "callee" | null {
  const isMesh = [...views].some((view) => view !== "envoy");
  if (row.origin === "envoy") return isMesh || row.reporter !== "source" ? null : "caller";
  // Under a waypoint the same bytes pass ztunnel as connections.
  if (row.proxy === "ztunnel" && views.has("waypoint")) return null;
  if (row.reporter === "source") return "caller";
  if (row.reporter === "waypoint") return "callee";
  return views.has("waypoint") ? null : "callee";
}

function edgeOf(edges: Map<string, MeshEdge>, row: MeshIncrease, dst: string, views: ReadonlySet<string>): MeshEdge {
  const place = { namespace: row.dst_namespace, service: dst, version: row.dst_version, cluster: row.dst_cluster };
  const src = {
    cluster: row.src_cluster,
    namespace: row.src_namespace,
    service: row.src_service,
    version: row.src_version,
  };
  const protocol = protocolOf(row);
  const key = JSON.stringify([row.bucket, src, place, protocol]);
  const known = edges.get(key);
  if (known !== undefined) return known;
  const evidence = (["waypoint", "destination", "source"] as const).find(
    (view) => views.has(view) || views.has(`ztunnel-${view}`),
  );
  const edge: MeshEdge = {
    bucket: row.bucket,
    src,
    dst: place,
    dstKind: NO_SERVICE.test(dst) || isOutside(row) ? "external" : "service",
    protocol,
    evidence: evidence ?? "envoy",
    caller: null,
    callee: null,
    neverArrived: 0,
  };
  edges.set(key, edge);
  return edge;
}

function protocolOf(row: MeshIncrease): string {
  if (row.protocol !== "") return row.protocol;
  return row.measure.startsWith("tcp_") ? "tcp" : "http";
}

/** A host of many labels that is no Kubernetes service and that no workload answered for. */
function isOutside(row: MeshIncrease): boolean {
  const host = row.dst_host.split(":")[0] ?? "";
  return row.dst_workload === "" && host.includes(".") && !/^[^.]+\.[^.]+\.svc(\.|$)/.test(host);
}

function isCallCount(row: MeshIncrease): boolean {
  return row.measure === "requests" || row.measure === "tcp_connections_closed";
}

function neverArrived(row: MeshIncrease): boolean {
  return row.dst_workload === "" && splitFlags(row.flags).some((flag) => NEVER_ARRIVED.has(flag));
}

function newSide(): MeshSide {
  return {
    calls: 0,
    failed: 0,
    degraded: 0,
    cancelled: 0,
    retries: 0,
    durationMs: 0,
    timed: 0,
    histogram: [],
    requestBytes: 0,
    responseBytes: 0,
    messages: 0,
    flags: {},
  };
}

function addRow(side: MeshSide, row: MeshIncrease): void {
  const { measure, amount } = row;
  switch (measure) {
    case "requests":
      side.calls += amount;
      addOutcome(side, outcomeOf(row), amount);
      addFlags(side, row);
      break;
    case "upstream_requests":
      side.calls += amount;
      break;
    case "upstream_response_classes":
      addOutcome(side, outcomeOf(row), amount);
      break;
    case "upstream_retries":
      side.retries += amount;
      break;
    case "request_duration_ms":
    case "upstream_duration_ms":
      side.durationMs += row.total;
      side.timed += amount;
      addDurations(side.histogram, row);
      break;
    case "request_bytes":
      side.requestBytes += row.total;
      break;
    case "response_bytes":
      side.responseBytes += row.total;
      break;
    case "tcp_request_bytes":
      side.requestBytes += amount;
      break;
    case "tcp_response_bytes":
      side.responseBytes += amount;
      break;
    case "request_messages":
    case "response_messages":
      side.messages += amount;
      break;
    case "tcp_connections_opened":
      side.calls += amount;
      break;
    case "tcp_connections_closed":
      // Only at its end is a connection known to have failed.
      if (splitFlags(row.flags).length > 0) side.failed += amount;
      addFlags(side, row);
      break;
    default:
  }
}

function addFlags(side: MeshSide, row: MeshIncrease): void {
  for (const flag of splitFlags(row.flags)) side.flags[flag] = (side.flags[flag] ?? 0) + row.amount;
}

function addOutcome(side: MeshSide, outcome: Outcome, amount: number): void {
  if (outcome !== "ok") side[outcome] += amount;
}

function outcomeOf(row: MeshIncrease): Outcome {
  const httpStatus = /^[1-5]xx$/.test(row.code)
    ? Number(row.code[0]) * 100
    : /^\d+$/.test(row.code)
      ? Number(row.code)
      : -1;
  const grpcStatus = row.protocol === "grpc" && /^\d+$/.test(row.grpc_status) ? Number(row.grpc_status) : -1;
  return judgeOutcome({
    // No status at all: the caller got no answer.
    spanError: row.code === "0" || row.code === "-",
    isServerSide: row.reporter !== "source",
    httpStatus,
    grpcStatus: grpcStatus > MAX_GRPC_STATUS ? -1 : grpcStatus,
    responseFlags: row.flags,
  });
}

/** Adds a histogram of milliseconds: each bucket's observations are spread evenly on the logarithmic scale between its bounds. */
function addDurations(histogram: number[], row: MeshIncrease): void {
  const startOf = new Map(row.starts_of.map((bound, i) => [bound, row.starts[i] ?? 0]));
  for (const [i, bound] of row.bounds.entries()) {
    const count = row.counts[i] ?? 0;
    if (count <= 0) continue;
    while (histogram.length < HISTOGRAM_BUCKETS) histogram.push(0);
    const from = position((startOf.get(bound) ?? 0) * NS_PER_MS);
    // Above the last bound nothing is known but that it is above.
    const to = bound === null ? from : position(bound * NS_PER_MS);
    if (to - from < 1e-9) {
      const index = Math.min(HISTOGRAM_BUCKETS - 1, Math.floor(from));
      histogram[index] = (histogram[index] ?? 0) + count;
      continue;
    }
    for (let index = Math.floor(from); index < to && index < HISTOGRAM_BUCKETS; index++) {
      const share = (Math.min(to, index + 1) - Math.max(from, index)) / (to - from);
      histogram[index] = (histogram[index] ?? 0) + count * share;
    }
  }
}

/** Where a duration lies among the buckets: whole part the bucket, fraction inside it. */
function position(ns: number): number {
  if (ns <= 0) return 0;
  if (ns < HISTOGRAM_FLOOR_NS) return ns / HISTOGRAM_FLOOR_NS;
  const exact = 1 + Math.log(ns / HISTOGRAM_FLOOR_NS) / Math.log(HISTOGRAM_GROWTH);
  return Math.min(HISTOGRAM_BUCKETS - 1e-6, Math.max(exact, bucketOf(ns)));
}
