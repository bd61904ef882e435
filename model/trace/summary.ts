// A trace in a few figures, in whole and by service.
// In: a view. Out: counts, durations, clusters, services by their time on the critical path.
// Bounds: linear in spans; as many services as the trace has.
import { type Entity, makeEntity } from "../entity.ts";
import type { TraceView } from "./view.ts";

/** What one service did in a trace. */
export interface ServiceShare {
  readonly entity: Entity;
  spanCount: number;
  failedCount: number;
  exclusiveNs: number;
  /** Time on the path to the response. */
  criticalNs: number;
}

/** Figures of a trace. `rawDurationNs` is by the clocks as they were. */
export interface TraceSummary {
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly rawDurationNs: number;
  readonly spanCount: number;
  readonly hopCount: number;
  readonly failedCount: number;
  readonly duplicates: number;
  readonly isTruncated: boolean;
  readonly rootCount: number;
  readonly orphanCount: number;
  readonly missingParents: number;
  readonly cycles: number;
  /** Spans, and hops, one below another; 0 for an empty trace. */
  readonly spanDepth: number;
  readonly hopDepth: number;
  readonly clusters: readonly string[];
  readonly services: readonly ServiceShare[];
}

/** Sums a view up. */
export function summarizeTrace(view: TraceView): TraceSummary {
  const { distinct, parents, forest, folded } = view;
  const services = new Map<string, ServiceShare>();
  const clusters = new Set<string>();
  let failedCount = 0;
  distinct.spans.forEach((span, i) => {
    if (span.cluster !== "") clusters.add(span.cluster);
    const key = `${span.cluster}/${span.namespace}/${span.service}`;
    let share = services.get(key);
    if (share === undefined) {
      const { cluster, namespace, service, runtime, isolation } = span;
      const entity = makeEntity("SERVICE", { cluster, namespace, service, runtime, isolation });
      share = { entity, spanCount: 0, failedCount: 0, exclusiveNs: 0, criticalNs: 0 };
      services.set(key, share);
    }
    share.spanCount += 1;
    share.exclusiveNs += view.exclusiveNs[i] ?? 0;
    share.criticalNs += view.criticalNs[i] ?? 0;
    if (span.outcome !== "failed") return;
    share.failedCount += 1;
    failedCount += 1;
  });
  const rawEnd = distinct.endNs.reduce((most, at) => Math.max(most, at), 0);
  return {
    startNs: distinct.epochNs,
    durationNs: view.toNs - view.fromNs,
    rawDurationNs: rawEnd,
    spanCount: distinct.spans.length,
    hopCount: folded.count,
    failedCount,
    duplicates: distinct.duplicates,
    isTruncated: view.isTruncated,
    rootCount: forest.roots.length,
    orphanCount: parents.relation.filter((word) => word === "orphan").length,
    missingParents: parents.missing,
    cycles: parents.cycles,
    spanDepth: deepest(forest.depth),
    hopDepth: deepest(folded.forest.depth),
    clusters: [...clusters].sort(),
    services: [...services.values()].sort((a, b) => b.criticalNs - a.criticalNs || b.exclusiveNs - a.exclusiveNs),
  };
}

function deepest(depth: Int32Array): number {
  return depth.length === 0 ? 0 : depth.reduce((most, level) => Math.max(most, level), 0) + 1;
}
