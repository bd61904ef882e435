// The critical path of a trace: what would have to be faster for the whole to be faster.
// In: the forest with (corrected) times and who awaited whom. Out: segments and pauses that cover a period without holes, earliest first.
// Bounds: iterative; at most one visit a span and root. RESPONSE is the request that the caller waited for (the one true root); END leads to
// whatever ended last, through messages and work that outlived its parent. Where several roots are there, only END can be told.
import { appendAwaitedPath, type PathSegment, type PathTimes } from "./awaited-path.ts";
import type { Relation } from "./parents.ts";

/** Where the path leads to. */
export const PATH_ENDS = ["RESPONSE", "END"] as const;
export type PathEnd = (typeof PATH_ENDS)[number];

/** A time on the path in which no span of the trace that leads on was active: a message waited, or telemetry is missing. */
export interface PathPause {
  readonly fromNs: number;
  readonly toNs: number;
  /** The span after it. */
  readonly beforeSpan: number;
  /** What led to that span, -1: nothing known. */
  readonly afterSpan: number;
}

/** Why the path may be another one. */
export const PATH_DOUBTS = [
  "EQUAL_ENDS",
  "SEVERAL_ROOTS",
  "OUTLIVED_CALLER",
  "CLOCK_CORRECTED",
  "MISSING_SPANS",
  "TRUNCATED",
] as const;
export type PathDoubt = (typeof PATH_DOUBTS)[number];

/** A path from `fromNs` to `toNs`; segments and pauses add up to the whole of it. */
export interface CriticalPath {
  readonly until: PathEnd;
  readonly fromNs: number;
  readonly toNs: number;
  readonly segments: readonly PathSegment[];
  readonly pauses: readonly PathPause[];
  readonly doubts: readonly PathDoubt[];
}

/** What the path is found from. */
export interface PathInput extends PathTimes {
  readonly relation: readonly Relation[];
  /** A link's cause within the trace by span, -1: none. */
  readonly linked: Int32Array;
  readonly isConsumer: (span: number) => boolean;
  readonly isClockCorrected: (span: number) => boolean;
  readonly isTruncated: boolean;
}

/** Finds the path; null for a trace without spans. */
export function findCriticalPath(input: PathInput, until: PathEnd): CriticalPath | null {
  const { forest, startNs, endNs, relation } = input;
  if (relation.length === 0) return null;
  const trueRoots = Array.from(forest.roots).filter((root) => relation[root] === "root");
  const [root] = trueRoots;
  const segments: PathSegment[] = [];
  const pauses: PathPause[] = [];
  let severalRoots = false;
  if (until === "RESPONSE" && root !== undefined && trueRoots.length === 1) {
    appendAwaitedPath(input, root, endNs[root] ?? 0, segments);
  } else {
    severalRoots = walkToEnd(input, segments, pauses);
  }
  segments.reverse();
  pauses.reverse();
  // Both lists are in order of time, and without holes between them.
  const at = startNs[root ?? 0] ?? 0;
  const fromNs = Math.min(segments[0]?.fromNs ?? Infinity, pauses[0]?.fromNs ?? Infinity);
  const toNs = Math.max(segments.at(-1)?.toNs ?? -Infinity, pauses.at(-1)?.toNs ?? -Infinity);
  const isOn = (test: (span: number) => boolean): boolean => segments.some(({ span }) => test(span));
  const doubts: Readonly<Record<PathDoubt, boolean>> = {
    EQUAL_ENDS: segments.some(({ isAmbiguous }) => isAmbiguous),
    SEVERAL_ROOTS: severalRoots || (until === "RESPONSE" && trueRoots.length !== 1),
    OUTLIVED_CALLER: isOn((span) => input.waiting[span] === "clipped"),
    CLOCK_CORRECTED: isOn(input.isClockCorrected),
    MISSING_SPANS: relation.includes("orphan"),
    TRUNCATED: input.isTruncated,
  };
  const isEmpty = fromNs === Infinity;
  return {
    until,
    fromNs: isEmpty ? at : fromNs,
    toNs: isEmpty ? at : toNs,
    segments,
    pauses,
    doubts: PATH_DOUBTS.filter((word) => doubts[word]),
  };
}

/** From the last end back, through causes and roots; true when it had to pass from one root to another. */
function walkToEnd(input: PathInput, segments: PathSegment[], pauses: PathPause[]): boolean {
  const { startNs, endNs } = input;
  const roots = createRootFinder(input);
  const visited = new Set<number>();
  let span = lastToEnd(input);
  let at = endNs[span] ?? 0;
  let severalRoots = false;
  while (true) {
    visited.add(span);
    const start = startNs[span] ?? 0;
    if (start < at) {
      appendAwaitedPath(input, span, at, segments);
      at = start;
    }
    let cause = causeOf(input, span);
    // A cause that began no earlier explains nothing (clocks): go on to its own.
    while (cause >= 0 && !visited.has(cause) && (startNs[cause] ?? 0) >= at) {
      visited.add(cause);
      cause = causeOf(input, cause);
    }
    if (cause < 0 || visited.has(cause)) {
      cause = roots(at);
      if (cause < 0) return severalRoots;
      severalRoots = true;
    }
    const resumed = Math.min(endNs[cause] ?? 0, at);
    if (resumed < at) pauses.push({ fromNs: resumed, toNs: at, beforeSpan: span, afterSpan: cause });
    at = resumed;
    span = cause;
  }
}

/** The span that ended last; of several the outermost. */
function lastToEnd({ forest, endNs }: PathInput): number {
  let last = forest.preorder[0] ?? 0;
  for (const span of forest.preorder) if ((endNs[span] ?? 0) > (endNs[last] ?? 0)) last = span;
  return last;
}

/** What began a span: for a consumer the message that it links to, else its parent. */
function causeOf(input: PathInput, span: number): number {
  const link = input.linked[span] ?? -1;
  return link >= 0 && input.isConsumer(span) ? link : (input.forest.parent[span] ?? -1);
}

/** Finds, for times that only fall, the root that was active just before, else the one that ended last before it; -1: none. */
function createRootFinder({ forest, startNs, endNs }: PathInput): (at: number) => number {
  const byEnd = Array.from(forest.roots).sort(
    (a, b) => (endNs[b] ?? 0) - (endNs[a] ?? 0) || (startNs[a] ?? 0) - (startNs[b] ?? 0) || a - b,
  );
  let next = 0;
  let earliest = -1;
  return (at) => {
    while (next < byEnd.length && (endNs[byEnd[next] ?? 0] ?? 0) >= at) {
      const root = byEnd[next++] ?? 0;
      if (earliest < 0 || (startNs[root] ?? 0) < (startNs[earliest] ?? 0)) earliest = root;
    }
    if (earliest >= 0 && (startNs[earliest] ?? 0) < at) return earliest;
    return byEnd[next] ?? -1;
  };
}
