// Rows as storage/graph-reads.ts answers them, and graphs folded from them, for the tests of the graph.
import { foldGraph, type GraphParts } from "../../api/graph.ts";
import { bucketOf } from "../../model/histogram.ts";
import type { GraphEdgeRow, GraphEntityRow, GraphNodeRow } from "../../storage/graph-reads.ts";

/** 96 counts with `count` requests of one duration. */
export function histogram(durationMs: number, count: number): number[] {
  const counts = Array.from({ length: 96 }, () => 0);
  counts[bucketOf(durationMs * 1e6)] = count;
  return counts;
}

/** An edge between two services of cluster east, namespace shop, told by spans; '' is an unknown caller. */
export function edge(from: string, to: string, more: Partial<GraphEdgeRow> = {}): GraphEdgeRow {
  return {
    FromKind: from === "" ? "unknown" : "service",
    FromCluster: from === "" ? "" : "east",
    FromNamespace: from === "" ? "" : "shop",
    FromService: from,
    FromVersion: "",
    FromInstance: "",
    ToKind: "service",
    ToCluster: "east",
    ToNamespace: "shop",
    ToService: to,
    ToVersion: "",
    ToInstance: "",
    EdgeProtocol: "http",
    Source: "spans",
    EvidenceWords: ["span-pair"],
    CallerRequests: 0,
    CallerFailures: 0,
    CallerDegradations: 0,
    CallerCancelled: 0,
    CallerNs: 0,
    CallerHistogram: [],
    CalleeRequests: 0,
    CalleeFailures: 0,
    CalleeDegradations: 0,
    CalleeCancelled: 0,
    CalleeNs: 0,
    CalleeHistogram: [],
    NeverArrived: 0,
    OriginFailed: 0,
    GapNs: 0,
    ProxyNs: 0,
    Retries: 0,
    RequestBytes: 0,
    ResponseBytes: 0,
    SecuredCalls: 0,
    PlainCalls: 0,
    OffsetNs: 0,
    OffsetCalls: 0,
    OrphanRequests: 0,
    Flags: {},
    ...more,
  };
}

/** What a service of cluster east, namespace shop answered. */
export function node(service: string, more: Partial<GraphNodeRow> = {}): GraphNodeRow {
  return {
    AtCluster: "east",
    AtNamespace: "shop",
    AtService: service,
    AtVersion: "",
    AtInstance: "",
    AtOperation: "",
    RequestCount: 0,
    FailureCount: 0,
    DegradationCount: 0,
    CancelledCount: 0,
    OriginFailedCount: 0,
    TotalNs: 0,
    SelfNs: 0,
    Histogram: [],
    ...more,
  };
}

/** A service that is known by its telemetry. */
export function known(service: string, more: Partial<GraphEntityRow> = {}): GraphEntityRow {
  return {
    AtCluster: "east",
    AtNamespace: "shop",
    AtService: service,
    AtVersion: "",
    AtInstance: "",
    Runtimes: ["RUNC"],
    Isolations: [""],
    Nodes: [],
    LastSeen: 1000,
    Telemetry: true,
    ...more,
  };
}

/** The graph of 100 s, folded from some rows. */
export function fold(parts: Partial<GraphParts>) {
  return foldGraph({
    detail: "SERVICE",
    range: { fromSeconds: 900, toSeconds: 1000 },
    edges: [],
    nodes: [],
    operations: [],
    operationCalls: [],
    entities: [],
    coveredSeconds: 100,
    silent: [],
    ...parts,
  });
}
