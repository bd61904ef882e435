// Traces as they are stored: one by its id, a list of those that show something, the details of a few spans.
// In: a tenant, a trace id and perhaps a time. Out: spans for model/trace; null where no such trace is found.
// Bounds: MAX_TRACE_SPANS spans and as many copies; a search goes back SEARCH_SECONDS, newest first; every statement has a time limit. Spans of an
// adopted table are read where they are, and only where span_edges knows them as the tenant's. Spans are rows of `trace_columns`.
import type { RuntimeClass } from "../model/entity.ts";
import { MAX_TRACE_SPANS, type TraceSpan } from "../model/trace/span.ts";
import type { Storage } from "./client.ts";

/** How far around a known time a trace is looked for, and how much of it is read before its first and after its last known span. */
const MARGIN_SECONDS = 3600;

/** Steps of a search without a time: seconds before the newest span. */
const SEARCH_SECONDS: readonly number[] = [3600, 6 * 3600, 24 * 3600, 8 * 24 * 3600];

const QUERY_SETTINGS = { max_execution_time: 15 } as const;

/** Which trace; `aroundSeconds` is a time (unix) near which it happened, null when nobody knows. */
export interface TraceLookup {
  readonly tenant: string;
  readonly traceId: string;
  readonly aroundSeconds: number | null;
  readonly nowSeconds: number;
}

/** The spans of a trace; `isCut` when there are more than were read. */
export interface StoredTrace {
  readonly spans: readonly TraceSpan[];
  readonly isCut: boolean;
}

/** Where a trace lies in time, unix seconds of starts. */
export interface TraceTimes {
  readonly spanCount: number;
  readonly firstSeconds: number;
  readonly lastSeconds: number;
}

interface SpanRow extends Omit<TraceSpan, "startNs" | "proxy" | "links" | "runtime"> {
  readonly startNs: string;
  readonly proxy: number;
  readonly runtime: RuntimeClass | "";
  readonly linkTraceIds: readonly string[];
  readonly linkSpanIds: readonly string[];
}

/** Reads one trace; null when it is not found. */
export async function readTrace(storage: Storage, lookup: TraceLookup): Promise<StoredTrace | null> {
  const found = await findTrace(storage, lookup);
  if (found === null) return null;
  const { tenant, traceId } = lookup;
  const limit = 2 * MAX_TRACE_SPANS;
  const params = { tenant, trace_id: traceId, max_count: limit + 1 };
  const [own, adopted] = await Promise.all([
    storage.query<SpanRow>("trace_spans", { ...params, ...widened(found.times) }, QUERY_SETTINGS),
    found.isAdopted
      ? storage.query<SpanRow>("trace_adopted_spans", { ...params, ...minutesOf(found.times) }, QUERY_SETTINGS)
      : [],
  ]);
  const rows = own.concat(adopted);
  return rows.length === 0
    ? null
    : { spans: rows.slice(0, limit).map(spanOf), isCut: own.length > limit || rows.length > limit };
}

/** One span with all that is stored of it. */
export interface StoredSpanDetails {
  readonly spanId: string;
  readonly kind: string;
  readonly service: string;
  readonly statusCode: string;
  readonly scopeName: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
  /** Unix nanoseconds. */
  readonly eventTimes: readonly string[];
  readonly eventNames: readonly string[];
  readonly eventAttributes: readonly Readonly<Record<string, string>>[];
  readonly linkTraceIds: readonly string[];
  readonly linkSpanIds: readonly string[];
}

/** Reads the details of some spans of a trace; those that are not found are left out. */
export async function readSpanDetails(
  storage: Storage,
  lookup: TraceLookup,
  spanIds: readonly string[],
): Promise<StoredSpanDetails[]> {
  const found = spanIds.length === 0 ? null : await findTrace(storage, lookup);
  if (found === null) return [];
  const { tenant, traceId } = lookup;
  // An id may stand for a caller and a callee.
  const params = { tenant, trace_id: traceId, span_ids: spanIds, max_count: 2 * spanIds.length };
  const own = await storage.query<StoredSpanDetails>(
    "trace_span_details",
    { ...params, ...widened(found.times) },
    QUERY_SETTINGS,
  );
  if (own.length > 0 || !found.isAdopted) return own;
  return storage.query("trace_adopted_span_details", { ...params, ...minutesOf(found.times) }, QUERY_SETTINGS);
}

/** Which traces to list, of a half-open period in unix seconds; '' and 0: any. */
export interface TraceListRequest {
  readonly tenant: string;
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly service: string;
  readonly operation: string;
  readonly minDurationNs: number;
  readonly failedOnly: boolean;
  readonly byDuration: boolean;
  readonly limit: number;
}

/** A trace that has a span as asked for; `at`, `duration`, service and operation are of the slowest such span. */
export interface ListedTrace {
  readonly traceId: string;
  readonly atNs: string;
  readonly durationNs: number;
  readonly service: string;
  readonly operation: string;
  readonly matched: number;
}

/** A trace in a line; `rootService` is '' where its root is not known. */
export interface TraceHead {
  readonly traceId: string;
  readonly startNs: string;
  readonly durationNs: number;
  readonly spanCount: number;
  readonly failedCount: number;
  readonly services: readonly string[];
  readonly rootService: string;
  readonly rootOperation: string;
}

