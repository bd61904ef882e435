// What a stretch of time adds to the counters: edges and spans as rows of series.
// In: edges by source and spans (storage/series.ts), the series known so far. Out: rows to add, one a series.
// Basis of an edge: the ledger that model/ledger.ts believes, each side counted for itself.
// Bounds: at most `maxSeries` series a family; what is new past that adds to one series named __overflow__.
import { chooseLedger, type LedgerRow, type LedgerSide, NO_EXTRAS } from "../../model/ledger.ts";
import { spreadOverBounds } from "../../model/series-bounds.ts";
import type { SeriesEdgeRow, SeriesFamily, SeriesRow, SeriesSpanRow } from "../../storage/series.ts";

/** Name of the series that takes what is past the limit. */
export const OVERFLOW_NAME = "__overflow__";

/** Who an edge from nobody known comes from, as the connectors name it. */
const USER = "user";
const NAMELESS = "unknown";

/** The rows that edges add, in their order. */
export function edgeIncrements(rows: readonly SeriesEdgeRow[]): SeriesRow[] {
  const bySeries = new Map<string, { readonly names: readonly string[]; readonly rows: SeriesEdgeRow[] }>();
  for (const row of rows) {
    const names = edgeNames(row);
    const key = keyOf(names);
    const known = bySeries.get(key);
    if (known === undefined) bySeries.set(key, { names, rows: [row] });
    else known.rows.push(row);
  }
  return [...bySeries.values()].map((series) => edgeRow(series.names, series.rows));
}

function edgeNames(row: SeriesEdgeRow): string[] {
  const isFromVirtual = row.fromKind === "unknown" || row.fromKind === "external";
  const isToVirtual =
    row.toKind === "unknown" || row.toKind === "external" || (row.toKind === "service" && row.targetSeen === 0);
  const type =
    row.fromKind === "messaging" || row.toKind === "messaging"
      ? "messaging_system"
      : row.toKind === "database"
        ? "database"
        : isFromVirtual || isToVirtual
          ? "virtual_node"
          : "";
  return [
    row.fromKind === "unknown" && row.fromService === "" ? USER : row.fromService || NAMELESS,
    row.toService || NAMELESS,
    type,
    isFromVirtual ? "client" : isToVirtual ? "server" : "",
    row.fromCluster,
    row.fromNamespace,
    row.toCluster,
    row.toNamespace,
  ];
}

function edgeRow(names: readonly string[], rows: readonly SeriesEdgeRow[]): SeriesRow {
  const { caller, callee } = chooseLedger(rows.map(ledgerRow));
  // A database tells nothing itself: its side is what the caller saw, as the connectors have it.
  const server = rows.some((row) => row.toKind === "database") ? caller : callee;
  return {
    family: "edge",
    names,
    counts: {
      clientOk: caller.calls - caller.failed,
      clientFailed: caller.failed,
      clientNs: caller.ns,
      serverOk: callee.calls - callee.failed,
      serverFailed: callee.failed,
      serverNs: server.ns,
    },
    serverBuckets: bucketsOf(server),
    clientBuckets: bucketsOf(caller),
  };
}

function ledgerRow(row: SeriesEdgeRow): LedgerRow {
  return {
    ...NO_EXTRAS,
    source: row.source,
    caller: {
      calls: row.callerCalls,
      failed: row.callerFailed,
      degraded: row.callerDegraded,
      cancelled: row.callerCancelled,
      ns: row.callerNs,
      histogram: row.callerHist,
    },
    callee: {
      calls: row.calleeCalls,
      failed: row.calleeFailed,
      degraded: row.calleeDegraded,
      cancelled: row.calleeCancelled,
      ns: row.calleeNs,
      histogram: row.calleeHist,
    },
  };
}

function bucketsOf(side: LedgerSide): Record<string, number> {
  return Object.fromEntries([...spreadOverBounds(side.histogram).entries()].filter(([, count]) => count > 0));
}

/** The rows that spans add, in their order. */
export function spanIncrements(rows: readonly SeriesSpanRow[]): SeriesRow[] {
  return rows.map((row) => ({
    family: "span",
    names: [
      row.service,
      row.operation,
      `SPAN_KIND_${row.kind.toUpperCase()}`,
      row.failed === 1 ? "STATUS_CODE_ERROR" : "STATUS_CODE_UNSET",
      row.cluster,
      row.namespace,
    ],
    counts: { calls: row.calls, ns: row.ns },
    serverBuckets: row.buckets,
    clientBuckets: {},
  }));
}

/** Puts what is new past `maxSeries` of a family into its overflow series; also says how many rows that were. */
export function foldOverflow(
  known: readonly SeriesRow[],
  added: readonly SeriesRow[],
  maxSeries: number,
): { readonly rows: SeriesRow[]; readonly folded: number } {
  const names: Record<SeriesFamily, Set<string>> = { edge: new Set(), span: new Set() };
  for (const row of known) if (!isOverflow(row)) names[row.family].add(keyOf(row.names));
  const rows = new Map<string, SeriesRow>();
  let folded = 0;
  for (const row of added) {
    const own = names[row.family];
    const key = keyOf(row.names);
    const isKept = own.has(key) || own.size < maxSeries;
    if (isKept) own.add(key);
    else folded++;
    const target = isKept ? row : { ...row, names: row.names.map((_, i) => (i < 2 ? OVERFLOW_NAME : "")) };
    const at = `${row.family} ${keyOf(target.names)}`;
    const before = rows.get(at);
    rows.set(at, before === undefined ? target : addRows(before, target));
  }
  return { rows: [...rows.values()], folded };
}

/** Whether a row is of a family's overflow series. */
export function isOverflow(row: SeriesRow): boolean {
  return row.names[0] === OVERFLOW_NAME && row.names[1] === OVERFLOW_NAME;
}

function addRows(a: SeriesRow, b: SeriesRow): SeriesRow {
  return {
    ...a,
    counts: addCounts(a.counts, b.counts),
    serverBuckets: addCounts(a.serverBuckets, b.serverBuckets),
    clientBuckets: addCounts(a.clientBuckets, b.clientBuckets),
  };
}

function addCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sum: Record<string, number> = { ...a };
  for (const [key, count] of Object.entries(b)) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}

function keyOf(names: readonly string[]): string {
  return JSON.stringify(names);
}
