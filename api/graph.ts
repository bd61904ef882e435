// The service graph of a range: nodes, edges, and how complete they are.
// In: rows of storage/graph-reads.ts. Out: the contract's ServiceGraph as values.
// Rates and latencies come from the callee's side where something arrived, else from the caller's; failures from the caller's
// side where there is one, because it also sees what never arrived. What was not measured is null.
// Bounds: at most `maxNodes` and `maxEdges`; what is cut says so by `truncated`.
import { type Entity, entityId, makeEntity } from "../model/entity.ts";
import { addHistogram, quantileMs } from "../model/histogram.ts";
import type { TimeRange } from "../model/localization.ts";
import type { GraphDetail, GraphEdgeRow, GraphEntityRow, GraphNodeRow } from "../storage/graph-reads.ts";
import { evidenceConfidence } from "./evidence-grades.ts";
import { calleeOf, callerOf, CLIENTS, knownWorkload, workload } from "./graph-places.ts";
import { type Health, judgeHealth, type OutcomeCounts } from "./health.ts";

/** What was measured at a node or edge; null is "not measured", never zero. */
export interface Measures {
  readonly requestsPerSecond: number | null;
  readonly errorRatio: number | null;
  readonly latencyP50Ms: number | null;
  readonly latencyP99Ms: number | null;
  readonly health: Health;
}

/** A place in the graph. */
export interface GraphNode extends Measures {
  readonly id: string;
  readonly entity: Entity;
}

/** A caller and a callee; `source` and `target` are ids of nodes of the same graph. */
export interface GraphEdge extends Measures {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly protocol: string;
  readonly evidence: readonly string[];
  readonly confidence: number;
}

/** The graph of a range; `coveredSeconds` of it were analysed and are what the rates are over. */
export interface ServiceGraph {
  readonly range: TimeRange;
  readonly coveredSeconds: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly truncated: boolean;
  readonly partial: boolean;
}

/** Everything a graph is folded from. */
export interface GraphParts {
  readonly detail: GraphDetail;
  readonly edges: readonly GraphEdgeRow[];
  readonly nodes: readonly GraphNodeRow[];
  readonly operations: readonly GraphNodeRow[];
  readonly entities: readonly GraphEntityRow[];
  readonly coveredSeconds: number;
}

interface Ledger {
  requests: number;
  failures: number;
  degradations: number;
  histogram: number[];
}

interface EdgeSums {
  readonly source: Entity;
  readonly target: Entity;
  readonly protocol: string;
  readonly evidence: Set<string>;
  readonly caller: Ledger;
  readonly callee: Ledger;
}

function emptyLedger(): Ledger {
  return { requests: 0, failures: 0, degradations: 0, histogram: [] };
}

