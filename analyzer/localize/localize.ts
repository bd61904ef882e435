// Localization from end to end: windows in, an answer out. The contents page of this folder.
// In: two sets of buckets, the symptomatic places, the indicator. Out: a Localization, or an honest reason why there is none.
// Bounds: five bounded reads and those of evidence.ts; at most `maxCauses` causes with three exemplar traces each; everything between the reads is pure.
import { createHash } from "node:crypto";
import type { RuntimeClass } from "../../model/entity.ts";
import type { Change, Localization, RejectedCause } from "../../model/localization.ts";
import { readChangePage } from "../../storage/changes.ts";
import type { Storage } from "../../storage/client.ts";
import { attachRemedies } from "../remedy/attach.ts";
import { isoSeconds, rangeOf } from "../time.ts";
import { buildCause, candidateEntity, instancesOf, runtimeOf } from "./cause.ts";
import { callGraphOf } from "./compete.ts";
import { findErrorOrigins } from "./error-origin.ts";
import { collectEvidence } from "./evidence.ts";
import { findExclusiveTime } from "./exclusive-time.ts";
import { type Finding, weighExcesses } from "./finding.ts";
import { nodeEntity } from "./blame-path.ts";
import { CHANGE_LOOK_AHEAD_SECONDS, CHANGE_LOOK_BACK_SECONDS, findChanges } from "./change-proximity.ts";
import { readPlatform } from "./platform.ts";
import { findPlatformSigns } from "./platform-signs.ts";
import { onsetOf, type Question } from "./question.ts";
import { readScene } from "./read-scene.ts";
import { type Candidate, rankCandidates } from "./rank.ts";
import { reachableFrom, type Scene } from "./scene.ts";
import { MIN_CONFIDENCE, MIN_LISTED, WEIGHTS } from "./weights.ts";

// A platform sign is more specific than "slow" or "failing", so its vote for a kind counts more.
const SIGN_VOTE = 4;
// Platform signs are looked up for so many of the best places.
const SIGNED_PLACES = 5;
const MAX_CHANGES = 500;
const MAX_REJECTED = 10;
const MAX_INNOCENT = 50;

/** A stable id for a localization from what it is about. */
export function localizationId(...parts: readonly string[]): string {
  return `loc-${createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16)}`;
}

/** Everything that traces and the mesh say of the places that the symptoms lead to. */
export function collectFindings(scene: Scene, symptoms: ReadonlySet<string>): Finding[] {
  const places = reachableFrom(scene, symptoms);
  return [
    ...weighExcesses("ERRORS", findErrorOrigins(scene, places)),
    ...weighExcesses("LATENCY", findExclusiveTime(scene, places)),
  ];
}

/** What has been read for a question: the scene, the changes around its onset, what the sources of evidence.ts said. */
export interface Gathered {
  readonly scene: Scene;
  readonly changes: readonly Change[];
  readonly findings: readonly Finding[];
  readonly missing: readonly string[];
}

/** Reads the changes and asks every source of evidence; `known` is the scene where it has been read already. */
export async function gatherEvidence(storage: Storage, question: Question, known?: Scene): Promise<Gathered> {
  const [scene, changes] = await Promise.all([
    known ?? readScene(storage, question.tenant, question.windows),
    readChanges(storage, question),
  ]);
  return { scene, changes, ...(await collectEvidence({ storage, question, scene, changes })) };
}

async function addPlatformSigns(
  storage: Storage,
  question: Question,
  scene: Scene,
  ranked: readonly Candidate[],
): Promise<{ findings: Finding[]; runtimes: ReadonlyMap<string, RuntimeClass> }> {
  const lookedAt = ranked.slice(0, SIGNED_PLACES);
  const instances = lookedAt.map((candidate) => instancesOf(scene, candidate));
  const platform = await readPlatform(storage, question.tenant, question.windows, instances.flat());
  const findings = lookedAt.flatMap((candidate, i) =>
    findPlatformSigns(platform, instances[i]!, runtimeOf(platform.runtimes, instances[i]!)).map((sign): Finding => ({
      place: candidate.place,
      source: sign.source,
      indicator: candidate.indicator,
      weight: sign.weight,
      excess: 0,
      summary: sign.summary,
      kinds: { [sign.kind]: SIGN_VOTE },
    })),
  );
  return { findings, runtimes: platform.runtimes };
}

function readChanges(storage: Storage, question: Question): Promise<Change[]> {
  const onset = onsetOf(question);
  return readChangePage(storage, {
    tenant: question.tenant,
    range: {
      from: isoSeconds(onset - CHANGE_LOOK_BACK_SECONDS),
      to: isoSeconds(onset + CHANGE_LOOK_AHEAD_SECONDS),
    },
    limit: MAX_CHANGES,
    after: null,
  });
}

