// The choice among sources for the analyzer: rows of one edge from spans, access logs and metrics become one (model/ledger.ts has the rule).
// In: rows by source as storage/queries/read_edge_*.sql give them. Out: one row an edge and bucket or window; of spans alone, the same rows.
// Bounds: pure; linear in the rows. At the level of versions the choice is made for the services, so that a source that knows no versions
// makes no second edge beside the fine ones. Callers that one source alone does not know are no callers where another knows them.
import { histogramCount } from "../model/histogram.ts";
import {
  type ChosenLedger,
  LEDGER_TOLERANCE,
  type LedgerRow,
  type LedgerSource,
  chooseLedger,
  NO_EXTRAS,
} from "../model/ledger.ts";
import type { EdgeBucketRow, EdgeWindowRow } from "./buckets.ts";

/** What the statements add to a row: who tells it, and the calls of each side that were degraded or cancelled. */
export interface ToldBy {
  readonly source: LedgerSource;
  readonly caller_other: number;
  readonly callee_other: number;
}

/** The two ends of an edge between services, by name. */
export type EndNames = Pick<
  EdgeBucketRow,
  | "src_kind"
  | "src_cluster"
  | "src_namespace"
  | "src_service"
  | "dst_kind"
  | "dst_cluster"
  | "dst_namespace"
  | "dst_service"
>;
type Told = EndNames &
  ToldBy &
  Pick<EdgeBucketRow, "caller_calls" | "caller_failed" | "caller_ns" | "callee_calls" | "callee_failed"> &
  Pick<EdgeBucketRow, "never_arrived" | "origin_failed">;

/** One row an edge and bucket; `source` is the basis of the callee's side, or of the caller's where the callee told nothing. */
export function chooseEdgeBuckets(rows: readonly (EdgeBucketRow & ToldBy)[]): (EdgeBucketRow & ToldBy)[] {
  if (rows.every((row) => row.source === "spans")) return [...rows];
  const known = withoutLostCallers(rows, (row) => String(row.bucket));
  return groups(known, (row) => `${row.bucket}\n${edgeKey(row)}`).map((group) => {
    const first = group[0]!;
    if (group.length === 1) return first;
    const chosen = chooseLedger(group.map((row) => ledgerRow(row, row.hist, {}, 0)));
    const basis = chosen.callerBasis ?? chosen.calleeBasis ?? first.source;
    const own = group.find((row) => row.source === basis && histogramCount(row.hist) > 0);
    return {
      ...first,
      ...countsOf(chosen),
      source: chosen.calleeBasis ?? basis,
      caller_ns: scaledTime(chosen),
      // Tails are counted among calls: the basis' own durations where it has any.
      hist: own?.hist ?? [...(chosen.caller.calls > 0 ? chosen.caller : chosen.callee).histogram],
    };
  });
}

/** One row an edge between versions and window, told by the sources that the whole edge rests on. */
export function chooseEdgeWindow(rows: readonly (EdgeWindowRow & ToldBy)[]): EdgeWindowRow[] {
  if (rows.every((row) => row.source === "spans")) return [...rows];
  const known = withoutLostCallers(rows, () => "");
  return groups(known, edgeKey).flatMap((edge) => {
    if (new Set(edge.map((row) => row.source)).size === 1) return edge;
    const chosen = chooseLedger(edge.map((row) => ledgerRow(row, row.caller_hist, row.flags, row.gap_ns)));
    const { callerBasis, calleeBasis } = chosen;
    // Flags and gaps that the basis does not tell of come from whoever does, the same one for both windows.
    const flagged = tellingSource(edge, callerBasis ?? calleeBasis, (row) => Object.keys(row.flags).length);
    const gapped = tellingSource(edge, callerBasis, (row) => row.gap_ns);
    const told = groups(edge, (row) => `${row.side}\n${row.src_version}\n${row.dst_version}`).map((group) => {
      const by = (source: LedgerSource | null) => group.find((row) => row.source === source);
      const [caller, callee, gap] = [by(callerBasis), by(calleeBasis), by(gapped)];
      const callerCalls = caller?.caller_calls ?? 0;
      return {
        ...group[0]!,
        caller_calls: callerCalls,
        caller_failed: caller?.caller_failed ?? 0,
        caller_cancelled: caller?.caller_cancelled ?? 0,
        caller_other: caller?.caller_other ?? 0,
        callee_other: callee?.callee_other ?? 0,
        caller_retries: caller?.caller_retries ?? 0,
        caller_ns: caller?.caller_ns ?? 0,
        caller_hist: caller?.caller_hist ?? [],
        never_arrived: caller?.never_arrived ?? 0,
        origin_failed: caller?.origin_failed ?? 0,
        callee_calls: callee?.callee_calls ?? 0,
        callee_failed: callee?.callee_failed ?? 0,
        callee_ns: callee?.callee_ns ?? 0,
        gap_ns: gap === undefined || gap.caller_calls === 0 ? 0 : (gap.gap_ns / gap.caller_calls) * callerCalls,
        flags: by(flagged)?.flags ?? {},
      };
    });
    return told.filter((row) => row.caller_calls + row.callee_calls > 0);
  });
}

