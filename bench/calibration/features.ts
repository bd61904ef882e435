// What a case line tells the fit: every candidate of the answer, whether it is the true place, and what each source said of it.
// In: an answer of the engine and the scorer's verdict on a place. Out: `candidates` of a case line.
// Bounds: pure; the causes in their order, then the rejected ones; at most what the answer holds.
import { type Entity, entityId } from "../../model/entity.ts";
import type { Evidence, Localization } from "../../model/localization.ts";

/** One candidate: summed weight by source, nats; `confidence` 0..1 as shown, null for a rejected one. */
export interface CandidateFeatures {
  readonly place: string;
  readonly right: boolean;
  readonly confidence: number | null;
  readonly sources: Readonly<Record<string, number>>;
}

function sumBySource(evidence: readonly Evidence[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { source, weight } of evidence) sums[source] = (sums[source] ?? 0) + weight;
  return sums;
}

/** The candidates of an answer; `isRight` is the scorer's rule for places. */
export function candidateFeatures(answer: Localization, isRight: (place: Entity) => boolean): CandidateFeatures[] {
  const named = answer.causes.map((cause) => ({ ...cause, confidence: cause.confidence as number | null }));
  const rejected = answer.rejected
    .filter((one) => one.evidence.length > 0)
    .map((one) => ({ ...one, confidence: null as number | null }));
  return [...named, ...rejected].map(({ entity, confidence, evidence }) => ({
    place: entityId(entity),
    right: isRight(entity),
    confidence,
    sources: sumBySource(evidence),
  }));
}
