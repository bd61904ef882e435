// Rows of the graph brought together by edge: every source's account of it, and the one ledger that is believed.
// In: rows of storage/graph-reads.ts, one an edge and source. Out: edges with their sources side by side and chosen by model/ledger.ts.
// Rule at VERSION and INSTANCE: a source that does not know versions or instances makes no coarse edge beside the fine ones. The fine
// ones are raised to what the sources saw together between the two services: versions keep the shares that the fine source gives them.
// Bounds: linear in the rows.
import { chooseLedger, type ChosenLedger, LEDGER_TOLERANCE, type LedgerRow, type LedgerSide } from "../model/ledger.ts";
import type { GraphDetail, GraphEdgeRow, GraphSource } from "../storage/graph-reads.ts";
import { CLIENTS, type Place, type Places } from "./graph-places.ts";
import { groupBy } from "../model/group-by.ts";

/** One source's account of an edge, with the evidence that it gives. */
export interface EdgeAccount extends LedgerRow {
  readonly words: readonly string[];
  /** Calls of unknown callers whose span names a parent that never came; they are among the callee's calls. */
  readonly orphans: number;
}

/** An edge with all that was told of it. `ledger` is the chosen account. */
export interface EdgeSums {
  readonly source: Place;
  readonly target: Place;
  readonly protocol: string;
  readonly accounts: readonly EdgeAccount[];
  readonly ledger: ChosenLedger;
}

/** Calls of an edge: those that arrived, or those that left where more of them are known. */
export function edgeCalls(ledger: ChosenLedger): number {
  return Math.max(ledger.caller.calls, ledger.callee.calls);
}

function accountOf(row: GraphEdgeRow): EdgeAccount {
  return {
    source: row.Source,
    words: row.EvidenceWords,
    orphans: row.OrphanRequests,
    caller: {
      calls: row.CallerRequests,
      failed: row.CallerFailures,
      degraded: row.CallerDegradations,
      cancelled: row.CallerCancelled,
      ns: row.CallerNs,
      histogram: row.CallerHistogram,
    },
    callee: {
      calls: row.CalleeRequests,
      failed: row.CalleeFailures,
      degraded: row.CalleeDegradations,
      cancelled: row.CalleeCancelled,
      ns: row.CalleeNs,
      histogram: row.CalleeHistogram,
    },
    neverArrived: row.NeverArrived,
    originFailed: row.OriginFailed,
    gapNs: row.GapNs,
    proxyNs: row.ProxyNs,
    retries: row.Retries,
    requestBytes: row.RequestBytes,
    responseBytes: row.ResponseBytes,
    securedCalls: row.SecuredCalls,
    plainCalls: row.PlainCalls,
    flags: row.Flags,
  };
}

interface Draft {
  readonly source: Place;
  readonly target: Place;
  readonly protocol: string;
  readonly accounts: EdgeAccount[];
}

function draftEdges(rows: readonly GraphEdgeRow[], places: Places): Draft[] {
  const byEnds = new Map<Place, Map<Place, Draft[]>>();
  const drafts: Draft[] = [];
  for (const row of rows) {
    const source = places.caller(row);
    const target = places.callee(row);
    const protocol = row.EdgeProtocol;
    let callees = byEnds.get(source);
    if (callees === undefined) byEnds.set(source, (callees = new Map<Place, Draft[]>()));
    const between = callees.get(target);
    const known = between?.find((draft) => draft.protocol === protocol);
    if (known !== undefined) {
      known.accounts.push(accountOf(row));
      continue;
    }
    const draft = { source, target, protocol, accounts: [accountOf(row)] };
    drafts.push(draft);
    if (between === undefined) callees.set(target, [draft]);
    else between.push(draft);
  }
  return drafts;
}

function serviceOf({ entity }: Place): string {
  const { kind, cluster, namespace, service } = entity;
  const isVirtual = kind !== "SERVICE" && kind !== "VERSION" && kind !== "INSTANCE";
  return `${isVirtual ? kind : ""}\0${cluster}\0${namespace}\0${service}`;
}

/** The same for all versions and instances of two places. */
function servicesOf({ source, target, protocol }: Draft): string {
  return `${serviceOf(source)}>${serviceOf(target)}#${protocol}`;
}

const KNOWN_PARTS = ["version", "instance"] as const;

/** Whether `fine` says all that `coarse` says of where it is, and more. */
function refines(fine: Place, coarse: Place): boolean {
  return KNOWN_PARTS.every((part) => coarse.entity[part] === "" || coarse.entity[part] === fine.entity[part]);
}

