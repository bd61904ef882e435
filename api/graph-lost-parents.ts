// Edges from nowhere that are no edges: a span whose parent was lost looks like a call of somebody unknown.
// In: the edges of a graph. Out: the edges without those that lost spans explain.
// Rules, for an edge from unknown callers to a place:
//   1. Another source (access logs, metrics) tells of as many calls of known callers as spans tell of entries there at all: the callers
//      are known, and spans alone do not add one.
//   2. Its spans name parents that never came ("inferred"), and they are no more of the place's entries than spans are lost: the share
//      of entries elsewhere whose parent is missing, or of calls whose callee's span is; by a binomial bound, at least FEW. Both are the
//      share that half of all calls stay at or below, so that one place that only unknown callers call, or that is down, moves neither.
//      A place with no span of any known caller is called by unknown ones, unless it is likely that all of those spans were lost.
// True roots (their spans name no parent) go by the first rule alone, and only where the other source itself watches the place's entries.
// Bounds: linear in the edges, and places times places that are called from nowhere.
import { CLIENTS, type Place } from "./graph-places.ts";
import { type EdgeAccount, type EdgeSums, edgeCalls } from "./graph-sums.ts";

// Below this share of a place's entries, unknown callers are lost parents whatever the rest of the mesh looks like.
const FEW = 0.1;
// Loss is not the same everywhere: services differ in load, exporters in health.
const UNEVEN = 1.25;
const SIGMAS = 3;
const UNLIKELY = 0.01;
// Where nearly all are missing, it is for want of telemetry rather than for loss.
const LOSS_MAX = 0.8;
// Another source that tells of this share of a place's entries knows its callers.
const KNOWN_CALLERS_RATIO = 0.95;

/** What is told of one place's entries, in calls. */
interface Entries {
  /** By spans that named a parent which never came. */
  orphans: number;
  /** By spans whose parent is known. */
  paired: number;
  /** By spans that named no parent; beside them, orphans of the same edge cannot be told apart. */
  roots: number;
  /** Of known callers, as their own spans tell, arrived or not. */
  named: number;
  /** Of known callers, by sources other than spans. */
  told: number;
  /** Of unknown callers, by sources other than spans. */
  toldUnknown: number;
  /** Another source counts what arrives there, of whatever caller. */
  isWatched: boolean;
}

/** Calls of which some lack their other half. */
interface Loss {
  readonly of: Place;
  readonly calls: number;
  readonly missing: number;
}

function isFromNowhere(edge: EdgeSums): boolean {
  return edge.source.entity === CLIENTS;
}

function isInferred({ words }: EdgeAccount): boolean {
  return words.every((word) => word === "inferred");
}

function addEntries(entries: Entries, edge: EdgeSums): void {
  const fromNowhere = isFromNowhere(edge);
  let told = 0;
  for (const account of edge.accounts) {
    const { calls } = account.callee;
    if (account.source !== "spans") {
      if (calls > 0) entries.isWatched = true;
      if (fromNowhere) entries.toldUnknown += calls;
      // Two other sources tell of the same calls.
      else told = Math.max(told, account.caller.calls, calls);
    } else if (!fromNowhere) {
      entries.paired += calls;
      entries.named += account.caller.calls;
    } else if (isInferred(account)) entries.orphans += calls;
    else entries.roots += calls;
  }
  entries.told += told;
}

function entriesByPlace(edges: readonly EdgeSums[], answeredBy: (place: Place) => number): Map<Place, Entries> {
  const byPlace = new Map<Place, Entries>();
  for (const edge of edges) {
    let entries = byPlace.get(edge.target);
    if (entries === undefined) {
      entries = { orphans: 0, paired: 0, roots: 0, named: 0, told: 0, toldUnknown: 0, isWatched: false };
      byPlace.set(edge.target, entries);
    }
    addEntries(entries, edge);
  }
  // The place itself counted all its entries, those too whose edges were cut off.
  for (const [place, entries] of byPlace) {
    entries.paired = Math.max(entries.paired, answeredBy(place) - entries.orphans - entries.roots);
  }
  return byPlace;
}

/** Calls by caller whose callee's span never came, at callees that have spans. */
function missingCallees(edges: readonly EdgeSums[], entriesOf: ReadonlyMap<Place, Entries>): Loss[] {
  return edges.flatMap((edge) => {
    const entries = entriesOf.get(edge.target);
    if (entries === undefined || entries.orphans + entries.paired + entries.roots === 0) return [];
    return edge.accounts
      .filter((account) => account.source === "spans" && account.caller.calls > 0)
      .map((account) => ({ of: edge.source, calls: account.caller.calls, missing: account.neverArrived }));
  });
}

/** Share of missing halves that half of all calls of other places stay at or below (0..1). */
function usualShare(losses: readonly Loss[], except: Place): number {
  const others = losses
    .filter(({ of, calls, missing }) => of !== except && calls > 0 && missing <= LOSS_MAX * calls)
    .toSorted((a, b) => a.missing / a.calls - b.missing / b.calls);
  const half = others.reduce((sum, { calls }) => sum + calls, 0) / 2;
  let seen = 0;
  for (const { calls, missing } of others) {
    seen += calls;
    if (seen >= half) return missing / calls;
  }
  return 0;
}

function isExplainedByLoss({ orphans, paired, named }: Entries, loss: number): boolean {
  // No span of any caller: all of them were lost, those of calls too whose callee's span was.
  if (paired === 0 && named === 0) return loss ** (orphans / (1 - loss)) > UNLIKELY;
  const all = orphans + paired;
  const spread = SIGMAS * Math.sqrt((loss * (1 - loss)) / all);
  return orphans / all < Math.max(FEW, loss * UNEVEN + spread);
}

function areCallersTold({ orphans, paired, roots, told }: Entries): boolean {
  return told >= KNOWN_CALLERS_RATIO * (orphans + paired + roots);
}

/** The edges of a graph without those from unknown callers that only lost spans made; `answeredBy` is what a place's own spans count. */
export function withoutLostParents(edges: readonly EdgeSums[], answeredBy: (place: Place) => number): EdgeSums[] {
  const isSuspect = (edge: EdgeSums): boolean =>
    isFromNowhere(edge) && edge.accounts.every((account) => account.source === "spans") && edgeCalls(edge.ledger) > 0;
  if (!edges.some(isSuspect)) return [...edges];
  const entriesOf = entriesByPlace(edges, answeredBy);
  const parents = [...entriesOf].map(([of, { orphans, paired }]): Loss => ({
    of,
    calls: orphans + paired,
    missing: orphans,
  }));
  const callees = missingCallees(edges, entriesOf);
  return edges.filter((edge) => {
    const entries = entriesOf.get(edge.target);
    if (entries === undefined || !isSuspect(edge)) return true;
    if (!edge.accounts.every(isInferred)) {
      return !(areCallersTold(entries) && entries.isWatched && entries.toldUnknown === 0);
    }
    const loss = Math.max(usualShare(parents, edge.target), usualShare(callees, edge.target));
    return !areCallersTold(entries) && !isExplainedByLoss(entries, loss);
  });
}
