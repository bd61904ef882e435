// Localization from end to end: windows in, an answer out. The contents page of this folder.
// In: two sets of buckets, the symptomatic places, the indicator. Out: a Localization, or an honest reason why there is none.
// Bounds: five bounded reads; at most `maxCauses` causes with three exemplar traces each; everything between the reads is pure.
import { createHash } from "node:crypto";
import type { RuntimeClass } from "../../model/entity.ts";
import type { Cause, Change, Indicator, Localization, RejectedCause } from "../../model/localization.ts";
import { readEdgeWindow, readOperationWindow, type Windows } from "../../storage/buckets.ts";
import { readChangePage } from "../../storage/changes.ts";
import type { Storage } from "../../storage/client.ts";
import { isoSeconds, rangeOf } from "../time.ts";
import { buildCause, instancesOf, runtimeOf } from "./cause.ts";
import { findErrorOrigins } from "./error-origin.ts";
import { findExclusiveTime } from "./exclusive-time.ts";
import { type Finding, weighExcesses } from "./finding.ts";
import { nodeEntity } from "./blame-path.ts";
import { CHANGE_LOOK_AHEAD_SECONDS, CHANGE_LOOK_BACK_SECONDS, findChanges } from "./change-proximity.ts";
import { readPlatform } from "./platform.ts";
import { findPlatformSigns } from "./platform-signs.ts";
import { type Candidate, rankCandidates } from "./rank.ts";
import { buildScene, reachableFrom, type Scene } from "./scene.ts";
import { MIN_CONFIDENCE, MIN_LISTED } from "./weights.ts";

/** What to localize; `symptoms` are node keys, `onset` unix seconds or null when unknown. */
export interface Question {
  readonly id: string;
  readonly tenant: string;
  readonly windows: Windows;
  readonly symptoms: ReadonlySet<string>;
  readonly indicator: Indicator;
  readonly onset: number | null;
  readonly maxCauses: number;
}

// A platform sign is more specific than "slow" or "failing", so its vote for a kind counts more.
const SIGN_VOTE = 4;
// Platform signs are looked up for so many of the best places.
const SIGNED_PLACES = 5;
const MAX_CHANGES = 500;

/** A stable id for a localization from what it is about. */
export function localizationId(...parts: readonly string[]): string {
  return `loc-${createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16)}`;
}

// Incidents that open together ask for the same windows at the same time.
const reading = new WeakMap<Storage, Map<string, Promise<Scene>>>();

/** Reads both windows from storage; those who ask for the same while it is being read get the same scene. */
export function readScene(storage: Storage, tenant: string, windows: Windows): Promise<Scene> {
  const shared = reading.get(storage) ?? new Map<string, Promise<Scene>>();
  reading.set(storage, shared);
  const about = JSON.stringify([tenant, windows.fault, windows.baseline]);
  const known = shared.get(about);
  if (known !== undefined) return known;
  const scene = readWindows(storage, tenant, windows).finally(() => shared.delete(about));
  shared.set(about, scene);
  return scene;
}

async function readWindows(storage: Storage, tenant: string, windows: Windows): Promise<Scene> {
  const [operations, edges] = await Promise.all([
    readOperationWindow(storage, tenant, windows),
    readEdgeWindow(storage, tenant, windows),
  ]);
  return buildScene(operations, edges);
}

/** Everything that traces and the mesh say of the places that the symptoms lead to. */
export function collectFindings(scene: Scene, symptoms: ReadonlySet<string>): Finding[] {
  const places = reachableFrom(scene, symptoms);
  return [
    ...weighExcesses("ERRORS", findErrorOrigins(scene, places)),
    ...weighExcesses("LATENCY", findExclusiveTime(scene, places)),
  ];
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

/** The onset if it is known, else the start of the fault's window; unix seconds. */
const onsetOf = (question: Question) => question.onset ?? Math.min(...question.windows.fault);

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

function rejectedOf(scene: Scene, candidate: Candidate): RejectedCause {
  const edge = scene.edges.get(candidate.place);
  const best = [...candidate.findings].sort((a, b) => b.weight - a.weight)[0]!;
  return {
    entity: edge?.entity ?? nodeEntity(scene, candidate.place),
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
    .map((key) => ({
      entity: nodeEntity(scene, key),
      reason: "it shows the symptom, but neither failures nor time of its own rose: the fault lies below it",
      evidence: [],
    }));
}

/** Localizes a fault; `known` is the scene of its windows where it has been read already. The answer is not stored here. */
export async function localizeFault(storage: Storage, question: Question, known?: Scene): Promise<Localization> {
  const { windows, symptoms, indicator } = question;
  const frame = {
    id: question.id,
    range: rangeOf(windows.fault),
    baseline: rangeOf(windows.baseline),
    onset: question.onset === null ? null : isoSeconds(question.onset),
  };
  const scene = known ?? (await readScene(storage, question.tenant, windows));
  const findings = collectFindings(scene, symptoms);
  const first = rankCandidates(findings, indicator);
  const [signs, changes] = await Promise.all([
    addPlatformSigns(storage, question, scene, first),
    readChanges(storage, question),
  ]);
  const changed = findChanges(scene, first.slice(0, SIGNED_PLACES), changes, onsetOf(question));
  const ranked = rankCandidates([...findings, ...signs.findings, ...changed], indicator);
  const best = ranked[0];
  const innocent = innocentSymptoms(scene, symptoms, ranked);
  if (best === undefined || best.confidence < MIN_CONFIDENCE) {
    const reason =
      best === undefined
        ? "No place below the symptoms shows failures or time of its own that rose: this telemetry cannot tell where the fault is."
        : `The best candidate has a probability of only ${best.confidence.toFixed(2)}: the evidence does not single out one place.`;
    const rejected = [...ranked.slice(0, 10).map((c) => rejectedOf(scene, c)), ...innocent];
    return { ...frame, verdict: "INCONCLUSIVE", reason, causes: [], rejected };
  }
  const named = ranked.filter((c) => c.confidence >= MIN_LISTED).slice(0, question.maxCauses);
  const causes: Cause[] = [];
  for (const [index, candidate] of named.entries()) {
    const facts = { scene, symptoms, candidate, rank: index + 1, runtimes: signs.runtimes, changes };
    causes.push(await buildCause(storage, { ...question, onset: onsetOf(question) }, facts));
  }
  const others = ranked.slice(causes.length, causes.length + 10).map((c) => rejectedOf(scene, c));
  return { ...frame, verdict: "FOUND", reason: null, causes, rejected: [...others, ...innocent] };
}
