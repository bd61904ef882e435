// Traffic surge: did users send far more requests than before, so that what lies behind them saturates?
// In: the scene, the lengths of both windows, the indicator that alarmed. Out: at most one finding, at the entry where the surge comes in.
// Bounds: pure. A surge alone is no fault, and other faults happen during surges: it counts where time is lost, or where calls end for want
//   of capacity (overflow, no healthy upstream, rate limit); failures of another sort are not explained by it and speak against it.
import type { Indicator } from "../../model/localization.ts";
import { BUCKET_SECONDS } from "../../storage/buckets.ts";
import { effectiveSize, upperTailLog10 } from "../statistics.ts";
import { type Finding, percent } from "./finding.ts";
import { type EdgeScene, reachableFrom, type Scene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

const MIN_REQUESTS = 50;
/** Requests per second over the baseline's from which one speaks of a surge: less is what a day does. */
const MIN_RATIO = 1.6;
const RHO = 0.005;
// Flags of calls that ended because there was too much of them.
const SATURATION = ["UO", "UH", "OM", "RL"] as const;
const SATURATED_SHARE = 0.3;

/** Requests that users sent to each entry service, and from nobody we know. */
function entriesOf(scene: Scene): EdgeScene[] {
  return [...scene.edges.values()].filter(
    (edge) => edge.from.startsWith("unknown|") && edge.fault.calleeCalls >= MIN_REQUESTS,
  );
}

/** True when what fails fails for want of capacity, or nothing much fails at all. */
function isSaturation(scene: Scene): boolean {
  let [failed, saturated] = [0, 0];
  for (const { fault } of scene.services.values()) failed += fault.originFailed;
  for (const { fault } of scene.edges.values()) {
    failed += fault.originFailed;
    saturated += SATURATION.reduce((sum, flag) => sum + (fault.flags.get(flag) ?? 0), 0);
  }
  return saturated >= SATURATED_SHARE * failed;
}

/** The surge of users' requests at an entry that the symptoms lie behind, if there is one; windows by their number of buckets. */
export function findSurges(
  scene: Scene,
  symptoms: ReadonlySet<string>,
  windows: { readonly fault: number; readonly baseline: number },
  indicator: Indicator,
): Finding[] {
  if (indicator === "ERRORS" && !isSaturation(scene)) return [];
  return entriesOf(scene).flatMap((edge): Finding[] => {
    const service = scene.services.get(edge.to);
    if (service === undefined) return [];
    const [now, before] = [edge.fault.calleeCalls / windows.fault, edge.baseline.calleeCalls / windows.baseline];
    if (before === 0 || now < MIN_RATIO * before) return [];
    // Given all requests, the share that falls into the fault's window.
    const total = edge.fault.calleeCalls + edge.baseline.calleeCalls;
    const size = effectiveSize(total, RHO);
    const expected = windows.fault / (windows.fault + windows.baseline);
    if (upperTailLog10((edge.fault.calleeCalls / total) * size, size, expected) > -3) return [];
    const behind = reachableFrom(scene, [edge.to]);
    if (![...symptoms].some((symptom) => behind.has(symptom))) return [];
    return [
      {
        place: edge.to,
        source: "traffic-surge",
        indicator,
        weight: Math.min(WEIGHTS.surgeMost, WEIGHTS.surge * Math.log(now / before)),
        excess: 0,
        summary: `users send ${percent(now / before - 1)} more requests to ${service.entity.service} than before (${(now / BUCKET_SECONDS).toFixed(1)} a second, before ${(before / BUCKET_SECONDS).toFixed(1)})`,
        kinds: { TRAFFIC_SURGE: 6 },
      },
    ];
  });
}