/** The sources of a draft whose calls finer drafts of the same two services hold already, as another source tells them. */
function toldFiner(draft: Draft, group: readonly Draft[]): Set<GraphSource> {
  const finer = group.filter(
    (other) => other !== draft && refines(other.source, draft.source) && refines(other.target, draft.target),
  );
  return new Set(
    draft.accounts
      .map((account) => account.source)
      .filter(
        (source) =>
          // Where a source tells of both, the coarse rest is calls that the fine ones do not hold.
          finer.length > 0 && !finer.some((other) => other.accounts.some((account) => account.source === source)),
      ),
  );
}

function scaleSide(side: LedgerSide, factor: number): LedgerSide {
  return {
    ...side,
    calls: side.calls * factor,
    failed: side.failed * factor,
    degraded: side.degraded * factor,
    cancelled: side.cancelled * factor,
  };
}

type SideName = "caller" | "callee";

function sumCalls(edges: readonly EdgeSums[], side: SideName): number {
  return edges.reduce((sum, edge) => sum + edge.ledger[side].calls, 0);
}

// Raises the fine edges of a pair of services to what the sources saw of the pair as a whole.
function adjust(edges: readonly EdgeSums[], whole: ChosenLedger): EdgeSums[] {
  const factorOf = (side: SideName): number => {
    const seen = sumCalls(edges, side);
    return seen > 0 && whole[side].calls > (1 + LEDGER_TOLERANCE) * seen ? whole[side].calls / seen : 1;
  };
  const [caller, callee] = [factorOf("caller"), factorOf("callee")];
  if (caller === 1 && callee === 1) return [...edges];
  return edges.map((edge) => ({
    ...edge,
    ledger: {
      ...edge.ledger,
      caller: scaleSide(edge.ledger.caller, caller),
      callee: scaleSide(edge.ledger.callee, callee),
      callerBasis: caller === 1 ? edge.ledger.callerBasis : whole.callerBasis,
      calleeBasis: callee === 1 ? edge.ledger.calleeBasis : whole.calleeBasis,
      samplingRatio: whole.samplingRatio,
    },
  }));
}

/**
 * The accounts that may be believed of an edge. Spans whose parents never came look like calls of unknown callers: they count none
 * where another source counts what unknown callers sent.
 */
function countingAccounts({ source }: Draft, accounts: readonly EdgeAccount[]): readonly EdgeAccount[] {
  if (accounts.length === 1 || source.entity !== CLIENTS) return accounts;
  const isCounted = accounts.some((account) => account.source !== "spans" && account.callee.calls > 0);
  if (!isCounted) return accounts;
  return accounts
    .filter(({ orphans, callee }) => orphans === 0 || orphans < callee.calls)
    .map((account) => {
      const { orphans, callee } = account;
      if (orphans === 0) return account;
      const calls = callee.calls - orphans;
      // Which of them failed is not told apart, so the rest keeps the share.
      return { ...account, callee: { ...scaleSide(callee, calls / callee.calls), calls } };
    });
}

function finish(draft: Draft, accounts: readonly EdgeAccount[]): EdgeSums {
  const { source, target, protocol } = draft;
  return { source, target, protocol, accounts, ledger: chooseLedger(countingAccounts(draft, accounts)) };
}

function refinePair(group: readonly Draft[]): EdgeSums[] {
  if (group.length === 1) return group.map((draft) => finish(draft, draft.accounts));
  const edges: EdgeSums[] = [];
  let isAnyCoarse = false;
  for (const draft of group) {
    const told = toldFiner(draft, group);
    if (told.size > 0) isAnyCoarse = true;
    const own = draft.accounts.filter((account) => !told.has(account.source));
    if (own.length > 0) edges.push(finish(draft, own));
  }
  return isAnyCoarse ? adjust(edges, chooseLedger(group.flatMap((draft) => draft.accounts))) : edges;
}

/** Brings rows together by edge, in the order in which edges were first met. */
export function sumEdges(rows: readonly GraphEdgeRow[], detail: GraphDetail, places: Places): EdgeSums[] {
  const drafts = draftEdges(rows, places);
  if (detail !== "VERSION" && detail !== "INSTANCE") return drafts.map((draft) => finish(draft, draft.accounts));
  return [...groupBy(drafts, servicesOf).values()].flatMap(refinePair);
}
