// Retry amplification: does a service answer many more attempts than calls are made of it?
// In: the scene, the places in question, the changes around the onset. Out: one finding a service whose callers try again and again.
// Bounds: pure. Retries follow failures and slowness: they make a fault larger and are its cause only where the rule for them was changed.
import type { Change } from "../../model/localization.ts";
import type { Finding } from "./finding.ts";
import { edgesByEnd } from "./refusal.ts";
import type { EdgeScene, EdgeSide, Scene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

const MIN_CALLS = 20;
/** Attempts a call from which one speaks of amplification, and over the baseline's. */
const MIN_ATTEMPTS = 1.5;
const MIN_RATIO = 1.4;

/** Attempts per call: what the callee answered, or what the caller's side tells of, whichever is more. */
function attemptsOf(edges: readonly EdgeScene[], side: "fault" | "baseline"): { calls: number; attempts: number } {
  const sum = (of: (one: EdgeSide) => number) => edges.reduce((total, edge) => total + of(edge[side]), 0);
  const calls = sum((one) => one.callerCalls);
  return {
    calls,
    attempts: Math.max(
      sum((one) => one.calleeCalls),
      calls + sum((one) => one.retries),
    ),
  };
}

/** True where a change is one of the rules for retries. */
function isRetryChange(change: Change, service: string): boolean {
  return (
    change.entity.service === service &&
    /\b(retries|retryOn|retryPolicy|attempts|numRetries)\b/i.test(
      `${change.summary} ${change.before ?? ""} ${change.after ?? ""}`,
    )
  );
}

/** Services whose callers multiply their calls. */
export function findAmplification(scene: Scene, places: ReadonlySet<string>, changes: readonly Change[]): Finding[] {
  const into = edgesByEnd(scene).to;
  return [...scene.services.values()].flatMap((service): Finding[] => {
    const edges = (into.get(service.key) ?? []).filter((edge) => edge.fault.callerCalls > 0);
    if (!places.has(service.key) || edges.length === 0) return [];
    const [now, before] = [attemptsOf(edges, "fault"), attemptsOf(edges, "baseline")];
    if (now.calls < MIN_CALLS) return [];
    const ratio = now.attempts / now.calls;
    const usual = before.calls === 0 ? 1 : before.attempts / before.calls;
    if (ratio < MIN_ATTEMPTS || ratio < MIN_RATIO * usual) return [];
    const changed = changes.some((change) => isRetryChange(change, service.entity.service));
    const why = changed ? ", and the rule for retries was changed" : "";
    return [
      {
        place: service.key,
        source: "retry-amplification",
        indicator: "ERRORS",
        weight: changed ? WEIGHTS.change : WEIGHTS.change / 2,
        excess: now.attempts - now.calls * usual,
        summary: `${service.entity.service} is asked ${ratio.toFixed(1)} times for each call, before ${usual.toFixed(1)}${why}`,
        kinds: changed ? { RETRY_STORM: 4 } : {},
      },
    ];
  });
}
