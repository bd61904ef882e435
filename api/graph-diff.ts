// What differs between two windows of the graph: places and edges that came, went or changed, with both figures.
// In: the nodes and edges of both windows. Out: one entry a node and edge of either.
// Rule: a place or edge is there where it had calls. It is CHANGED when one of its figures changed by more than chance (significance.ts, one
// in a hundred of all that is called a change may be chance) and by enough to matter (the floors below).
// Bounds: linear in nodes and edges.
import { quantileMs } from "../model/histogram.ts";
import type { GraphEdge } from "./graph-edges.ts";
import { ratio } from "./graph-measures.ts";
import type { GraphNode } from "./graph-nodes.ts";
import { falseDiscoveryLimit, quantileP, rateP, shareP } from "./significance.ts";

/** What became of a place or edge from window a to window b. */
export const GRAPH_CHANGES = ["ADDED", "REMOVED", "CHANGED", "SAME"] as const;
export type GraphChange = (typeof GRAPH_CHANGES)[number];

/** One figure in both windows; null where it was not measured. `ratio` is b over a. */
export interface FigureChange {
  readonly a: number | null;
  readonly b: number | null;
  readonly difference: number | null;
  readonly ratio: number | null;
  /** Probability of a difference like this, or greater, by chance; null where one side has no figure. */
  readonly pValue: number | null;
  readonly isSignificant: boolean;
}

/** A node or edge in both windows; null where that window has none. */
export interface ItemChange<Item> {
  readonly a: Item | null;
  readonly b: Item | null;
  readonly change: GraphChange;
  /** For ADDED and REMOVED: whether its absence is more than chance. For CHANGED always true. */
  readonly isSignificant: boolean;
  readonly requestsPerSecond: FigureChange;
  readonly errorRatio: FigureChange;
  readonly latencyP50Ms: FigureChange;
  readonly latencyP99Ms: FigureChange;
}

const FALSE_DISCOVERY_RATE = 0.01;
// Less is not worth a word: a fifth of the traffic, one call in a hundred, twice the error of the histogram's buckets.
const RATE_FLOOR = 0.2;
const ERROR_RATIO_FLOOR = 0.01;
const LATENCY_FLOOR = 0.15;

/** What both nodes and edges are compared by. */
interface Figures {
  readonly calls: number;
  readonly seconds: number;
  readonly requests: number;
  readonly failures: number;
  readonly histogram: readonly number[];
}

const NO_FIGURES: Figures = { calls: 0, seconds: 0, requests: 0, failures: 0, histogram: [] };

interface Test {
  readonly a: number | null;
  readonly b: number | null;
  readonly pValue: number | null;
  readonly isEnough: boolean;
}

interface Tested<Item> {
  readonly a: Item | null;
  readonly b: Item | null;
  readonly isInA: boolean;
  readonly isInB: boolean;
  readonly rate: Test;
  readonly errors: Test;
  readonly p50: Test;
  readonly p99: Test;
}

function test(a: number | null, b: number | null, pValue: number, isEnough: (a: number, b: number) => boolean): Test {
  const isBoth = a !== null && b !== null;
  return { a, b, pValue: isBoth ? pValue : null, isEnough: isBoth && isEnough(a, b) };
}

function differsBy(floor: number): (a: number, b: number) => boolean {
  return (a, b) => Math.abs(b - a) >= floor * Math.max(a, b);
}

function testQuantile(a: Figures, b: Figures, q: number): Test {
  const [before, after] = [quantileMs(a.histogram, q), quantileMs(b.histogram, q)];
  return test(before, after, quantileP(a.histogram, b.histogram, q), differsBy(LATENCY_FLOOR));
}

