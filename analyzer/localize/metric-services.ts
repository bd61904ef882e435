// Services that only metrics tell of as a scene: so that paths, entities and reachability are the same for them as for all others.
// In: a metric scene, how many windows of history stand for the baseline. Out: rows of a scene.
// Bounds: pure; requests, failures and total time only. Own time, origins and histograms stay empty: metrics do not tell them, and
//   service-metrics.ts alone says what follows from the sums, so nothing is counted twice.
import type { EdgeWindowRow, OperationWindowRow } from "../../storage/buckets.ts";
import type { MetricNode, MetricScene, MetricSum } from "./metric-scene.ts";
import { buildScene, type Scene } from "./scene.ts";

const NANOSECONDS_PER_MS = 1e6;

interface Side {
  readonly side: 0 | 1;
  readonly sum: MetricSum;
}

/** Both sides of a node; the history's mean window, `baselineLength` times as long as the one in question. */
function sidesOf(node: MetricNode, baselineLength: number): Side[] {
  const windows = Math.max(1, node.baseline.length);
  const mean = (of: (sum: MetricSum) => number) =>
    (node.baseline.reduce((sum, w) => sum + of(w), 0) / windows) * baselineLength;
  const baseline: MetricSum = {
    requests: mean((w) => w.requests),
    failed: mean((w) => w.failed),
    totalMs: mean((w) => w.totalMs),
  };
  return [
    ...(node.fault === null ? [] : [{ side: 1 as const, sum: node.fault }]),
    ...(node.baseline.length === 0 ? [] : [{ side: 0 as const, sum: baseline }]),
  ];
}

function operationRow({ entity }: MetricNode, { side, sum }: Side): OperationWindowRow {
  const { cluster, namespace, service } = entity;
  return {
    side,
    cluster,
    namespace,
    service,
    version: "",
    instance: "",
    node: "",
    operation: "",
    protocol: "",
    requests: Math.round(sum.requests),
    failed: Math.round(sum.failed),
    degraded: 0,
    origin_failed: 0,
    total_ns: sum.totalMs * NANOSECONDS_PER_MS,
    self_ns: 0,
    hist: [],
    self_hist: [],
    flags: {},
  };
}

/** An edge with what its callee did: of one call among several to the same callee, metrics say no more. */
function edgeRow(from: MetricNode, to: MetricNode, { side, sum }: Side): EdgeWindowRow {
  const calls = Math.round(sum.requests);
  const failed = Math.round(sum.failed);
  const ns = sum.totalMs * NANOSECONDS_PER_MS;
  return {
    side,
    src_kind: "service",
    src_cluster: from.entity.cluster,
    src_namespace: from.entity.namespace,
    src_service: from.entity.service,
    dst_kind: "service",
    dst_cluster: to.entity.cluster,
    dst_namespace: to.entity.namespace,
    dst_service: to.entity.service,
    src_version: "",
    dst_version: "",
    caller_calls: calls,
    caller_failed: failed,
    caller_cancelled: 0,
    callee_calls: calls,
    callee_failed: failed,
    never_arrived: 0,
    origin_failed: 0,
    caller_ns: ns,
    callee_ns: ns,
    gap_ns: 0,
    caller_hist: [],
    flags: {},
  };
}

/** The scene of services that only metrics tell of; `baselineLength` = baseline windows compared with, in windows of the fault's length. */
export function sceneOfMetrics(metrics: MetricScene, baselineLength: number): Scene {
  const operations = [...metrics.nodes.values()].flatMap((node) =>
    sidesOf(node, baselineLength).map((side) => operationRow(node, side)),
  );
  const edges = metrics.calls.flatMap(({ from, to }) => {
    const [caller, callee] = [metrics.nodes.get(from), metrics.nodes.get(to)];
    if (caller === undefined || callee === undefined) return [];
    return sidesOf(callee, baselineLength).map((side) => edgeRow(caller, callee, side));
  });
  return buildScene(operations, edges);
}
