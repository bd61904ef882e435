// Where the errors of a trace began, and how far each of them went.
// In: spans with parents. Out: the failed spans below which nothing failed, those that reached the root first, then by their end.
// Bounds: linear; the rule is that of OriginFailed in storage/queries/own_time.sql: a failed child of a span that succeeded was handled there.
import type { Forest } from "./forest.ts";
import type { Relation } from "./parents.ts";
import { isCalleeSide, isCallerSide, type TraceSpan } from "./span.ts";

/**
 * Where a failure began. SERVICE: the service says so itself (it or its sidecar). PATH: its callee answered without an error, and yet the caller saw
 * one: the network, a timeout, a proxy in between. UNANSWERED: no span of a callee is there: it never arrived, or nobody reports.
 */
export const FAILURE_SITES = ["SERVICE", "PATH", "UNANSWERED"] as const;
export type FailureSite = (typeof FAILURE_SITES)[number];

/** One origin. */
export interface FailureOrigin {
  readonly span: number;
  readonly site: FailureSite;
  /** The outermost span that failed with it, through failed spans only. */
  readonly reached: number;
  readonly reachedRoot: boolean;
}

/** Finds the origins of all failures. */
export function findFailureOrigins(
  spans: readonly TraceSpan[],
  forest: Forest,
  relation: readonly Relation[],
  endNs: Float64Array,
): FailureOrigin[] {
  const { parent, preorder } = forest;
  const isFailed = spans.map(({ outcome }) => outcome === "failed");
  const hasFailedChild = new Uint8Array(spans.length);
  const hasCallee = new Uint8Array(spans.length);
  const reached = new Int32Array(spans.length);
  for (const span of preorder) {
    const up = parent[span] ?? -1;
    // A message or a link does not give its failure back to where it came from.
    const isAnswered = up >= 0 && relation[span] !== "link" && spans[span]?.kind !== "Consumer";
    reached[span] = isAnswered && isFailed[up] === true ? (reached[up] ?? up) : span;
    if (up < 0) continue;
    if (isFailed[span] === true && isAnswered) hasFailedChild[up] = 1;
    if (isCalleeSide(spans[span] as TraceSpan)) hasCallee[up] = 1;
  }
  markCallees(spans, forest, hasCallee);
  const origins: FailureOrigin[] = [];
  spans.forEach((span, i) => {
    if (isFailed[i] !== true || hasFailedChild[i] === 1) return;
    const top = reached[i] ?? i;
    const site = !isCallerSide(span) ? "SERVICE" : hasCallee[i] === 1 ? "PATH" : "UNANSWERED";
    origins.push({ span: i, site, reached: top, reachedRoot: (parent[top] ?? -1) < 0 && relation[top] === "root" });
  });
  return origins.sort(
    (a, b) =>
      Number(b.reachedRoot) - Number(a.reachedRoot) || (endNs[a.span] ?? 0) - (endNs[b.span] ?? 0) || a.span - b.span,
  );
}

/** An application's client span has a callee also when only its sidecar's span has it as a child. */
function markCallees(spans: readonly TraceSpan[], { parent, preorder }: Forest, hasCallee: Uint8Array): void {
  for (let k = preorder.length - 1; k >= 0; k--) {
    const span = preorder[k] ?? 0;
    const up = parent[span] ?? -1;
    if (up >= 0 && hasCallee[span] === 1 && spans[span]?.kind === "Client" && spans[up]?.kind === "Client") {
      hasCallee[up] = 1;
    }
  }
}