/**
 * The rows without callers that nobody knows, where a source that saw as much of the callee knows more of its callers: a source that
 * does not name callers (an inbound access log) would make a second, false edge beside the true ones.
 */
function withoutLostCallers<Row extends Told>(rows: readonly Row[], when: (row: Row) => string): Row[] {
  const calleeKey = (row: Row): string => [when(row), row.dst_cluster, row.dst_namespace, row.dst_service].join("\n");
  const totals = new Map<string, Map<LedgerSource, { all: number; lost: number }>>();
  for (const row of rows) {
    if (row.dst_kind !== "service") continue;
    const ofCallee = totals.get(calleeKey(row)) ?? new Map<LedgerSource, { all: number; lost: number }>();
    totals.set(calleeKey(row), ofCallee);
    const total = ofCallee.get(row.source) ?? { all: 0, lost: 0 };
    const calls = row.callee_calls > 0 ? row.callee_calls : row.caller_calls;
    ofCallee.set(row.source, { all: total.all + calls, lost: total.lost + (isLost(row) ? calls : 0) });
  }
  return rows.filter((row) => {
    if (!isLost(row) || row.dst_kind !== "service") return true;
    const ofCallee = totals.get(calleeKey(row));
    const own = ofCallee?.get(row.source);
    if (ofCallee === undefined || own === undefined) return true;
    return [...ofCallee.values()].every(
      (other) => other.lost >= own.lost || other.all < (1 - LEDGER_TOLERANCE) * own.all,
    );
  });
}

function isLost(row: Told): boolean {
  return row.src_kind === "unknown";
}

function edgeKey(row: EndNames): string {
  return [
    row.src_kind,
    row.src_cluster,
    row.src_namespace,
    row.src_service,
    row.dst_kind,
    row.dst_cluster,
    row.dst_namespace,
    row.dst_service,
  ].join("\n");
}

function groups<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Row[][] {
  const byKey = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, [row]);
    else known.push(row);
  }
  return [...byKey.values()];
}

/** A row as the rule takes it; one histogram a row, the caller's where it saw any call. */
function ledgerRow(
  row: Told,
  hist: readonly number[],
  flags: Readonly<Record<string, number>>,
  gapNs: number,
): LedgerRow {
  const isCallers = row.caller_calls > 0;
  return {
    ...NO_EXTRAS,
    source: row.source,
    caller: {
      calls: row.caller_calls,
      failed: row.caller_failed,
      degraded: row.caller_other,
      cancelled: 0,
      ns: row.caller_ns,
      histogram: isCallers ? hist : [],
    },
    callee: {
      calls: row.callee_calls,
      failed: row.callee_failed,
      degraded: row.callee_other,
      cancelled: 0,
      ns: 0,
      histogram: isCallers ? [] : hist,
    },
    neverArrived: row.never_arrived,
    originFailed: row.origin_failed,
    gapNs,
    flags,
  };
}

function countsOf(chosen: ChosenLedger) {
  return {
    caller_calls: chosen.caller.calls,
    caller_failed: chosen.caller.failed,
    caller_other: chosen.caller.degraded,
    callee_calls: chosen.callee.calls,
    callee_failed: chosen.callee.failed,
    callee_other: chosen.callee.degraded,
    never_arrived: chosen.neverArrived,
    origin_failed: chosen.originFailed,
  };
}

/** The time of all calls of the caller, also where another source measured fewer of them; nanoseconds. */
function scaledTime({ caller }: ChosenLedger): number {
  const timed = histogramCount(caller.histogram);
  return timed === 0 || timed === caller.calls ? caller.ns : (caller.ns / timed) * caller.calls;
}

function tellingSource<Row extends Told>(
  rows: readonly Row[],
  basis: LedgerSource | null,
  amount: (row: Row) => number,
): LedgerSource | null {
  const telling = rows.filter((row) => amount(row) > 0);
  if (telling.some((row) => row.source === basis)) return basis;
  const most = Math.max(...telling.map(amount));
  return telling.find((row) => amount(row) === most)?.source ?? basis;
}
