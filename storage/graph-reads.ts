// What the service graph is drawn from: sums of the 10-second buckets at one level, known places, and how much is analysed.
// In: a tenant, a range in whole buckets, a level. Out: rows with both ledgers and histograms (model/histogram.ts), one an edge and source.
// Bounds: every read has a row limit (one more than asked tells that it was cut) and a time limit; as known at a time: an hour at most.
import assert from "node:assert/strict";
import type { RuntimeClass } from "../model/entity.ts";
import type { LedgerSource } from "../model/ledger.ts";
import type { Storage } from "./client.ts";
import { endColumns, placeColumns } from "./graph-columns.ts";
import { foldEdges, foldNodes } from "./graph-fold.ts";
import { type HoldingSum, planGraph, readKeptSums, tuples } from "./graph-plan.ts";
import { edgeRowsOf, entityRowsOf, GRAPH_KNOWN_SETTINGS, nodeRowsOf, readGraphTable } from "./graph-table.ts";

/** How finely places are told apart, coarse to fine; the number is the `level` parameter of the queries. */
export const GRAPH_DETAIL = { CLUSTER: 1, NAMESPACE: 2, SERVICE: 3, VERSION: 4, INSTANCE: 5 } as const;
export type GraphDetail = keyof typeof GRAPH_DETAIL;

/** The widest range that is computed anew from raw rows, as known at a time, seconds. */
export const KNOWN_AT_MAX_SECONDS = 3600;

