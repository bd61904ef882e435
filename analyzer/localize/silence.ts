// Silence: did a service stop sending telemetry while it is still called, and do the calls to it fail or wait?
// In: the scene and the places in question. Out: findings on services that fell silent.
// Bounds: pure. Unikernels and functions have no shell and no agent beside them: absent telemetry is never read as health, and a service
//   that nobody calls any more is idle, not silent.
import type { Finding } from "./finding.ts";
import { percent } from "./finding.ts";
import { edgesByEnd } from "./refusal.ts";
import type { Scene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

const MIN_CALLS = 15;
// Of the calls made of it, so few arrive by its own account; before it was most of them.
const SILENT_SHARE = 0.2;
const HEARD_SHARE = 0.7;
const MIN_FAILED = 0.2;
const SLOWER_RATIO = 1.5;

/** Services that are called, say nothing any more, and answer badly. */
export function findSilence(scene: Scene, places: ReadonlySet<string>): Finding[] {
  const into = edgesByEnd(scene).to;
  return [...scene.services.values()].flatMap((service): Finding[] => {
    const edges = into.get(service.key) ?? [];
    if (!places.has(service.key) || edges.length === 0) return [];
    const sum = (side: "fault" | "baseline", of: "callerCalls" | "callerFailed" | "callerNs") =>
      edges.reduce((total, edge) => total + edge[side][of], 0);
    const [calls, usual] = [sum("fault", "callerCalls"), sum("baseline", "callerCalls")];
    if (calls < MIN_CALLS || usual < MIN_CALLS) return [];
    const [heard, before] = [service.fault.requests / calls, service.baseline.requests / usual];
    if (before < HEARD_SHARE || heard > SILENT_SHARE) return [];
    const failed = sum("fault", "callerFailed") / calls;
    const slower = sum("fault", "callerNs") / calls / Math.max(1, sum("baseline", "callerNs") / usual);
    const isDown = failed >= MIN_FAILED;
    if (!isDown && slower < SLOWER_RATIO) return [];
    const how = isDown ? `${percent(failed)} of the calls fail` : `calls take ${slower.toFixed(1)} times as long`;
    return [
      {
        place: service.key,
        source: "silence",
        indicator: isDown ? "ERRORS" : "LATENCY",
        weight: WEIGHTS.resource,
        excess: 0,
        summary: `${service.entity.service} fell silent: ${percent(heard)} of the calls made of it show in its own telemetry, before ${percent(before)}, and ${how}`,
        kinds: isDown ? { CRASH: 4 } : {},
      },
    ];
  });
}
