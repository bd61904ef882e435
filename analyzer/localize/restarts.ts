// Restarts: which instances restarted in the fault's window, also where retries hide from every caller that they did.
// In: the scene, the instances that restarted, what alarmed. Out: one finding a service, narrowed to those instances.
// Bounds: pure; what the restart speaks for (a crash, a kill for memory, a cold start) is for platform-signs.ts to say.
import type { Indicator } from "../../model/localization.ts";
import type { RestartRow } from "../../storage/platform-signals.ts";
import type { Finding } from "./finding.ts";
import type { Scene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

// One restart is what every rollout brings.
const SEVERAL = 2;

/** Services with instances that restarted; `indicator` is what alarmed: where it was a restart, that is the symptom. */
export function findRestarts(scene: Scene, rows: readonly RestartRow[], indicator: Indicator): Finding[] {
  const restarts = new Map(rows.map((row) => [row.instance, row.restarts]));
  return [...scene.services.values()].flatMap((service): Finding[] => {
    const names = new Set(
      [...service.instances.values()].map((one) => one.instance).filter((name) => restarts.has(name)),
    );
    if (names.size === 0) return [];
    const most = Math.max(...[...names].map((name) => restarts.get(name)!));
    const strength = most >= SEVERAL ? 1 : 0.5;
    return [
      {
        place: service.key,
        source: "restart",
        indicator,
        weight: WEIGHTS.resource * strength,
        excess: 0,
        summary: `${[...names].toSorted().join(", ")} restarted ${most.toFixed(0)} times`,
        kinds: {},
        instances: [...names],
      },
    ];
  });
}
