// How far a drawn graph is from the true one.
// In: the API's answer and the truth. Out: what is missing, what is too much, and how far counts are off.
// Bounds: pure. An edge is caller, callee, both kinds and protocol; one that is wrong in any of these is both missing and too much.
import { CLIENTS, edgeKey, endKey, type TrueEdge, type TrueEnd, type Truth } from "./truth.ts";

/** An edge as the API draws it, in counts over the whole range. */
export interface DrawnEdge {
  readonly key: string;
  readonly evidence: readonly string[];
  readonly calls: number;
  readonly caller: DrawnSide | null;
  readonly callee: DrawnSide | null;
  readonly neverArrived: number;
  readonly originFailed: number;
  /** Attempts a request. */
  readonly retryFactor: number | null;
  readonly flags: readonly { readonly flag: string; readonly count: number; readonly owner: string }[];
}

/** One side of its ledger. */
export interface DrawnSide {
  readonly calls: number;
  readonly failed: number;
  readonly degraded: number;
  readonly cancelled: number;
}

/** A place of the API's answer; unknown parts are null. */
export interface DrawnEnd {
  readonly kind: string;
  readonly cluster: string | null;
  readonly namespace: string | null;
  readonly service: string | null;
}

/** What a comparison found. */
export interface Comparison {
  readonly precision: number;
  readonly recall: number;
  readonly missing: readonly string[];
  readonly wrong: readonly string[];
  /** Edges whose counts are off by more than 1 % on a side with access logs. */
  readonly miscounted: readonly string[];
  /** Largest relative error of such a count. */
  readonly worstCount: number;
  /** Largest relative error of attempts a request, of edges with retries whose callers write access logs; null where there are none. */
  readonly worstRetryFactor: number | null;
}

/** The key of a drawn edge. */
export function drawnKey(source: DrawnEnd, target: DrawnEnd, protocol: string): string {
  return edgeKey(trueEndOf(source), trueEndOf(target), protocol);
}

function trueEndOf({ kind, cluster, namespace, service }: DrawnEnd): TrueEnd {
  if (kind === "UNKNOWN") return CLIENTS;
  const known = (["SERVICE", "DATABASE", "MESSAGING", "EXTERNAL"] as const).find((word) => word === kind);
  if (known === undefined) throw new Error(`a graph of services holds a ${kind}`);
  return { kind: known, cluster: cluster ?? "", namespace: namespace ?? "", service: service ?? "" };
}

/** Compares all edges; `countsEverySide`: also sides that no access log tells of must be right. */
export function compareGraph(truth: Truth, drawn: readonly DrawnEdge[], countsEverySide: boolean): Comparison {
  const byKey = new Map(drawn.map((edge) => [edge.key, edge]));
  const missing = [...truth.keys()].filter((key) => !byKey.has(key)).sort();
  const wrong = drawn
    .filter(({ key }) => !truth.has(key))
    .map(({ key, evidence, calls }) => `${key} (${calls} calls, ${evidence.join(" ")})`)
    .sort();
  const miscounted: string[] = [];
  let worstCount = 0;
  let worstRetryFactor: number | null = null;
  for (const [key, edge] of truth) {
    const found = byKey.get(key);
    if (found === undefined) continue;
    if (edge.retries > 0 && (edge.hasCallerLogs || countsEverySide)) {
      const expected = (edge.callerCalls + edge.retries) / edge.callerCalls;
      worstRetryFactor = Math.max(worstRetryFactor ?? 0, Math.abs((found.retryFactor ?? 0) - expected) / expected);
    }
    for (const { what, expected, actual } of countsOf(edge, found, countsEverySide)) {
      const error = Math.abs(actual - expected) / Math.max(1, expected);
      worstCount = Math.max(worstCount, error);
      if (error > 0.01) miscounted.push(`${key}: ${what} ${actual} instead of ${expected}`);
    }
  }
  const right = drawn.length - wrong.length;
  return {
    precision: drawn.length === 0 ? 1 : right / drawn.length,
    recall: truth.size === 0 ? 1 : right / truth.size,
    missing,
    wrong,
    miscounted: miscounted.sort(),
    worstCount,
    worstRetryFactor,
  };
}

function countsOf(
  edge: TrueEdge,
  drawn: DrawnEdge,
  countsEverySide: boolean,
): { readonly what: string; readonly expected: number; readonly actual: number }[] {
  const counts = [];
  if (drawn.caller !== null && edge.callerCalls > 0 && (edge.hasCallerLogs || countsEverySide)) {
    counts.push(
      { what: "caller calls", expected: edge.callerCalls, actual: drawn.caller.calls },
      { what: "caller failures", expected: edge.callerFailed, actual: drawn.caller.failed },
    );
  }
  if (drawn.callee !== null && edge.calleeCalls > 0 && (edge.hasCalleeLogs || countsEverySide)) {
    counts.push(
      { what: "callee calls", expected: edge.calleeCalls, actual: drawn.callee.calls },
      { what: "callee failures", expected: edge.calleeFailed, actual: drawn.callee.failed },
    );
  }
  return counts;
}

/** The ends of all true edges, as text. */
export function trueEnds(truth: Truth): Set<string> {
  return new Set([...truth.values()].flatMap(({ source, target }) => [endKey(source), endKey(target)]));
}
