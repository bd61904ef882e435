// Evidence sources beside traffic: each reads what it needs and says what it finds of places. The list is the contents page.
// In: the question, the scene, the changes around the onset. Out: findings of all sources, and the names of those that failed.
// Bounds: all at once, each at most LIMIT_MS; one that fails or is late is counted and named, and never sinks the answer.
import { emitEvent } from "../../model/events.ts";
import type { Change } from "../../model/localization.ts";
import type { Storage } from "../../storage/client.ts";
import { CODE_PATH } from "./code-path.ts";
import type { Finding } from "./finding.ts";
import { MESH_EVIDENCE } from "./mesh-sources.ts";
import { findSlowNetworks } from "./network-cohort.ts";
import type { Question } from "./question.ts";
import { RESOURCE_DEVIATION } from "./resource-deviation.ts";
import type { Scene } from "./scene.ts";
import { SERVICE_METRICS } from "./service-metrics.ts";

/** What a source may look at. */
export interface EvidenceContext {
  readonly storage: Storage;
  readonly question: Question;
  readonly scene: Scene;
  readonly changes: readonly Change[];
}

/** One kind of evidence; `collect` may reject, and may be abandoned when it takes too long. */
export interface EvidenceSource {
  readonly name: string;
  collect(context: EvidenceContext): Promise<readonly Finding[]>;
}

/** What the sources said; `missing` names those that failed or were too late. */
export interface Collected {
  readonly findings: readonly Finding[];
  readonly missing: readonly string[];
}

const NETWORK_COHORT: EvidenceSource = {
  name: "network-cohort",
  collect: ({ scene }) => Promise.resolve(findSlowNetworks(scene)),
};

/** Every source, one line each; the order does not matter. */
export const EVIDENCE: readonly EvidenceSource[] = [
  ...MESH_EVIDENCE,
  SERVICE_METRICS,
  RESOURCE_DEVIATION,
  CODE_PATH,
  NETWORK_COHORT,
];

/** The time that one source may take, milliseconds. */
const LIMIT_MS = 5000;

async function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks all sources at once and keeps what those said that answered within `limitMs`. */
export async function collectEvidence(
  context: EvidenceContext,
  sources: readonly EvidenceSource[] = EVIDENCE,
  limitMs = LIMIT_MS,
): Promise<Collected> {
  const missing: string[] = [];
  const said = await Promise.all(
    sources.map(async (source) => {
      try {
        // The call itself may throw before it gives a promise.
        return await withinLimit(
          Promise.resolve().then(() => source.collect(context)),
          limitMs,
        );
      } catch (error) {
        missing.push(source.name);
        emitEvent(
          "localize.source_failed",
          { source: source.name },
          error instanceof Error ? error.message : "unknown",
        );
        return [];
      }
    }),
  );
  return { findings: said.flat(), missing: missing.toSorted() };
}
