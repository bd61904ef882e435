// Outbound cohort: is it only one version of a caller whose calls go wrong, whatever the callee?
// In: the scene, the places in question, one indicator. Out: one finding a service of which one version's calls alone deviate.
// Bounds: pure; versions with fewer than MIN_CALLS on an edge have no voice there. A bad release may be damage that shows only at those it
//   calls: the same callee is fine for the other version, so the callee is not to blame.
import type { Indicator } from "../../model/localization.ts";
import { duration, type Finding, percent } from "./finding.ts";
import { logit } from "../statistics.ts";
import type { Compared, EdgeScene, EdgeSide, Scene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

const MIN_CALLS = 20;
const MIN_RISE_FAILED = 0.05;
const MIN_RISE_NS = 5_000_000;
const MIN_RISE_RATIO = 0.3;
const SPARED_SHARE = 0.2;

const perCall = (side: EdgeSide, indicator: Indicator) =>
  side.callerCalls === 0 ? 0 : (indicator === "ERRORS" ? side.callerFailed : side.callerNs) / side.callerCalls;

interface Voice {
  readonly version: string;
  readonly rise: number;
  readonly excess: number;
}

/** How each version's calls of one edge deviate; a version without a past is held against the whole edge's. */
function voicesOf(edge: EdgeScene, indicator: Indicator): Voice[] {
  return [...edge.bySource]
    .filter(([version, one]) => version !== "" && one.fault.callerCalls >= MIN_CALLS)
    .map(([version, one]) => {
      const past: Compared<EdgeSide>["baseline"] = one.baseline.callerCalls >= MIN_CALLS ? one.baseline : edge.baseline;
      const rise = perCall(one.fault, indicator) - perCall(past, indicator);
      return { version, rise, excess: Math.max(0, rise) * one.fault.callerCalls };
    });
}

function isMaterial(edge: EdgeScene, rise: number, indicator: Indicator): boolean {
  if (indicator === "ERRORS") return rise >= MIN_RISE_FAILED;
  return rise >= MIN_RISE_NS && rise >= MIN_RISE_RATIO * perCall(edge.baseline, indicator);
}

/** Services of which one version alone has trouble with those it calls. */
export function findOutboundCohorts(scene: Scene, places: ReadonlySet<string>, indicator: Indicator): Finding[] {
  const guilty = new Map<
    string,
    { version: string; excess: number; edges: EdgeScene[]; rise: number; other: number }
  >();
  const mixed = new Set<string>();
  let total = 0;
  for (const edge of scene.edges.values()) {
    if (!places.has(edge.from) || !scene.services.has(edge.from)) continue;
    const voices = voicesOf(edge, indicator).toSorted((a, b) => b.rise - a.rise);
    total += voices.reduce((sum, voice) => sum + (isMaterial(edge, voice.rise, indicator) ? voice.excess : 0), 0);
    const [worst, ...others] = voices;
    if (worst === undefined || others.length === 0 || !isMaterial(edge, worst.rise, indicator)) continue;
    const known = guilty.get(edge.from);
    const isAlone = others.every((voice) => voice.rise <= SPARED_SHARE * worst.rise);
    if (!isAlone || (known !== undefined && known.version !== worst.version)) mixed.add(edge.from);
    const edges = [...(known?.edges ?? []), edge];
    const excess = (known?.excess ?? 0) + worst.excess;
    guilty.set(edge.from, { version: worst.version, excess, edges, rise: worst.rise, other: others[0]!.rise });
  }
  return [...guilty].flatMap(([place, found]): Finding[] => {
    const service = scene.services.get(place);
    if (mixed.has(place) || service === undefined || total <= 0) return [];
    const { version, excess, edges, rise, other } = found;
    const say = (value: number) =>
      indicator === "ERRORS" ? `+${percent(Math.max(0, value))} failures` : `+${duration(Math.max(0, value) / 1e6)}`;
    const callees = edges.map((edge) => edge.target.service).join(", ");
    const instances = [...service.instances.values()].filter((one) => one.version === version && one.instance !== "");
    return [
      {
        place,
        source: "cohort-outbound",
        indicator,
        weight: WEIGHTS.share * logit(excess / total) + WEIGHTS.significant + WEIGHTS.cohort,
        excess,
        summary: `only the calls of ${service.entity.service} ${version} to ${callees} deviate (${say(rise)} a call, other versions ${say(other)})`,
        kinds: indicator === "ERRORS" ? { CODE_ERROR: 1 } : { LATENCY: 1 },
        instances: instances.map((one) => one.instance),
      },
    ];
  });
}
