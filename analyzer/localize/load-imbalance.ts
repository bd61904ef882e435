// Load imbalance: does one instance get far more than its share of the requests, and suffer by it?
// In: the scene and the places in question. Out: one finding a service of which an instance is overloaded.
// Bounds: pure; only instances of one version are compared (weights between versions are meant), and the others must be alive: who takes
//   over a dead peer's requests is not out of balance.
import type { Indicator } from "../../model/localization.ts";
import { effectiveSize, upperTailLog10 } from "../statistics.ts";
import { duration, type Finding, percent } from "./finding.ts";
import type { InstanceScene, Scene, ServiceScene, WorkSide } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

const MIN_REQUESTS = 40;
// The overloaded one has so many times the share it had, and so much more of the whole.
const MIN_SHARE_RATIO = 1.4;
const MIN_SHARE_RISE = 0.2;
const MIN_RISE_NS = 1_000_000;
const MIN_RISE_RATIO = 0.3;
const MIN_RISE_FAILED = 0.02;
// A peer that still answers this many of the requests it used to get is alive.
const ALIVE_REQUESTS = 3;
const ALIVE_FAILED = 0.5;
const RHO = 0.01;

const mean = (side: WorkSide, of: "selfNs" | "originFailed") => (side.requests === 0 ? 0 : side[of] / side.requests);

/** What suffers at an instance: its time, its failures, or nothing. */
function sufferingOf({ fault, baseline }: InstanceScene): { indicator: Indicator; rise: number } | null {
  const failed = mean(fault, "originFailed") - mean(baseline, "originFailed");
  if (failed >= MIN_RISE_FAILED) return { indicator: "ERRORS", rise: failed };
  const before = mean(baseline, "selfNs");
  const slower = mean(fault, "selfNs") - before;
  return slower >= MIN_RISE_NS && slower >= MIN_RISE_RATIO * before ? { indicator: "LATENCY", rise: slower } : null;
}

const isAlive = ({ fault }: InstanceScene) =>
  fault.requests >= ALIVE_REQUESTS && mean(fault, "originFailed") < ALIVE_FAILED;

function imbalanceOf(service: ServiceScene, peers: readonly InstanceScene[]): Finding | null {
  const total = (side: "fault" | "baseline") => peers.reduce((sum, one) => sum + one[side].requests, 0);
  const [now, before] = [total("fault"), total("baseline")];
  if (peers.length < 2 || now < MIN_REQUESTS || before < MIN_REQUESTS) return null;
  const hottest = peers.toSorted((a, b) => b.fault.requests - a.fault.requests)[0]!;
  const share = hottest.fault.requests / now;
  // An instance that is new has the share that all have.
  const usual = hottest.baseline.requests === 0 ? 1 / peers.length : hottest.baseline.requests / before;
  if (share < MIN_SHARE_RATIO * usual || share - usual < MIN_SHARE_RISE) return null;
  const size = effectiveSize(now, RHO);
  if (upperTailLog10(share * size, size, usual) > -3) return null;
  const suffering = sufferingOf(hottest);
  if (suffering === null || !peers.some((one) => one !== hottest && isAlive(one))) return null;
  const { indicator, rise } = suffering;
  const damage = indicator === "ERRORS" ? `+${percent(rise)} failures` : `+${duration(rise / 1e6)} own time`;
  return {
    place: service.key,
    source: "load-imbalance",
    indicator,
    weight: WEIGHTS.resource,
    excess: 0,
    summary: `${hottest.instance} takes ${percent(share)} of ${service.entity.service}'s requests, before ${percent(usual)}, and suffers (${damage}); its peers are alive`,
    kinds: { LOAD_IMBALANCE: 8 },
    instances: [hottest.instance],
  };
}

/** Services of which one instance takes far more than its share and suffers. */
export function findImbalances(scene: Scene, places: ReadonlySet<string>): Finding[] {
  return [...scene.services.values()]
    .filter((service) => places.has(service.key))
    .flatMap((service) => {
      const versions = new Map<string, InstanceScene[]>();
      for (const one of service.instances.values()) {
        if (one.instance === "") continue;
        const known = versions.get(one.version);
        if (known === undefined) versions.set(one.version, [one]);
        else known.push(one);
      }
      return [...versions.values()].map((peers) => imbalanceOf(service, peers)).filter((found) => found !== null);
    });
}
