// Cohort contrast: is it the whole service, one version, or one instance?
// In: a service's instances in both windows, and which figure deviates. Out: the smallest group that explains it, with evidence.
// Bounds: pure; instances with fewer than MIN_REQUESTS in the fault's window do not vote; ties go to the larger group.
import { type Entity, makeEntity } from "../../model/entity.ts";
import type { Indicator } from "../../model/localization.ts";
import { duration, percent } from "./finding.ts";
import type { Compared, InstanceScene, ServiceScene, WorkSide } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

const MIN_REQUESTS = 5;
// A member of the guilty group deviates by at least this share of the worst; an innocent peer by at most the second.
const GUILTY_SHARE = 0.4;
const INNOCENT_SHARE = 0.25;

/** The narrowed place and why; `weight` 0 when nothing narrower than the service could be said. */
export interface Cohort {
  readonly entity: Entity;
  readonly members: readonly InstanceScene[];
  readonly weight: number;
  readonly source: string;
  readonly summary: string;
}

function ratio(work: WorkSide, indicator: Indicator): number {
  if (work.requests === 0) return 0;
  return (indicator === "ERRORS" ? work.originFailed : work.selfNs / 1e6) / work.requests;
}

function rise(compared: Compared<WorkSide>, service: ServiceScene, indicator: Indicator): number {
  // A new instance has no baseline of its own; its service's is the best guess.
  const base = compared.baseline.requests >= MIN_REQUESTS ? compared.baseline : service.baseline;
  return ratio(compared.fault, indicator) - ratio(base, indicator);
}

function say(value: number, indicator: Indicator): string {
  return indicator === "ERRORS"
    ? `${value < 0 ? "-" : "+"}${percent(Math.abs(value))} failures`
    : `${value < 0 ? "-" : "+"}${duration(Math.abs(value))} own time`;
}

/** Narrows a service to the instances that deviate. */
export function narrowCohort(service: ServiceScene, indicator: Indicator): Cohort {
  const voters = [...service.instances.values()]
    .filter((one) => one.fault.requests >= MIN_REQUESTS)
    .map((one) => ({ one, rise: rise(one, service, indicator) }))
    .sort((a, b) => b.rise - a.rise);
  const worst = voters[0];
  const whole: Cohort = {
    entity: service.entity,
    members: voters.map((v) => v.one),
    weight: 0,
    source: "cohort-instance",
    summary: "",
  };
  if (worst === undefined || voters.length < 2 || worst.rise <= 0) return whole;
  const guilty = voters.filter((v) => v.rise >= GUILTY_SHARE * worst.rise);
  const innocent = voters.filter((v) => v.rise < GUILTY_SHARE * worst.rise);
  if (innocent.length === 0) {
    const summary = `all ${voters.length} instances deviate (${say(worst.rise, indicator)} at the worst)`;
    return { ...whole, summary };
  }
  if (innocent.some((v) => v.rise > INNOCENT_SHARE * worst.rise)) return whole;
  const best = innocent[0]!;
  const members = guilty.map((v) => v.one);
  const { cluster, namespace, service: name } = service.entity;
  const versions = new Set(members.map((m) => m.version));
  const version = worst.one.version;
  const wholeVersion = versions.size === 1 && version !== "" && innocent.every((v) => v.one.version !== version);
  if (wholeVersion) {
    return {
      entity: makeEntity("VERSION", { cluster, namespace, service: name, version }),
      members,
      weight: WEIGHTS.cohort,
      source: "cohort-version",
      summary: `${name} ${version}: ${say(worst.rise, indicator)}; ${best.one.version}: ${say(best.rise, indicator)}`,
    };
  }
  if (members.length > 1) return whole;
  const { instance, node } = worst.one;
  return {
    entity: makeEntity("INSTANCE", { cluster, namespace, service: name, version, instance, node }),
    members,
    weight: WEIGHTS.cohort,
    source: "cohort-instance",
    summary: `instance ${instance}: ${say(worst.rise, indicator)}; ${best.one.instance}: ${say(best.rise, indicator)}`,
  };
}
