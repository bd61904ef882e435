// Findings in words, for a terminal: one sentence for an answer, a short list for its evidence.
// In: a localization of the analyzer. Out: lines of text. Bounds: pure; at most EVIDENCE_MAX lines of evidence a cause.
import { type Entity, entityName } from "../model/entity.ts";
import type { Cause, FaultKind, Localization } from "../model/localization.ts";

const EVIDENCE_MAX = 5;

const FAULT_WORDS: Record<FaultKind, string> = {
  LATENCY: "is slow",
  CODE_ERROR: "fails in its own code",
  CRASH: "crashes",
  CPU: "is short of CPU",
  MEMORY: "is short of memory",
  DISK: "is held up by its disk",
  NETWORK: "is held up by the network",
  DEPENDENCY: "is held up by something it depends on",
  CLUSTER_LINK: "is cut off between clusters",
  NODE: "runs on a bad node",
  ROUTE_CONFIG: "is routed wrongly",
  TIMEOUT_CONFIG: "has a timeout that does not fit",
  CIRCUIT_BREAKER: "is cut off by a circuit breaker",
  RATE_LIMIT: "is cut off by a rate limit",
  AUTHORIZATION: "is refused by an authorization policy",
  FAULT_INJECTION: "has a fault injected by configuration",
  RETRY_STORM: "is flooded by retries",
  LOAD_IMBALANCE: "gets an uneven share of the load",
  BAD_RELEASE: "has a bad release",
  TRAFFIC_SURGE: "gets more traffic than it can take",
  COLD_START: "is slowed by cold starts",
  PAUSE: "is paused again and again",
  UNKNOWN: "is at fault",
};

/** Where, what, since when, how sure; or why there is no answer. */
export function findingSentence(answer: Localization, startedAt: string | null): string {
  const cause = answer.causes[0];
  if (answer.verdict !== "FOUND" || cause === undefined) {
    const word = answer.verdict === "NO_FAULT" ? "Nothing is wrong" : "The cause cannot be named";
    return `${word}${answer.reason === null ? "" : `: ${answer.reason}`}`.replace(/\.?$/, ".");
  }
  const since = answer.onset ?? startedAt;
  const when = since === null ? "" : ` since ${since.slice(11, 19)} UTC`;
  return `${placeName(cause.entity)} ${FAULT_WORDS[cause.faultKind]}${when} (${percent(cause.confidence)} sure, ${cause.faultKind}).`;
}

/** The evidence of the first cause, strongest first, then the causes that came next. */
export function evidenceLines(answer: Localization): string[] {
  const [first, ...others] = answer.causes;
  if (first === undefined) return [];
  const evidence = [...first.evidence].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, EVIDENCE_MAX);
  const lines = evidence.map(
    (one) => `${direction(one.weight)}: ${one.summary} [${one.source}, ${one.weight.toFixed(1)} nats]`,
  );
  if (others.length > 0) lines.push(`less likely: ${others.map(describeCause).join("; ")}`);
  return lines;
}

function describeCause(cause: Cause): string {
  return `${placeName(cause.entity)} (${cause.faultKind}, ${percent(cause.confidence)})`;
}

/** The place with its namespace and cluster, where known. */
function placeName(entity: Entity): string {
  const around = [entity.namespace, entity.cluster].filter((part) => part !== "");
  return `${entityName(entity)}${around.length === 0 ? "" : ` (${around.join(", ")})`}`;
}

function direction(weight: number): string {
  if (Math.abs(weight) < 0.05) return "seen";
  return weight < 0 ? "against" : "for";
}

function percent(ratio: number): string {
  // Nothing is certain that was computed from samples.
  if (ratio > 0.99) return "over 99 %";
  return `${(ratio * 100).toFixed(0)} %`;
}
