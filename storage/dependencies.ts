// Who calls whom on Jaeger's rule, of any window: whole blocks of ten minutes are summed up once and kept, the rest is computed from spans.
// In: a tenant, a window in unix ms, a budget of time. Out: callers, callees and calls; or how many blocks are still to be summed up.
// Basis: raw spans (storage/queries/dependency_pairs.sql). A trace counts where it begins, if it has ended by the window's end; its spans are
// looked for within MARGIN_SECONDS of the block it begins in, so of a longer trace some calls may be missing.
// Bounds: a window of MAX_WINDOW_DAYS, at most MAX_PAIRS busiest pairs a block; one block or rest a statement, each with limits of its own.
import type { Storage } from "./client.ts";

/** A caller, a callee and how often, by service.name as it was sent. */
export interface DependencyLink {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
}

/** Which traces: those that begin at or after `fromMs` and have ended by `toMs` (unix ms, both inclusive). */
export interface DependencyRequest {
  readonly tenant: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** How long blocks may be summed up before the rest is left for the next request. */
  readonly budgetMs: number;
  /** Unix ms. */
  readonly now: () => number;
}

/** The links by name, or how many blocks of the window are not summed up yet: asking again goes on. */
export type DependencyAnswer =
  | { readonly ok: true; readonly links: readonly DependencyLink[] }
  | { readonly ok: false; readonly missing: number; readonly blocks: number };

/** The longest window that is answered. */
export const MAX_WINDOW_DAYS = 31;
/** Length of what is summed up as one. */
export const BLOCK_SECONDS = 600;
/** How far around a block the spans of its traces are looked for. */
export const MARGIN_SECONDS = 300;

const MAX_PAIRS = 20_000;
const LIMITS = { max_execution_time: 20, max_memory_usage: 2 * 1024 ** 3 } as const;

interface PairRow {
  readonly parent: string;
  readonly child: string;
  readonly calls: number;
}

interface BlockRow {
  readonly block: number;
  readonly known: number;
  readonly arrivedThen: number;
  readonly arrivedNow: number;
  readonly parents: readonly string[];
  readonly children: readonly string[];
  readonly calls: readonly number[];
}

/** Reads the dependencies of a window; a long one may need more than one request the first time. */
export async function readDependencies(storage: Storage, request: DependencyRequest): Promise<DependencyAnswer> {
  const { fromMs, toMs, now } = request;
  const deadlineMs = now() + request.budgetMs;
  const oldestMs = (await storage.query<{ ms: number }>("oldest_span", {}, LIMITS))[0]?.ms ?? 0;
  const blockMs = BLOCK_SECONDS * 1000;
  const first = Math.ceil(fromMs / blockMs) * blockMs;
  // The traces of a block have ended a margin later.
  const last = Math.floor((toMs - MARGIN_SECONDS * 1000) / blockMs) * blockMs;
  const totals = new Map<string, DependencyLink>();
  if (last <= first) {
    addPairs(totals, await readPairs(storage, request, fromMs, toMs + 1));
    return { ok: true, links: inOrder(totals) };
  }
  const blocks = await readBlocks(storage, request.tenant, first, last);
  // What no span is left of can only be known from before.
  const isGone = (row: BlockRow): boolean => (row.block + BLOCK_SECONDS) * 1000 <= oldestMs;
  const isFit = (row: BlockRow): boolean => isGone(row) || (row.known === 1 && row.arrivedThen >= row.arrivedNow);
  let missing = blocks.filter((row) => !isFit(row)).length;
  for (const row of blocks) {
    if (isFit(row)) addPairs(totals, keptPairs(row));
    else if (now() >= deadlineMs) return { ok: false, missing, blocks: blocks.length };
    else {
      const pairs = await readPairs(storage, request, row.block * 1000, row.block * 1000 + blockMs);
      await keepBlock(storage, request, row, pairs);
      addPairs(totals, pairs);
      missing--;
    }
  }
  if (fromMs < first) addPairs(totals, await readPairs(storage, request, fromMs, first));
  addPairs(totals, await readPairs(storage, request, last, toMs + 1));
  return { ok: true, links: inOrder(totals) };
}

function readBlocks(storage: Storage, tenant: string, firstMs: number, lastMs: number): Promise<BlockRow[]> {
  const range = { from: firstMs / 1000, to: lastMs / 1000 };
  return storage.query<BlockRow>("dependency_blocks", { tenant, ...range, margin_s: MARGIN_SECONDS }, LIMITS);
}

function keptPairs({ parents, children, calls }: BlockRow): PairRow[] {
  return calls.map((count, i) => ({ parent: parents[i] ?? "", child: children[i] ?? "", calls: count }));
}

/** Pairs of the traces that begin in [fromMs, toMs) and have ended by the window's end. */
function readPairs(storage: Storage, request: DependencyRequest, fromMs: number, toMs: number): Promise<PairRow[]> {
  const params = {
    tenant: request.tenant,
    from_ms: fromMs,
    to_ms: toMs,
    until_ms: request.toMs,
    margin_ms: MARGIN_SECONDS * 1000,
    limit: MAX_PAIRS,
  };
  return storage.query<PairRow>("dependency_pairs", params, LIMITS);
}

async function keepBlock(
  storage: Storage,
  { tenant, now }: DependencyRequest,
  row: BlockRow,
  pairs: readonly PairRow[],
): Promise<void> {
  await storage.insertRows("dependency_blocks", [
    {
      Tenant: tenant,
      Block: row.block,
      Arrived: row.arrivedNow,
      Parents: pairs.map((pair) => pair.parent),
      Children: pairs.map((pair) => pair.child),
      Calls: pairs.map((pair) => pair.calls),
      Revision: now(),
    },
  ]);
}

function addPairs(totals: Map<string, DependencyLink>, pairs: readonly PairRow[]): void {
  for (const { parent, child, calls } of pairs) {
    const key = JSON.stringify([parent, child]);
    totals.set(key, { parent, child, callCount: (totals.get(key)?.callCount ?? 0) + calls });
  }
}

function inOrder(totals: ReadonlyMap<string, DependencyLink>): DependencyLink[] {
  return [...totals.values()].sort((a, b) => compare(a.parent, b.parent) || compare(a.child, b.child));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
