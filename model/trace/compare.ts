// Two traces beside each other: what one has and the other has not, and where the time differs.
// In: two views. Out: one part a path of (service, operation, kind) from the root, in the order of the first trace, then what only the second has.
// Bounds: linear in hops; the same service in another cluster is the same part; sidecars are folded first, so that a trace with them and one without are alike. Calls that repeat are counted.
import { type Entity, makeEntity } from "../entity.ts";
import { placeOfHop } from "./hop-facts.ts";
import { spansOfHop } from "./hops.ts";
import type { SpanKind, TraceSpan } from "./span.ts";
import type { TraceView } from "./view.ts";

/** One side of a part: calls and their sums. */
export interface PartFigures {
  count: number;
  failed: number;
  durationNs: number;
  exclusiveNs: number;
  criticalNs: number;
}

/** MISSING: only the first trace has it; EXTRA: only the second. */
export const PART_STATES = ["BOTH", "MISSING", "EXTRA"] as const;
export type PartState = (typeof PART_STATES)[number];

/** One path of both traces. Differences are second minus first, sums over the calls; a side that is not there counts as none. */
export interface TracePart {
  readonly parentIndex: number | null;
  readonly depth: number;
  readonly entity: Entity;
  readonly operation: string;
  readonly kind: SpanKind;
  readonly state: PartState;
  readonly first: PartFigures;
  readonly second: PartFigures;
  readonly durationDifferenceNs: number;
  readonly exclusiveDifferenceNs: number;
}

interface Growing {
  readonly parent: number;
  readonly place: TraceSpan;
  readonly operation: string;
  readonly figures: readonly [PartFigures, PartFigures];
}

/** Aligns two traces. */
export function compareTraces(first: TraceView, second: TraceView): TracePart[] {
  const parts: Growing[] = [];
  const numbers = new Map<string, number>();
  addTrace(first, 0, parts, numbers);
  addTrace(second, 1, parts, numbers);
  return inTreeOrder(parts);
}

function addTrace(view: TraceView, side: 0 | 1, parts: Growing[], numbers: Map<string, number>): void {
  const { folded, distinct } = view;
  const partOf = new Int32Array(folded.count);
  for (const hop of folded.forest.preorder) {
    const members = spansOfHop(folded, hop);
    const spans = members.map((span) => distinct.spans[span] as TraceSpan);
    const place = placeOfHop(spans);
    const operation = place.operation || place.name;
    const up = folded.forest.parent[hop] ?? -1;
    const parent = up < 0 ? -1 : (partOf[up] ?? -1);
    const key = `${parent}\n${place.namespace}\n${place.service}\n${operation}\n${place.kind}`;
    let number = numbers.get(key);
    if (number === undefined) {
      number = parts.push({ parent, place, operation, figures: [noFigures(), noFigures()] }) - 1;
      numbers.set(key, number);
    }
    partOf[hop] = number;
    const figures = (parts[number] as Growing).figures[side];
    figures.count += 1;
    figures.failed += spans.some(({ outcome }) => outcome === "failed") ? 1 : 0;
    figures.durationNs += (folded.endNs[hop] ?? 0) - (folded.startNs[hop] ?? 0);
    for (const span of members) {
      figures.exclusiveNs += view.exclusiveNs[span] ?? 0;
      figures.criticalNs += view.criticalNs[span] ?? 0;
    }
  }
}

function noFigures(): PartFigures {
  return { count: 0, failed: 0, durationNs: 0, exclusiveNs: 0, criticalNs: 0 };
}

/** Parts with each after its parent, siblings as they were met. */
function inTreeOrder(parts: readonly Growing[]): TracePart[] {
  const below: number[][] = parts.map(() => []);
  const stack: number[] = [];
  parts.forEach(({ parent }, i) => (parent < 0 ? stack : (below[parent] ?? stack)).push(i));
  stack.reverse();
  const indexOf = new Int32Array(parts.length);
  const ordered: TracePart[] = [];
  for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
    const { parent, place, operation, figures } = parts[number] as Growing;
    const [first, second] = figures;
    indexOf[number] = ordered.length;
    const parentIndex = parent < 0 ? null : (indexOf[parent] ?? 0);
    const { cluster, namespace, service, kind, runtime, isolation } = place;
    ordered.push({
      parentIndex,
      depth: parentIndex === null ? 0 : (ordered[parentIndex]?.depth ?? 0) + 1,
      entity: makeEntity("SERVICE", { cluster, namespace, service, runtime, isolation }),
      operation,
      kind,
      state: first.count === 0 ? "EXTRA" : second.count === 0 ? "MISSING" : "BOTH",
      first,
      second,
      durationDifferenceNs: second.durationNs - first.durationNs,
      exclusiveDifferenceNs: second.exclusiveNs - first.exclusiveNs,
    });
    for (const child of (below[number] ?? []).reverse()) stack.push(child);
  }
  return ordered;
}