function testItem<Item>(
  a: Item | null,
  b: Item | null,
  figuresOf: (item: Item) => Figures,
  seconds: readonly [number, number],
): Tested<Item> {
  const before = a === null ? { ...NO_FIGURES, seconds: seconds[0] } : figuresOf(a);
  const after = b === null ? { ...NO_FIGURES, seconds: seconds[1] } : figuresOf(b);
  return {
    a,
    b,
    isInA: before.calls > 0,
    isInB: after.calls > 0,
    rate: test(
      ratio(before.calls, before.seconds),
      ratio(after.calls, after.seconds),
      rateP(before.calls, before.seconds, after.calls, after.seconds),
      differsBy(RATE_FLOOR),
    ),
    errors: test(
      ratio(before.failures, before.requests),
      ratio(after.failures, after.requests),
      shareP(before.failures, before.requests, after.failures, after.requests),
      (x, y) => Math.abs(y - x) >= ERROR_RATIO_FLOOR,
    ),
    p50: testQuantile(before, after, 0.5),
    p99: testQuantile(before, after, 0.99),
  };
}

function figureChange({ a, b, pValue, isEnough }: Test, limit: number): FigureChange {
  return {
    a,
    b,
    difference: a === null || b === null ? null : b - a,
    ratio: a === null || b === null ? null : ratio(b, a),
    pValue,
    isSignificant: isEnough && pValue !== null && pValue <= limit,
  };
}

function judge<Item>(tested: Tested<Item>, limit: number): ItemChange<Item> {
  const { a, b, isInA, isInB } = tested;
  const figures = {
    requestsPerSecond: figureChange(tested.rate, limit),
    errorRatio: figureChange(tested.errors, limit),
    latencyP50Ms: figureChange(tested.p50, limit),
    latencyP99Ms: figureChange(tested.p99, limit),
  };
  if (isInA !== isInB) {
    return {
      a,
      b,
      change: isInA ? "REMOVED" : "ADDED",
      isSignificant: figures.requestsPerSecond.isSignificant,
      ...figures,
    };
  }
  const isSignificant = Object.values(figures).some((figure) => figure.isSignificant);
  return { a, b, change: isSignificant ? "CHANGED" : "SAME", isSignificant, ...figures };
}

function pair<Item extends { readonly id: string }>(
  a: readonly Item[],
  b: readonly Item[],
): { a: Item | null; b: Item | null }[] {
  const before = new Map(a.map((item) => [item.id, item]));
  const after = new Map(b.map((item) => [item.id, item]));
  return [...new Set([...after.keys(), ...before.keys()])].map((id) => ({
    a: before.get(id) ?? null,
    b: after.get(id) ?? null,
  }));
}

function nodeFigures({ counts, seconds, histogram }: GraphNode): Figures {
  const { requests = 0, failures = 0 } = counts ?? {};
  return { calls: requests, seconds, requests, failures, histogram };
}

function edgeFigures({ calls, seconds, outcomes, histogram }: GraphEdge): Figures {
  return { calls, seconds, requests: outcomes.requests, failures: outcomes.failures, histogram };
}

/** Nodes and edges of one window, and the seconds that its rates are over. */
export interface DiffSide {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly coveredSeconds: number;
}

/** What differs from a to b. Items of b come first, in its order, then those that only a has. */
export function diffGraphs(
  a: DiffSide,
  b: DiffSide,
): { nodes: ItemChange<GraphNode>[]; edges: ItemChange<GraphEdge>[] } {
  const seconds = [a.coveredSeconds, b.coveredSeconds] as const;
  const nodes = pair(a.nodes, b.nodes).map((item) => testItem(item.a, item.b, nodeFigures, seconds));
  const edges = pair(a.edges, b.edges).map((item) => testItem(item.a, item.b, edgeFigures, seconds));
  const pValues = [...nodes, ...edges]
    .flatMap(({ rate, errors, p50, p99 }) => [rate.pValue, errors.pValue, p50.pValue, p99.pValue])
    .filter((p) => p !== null);
  const limit = falseDiscoveryLimit(pValues, FALSE_DISCOVERY_RATE);
  return { nodes: nodes.map((item) => judge(item, limit)), edges: edges.map((item) => judge(item, limit)) };
}
