// Wide answers of the graph as rows: read by column, so that neither side writes or parses the name of a column or the digits of a number a row.
// In: a query's name, parameters. Out: the rows of storage/graph-reads.ts.
// Bounds: the row limits of the statements; 10 s, or longer for what is computed anew.
import { HISTOGRAM_BUCKETS } from "../model/histogram.ts";
import type { QuerySettings, Storage } from "./client.ts";
import type { GraphEdgeRow, GraphEntityRow, GraphNodeRow } from "./graph-reads.ts";
import { addList, type Column, listLength, type NumberLists, readNativeBlocks } from "./native-columns.ts";
import { queryText } from "./query-files.ts";

/** What the statements of the graph may take at most. */
export const GRAPH_READ_SETTINGS = { max_execution_time: 10 } as const;
/** The same for those that compute a range anew from raw rows: they pair an hour at most. */
export const GRAPH_KNOWN_SETTINGS = { max_execution_time: 45 } as const;

/** Blocks of rows, each as columns in the order of a statement. */
export type GraphTable = readonly (readonly Column[])[];

/** Runs storage/queries/NAME.sql; throws where the server fails, also midway. */
export async function readGraphTable(
  storage: Storage,
  name: string,
  params: Record<string, unknown>,
  settings: QuerySettings = GRAPH_READ_SETTINGS,
): Promise<GraphTable> {
  const { stream } = await storage.client.exec({
    query: `${queryText(name)}\nFORMAT Native`,
    query_params: params,
    clickhouse_settings: settings,
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return readNativeBlocks(Buffer.concat(chunks));
}

// Sums keep their histograms by where they begin, in sixteens of buckets (migration 0019); buckets have one, from the first on.
const HISTOGRAM_STEP = 16;
const EMPTY_HISTOGRAM: readonly number[] = Array.from({ length: HISTOGRAM_BUCKETS }, () => 0);

/** One histogram of the parts that a row has. */
function histogramOf(parts: readonly NumberLists[], row: number): number[] {
  let length = 0;
  for (let step = 0; step < parts.length; step++) {
    const size = listLength(parts[step]!, row);
    if (size > 0) length = Math.max(length, HISTOGRAM_STEP * step + size);
  }
  if (length === 0) return [];
  // At its full size at once: a list that grows is copied several times.
  const whole = EMPTY_HISTOGRAM.slice(0, length);
  for (let step = 0; step < parts.length; step++) addList(whole, HISTOGRAM_STEP * step, parts[step]!, row);
  return whole;
}

/** The columns that have a value a row. */
function valuesOf(block: readonly Column[]): (readonly unknown[])[] {
  return block.filter((column): column is readonly unknown[] => !("ends" in column));
}

/** The columns that are lists of counts, which come after the others. */
function histogramsOf(block: readonly Column[]): NumberLists[] {
  return block.filter((column): column is NumberLists => "ends" in column);
}

/** The edges of a statement, in its order. */
export function edgeRowsOf(table: GraphTable): GraphEdgeRow[] {
  return table.flatMap(edgesOfBlock);
}

function edgesOfBlock(block: readonly Column[]): GraphEdgeRow[] {
  const [
    FromKind = [],
    FromCluster = [],
    FromNamespace = [],
    FromService = [],
    FromVersion = [],
    FromInstance = [],
    ToKind = [],
    ToCluster = [],
    ToNamespace = [],
    ToService = [],
    ToVersion = [],
    ToInstance = [],
    EdgeProtocol = [],
    Source = [],
    EvidenceWords = [],
    CallerRequests = [],
    CallerFailures = [],
    CallerDegradations = [],
    CallerCancelled = [],
    CallerNs = [],
    CalleeRequests = [],
    CalleeFailures = [],
    CalleeDegradations = [],
    CalleeCancelled = [],
    CalleeNs = [],
    NeverArrived = [],
    OriginFailed = [],
    GapNs = [],
    ProxyNs = [],
    Retries = [],
    RequestBytes = [],
    ResponseBytes = [],
    SecuredCalls = [],
    PlainCalls = [],
    OffsetNs = [],
    OffsetCalls = [],
    OrphanRequests = [],
    Flags = [],
  ] = valuesOf(block);
  const histograms = histogramsOf(block);
  const middle = histograms.length / 2;
  const [callers, callees] = [histograms.slice(0, middle), histograms.slice(middle)];
  const rows: GraphEdgeRow[] = [];
  for (let i = 0; i < FromKind.length; i++) {
    rows.push({
      FromKind: FromKind[i] as GraphEdgeRow["FromKind"],
      FromCluster: FromCluster[i] as string,
      FromNamespace: FromNamespace[i] as string,
      FromService: FromService[i] as string,
      FromVersion: FromVersion[i] as string,
      FromInstance: FromInstance[i] as string,
      ToKind: ToKind[i] as GraphEdgeRow["ToKind"],
      ToCluster: ToCluster[i] as string,
      ToNamespace: ToNamespace[i] as string,
      ToService: ToService[i] as string,
      ToVersion: ToVersion[i] as string,
      ToInstance: ToInstance[i] as string,
      EdgeProtocol: EdgeProtocol[i] as string,
      Source: Source[i] as GraphEdgeRow["Source"],
      EvidenceWords: EvidenceWords[i] as string[],
      CallerRequests: CallerRequests[i] as number,
      CallerFailures: CallerFailures[i] as number,
      CallerDegradations: CallerDegradations[i] as number,
      CallerCancelled: CallerCancelled[i] as number,
      CallerNs: CallerNs[i] as number,
      CallerHistogram: histogramOf(callers, i),
      CalleeRequests: CalleeRequests[i] as number,
      CalleeFailures: CalleeFailures[i] as number,
      CalleeDegradations: CalleeDegradations[i] as number,
      CalleeCancelled: CalleeCancelled[i] as number,
      CalleeNs: CalleeNs[i] as number,
      CalleeHistogram: histogramOf(callees, i),
      NeverArrived: NeverArrived[i] as number,
      OriginFailed: OriginFailed[i] as number,
      GapNs: GapNs[i] as number,
      ProxyNs: ProxyNs[i] as number,
      Retries: Retries[i] as number,
      RequestBytes: RequestBytes[i] as number,
      ResponseBytes: ResponseBytes[i] as number,
      SecuredCalls: SecuredCalls[i] as number,
      PlainCalls: PlainCalls[i] as number,
      OffsetNs: OffsetNs[i] as number,
      OffsetCalls: OffsetCalls[i] as number,
      OrphanRequests: OrphanRequests[i] as number,
      Flags: Flags[i] as Record<string, number>,
    });
  }
  return rows;
}

/** The places that answered, of a statement, in its order. */
export function nodeRowsOf(table: GraphTable): GraphNodeRow[] {
  return table.flatMap(nodesOfBlock);
}

function nodesOfBlock(block: readonly Column[]): GraphNodeRow[] {
  const [
    AtCluster = [],
    AtNamespace = [],
    AtService = [],
    AtVersion = [],
    AtInstance = [],
    AtOperation = [],
    RequestCount = [],
    FailureCount = [],
    DegradationCount = [],
    CancelledCount = [],
    OriginFailedCount = [],
    TotalNs = [],
    SelfNs = [],
  ] = valuesOf(block);
  const histograms = histogramsOf(block);
  const rows: GraphNodeRow[] = [];
  for (let i = 0; i < AtCluster.length; i++) {
    rows.push({
      AtCluster: AtCluster[i] as string,
      AtNamespace: AtNamespace[i] as string,
      AtService: AtService[i] as string,
      AtVersion: AtVersion[i] as string,
      AtInstance: AtInstance[i] as string,
      AtOperation: AtOperation[i] as string,
      RequestCount: RequestCount[i] as number,
      FailureCount: FailureCount[i] as number,
      DegradationCount: DegradationCount[i] as number,
      CancelledCount: CancelledCount[i] as number,
      OriginFailedCount: OriginFailedCount[i] as number,
      TotalNs: TotalNs[i] as number,
      SelfNs: SelfNs[i] as number,
      Histogram: histogramOf(histograms, i),
    });
  }
  return rows;
}

/** The known places of graph_entities, in its order. */
export function entityRowsOf(table: GraphTable): GraphEntityRow[] {
  return table.flatMap(entitiesOfBlock);
}

function entitiesOfBlock(block: readonly Column[]): GraphEntityRow[] {
  const [
    AtCluster = [],
    AtNamespace = [],
    AtService = [],
    AtVersion = [],
    AtInstance = [],
    Runtimes = [],
    Isolations = [],
    Nodes = [],
    LastSeen = [],
    HasTelemetry = [],
  ] = valuesOf(block);
  return AtCluster.map((_, i) => ({
    AtCluster: AtCluster[i] as string,
    AtNamespace: AtNamespace[i] as string,
    AtService: AtService[i] as string,
    AtVersion: AtVersion[i] as string,
    AtInstance: AtInstance[i] as string,
    Runtimes: Runtimes[i] as GraphEntityRow["Runtimes"],
    Isolations: Isolations[i] as GraphEntityRow["Isolations"],
    Nodes: Nodes[i] as string[],
    LastSeen: LastSeen[i] as number,
    Telemetry: HasTelemetry[i] === 1,
  }));
}