/** A half-open range in unix seconds, both multiples of `BUCKET_SECONDS` (storage/buckets.ts). */
export interface BucketRange {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/**
 * Which sums to read: the busiest `limit` rows of each source. `histograms` false leaves them out (empty). `knownAtMs` (unix ms) computes the
 * range from the raw rows that had been stored by then; null reads what is known now. `mergeClusters` sums over clusters (cluster '').
 */
export interface GraphRequest {
  readonly tenant: string;
  readonly range: BucketRange;
  readonly detail: GraphDetail;
  readonly limit: number;
  readonly histograms: boolean;
  readonly knownAtMs: number | null;
  readonly mergeClusters: boolean;
}

/** Who reported the calls of a row; rows of several sources tell of the same calls and are never added up. */
export type GraphSource = LedgerSource;

/**
 * One edge of the range as one source told it. `Caller*` is what the caller saw, `Callee*` what arrived; a histogram that is not there (left
 * out, or no calls) has no entries. The figures are those of edge_buckets (migrations 0003 and 0013), summed.
 */
export interface GraphEdgeRow {
  FromKind: "unknown" | "service" | "messaging" | "external";
  FromCluster: string;
  FromNamespace: string;
  FromService: string;
  FromVersion: string;
  FromInstance: string;
  ToKind: "unknown" | "service" | "database" | "messaging" | "external";
  ToCluster: string;
  ToNamespace: string;
  ToService: string;
  ToVersion: string;
  ToInstance: string;
  EdgeProtocol: string;
  Source: GraphSource;
  EvidenceWords: string[];
  CallerRequests: number;
  CallerFailures: number;
  CallerDegradations: number;
  CallerCancelled: number;
  CallerNs: number;
  CallerHistogram: number[];
  CalleeRequests: number;
  CalleeFailures: number;
  CalleeDegradations: number;
  CalleeCancelled: number;
  CalleeNs: number;
  CalleeHistogram: number[];
  NeverArrived: number;
  OriginFailed: number;
  GapNs: number;
  ProxyNs: number;
  Retries: number;
  RequestBytes: number;
  ResponseBytes: number;
  SecuredCalls: number;
  PlainCalls: number;
  /** Sum over `OffsetCalls` calls of the callee's clock minus the caller's, nanoseconds. */
  OffsetNs: number;
  OffsetCalls: number;
  /** Of `CalleeRequests` from unknown callers: those whose span names a parent that never came. */
  OrphanRequests: number;
  /** Calls by response flag, as the caller saw them. */
  Flags: Record<string, number>;
}

/** What one place answered in the range, told by its own spans. */
export interface GraphNodeRow {
  AtCluster: string;
  AtNamespace: string;
  AtService: string;
  AtVersion: string;
  AtInstance: string;
  AtOperation: string;
  RequestCount: number;
  FailureCount: number;
  DegradationCount: number;
  CancelledCount: number;
  /** Failures that began here. */
  OriginFailedCount: number;
  TotalNs: number;
  /** Time of its own; 0 when computed as known at a time. */
  SelfNs: number;
  Histogram: number[];
}

/** A known place, with the classes of all its instances; `Telemetry` false: only the cluster's own objects tell of it. */
export interface GraphEntityRow {
  AtCluster: string;
  AtNamespace: string;
  AtService: string;
  AtVersion: string;
  AtInstance: string;
  Runtimes: (RuntimeClass | "")[];
  Isolations: (RuntimeClass | "")[];
  Nodes: string[];
  /** Unix seconds. */
  LastSeen: number;
  Telemetry: boolean;
}

/** The coarsest table that a range is read from. */
export type GraphGrain = "buckets" | "minutes" | "hours";

/** How much of a range has been analysed; times are unix seconds, 0 when there is none. */
export interface GraphCoverage {
  FirstAnalyzed: number;
  LastAnalyzed: number;
  /** Buckets of the range whose rows arrived and that are not in the graph at all. */
  Missing: number[];
  /** Buckets of the range that have grown since they were put into the graph. */
  OutdatedCount: number;
  /** Seconds of the range that the graph covers; of a bucket that may still grow only as far as data reach. */
  CoveredSeconds: number;
  /** Clusters that were heard in the range or the hour before, and fell silent more than a minute before its end (or now). */
  Silent: { cluster: string; lastSeen: number }[];
  /** Seconds of the range in which each source told of any call. */
  BySource: { source: GraphSource; seconds: number }[];
  Grain: GraphGrain;
  /** The oldest second that the request could be answered for: retention of the grain, or of raw rows as known at a time. */
  FirstAvailable: number;
}

// How long before the range a place may have been silent and still be shown as idle.
const IDLE_SECONDS = 24 * 3600;

// Several statements are added up afterwards, so each has to give more than is asked for: its least busy rows may be busy in another.
const ROWS_MAX = 100_000;

function shapeParams(request: GraphRequest, limit: number): Record<string, unknown> {
  const { tenant, detail, histograms, mergeClusters } = request;
  return {
    tenant,
    level: GRAPH_DETAIL[detail],
    merge: mergeClusters ? 1 : 0,
    histograms: histograms ? 1 : 0,
    limit,
  };
}

function knownParams(request: GraphRequest, knownAtMs: number): Record<string, unknown> {
  assert.equal(graphRefusal(request), null);
  const { fromSeconds, toSeconds } = request.range;
  return { ...shapeParams(request, ROWS_MAX), from: fromSeconds, to: toSeconds, known_at: knownAtMs / 1000 };
}

interface Part {
  /** The end of the statement's name. */
  readonly rows: "open" | "hours" | "minutes" | "hours_histograms" | "minutes_histograms";
  readonly params: Record<string, unknown>;
}

/** The tables that a request is read from, with the parameters of their statements. */
async function planParts(storage: Storage, request: GraphRequest): Promise<Part[]> {
  const kept = await readKeptSums(storage, request.range);
  const { hours, minutes, open, range } = planGraph(request.range, kept, request.detail === "INSTANCE");
  const shape = shapeParams(request, ROWS_MAX);
  const parts: Part[] = [];
  const add = (grain: "hours" | "minutes", sums: readonly HoldingSum[]): void => {
    if (sums.length === 0) return;
    parts.push({ rows: request.histograms ? `${grain}_histograms` : grain, params: { ...shape, sums: tuples(sums) } });
  };
  add("hours", hours);
  add("minutes", minutes);
  const bounds = { from_s: range.fromSeconds, to_s: range.toSeconds };
  if (open.length > 0) parts.push({ rows: "open", params: { ...shape, ...bounds, minutes: open } });
  return parts.map((part) => ({
    ...part,
    params: { ...part.params, limit: parts.length === 1 ? request.limit : ROWS_MAX },
  }));
}

/** Why a request cannot be answered at all; null when it can. */
export function graphRefusal(request: GraphRequest): "known-at-range-too-long" | null {
  const seconds = request.range.toSeconds - request.range.fromSeconds;
  return request.knownAtMs !== null && seconds > KNOWN_AT_MAX_SECONDS ? "known-at-range-too-long" : null;
}

/** The edges of a range, busiest first; a request that `graphRefusal` refuses is a programmer's error. */
export async function readGraphEdges(storage: Storage, request: GraphRequest): Promise<GraphEdgeRow[]> {
  const { knownAtMs, detail, mergeClusters } = request;
  const ends = endColumns(detail, mergeClusters);
  const tables =
    knownAtMs === null
      ? (await planParts(storage, request)).map(({ rows, params }) =>
          readGraphTable(storage, `graph_edges_${rows}`, { ...params, ...ends }),
        )
      : ["graph_known_spans", "graph_known_logs"].map((name) =>
          readGraphTable(storage, name, { ...knownParams(request, knownAtMs), ...ends }, GRAPH_KNOWN_SETTINGS),
        );
  return foldEdges((await Promise.all(tables)).map(edgeRowsOf), request.limit);
}

/** The places that answered in a range, busiest first; `byOperation` gives a row an operation of each place. */
export async function readGraphNodes(
  storage: Storage,
  request: GraphRequest,
  byOperation: boolean,
): Promise<GraphNodeRow[]> {
  const { knownAtMs, detail, mergeClusters } = request;
  const place = placeColumns(detail, mergeClusters, byOperation);
  const tables =
    knownAtMs === null
      ? (await planParts(storage, request)).map(({ rows, params }) =>
          readGraphTable(storage, `graph_nodes_${rows}`, { ...params, ...place }),
        )
      : [
          readGraphTable(
            storage,
            "graph_nodes_known",
            { ...knownParams(request, knownAtMs), by_operation: byOperation ? 1 : 0 },
            GRAPH_KNOWN_SETTINGS,
          ),
        ];
  return foldNodes((await Promise.all(tables)).map(nodeRowsOf), request.limit);
}

/**
 * The places known around a range: heard after its start, or in the day before it; and those of services that only the cluster's objects
 * tell of. They are as known now, whatever `knownAtMs`.
 */
export async function readGraphEntities(storage: Storage, request: GraphRequest): Promise<GraphEntityRow[]> {
  const table = await readGraphTable(storage, "graph_entities", {
    ...shapeParams(request, request.limit),
    seen_s: Math.max(0, request.range.fromSeconds - IDLE_SECONDS),
  });
  return entityRowsOf(table);
}
