// Spans as they were sent, for tools that show them in their own way: what services and operations there are, which traces match, whole traces.
// In: a tenant and what is asked. Out: names as senders wrote them (service.name, span names), spans with all their attributes.
// Bounds: lists are of LIST_SECONDS before the newest span and MAX_NAMES long; every statement has a time limit and fails past it; spans are
// counted by the caller's limits. Lists and searches read our own spans; one trace by its id is read of an adopted table too.
import type { Storage } from "./client.ts";
import { findTrace, readHorizon, type StoredSpanDetails, type TraceLookup } from "./traces.ts";

/** A span as it was sent; times are unix nanoseconds, `kind` is Internal, Server .. or Unspecified, `statusCode` Unset, Ok or Error. */
export interface WholeSpan extends StoredSpanDetails {
  readonly traceId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly startNs: string;
  readonly durationNs: number;
  readonly statusMessage: string;
  readonly scopeVersion: string;
}

/** A trace with its spans, earliest first; `isCut`: there are more. */
export interface WholeTrace {
  readonly traceId: string;
  readonly spans: readonly WholeSpan[];
  readonly isCut: boolean;
}

/** What a trace must have in one of its spans; '' and [] ask for nothing; times are unix nanoseconds, half-open. */
export interface TraceSearch {
  readonly tenant: string;
  readonly service: string;
  readonly operation: string;
  readonly minNs: number;
  readonly maxNs: number;
  readonly tags: readonly (readonly [name: string, value: string])[];
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly maxCount: number;
}

const LIST_SECONDS = 86_400;
const MAX_NAMES = 5_000;
/** Minutes before and after the span that was found in which the rest of its trace is looked for. */
const MINUTES_AROUND = { first: -5, last: 5 } as const;
/** How far around what was found of one trace the rest of it is looked for. */
const MARGIN_MINUTES = 60;
const SETTINGS = { max_execution_time: 15 } as const;

/** Names of services that sent spans in the last day that has any. */
export async function readSpanServices(storage: Storage, tenant: string, nowSeconds: number): Promise<string[]> {
  const params = { tenant, from: await listFrom(storage, tenant, nowSeconds), max_count: MAX_NAMES };
  return (await storage.query<{ name: string }>("span_services", params, SETTINGS)).map(({ name }) => name);
}

/** Names of a service's spans in that day, with their kinds (Server, Client ..); `kind` '' is any. */
export async function readSpanOperations(
  storage: Storage,
  asked: { readonly tenant: string; readonly service: string; readonly kind: string; readonly nowSeconds: number },
): Promise<{ readonly name: string; readonly kind: string }[]> {
  const { tenant, service, kind, nowSeconds } = asked;
  const from = await listFrom(storage, tenant, nowSeconds);
  return storage.query("span_operations", { tenant, service, kind, from, max_count: MAX_NAMES }, SETTINGS);
}

async function listFrom(storage: Storage, tenant: string, nowSeconds: number): Promise<number> {
  const { newestSeconds } = await readHorizon(storage, tenant);
  const newest = newestSeconds === 0 ? nowSeconds : Math.min(newestSeconds, nowSeconds);
  return Math.max(0, Math.floor(newest) - LIST_SECONDS);
}

/** Traces that match, those with the newest matching span first, each with its spans of ten minutes around that; `limits` are spans. */
export async function searchTraces(
  storage: Storage,
  search: TraceSearch,
  limits: { readonly perTrace: number; readonly inAll: number },
): Promise<WholeTrace[]> {
  const { tenant, service, operation } = search;
  const found = await storage.query<{ traceId: string; atSeconds: number }>(
    "find_traces",
    {
      tenant,
      service,
      operation,
      min_ns: search.minNs,
      max_ns: search.maxNs,
      tag_names: search.tags.map(([name]) => name),
      tag_values: search.tags.map(([, value]) => value),
      from_ns: search.fromNs.toString(),
      to_ns: search.toNs.toString(),
      max_count: search.maxCount,
    },
    SETTINGS,
  );
  if (found.length === 0) return [];
  const spans = await storage.query<WholeSpan>(
    "whole_spans",
    {
      tenant,
      trace_ids: found.map(({ traceId }) => traceId),
      at: found.map(({ atSeconds }) => atSeconds),
      ...MINUTES_AROUND,
      per_trace: limits.perTrace + 1,
      max_count: limits.inAll + 1,
    },
    SETTINGS,
  );
  const isOver = spans.length > limits.inAll;
  const byTrace = new Map<string, WholeSpan[]>(found.map(({ traceId }) => [traceId, []]));
  for (const span of spans.slice(0, limits.inAll)) byTrace.get(span.traceId)?.push(span);
  const traces = [...byTrace].filter(([, own]) => own.length > 0);
  return traces.map(([traceId, own], i) => ({
    traceId,
    spans: own.slice(0, limits.perTrace),
    isCut: own.length > limits.perTrace || (isOver && i === traces.length - 1),
  }));
}

/** One trace with all of its spans, at most `maxSpans`; null where it is not found. */
export async function readWholeTrace(
  storage: Storage,
  lookup: TraceLookup,
  maxSpans: number,
): Promise<WholeTrace | null> {
  const found = await findTrace(storage, lookup);
  if (found === null) return null;
  const { tenant, traceId } = lookup;
  const { firstSeconds, lastSeconds } = found.times;
  const minutes = Math.floor(lastSeconds / 60) - Math.floor(firstSeconds / 60);
  // A search sees a window of the trace: what lies up to an hour beside it is read too.
  const own = await storage.query<WholeSpan>(
    "whole_spans",
    {
      tenant,
      trace_ids: [traceId],
      at: [firstSeconds],
      first: -MARGIN_MINUTES,
      last: minutes + MARGIN_MINUTES,
      per_trace: maxSpans + 1,
      max_count: maxSpans + 1,
    },
    SETTINGS,
  );
  const adopted = found.isAdopted
    ? await storage.query<WholeSpan>(
        "adopted_whole_spans",
        { tenant, trace_id: traceId, from: firstSeconds, to: lastSeconds, max_count: maxSpans + 1 },
        SETTINGS,
      )
    : [];
  const spans = own.concat(adopted);
  return spans.length === 0 ? null : { traceId, spans: spans.slice(0, maxSpans), isCut: spans.length > maxSpans };
}
