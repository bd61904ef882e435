// A wide answer of the graph as rows of values: names of columns once, not in every row, and one parse.
// In: a query's name, parameters. Out: arrays in the order of the statement's columns.
// Bounds: the row limits of the statements; 10 s, or longer for what is computed anew.
import type { QuerySettings, Storage } from "./client.ts";
import type { GraphEdgeRow, GraphEntityRow, GraphNodeRow } from "./graph-reads.ts";
import { queryText } from "./query-files.ts";

/** What the statements of the graph may take at most. */
export const GRAPH_READ_SETTINGS = { max_execution_time: 10 } as const;
/** The same for those that compute a range anew from raw rows: they pair an hour at most. */
export const GRAPH_KNOWN_SETTINGS = { max_execution_time: 45 } as const;

/** Runs storage/queries/NAME.sql; a row is an array of its columns. */
export async function readGraphTable<Row>(
  storage: Storage,
  name: string,
  params: Record<string, unknown>,
  settings: QuerySettings = GRAPH_READ_SETTINGS,
): Promise<Row[]> {
  const result = await storage.client.query({
    query: queryText(name),
    format: "JSONCompact",
    query_params: params,
    clickhouse_settings: settings,
  });
  return (await result.json<Row>()).data;
}

/** The columns of the statements that read edges. */
export type EdgeValues = readonly [
  FromKind: GraphEdgeRow["FromKind"],
  FromCluster: string,
  FromNamespace: string,
  FromService: string,
  FromVersion: string,
  FromInstance: string,
  ToKind: GraphEdgeRow["ToKind"],
  ToCluster: string,
  ToNamespace: string,
  ToService: string,
  ToVersion: string,
  ToInstance: string,
  EdgeProtocol: string,
  Source: GraphEdgeRow["Source"],
  EvidenceWords: string[],
  CallerRequests: number,
  CallerFailures: number,
  CallerDegradations: number,
  CallerCancelled: number,
  CallerNs: number,
  CallerHistogram: number[],
  CalleeRequests: number,
  CalleeFailures: number,
  CalleeDegradations: number,
  CalleeCancelled: number,
  CalleeNs: number,
  CalleeHistogram: number[],
  NeverArrived: number,
  OriginFailed: number,
  GapNs: number,
  ProxyNs: number,
  Retries: number,
  RequestBytes: number,
  ResponseBytes: number,
  SecuredCalls: number,
  PlainCalls: number,
  OffsetNs: number,
  OffsetCalls: number,
  Flags: Record<string, number>,
];

/** An edge by names. */
export function edgeRowOf(values: EdgeValues): GraphEdgeRow {
  const [
    FromKind,
    FromCluster,
    FromNamespace,
    FromService,
    FromVersion,
    FromInstance,
    ToKind,
    ToCluster,
    ToNamespace,
    ToService,
    ToVersion,
    ToInstance,
    EdgeProtocol,
    Source,
    EvidenceWords,
    CallerRequests,
    CallerFailures,
    CallerDegradations,
    CallerCancelled,
    CallerNs,
    CallerHistogram,
    CalleeRequests,
    CalleeFailures,
    CalleeDegradations,
    CalleeCancelled,
    CalleeNs,
    CalleeHistogram,
    NeverArrived,
    OriginFailed,
    GapNs,
    ProxyNs,
    Retries,
    RequestBytes,
    ResponseBytes,
    SecuredCalls,
    PlainCalls,
    OffsetNs,
    OffsetCalls,
    Flags,
  ] = values;
  return {
    FromKind,
    FromCluster,
    FromNamespace,
    FromService,
    FromVersion,
    FromInstance,
    ToKind,
    ToCluster,
    ToNamespace,
    ToService,
    ToVersion,
    ToInstance,
    EdgeProtocol,
    Source,
    EvidenceWords,
    CallerRequests,
    CallerFailures,
    CallerDegradations,
    CallerCancelled,
    CallerNs,
    CallerHistogram,
    CalleeRequests,
    CalleeFailures,
    CalleeDegradations,
    CalleeCancelled,
    CalleeNs,
    CalleeHistogram,
    NeverArrived,
    OriginFailed,
    GapNs,
    ProxyNs,
    Retries,
    RequestBytes,
    ResponseBytes,
    SecuredCalls,
    PlainCalls,
    OffsetNs,
    OffsetCalls,
    Flags,
  };
}

/** The columns of the statements that read what places answered. */
export type NodeValues = readonly [
  AtCluster: string,
  AtNamespace: string,
  AtService: string,
  AtVersion: string,
  AtInstance: string,
  AtOperation: string,
  RequestCount: number,
  FailureCount: number,
  DegradationCount: number,
  CancelledCount: number,
  OriginFailedCount: number,
  TotalNs: number,
  SelfNs: number,
  Histogram: number[],
];

/** A place that answered, by names. */
export function nodeRowOf(values: NodeValues): GraphNodeRow {
  const [
    AtCluster,
    AtNamespace,
    AtService,
    AtVersion,
    AtInstance,
    AtOperation,
    RequestCount,
    FailureCount,
    DegradationCount,
    CancelledCount,
    OriginFailedCount,
    TotalNs,
    SelfNs,
    Histogram,
  ] = values;
  return {
    AtCluster,
    AtNamespace,
    AtService,
    AtVersion,
    AtInstance,
    AtOperation,
    RequestCount,
    FailureCount,
    DegradationCount,
    CancelledCount,
    OriginFailedCount,
    TotalNs,
    SelfNs,
    Histogram,
  };
}

/** The columns of graph_entities. */
export type EntityValues = readonly [
  AtCluster: string,
  AtNamespace: string,
  AtService: string,
  AtVersion: string,
  AtInstance: string,
  Runtimes: GraphEntityRow["Runtimes"],
  Isolations: GraphEntityRow["Isolations"],
  Nodes: string[],
  LastSeen: number,
  HasTelemetry: number,
];

/** A known place, by names. */
export function entityRowOf(values: EntityValues): GraphEntityRow {
  const [AtCluster, AtNamespace, AtService, AtVersion, AtInstance, Runtimes, Isolations, Nodes, LastSeen, has] = values;
  const place = { AtCluster, AtNamespace, AtService, AtVersion, AtInstance };
  return { ...place, Runtimes, Isolations, Nodes, LastSeen, Telemetry: has === 1 };
}
