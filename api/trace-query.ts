// What the trace fields ask for: one trace, two to compare, a list.
// In: arguments as the client sent them, the request's context. Out: views of model/trace, rows of storage/traces, or a refusal with a code.
// Bounds: ids of 32 hexadecimal digits, pages and ranges as the fields say; a trace has MAX_TRACE_SPANS spans at most.
import type { TimeRange } from "../model/localization.ts";
import { buildTraceView, type TraceView } from "../model/trace/view.ts";
import {
  type ListedTrace,
  listTraces,
  readSpanDetails,
  readTrace,
  type StoredSpanDetails,
  type TraceHead,
} from "../storage/traces.ts";
import { checkRange } from "./arguments.ts";
import type { ApiContext } from "./graphql/builder.ts";
import { instantNs } from "./instant.ts";
import { refuse } from "./refusal.ts";

const MAX_LISTED = 100;
const MAX_DETAILS = 100;

/** Checks a page of `first` from `offset`; refuses what is beyond `most`. */
export function checkPage(first: number, offset: number, most: number): void {
  if (first < 0 || first > most) throw refuse("BAD_ARGUMENT", `first is ${first}; it may be 0 to ${most}.`);
  if (offset < 0) throw refuse("BAD_ARGUMENT", `offset is ${offset}; it may not be negative.`);
}

/** Finds a trace and builds its view; null when there is none. */
export async function askTrace(
  context: ApiContext,
  id: string,
  around: string | null | undefined,
): Promise<TraceView | null> {
  const traceId = checkTraceId(id);
  const stored = await readTrace(context.storage, lookupOf(context, traceId, around));
  return stored === null ? null : buildTraceView(traceId, stored.spans, stored.isCut);
}

/** Reads the details of some spans of a trace. */
export function askSpanDetails(
  context: ApiContext,
  id: string,
  spanIds: readonly string[],
  around: string | null | undefined,
): Promise<StoredSpanDetails[]> {
  if (spanIds.length > MAX_DETAILS) {
    throw refuse("BAD_ARGUMENT", `spanIds names ${spanIds.length} spans; at most ${MAX_DETAILS} are read at once.`);
  }
  const wrong = spanIds.find((spanId) => !/^[0-9a-f]{1,16}$/i.test(spanId));
  if (wrong !== undefined) throw refuse("BAD_ID", "A span id has up to 16 hexadecimal digits.");
  const lookup = lookupOf(context, checkTraceId(id), around);
  return readSpanDetails(
    context.storage,
    lookup,
    spanIds.map((spanId) => spanId.toLowerCase().padStart(16, "0")),
  );
}

/** Arguments of the list. */
export interface TraceListArguments {
  readonly range: TimeRange;
  readonly service?: string | null | undefined;
  readonly operation?: string | null | undefined;
  readonly minDurationMs?: number | null | undefined;
  readonly failed?: boolean | null | undefined;
  readonly order: "NEWEST" | "SLOWEST";
  readonly first: number;
}

/** Lists traces. */
export function askTraces(
  { storage, tenant, limits }: ApiContext,
  args: TraceListArguments,
): Promise<{ readonly listed: ListedTrace; readonly head: TraceHead | null }[]> {
  checkRange(args.range, limits.maxTraceRangeSeconds);
  if (args.first < 1) throw refuse("BAD_ARGUMENT", `first is ${args.first}; it may be 1 to ${MAX_LISTED}.`);
  checkPage(args.first, 0, MAX_LISTED);
  const minDurationMs = args.minDurationMs ?? 0;
  if (minDurationMs < 0 || minDurationMs > 1e9) {
    throw refuse("BAD_ARGUMENT", `minDurationMs is ${minDurationMs}; it may be 0 to 1000000000.`);
  }
  return listTraces(storage, {
    tenant,
    fromSeconds: Number(instantNs(args.range.from) / 1_000_000_000n),
    toSeconds: Number((instantNs(args.range.to) + 999_999_999n) / 1_000_000_000n),
    service: args.service ?? "",
    operation: args.operation ?? "",
    minDurationNs: Math.round(minDurationMs * 1e6),
    failedOnly: args.failed ?? false,
    byDuration: args.order === "SLOWEST",
    limit: args.first,
  });
}

/** RFC 3339 in UTC with nanoseconds. */
export function instantOfNs(unixNs: bigint): string {
  const seconds = unixNs / 1_000_000_000n;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${text}.${String(unixNs % 1_000_000_000n).padStart(9, "0")}Z`;
}

function lookupOf({ tenant, now }: ApiContext, traceId: string, around: string | null | undefined) {
  const aroundSeconds = around === null || around === undefined ? null : Number(instantNs(around) / 1_000_000_000n);
  return { tenant, traceId, aroundSeconds, nowSeconds: now() / 1000 };
}

/** The id as storage spells it; 64-bit ids of Jaeger and Zipkin are filled up. */
function checkTraceId(id: string): string {
  if (!/^[0-9a-f]{1,32}$/i.test(id)) throw refuse("BAD_ID", "A trace id has up to 32 hexadecimal digits.");
  return id.toLowerCase().padStart(32, "0");
}
