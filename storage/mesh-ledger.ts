// The rows of the ledger that mesh metrics fill: edges of mesh-edges.ts as rows of edge_buckets with Source = metrics.
// In: tenants and a range of buckets, points as stored. Out: rows in edge_buckets_staging, one an edge, bucket and view (Evidence): the caller's
// figures in the row of the view that told them, the callee's in its own, and a row without figures for each view that was seen but not taken.
// Rows of a bucket depend on the stored points alone, not on the range they are computed with, nor on the order the points came in.
// Bounds: half a minute is read at a time (at 5,000 edges that both sides report, scraped every 15 s, some 2 s of CPU a bucket); 20,000 rows an insert.
import { HISTOGRAM_BUCKETS, histogramCount } from "../model/histogram.ts";
import type { Storage } from "./client.ts";
import { foldMeshEdges, type MeshEdge, type MeshView } from "./mesh-edges.ts";
import { EDGE_MEASURES, readMeshIncreases, readMeshReach } from "./mesh-metrics.ts";
import type { MeshSide } from "./mesh-sides.ts";

/** A row of edge_buckets (migrations 0003 and 0013); columns that metrics say nothing of are left to their defaults. */
export interface MeshLedgerRow {
  readonly Tenant: string;
  readonly Bucket: number;
  readonly SrcKind: "unknown" | "service";
  readonly SrcCluster: string;
  readonly SrcNamespace: string;
  readonly SrcService: string;
  readonly SrcVersion: string;
  readonly DstKind: "unknown" | "service" | "external";
  readonly DstCluster: string;
  readonly DstNamespace: string;
  readonly DstService: string;
  readonly DstVersion: string;
  readonly Protocol: string;
  readonly Source: "metrics";
  readonly Evidence: MeshView;
  readonly CallerCalls: number;
  readonly CallerFailed: number;
  readonly CallerDegraded: number;
  readonly CallerCancelled: number;
  readonly CallerNs: number;
  readonly CallerHist: readonly number[];
  readonly CalleeCalls: number;
  readonly CalleeFailed: number;
  readonly CalleeDegraded: number;
  readonly CalleeCancelled: number;
  readonly CalleeNs: number;
  readonly CalleeHist: readonly number[];
  readonly NeverArrived: number;
  readonly OriginFailed: number;
  readonly Flags: Readonly<Record<string, number>>;
  readonly Retries: number;
  readonly RequestBytes: number;
  readonly ResponseBytes: number;
  readonly SecuredCalls: number;
  readonly PlainCalls: number;
}

const STEP_SECONDS = 10;
const READ_SECONDS = 30;
const ROWS_PER_INSERT = 20_000;
const NS_PER_MS = 1e6;
// Multiples of it, modulo 1, fill the interval evenly from any start.
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** Stages the rows with Source = metrics of the buckets [from, to) (unix seconds, multiples of 10). */
export async function stageMeshLedger(
  storage: Storage,
  tenants: readonly string[],
  from: number,
  to: number,
): Promise<void> {
  for (const tenant of tenants)
    for (let at = from; at < to; at += READ_SECONDS) {
      const window = { from: at, to: Math.min(to, at + READ_SECONDS) };
      const reach = await readMeshReach(storage, tenant, window);
      if (reach === null) continue;
      const increases = await readMeshIncreases(storage, tenant, window, EDGE_MEASURES, reach);
      const rows = foldMeshEdges(increases).flatMap((edge) => meshLedgerRows(tenant, edge));
      for (let i = 0; i < rows.length; i += ROWS_PER_INSERT)
        await storage.insertRows("edge_buckets_staging", rows.slice(i, i + ROWS_PER_INSERT));
    }
}

