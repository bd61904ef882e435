// The scene of a fault: what every instance and edge did in the fault's window and in the baseline's.
// In: window rows of storage/buckets.ts. Out: services with their instances, edges, and who calls whom.
// Bounds: pure; every sum is over the named buckets only; a side without requests has zeros.
import { type Entity, makeEntity } from "../../model/entity.ts";
import { addHistogram } from "../../model/histogram.ts";
import type { EdgeWindowRow, OperationWindowRow } from "../../storage/buckets.ts";
import { edgeEntity, serviceKey, sourceKey, targetEntity, targetKey } from "../history.ts";

/** Sums of one side (fault or baseline) of a workload. Times in nanoseconds. */
export interface WorkSide {
  requests: number;
  failed: number;
  /** Refused or otherwise the caller's mistake (4xx and alike). */
  degraded: number;
  originFailed: number;
  totalNs: number;
  selfNs: number;
  hist: number[];
  selfHist: number[];
  flags: Map<string, number>;
}

/** Sums of one side of an edge. Times in nanoseconds; gap = caller time that no callee span covers. */
export interface EdgeSide {
  callerCalls: number;
  callerFailed: number;
  /** Calls that ended degraded (4xx and alike) as the caller saw them. */
  callerDegraded: number;
  calleeCalls: number;
  calleeFailed: number;
  /** Calls that ended degraded or cancelled as the callee saw them. */
  calleeOther: number;
  /** Attempts beyond the first that the caller's side tells of. */
  retries: number;
  neverArrived: number;
  originFailed: number;
  callerNs: number;
  gapNs: number;
  callerHist: number[];
  flags: Map<string, number>;
}

/** Both sides of anything compared. */
export interface Compared<Side> {
  readonly fault: Side;
  readonly baseline: Side;
}

/** One instance of a service: counts and times only, its histograms stay empty. */
export interface InstanceScene extends Compared<WorkSide> {
  readonly version: string;
  readonly instance: string;
  /** '' until a row says it: a sidecar's may not. */
  node: string;
}

/** One service with its instances and operations. */
export interface ServiceScene extends Compared<WorkSide> {
  readonly key: string;
  readonly entity: Entity;
  readonly instances: Map<string, InstanceScene>;
  readonly operations: Map<string, Compared<WorkSide>>;
}

/** One edge between services, or to a virtual node: a callee without telemetry of its own, whatever its kind. */
export interface EdgeScene extends Compared<EdgeSide> {
  /** The same by the caller's version: counts and times only. */
  readonly bySource: Map<string, Compared<EdgeSide>>;
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly entity: Entity;
  readonly target: Entity;
  readonly virtual: boolean;
}

/** Everything the evidence looks at. */
export interface Scene {
  readonly services: Map<string, ServiceScene>;
  readonly edges: Map<string, EdgeScene>;
}

function emptyWork(): WorkSide {
  return {
    requests: 0,
    failed: 0,
    degraded: 0,
    originFailed: 0,
    totalNs: 0,
    selfNs: 0,
    hist: [],
    selfHist: [],
    flags: new Map(),
  };
}

function emptyEdge(): EdgeSide {
  return {
    callerCalls: 0,
    callerFailed: 0,
    callerDegraded: 0,
    calleeCalls: 0,
    calleeFailed: 0,
    calleeOther: 0,
    retries: 0,
    neverArrived: 0,
    originFailed: 0,
    callerNs: 0,
    gapNs: 0,
    callerHist: [],
    flags: new Map(),
  };
}

function addFlags(total: Map<string, number>, flags: Record<string, number>): void {
  for (const [flag, count] of Object.entries(flags)) {
    total.set(flag, (total.get(flag) ?? 0) + Number(count));
  }
}

function addCounts(side: WorkSide, row: OperationWindowRow): void {
  side.requests += row.requests;
  side.failed += row.failed;
  side.degraded += row.degraded;
  side.originFailed += row.origin_failed;
  side.totalNs += row.total_ns;
  side.selfNs += row.self_ns;
  addFlags(side.flags, row.flags);
}