/** Findings at services and edges that no symptom leads to weigh less; what is no part of the calls may act on anything. */
function discountUnreachable(
  scene: Scene,
  { symptoms, indicator }: Question,
  findings: readonly Finding[],
): readonly Finding[] {
  // More or fewer requests come from callers, so the way down tells nothing there.
  if (symptoms.size === 0 || indicator === "TRAFFIC") return findings;
  const reached = reachableFrom(scene, symptoms);
  return findings.map((finding) => {
    const node = scene.edges.get(finding.place)?.from ?? finding.place;
    const isApart = scene.services.has(node) && !reached.has(node);
    return isApart ? { ...finding, weight: finding.weight - WEIGHTS.unreachable } : finding;
  });
}

function rejectedOf(scene: Scene, candidate: Candidate): RejectedCause {
  const best = [...candidate.findings].sort((a, b) => b.weight - a.weight)[0]!;
  return {
    entity: candidateEntity(scene, candidate),
    reason: `${best.summary}; probability ${candidate.confidence.toFixed(2)}`,
    evidence: candidate.findings.map((f) => ({
      source: f.source,
      summary: f.summary,
      weight: f.weight,
      traceIds: [],
    })),
  };
}

function innocentSymptoms(scene: Scene, symptoms: ReadonlySet<string>, ranked: readonly Candidate[]): RejectedCause[] {
  const spoken = new Set(ranked.map((candidate) => candidate.place));
  return [...symptoms]
    .filter((key) => scene.services.has(key) && !spoken.has(key))
    .slice(0, MAX_INNOCENT)
    .map((key) => ({
      entity: nodeEntity(scene, key),
      reason: "it shows the symptom, but neither failures nor time of its own rose: the fault lies below it",
      evidence: [],
    }));
}

function whyInconclusive(
  best: Candidate | undefined,
  second: Candidate | undefined,
  missing: readonly string[],
): string {
  const unheard = missing.length === 0 ? "" : ` Not heard, as they failed: ${missing.join(", ")}.`;
  if (best === undefined || best.weight <= WEIGHTS.elsewhere) {
    return `No place below the symptoms shows failures, time or anything else of its own that rose: the fault cannot be seen from this telemetry.${unheard}`;
  }
  const rival =
    second !== undefined && second.weight > best.weight - 1 ? ", as another speaks for itself as loudly" : "";
  return `The best candidate has a probability of only ${best.confidence.toFixed(2)}${rival}: the evidence does not single out one place.${unheard}`;
}

/** Localizes a fault; `known` is what has been read for it already. The answer is not stored here. */
export async function localizeFault(storage: Storage, question: Question, known?: Gathered): Promise<Localization> {
  const { windows, symptoms, indicator } = question;
  const frame = {
    id: question.id,
    range: rangeOf(windows.fault),
    baseline: rangeOf(windows.baseline),
    onset: question.onset === null ? null : isoSeconds(question.onset),
  };
  const { scene, changes, findings: told, missing } = known ?? (await gatherEvidence(storage, question));
  const graph = callGraphOf(scene);
  const findings = [...collectFindings(scene, symptoms), ...discountUnreachable(scene, question, told)];
  const first = rankCandidates(findings, indicator, graph);
  const signs = await addPlatformSigns(storage, question, scene, first);
  const changed = findChanges(scene, first.slice(0, SIGNED_PLACES), changes, onsetOf(question));
  const ranked = rankCandidates([...findings, ...signs.findings, ...changed], indicator, graph);
  const [best, second] = ranked;
  const innocent = innocentSymptoms(scene, symptoms, ranked);
  if (best === undefined || best.confidence < MIN_CONFIDENCE) {
    const rejected = [...ranked.slice(0, MAX_REJECTED).map((c) => rejectedOf(scene, c)), ...innocent];
    return { ...frame, verdict: "INCONCLUSIVE", reason: whyInconclusive(best, second, missing), causes: [], rejected };
  }
  const named = ranked.filter((c) => c.confidence >= MIN_LISTED).slice(0, question.maxCauses);
  const asked = { ...question, onset: onsetOf(question) };
  const causes = await Promise.all(
    named.map((candidate, index) =>
      buildCause(storage, asked, { scene, symptoms, candidate, rank: index + 1, runtimes: signs.runtimes, changes }),
    ),
  );
  const others = ranked.slice(causes.length, causes.length + MAX_REJECTED).map((c) => rejectedOf(scene, c));
  const helped = await attachRemedies(storage, question.tenant, causes);
  return { ...frame, verdict: "FOUND", reason: null, causes: helped, rejected: [...others, ...innocent] };
}
