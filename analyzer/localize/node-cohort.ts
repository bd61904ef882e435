// Node cohort: do the workloads of one node deviate together while their peers elsewhere do not?
// In: the scene and the places in question. Out: at most one finding a node, with the excess of everything that deviates on it.
// Bounds: pure; instances with fewer than MIN_REQUESTS in either window have no voice, and two services at least must agree: one slow
//   service on a node is that service's fault, whatever runs beside it.
import { makeEntity } from "../../model/entity.ts";
import { groupBy } from "../../model/group-by.ts";
import type { Indicator } from "../../model/localization.ts";
import { logit } from "../statistics.ts";
import { duration, type Finding, percent } from "./finding.ts";
import type { InstanceScene, Scene, WorkSide } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

const MIN_REQUESTS = 10;
const MIN_SERVICES = 2;
// Of the services with a voice on the node so many deviate; of those elsewhere at most so many.
const GUILTY_SHARE = 0.6;
const SPARED_SHARE = 0.25;
// What counts as a deviation of one instance: time of its own, or failures of its own.
const MIN_RISE_RATIO = 0.3;
const MIN_RISE_NS = 1_000_000;
const MIN_RISE_FAILED = 0.03;

interface Voice {
  readonly service: string;
  readonly node: string;
  readonly deviates: boolean;
  /** Nanoseconds or failures beyond the baseline. */
  readonly excess: number;
  readonly requests: number;
}

const perRequest = (side: WorkSide, indicator: Indicator) =>
  (indicator === "ERRORS" ? side.originFailed : side.selfNs) / side.requests;

function voiceOf(service: string, node: string, one: InstanceScene, indicator: Indicator): Voice | null {
  if (one.fault.requests < MIN_REQUESTS || one.baseline.requests < MIN_REQUESTS) return null;
  const [now, before] = [perRequest(one.fault, indicator), perRequest(one.baseline, indicator)];
  const rise = now - before;
  const deviates =
    indicator === "ERRORS" ? rise >= MIN_RISE_FAILED : rise >= MIN_RISE_NS && rise >= MIN_RISE_RATIO * before;
  return { service, node, deviates, excess: Math.max(0, rise) * one.fault.requests, requests: one.fault.requests };
}

function voicesOf(scene: Scene, indicator: Indicator): Voice[] {
  const voices: Voice[] = [];
  for (const { key, entity, instances } of scene.services.values()) {
    for (const one of instances.values()) {
      const { node } = one;
      const voice = node === "" ? null : voiceOf(key, `${entity.cluster}|${node}`, one, indicator);
      if (voice !== null) voices.push(voice);
    }
  }
  return voices;
}

/** Of the services with a voice among these, how many deviate. */
function count(voices: readonly Voice[]): { all: number; deviating: readonly string[] } {
  const deviating = new Set(voices.filter((v) => v.deviates).map((v) => v.service));
  return { all: new Set(voices.map((v) => v.service)).size, deviating: [...deviating] };
}

const sum = (voices: readonly Voice[]) => voices.reduce((total, v) => total + (v.deviates ? v.excess : 0), 0);

function describe(voices: readonly Voice[], indicator: Indicator): string {
  const requests = voices.reduce((total, v) => total + v.requests, 0);
  const rise = sum(voices) / Math.max(1, requests);
  return indicator === "ERRORS" ? `+${percent(rise)} failures` : `+${duration(rise / 1e6)} own time`;
}

/** Nodes whose workloads deviate together, for one indicator. */
export function findSlowNodes(scene: Scene, indicator: Indicator): Finding[] {
  const voices = voicesOf(scene, indicator);
  const total = sum(voices);
  if (total <= 0) return [];
  return [...groupBy(voices, (v) => v.node)].flatMap(([node, here]): Finding[] => {
    const guilty = count(here);
    if (guilty.deviating.length < MIN_SERVICES || guilty.deviating.length < GUILTY_SHARE * guilty.all) return [];
    const others = count(voices.filter((v) => v.node !== node));
    // Nothing to compare with: the whole mesh may be slow.
    if (others.all === 0 || others.deviating.length > SPARED_SHARE * others.all) return [];
    const [cluster = "", name = ""] = node.split("|");
    const share = sum(here) / total;
    const services = guilty.deviating.map((key) => key.split("|")[3] ?? key).toSorted();
    return [
      {
        place: `node|${node}`,
        source: "node-cohort",
        indicator,
        weight: WEIGHTS.share * logit(share) + WEIGHTS.significant + WEIGHTS.together,
        excess: sum(here),
        summary: `${guilty.deviating.length} of ${guilty.all} services on ${name} deviate (${describe(here, indicator)}: ${services.join(", ")}), elsewhere ${others.deviating.length} of ${others.all}`,
        kinds: { NODE: 4 },
        entity: makeEntity("NODE", { cluster, node: name }),
      },
    ];
  });
}