function addToLedger(total: Ledger, more: Ledger): void {
  total.requests += more.requests;
  total.failures += more.failures;
  total.degradations += more.degradations;
  addHistogram(total.histogram, more.histogram);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function measure(traffic: Ledger, outcomes: OutcomeCounts, coveredSeconds: number): Measures {
  return {
    requestsPerSecond: coveredSeconds === 0 ? null : traffic.requests / coveredSeconds,
    errorRatio: ratio(outcomes.failures, outcomes.requests),
    latencyP50Ms: quantileMs(traffic.histogram, 0.5),
    latencyP99Ms: quantileMs(traffic.histogram, 0.99),
    health: judgeHealth(outcomes),
  };
}

const UNMEASURED: Measures = {
  requestsPerSecond: null,
  errorRatio: null,
  latencyP50Ms: null,
  latencyP99Ms: null,
  health: "UNKNOWN",
};

/** The stable id of an edge: caller, callee and protocol. */
export function edgeId(source: Entity, target: Entity, protocol: string): string {
  const edge = makeEntity("EDGE", { ...source, peer: target });
  // The kind of the caller matters too: a queue and a service may share a name.
  return `${source.kind.toLowerCase()}-${entityId(edge)}#${encodeURIComponent(protocol)}`;
}

function sumEdges(rows: readonly GraphEdgeRow[], detail: GraphDetail): Map<string, EdgeSums> {
  const sums = new Map<string, EdgeSums>();
  for (const row of rows) {
    const source = callerOf(row, detail);
    const target = calleeOf(row, detail);
    const id = edgeId(source, target, row.EdgeProtocol);
    let edge = sums.get(id);
    if (edge === undefined) {
      edge = {
        source,
        target,
        protocol: row.EdgeProtocol,
        evidence: new Set(),
        caller: emptyLedger(),
        callee: emptyLedger(),
      };
      sums.set(id, edge);
    }
    for (const word of row.EvidenceWords) edge.evidence.add(word);
    addToLedger(edge.caller, {
      requests: row.CallerRequests,
      failures: row.CallerFailures,
      degradations: row.CallerDegradations,
      histogram: row.CallerHistogram,
    });
    addToLedger(edge.callee, {
      requests: row.CalleeRequests,
      failures: row.CalleeFailures,
      degradations: row.CalleeDegradations,
      histogram: row.CalleeHistogram,
    });
  }
  return sums;
}

// The side that latency and rate are taken from.
function trafficSide(edge: EdgeSums): Ledger {
  return edge.callee.requests > 0 ? edge.callee : edge.caller;
}

function outcomeSide(edge: EdgeSums): Ledger {
  return edge.caller.requests > 0 ? edge.caller : edge.callee;
}

interface Answers {
  readonly traffic: Ledger;
  readonly outcomes: Ledger;
}

// What places answered as their callers' edges tell it: for virtual places and services without telemetry of their own.
function inboundByPlace(edges: ReadonlyMap<string, EdgeSums>): Map<string, Answers> {
  const inbound = new Map<string, Answers>();
  for (const edge of edges.values()) {
    const id = entityId(edge.target);
    let sums = inbound.get(id);
    if (sums === undefined) {
      sums = { traffic: emptyLedger(), outcomes: emptyLedger() };
      inbound.set(id, sums);
    }
    addToLedger(sums.traffic, trafficSide(edge));
    addToLedger(sums.outcomes, outcomeSide(edge));
  }
  return inbound;
}

function placeOf(row: GraphNodeRow, detail: GraphDetail): Entity {
  return workload(detail, {
    cluster: row.AtCluster,
    namespace: row.AtNamespace,
    service: row.AtService,
    version: row.AtVersion,
    instance: row.AtInstance,
  });
}

function answeredByPlace(rows: readonly GraphNodeRow[], detail: GraphDetail): Map<string, Ledger> {
  const answered = new Map<string, Ledger>();
  for (const row of rows) {
    const id = entityId(placeOf(row, detail));
    const ledger = answered.get(id) ?? emptyLedger();
    addToLedger(ledger, ledgerOf(row));
    answered.set(id, ledger);
  }
  return answered;
}

function ledgerOf(row: GraphNodeRow): Ledger {
  return {
    requests: row.RequestCount,
    failures: row.FailureCount,
    degradations: row.DegradationCount,
    histogram: row.Histogram,
  };
}

function operationNodes(
  rows: readonly GraphNodeRow[],
  services: ReadonlyMap<string, Entity>,
  coveredSeconds: number,
): GraphNode[] {
  return rows.map((row) => {
    const service = placeOf(row, "SERVICE");
    const { runtime, isolation } = services.get(entityId(service)) ?? service;
    const entity: Entity = {
      ...service,
      kind: "OPERATION",
      operation: row.AtOperation,
      runtime,
      isolation,
    };
    const ledger = ledgerOf(row);
    return { id: entityId(entity), entity, ...measure(ledger, ledger, coveredSeconds) };
  });
}

// Rows of edges and operations do not say on which node an instance runs, so places are told apart without it.
function keyOf(place: Entity): string {
  return entityId(place.node === "" ? place : { ...place, node: "" });
}

// A span whose parent was lost looks like a call of an unknown client. Below this share of a place's requests it is taken for that.
const LOST_PARENT_SHARE = 0.1;

function isLostParent(edge: EdgeSums, answered: ReadonlyMap<string, Ledger>): boolean {
  if (edge.source !== CLIENTS || edge.evidence.size !== 1 || !edge.evidence.has("inferred")) return false;
  const all = answered.get(keyOf(edge.target))?.requests ?? 0;
  return trafficSide(edge).requests < LOST_PARENT_SHARE * all;
}

/** Folds rows into nodes and edges; every end of an edge is a node, and so is every known place without traffic. */
export function foldGraph(parts: GraphParts): { nodes: GraphNode[]; edges: GraphEdge[] } {
  const { detail, coveredSeconds } = parts;
  const answered = answeredByPlace(parts.nodes, detail);
  const sums = new Map([...sumEdges(parts.edges, detail)].filter(([, edge]) => !isLostParent(edge, answered)));
  const inbound = inboundByPlace(sums);

  const places = new Map<string, Entity>();
  for (const { source, target } of sums.values()) {
    places.set(keyOf(source), source);
    places.set(keyOf(target), target);
  }
  for (const row of parts.nodes) {
    const place = placeOf(row, detail);
    places.set(keyOf(place), place);
  }
  const observed = new Set<string>();
  for (const row of parts.entities) {
    const place = knownWorkload(row, detail);
    places.set(keyOf(place), place);
    observed.add(keyOf(place));
  }
  const idOf = (place: Entity) => entityId(places.get(keyOf(place)) ?? place);

  const nodes = [...places].map(([key, entity]): GraphNode => {
    const id = entityId(entity);
    const own = answered.get(key);
    if (own !== undefined) return { id, entity, ...measure(own, own, coveredSeconds) };
    const seen = inbound.get(key);
    if (seen !== undefined) {
      return { id, entity, ...measure(seen.traffic, seen.outcomes, coveredSeconds) };
    }
    // Known, and it would have told us: no traffic. Not known by its own telemetry: not measured.
    return observed.has(key) && coveredSeconds > 0
      ? { id, entity, ...measure(emptyLedger(), emptyLedger(), coveredSeconds) }
      : { id, entity, ...UNMEASURED };
  });

  const edges = [...sums].map(([id, edge]): GraphEdge => {
    const evidence = [...edge.evidence].toSorted();
    return {
      id,
      source: idOf(edge.source),
      target: idOf(edge.target),
      protocol: edge.protocol,
      evidence,
      confidence: evidenceConfidence(evidence),
      ...measure(trafficSide(edge), outcomeSide(edge), coveredSeconds),
    };
  });
  return { nodes: [...nodes, ...operationNodes(parts.operations, places, coveredSeconds)], edges };
}
