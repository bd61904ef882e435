// Calls as people think of them: application, its sidecar, the callee's sidecar and the callee are one hop.
// In: spans with parents. Out: the hop of each span, the spans of each hop from the outside in.
// Bounds: linear. app CLIENT → proxy CLIENT → proxy SERVER → app SERVER, any of them may be missing; a gateway is a service of its own; where one
// span has several callees (a retry) each callee is a hop. Messages are not folded: what lies between is a wait, not a call.
import { childrenOf, type Forest } from "./forest.ts";
import type { Relation } from "./parents.ts";
import { isSameService, type TraceSpan } from "./span.ts";

/** Hops by number, in preorder of their outermost spans. */
export interface Hops {
  readonly count: number;
  readonly hopOf: Int32Array;
  /** Outermost span by hop. */
  readonly head: Int32Array;
  /** The next span inwards of the same hop, -1: none. */
  readonly inner: Int32Array;
}

/** Folds spans into hops. */
export function foldHops(spans: readonly TraceSpan[], forest: Forest, relation: readonly Relation[]): Hops {
  const inner = new Int32Array(spans.length).fill(-1);
  const isInner = new Uint8Array(spans.length);
  for (let i = 0; i < spans.length; i++) {
    let found = -1;
    let count = 0;
    for (const child of childrenOf(forest, i)) {
      if (relation[child] === "link") continue;
      if (!isOneHop(spans[i] as TraceSpan, spans[child] as TraceSpan)) continue;
      found = child;
      count += 1;
    }
    if (count !== 1) continue;
    inner[i] = found;
    isInner[found] = 1;
  }
  const hopOf = new Int32Array(spans.length);
  const head = new Int32Array(spans.length);
  let count = 0;
  for (const span of forest.preorder) {
    if (isInner[span] === 1) {
      hopOf[span] = hopOf[forest.parent[span] ?? 0] ?? 0;
      continue;
    }
    head[count] = span;
    hopOf[span] = count++;
  }
  return { count, hopOf, head: head.subarray(0, count), inner };
}

/** Every span a hop of its own: the unfolded view. */
export function unfoldedHops(forest: Forest): Hops {
  const hopOf = new Int32Array(forest.preorder.length);
  forest.preorder.forEach((span, hop) => (hopOf[span] = hop));
  return {
    count: forest.preorder.length,
    hopOf,
    head: forest.preorder,
    inner: new Int32Array(forest.preorder.length).fill(-1),
  };
}

/** The spans of a hop, outermost first. */
export function spansOfHop(hops: Hops, hop: number): number[] {
  const members: number[] = [];
  for (let span = hops.head[hop] ?? -1; span >= 0; span = hops.inner[span] ?? -1) members.push(span);
  return members;
}

function isOneHop(outer: TraceSpan, inner: TraceSpan): boolean {
  if (outer.kind === "Client") {
    if (inner.kind === "Server") return true;
    return inner.kind === "Client" && inner.proxy && !outer.proxy && isSameService(outer, inner);
  }
  return (
    outer.kind === "Server" && outer.proxy && inner.kind === "Server" && !inner.proxy && isSameService(outer, inner)
  );
}