/** Lists traces, the newest or the slowest first, each with its head; null where only an adopted table has the trace. */
export async function listTraces(
  storage: Storage,
  request: TraceListRequest,
): Promise<{ readonly listed: ListedTrace; readonly head: TraceHead | null }[]> {
  const { tenant, fromSeconds, toSeconds } = request;
  const { isAdopted } = await readHorizon(storage, tenant);
  const listed = await storage.query<ListedTrace>(
    "trace_list",
    {
      tenant,
      from: fromSeconds,
      to: toSeconds,
      service: request.service,
      operation: request.operation,
      min_duration_ns: request.minDurationNs,
      failed: request.failedOnly ? 1 : 0,
      by_duration: request.byDuration ? 1 : 0,
      adopted: isAdopted ? 1 : 0,
      max_count: request.limit,
    },
    QUERY_SETTINGS,
  );
  if (listed.length === 0) return [];
  const at = listed.map(({ atNs }) => Number(BigInt(atNs) / 1_000_000_000n));
  const heads = await storage.query<TraceHead>(
    "trace_heads",
    {
      tenant,
      trace_ids: listed.map(({ traceId }) => traceId),
      at,
    },
    QUERY_SETTINGS,
  );
  const byId = new Map(heads.map((head) => [head.traceId, head]));
  return listed.map((row) => ({ listed: row, head: byId.get(row.traceId) ?? null }));
}

/** The newest bucket of spans that is known (unix seconds, 0: none), and whether a table is adopted and there. */
export async function readHorizon(
  storage: Storage,
  tenant: string,
): Promise<{ newestSeconds: number; isAdopted: boolean }> {
  const [row] = await storage.query<{ newestSeconds: number; isAdopted: number }>("trace_horizon", { tenant });
  return { newestSeconds: row?.newestSeconds ?? 0, isAdopted: row?.isAdopted === 1 };
}

/** Finds when a trace happened: near the time that was given, else going back from the newest span; null where it is not found. */
export async function findTrace(
  storage: Storage,
  { tenant, traceId, aroundSeconds, nowSeconds }: TraceLookup,
): Promise<{ readonly times: TraceTimes; readonly isAdopted: boolean } | null> {
  const { newestSeconds, isAdopted } = await readHorizon(storage, tenant);
  // A clock that runs ahead must not send the search into the future; a recording may be long past.
  const newest = newestSeconds === 0 ? nowSeconds : Math.min(newestSeconds, nowSeconds);
  const windows = SEARCH_SECONDS.map((seconds, i) => ({
    from: newest - seconds,
    to: i === 0 ? newest + MARGIN_SECONDS : newest - (SEARCH_SECONDS[i - 1] ?? 0),
  }));
  if (aroundSeconds !== null) {
    windows.unshift({ from: aroundSeconds - MARGIN_SECONDS, to: aroundSeconds + MARGIN_SECONDS });
  }
  for (const window of windows) {
    const times = await readTimes(storage, tenant, traceId, window, isAdopted);
    if (times === null) continue;
    // A window may cut the trace; an adopted table is then read by the exact minutes.
    const whole = isAdopted ? await readTimes(storage, tenant, traceId, widened(times), true) : times;
    return { times: whole ?? times, isAdopted };
  }
  return null;
}

async function readTimes(
  storage: Storage,
  tenant: string,
  traceId: string,
  window: { readonly from: number; readonly to: number },
  isAdopted: boolean,
): Promise<TraceTimes | null> {
  const params = {
    from: Math.max(0, Math.floor(window.from)),
    to: Math.max(0, Math.ceil(window.to)),
    trace_id: traceId,
  };
  const found = await Promise.all([
    storage.query<TraceTimes>("trace_times", { ...params, tenant }, QUERY_SETTINGS),
    isAdopted ? storage.query<TraceTimes>("trace_adopted_times", params, QUERY_SETTINGS) : [],
  ]);
  const rows = found.flat().filter(({ spanCount }) => spanCount > 0);
  if (rows.length === 0) return null;
  return {
    spanCount: rows.reduce((total, row) => total + row.spanCount, 0),
    firstSeconds: Math.min(...rows.map((row) => row.firstSeconds)),
    lastSeconds: Math.max(...rows.map((row) => row.lastSeconds)),
  };
}

function widened({ firstSeconds, lastSeconds }: TraceTimes): { from: number; to: number } {
  return { from: Math.max(0, firstSeconds - MARGIN_SECONDS), to: lastSeconds + MARGIN_SECONDS };
}

function minutesOf({ firstSeconds, lastSeconds }: TraceTimes): { from: number; to: number } {
  return { from: firstSeconds, to: lastSeconds };
}

// Field by field: 50,000 objects of one shape, where a copy of the rest of a row would be slow to make and to read.
function spanOf(row: SpanRow): TraceSpan {
  return {
    spanId: row.spanId,
    parentSpanId: row.parentSpanId,
    kind: row.kind,
    startNs: BigInt(row.startNs),
    durationNs: row.durationNs,
    name: row.name,
    operation: row.operation,
    protocol: row.protocol,
    cluster: row.cluster,
    namespace: row.namespace,
    service: row.service,
    version: row.version,
    instance: row.instance,
    node: row.node,
    runtime: row.runtime === "" ? "UNKNOWN" : row.runtime,
    isolation: row.isolation,
    outcome: row.outcome,
    responseCode: row.responseCode,
    flags: row.flags,
    proxy: row.proxy === 1,
    peer: row.peer,
    peerKind: row.peerKind,
    message: row.message,
    links: row.linkTraceIds.map((traceId, i) => ({ traceId, spanId: row.linkSpanIds[i] ?? "" })),
  };
}