function addWork(side: WorkSide, row: OperationWindowRow): void {
  addCounts(side, row);
  addHistogram(side.hist, row.hist);
  addHistogram(side.selfHist, row.self_hist);
}

function addCalls(side: EdgeSide, row: EdgeWindowRow): void {
  side.callerCalls += row.caller_calls;
  side.callerFailed += row.caller_failed;
  side.callerDegraded += Math.max(0, (row.caller_other ?? 0) - row.caller_cancelled);
  side.calleeCalls += row.callee_calls;
  side.calleeFailed += row.callee_failed;
  side.calleeOther += row.callee_other ?? 0;
  side.retries += row.caller_retries ?? 0;
  side.neverArrived += row.never_arrived;
  side.originFailed += row.origin_failed;
  side.callerNs += row.caller_ns;
  side.gapNs += row.gap_ns;
  addFlags(side.flags, row.flags);
}

function addEdge(side: EdgeSide, row: EdgeWindowRow): void {
  addCalls(side, row);
  addHistogram(side.callerHist, row.caller_hist);
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

const sideOf = <Side>(compared: Compared<Side>, side: 0 | 1): Side => (side === 1 ? compared.fault : compared.baseline);

const bothSides = () => ({ fault: emptyWork(), baseline: emptyWork() });

/** Where the faults of a virtual callee are placed: at it, or at the edge where it has no name (the nameless share one key). */
export function calleePlace(edge: EdgeScene): string {
  return edge.target.service === "" ? edge.key : edge.to;
}

/** Builds the scene from both windows' rows. */
export function buildScene(operations: readonly OperationWindowRow[], edges: readonly EdgeWindowRow[]): Scene {
  const scene: Scene = { services: new Map(), edges: new Map() };
  for (const row of operations) {
    const key = serviceKey(row);
    const service = getOrAdd(scene.services, key, () => ({
      key,
      entity: makeEntity("SERVICE", {
        cluster: row.cluster,
        namespace: row.namespace,
        service: row.service,
      }),
      instances: new Map<string, InstanceScene>(),
      operations: new Map<string, Compared<WorkSide>>(),
      ...bothSides(),
    }));
    const { version, instance, node } = row;
    const one = getOrAdd(service.instances, `${version}/${instance}`, () => ({
      version,
      instance,
      node,
      ...bothSides(),
    }));
    if (one.node === "") one.node = node;
    addWork(sideOf(service, row.side), row);
    addCounts(sideOf(one, row.side), row);
    if (row.operation !== "") {
      addWork(sideOf(getOrAdd(service.operations, row.operation, bothSides), row.side), row);
    }
  }
  for (const row of edges) {
    const [from, to] = [sourceKey(row), targetKey(row)];
    const edge = getOrAdd(scene.edges, `${from}>${to}`, () => ({
      key: `${from}>${to}`,
      from,
      to,
      entity: edgeEntity(row),
      target: targetEntity(row),
      virtual: row.dst_kind !== "service" || !scene.services.has(to),
      bySource: new Map<string, Compared<EdgeSide>>(),
      fault: emptyEdge(),
      baseline: emptyEdge(),
    }));
    addEdge(sideOf(edge, row.side), row);
    const own = getOrAdd(edge.bySource, row.src_version, () => ({ fault: emptyEdge(), baseline: emptyEdge() }));
    addCalls(sideOf(own, row.side), row);
  }
  return scene;
}

/** Every node that the given nodes call, directly or not, and these nodes themselves. */
export function reachableFrom(scene: Scene, starts: Iterable<string>): Set<string> {
  const callees = new Map<string, string[]>();
  for (const edge of scene.edges.values()) {
    getOrAdd(callees, edge.from, (): string[] => []).push(edge.to);
  }
  const seen = new Set(starts);
  const queue = [...seen];
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    for (const next of callees.get(node) ?? []) {
      if (!seen.has(next)) {
        seen.add(next);
        queue.push(next);
      }
    }
  }
  return seen;
}
