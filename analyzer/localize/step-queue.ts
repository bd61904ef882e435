// The steps of a widest path in the order in which they are settled: a binary heap, so that a path over thousands of services is cheap.
// In: steps with width and hops. Out: the widest first; of equal ones the shortest, then the one that was met first.
// Bounds: a step that was bettered stays in the heap and is skipped by who settles; log n a push or pop.

/** One way from a node down to the cause; `met` is the order in which nodes were first reached. */
export interface QueuedStep {
  readonly key: string;
  readonly width: number;
  readonly hops: number;
  readonly met: number;
}

function isBefore(a: QueuedStep, b: QueuedStep): boolean {
  if (a.width !== b.width) return a.width > b.width;
  return a.hops !== b.hops ? a.hops < b.hops : a.met < b.met;
}

/** A priority queue of steps. */
export class StepQueue {
  private readonly heap: QueuedStep[] = [];

  /** Adds a step. */
  push(step: QueuedStep): void {
    let at = this.heap.length;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = this.heap[up]!;
      if (!isBefore(step, parent)) break;
      this.heap[at] = parent;
      at = up;
    }
    this.heap[at] = step;
  }

  /** Takes the best step out; undefined of none. */
  pop(): QueuedStep | undefined {
    const [best] = this.heap;
    const last = this.heap.pop();
    if (best === undefined || last === undefined || this.heap.length === 0) return best;
    let at = 0;
    for (;;) {
      const [left, right] = [this.heap[2 * at + 1], this.heap[2 * at + 2]];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!isBefore(child, last)) break;
      this.heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    this.heap[at] = last;
    return best;
  }
}