/** The rows of one edge in one bucket; none where nothing happened. */
export function meshLedgerRows(tenant: string, edge: MeshEdge): MeshLedgerRow[] {
  const { caller, callee, callerView, calleeView } = edge;
  if (!hasFigures(caller) && !hasFigures(callee)) return [];
  const turn = ((edge.bucket / STEP_SECONDS) * GOLDEN_RATIO) % 1;
  const rows = new Map<MeshView, Writable>();
  for (const view of edge.views) rows.set(view, emptyRow(tenant, edge, view));
  const callerRow = callerView === null ? undefined : rows.get(callerView);
  if (caller !== null && callerRow !== undefined) {
    callerRow.CallerCalls = caller.calls;
    callerRow.CallerFailed = caller.failed;
    callerRow.CallerDegraded = caller.degraded;
    callerRow.CallerCancelled = caller.cancelled;
    callerRow.CallerNs = Math.round(caller.durationMs * NS_PER_MS);
    callerRow.CallerHist = wholeHistogram(caller, turn);
    callerRow.NeverArrived = edge.neverArrived;
    // Of other failures a caller's metrics do not say whether something failed below.
    callerRow.OriginFailed = Math.min(edge.neverArrived, caller.failed);
    callerRow.Retries = caller.retries;
  }
  const calleeRow = calleeView === null ? undefined : rows.get(calleeView);
  if (callee !== null && calleeRow !== undefined) {
    calleeRow.CalleeCalls = callee.calls;
    calleeRow.CalleeFailed = callee.failed;
    calleeRow.CalleeDegraded = callee.degraded;
    calleeRow.CalleeCancelled = callee.cancelled;
    calleeRow.CalleeNs = Math.round(callee.durationMs * NS_PER_MS);
    calleeRow.CalleeHist = wholeHistogram(callee, turn);
  }
  // Each of these is told once: flags by the caller, the rest by the callee where it knows.
  const flags = caller === null ? calleeRow : callerRow;
  if (flags !== undefined) flags.Flags = (caller ?? callee)?.flags ?? {};
  const security = callee !== null && callee.secured + callee.plain > 0 ? calleeRow : callerRow;
  const secure = security === calleeRow ? callee : caller;
  if (security !== undefined && secure !== null) {
    security.SecuredCalls = secure.secured;
    security.PlainCalls = secure.plain;
  }
  const bytes = callee !== null && callee.requestBytes + callee.responseBytes > 0 ? calleeRow : callerRow;
  const counted = bytes === calleeRow ? callee : caller;
  if (bytes !== undefined && counted !== null) {
    bytes.RequestBytes = Math.round(counted.requestBytes);
    bytes.ResponseBytes = Math.round(counted.responseBytes);
  }
  return [...rows.values()];
}

type Writable = { -readonly [Column in keyof MeshLedgerRow]: MeshLedgerRow[Column] };

function emptyRow(tenant: string, { bucket, src, dst, dstKind, protocol }: MeshEdge, view: MeshView): Writable {
  return {
    Tenant: tenant,
    Bucket: bucket,
    SrcKind: src.service === "" ? "unknown" : "service",
    SrcCluster: src.cluster,
    SrcNamespace: src.namespace,
    SrcService: src.service,
    SrcVersion: src.version,
    DstKind: dstKind,
    DstCluster: dst.cluster,
    DstNamespace: dst.namespace,
    DstService: dst.service,
    DstVersion: dst.version,
    Protocol: protocol,
    Source: "metrics",
    Evidence: view,
    CallerCalls: 0,
    CallerFailed: 0,
    CallerDegraded: 0,
    CallerCancelled: 0,
    CallerNs: 0,
    CallerHist: [],
    CalleeCalls: 0,
    CalleeFailed: 0,
    CalleeDegraded: 0,
    CalleeCancelled: 0,
    CalleeNs: 0,
    CalleeHist: [],
    NeverArrived: 0,
    OriginFailed: 0,
    Flags: {},
    Retries: 0,
    RequestBytes: 0,
    ResponseBytes: 0,
    SecuredCalls: 0,
    PlainCalls: 0,
  };
}

function hasFigures(side: MeshSide | null): boolean {
  if (side === null) return false;
  return side.calls + side.failed + side.timed + side.retries + side.requestBytes + side.responseBytes > 0;
}

/**
 * A histogram of whole observations, `timed` in all. `turn` (0..1) differs from bucket to bucket and spreads over time what rounding would else take from
 * the same buckets each time: a tail of 0.3 observations shows in three of ten.
 */
function wholeHistogram({ histogram, timed }: MeshSide, turn: number): number[] {
  const sum = histogramCount(histogram);
  if (sum <= 0 || timed <= 0) return [];
  const scale = timed / sum;
  const whole: number[] = [];
  let seen = 0;
  let given = 0;
  for (let i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += (histogram[i] ?? 0) * scale;
    // The last bucket must come to `timed` in spite of the error of adding fractions.
    const upTo = i === HISTOGRAM_BUCKETS - 1 ? timed : Math.min(timed, Math.floor(seen + turn + 1e-9));
    whole.push(upTo - given);
    given = upTo;
  }
  return whole;
}
