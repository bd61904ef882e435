// Cohort contrast: is it the whole service, one version, or one instance?
// In: a service's instances in both windows, and which figure deviates. Out: the smallest group that explains it, with evidence.
// Bounds: pure; instances with fewer than MIN_REQUESTS in the fault's window do not vote; ties go to the larger group.
import { type Entity, makeEntity } from "../../model/entity.ts";
import type { Indicator } from "../../model/localization.ts";
import { duration, percent } from "./finding.ts";
import type { Compared, InstanceScene, ServiceScene, WorkSide } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

/** Whoever answered fewer requests has no voice. */
export const MIN_REQUESTS = 5;
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

/** How far a part of a service rose per request: failures of its own (0..1), or milliseconds of its own time. */
export function rise(compared: Compared<WorkSide>, service: ServiceScene, indicator: Indicator): number {
  // A new instance has no baseline of its own; its service's is the best guess.
  const base = compared.baseline.requests >= MIN_REQUESTS ? compared.baseline : service.baseline;
  return ratio(compared.fault, indicator) - ratio(base, indicator);
}

/** A member of a group and how far it rose beyond its baseline. */
export interface Voter<Member> {
  readonly one: Member;
  readonly rise: number;
}

/** Those that deviate and those that do not, each worst first; null when some lie in between, or nobody deviates. */
export function contrast<Member>(
  voters: readonly Voter<Member>[],
): { readonly guilty: readonly Voter<Member>[]; readonly innocent: readonly Voter<Member>[] } | null {
  const sorted = voters.toSorted((a, b) => b.rise - a.rise);
  const worst = sorted[0]?.rise ?? 0;
  if (worst <= 0) return null;
  const innocent = sorted.filter((v) => v.rise < GUILTY_SHARE * worst);
  if (innocent.some((v) => v.rise > INNOCENT_SHARE * worst)) return null;
  return { guilty: sorted.slice(0, sorted.length - innocent.length), innocent };
}

/** A rise as people read it; `time` says what time it is. */
export function sayRise(value: number, indicator: Indicator, time = "own time"): string {
  const size = Math.abs(value);
  return `${value < 0 ? "-" : "+"}${indicator === "ERRORS" ? `${percent(size)} failures` : `${duration(size)} ${time}`}`;
}

/** Narrows a service to the instances that deviate. */
export function narrowCohort(service: ServiceScene, indicator: Indicator): Cohort {
  const voters = [...service.instances.values()]
    .filter((one) => one.fault.requests >= MIN_REQUESTS)
    .map((one) => ({ one, rise: rise(one, service, indicator) }));
  const whole: Cohort = {
    entity: service.entity,
    members: voters.toSorted((a, b) => b.rise - a.rise).map((v) => v.one),
    weight: 0,
    source: "cohort-instance",
    summary: "",
  };
  const parts = voters.length < 2 ? null : contrast(voters);
  const worst = parts?.guilty[0];
  if (parts === null || worst === undefined) return whole;
  const { guilty, innocent } = parts;
  if (innocent.length === 0) {
    const summary = `all ${voters.length} instances deviate (${sayRise(worst.rise, indicator)} at the worst)`;
    return { ...whole, summary };
  }
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
      summary: `${name} ${version}: ${sayRise(worst.rise, indicator)}; ${best.one.version}: ${sayRise(best.rise, indicator)}`,
    };
  }
  if (members.length > 1) return whole;
  const { instance, node } = worst.one;
  return {
    entity: makeEntity("INSTANCE", { cluster, namespace, service: name, version, instance, node }),
    members,
    weight: WEIGHTS.cohort,
    source: "cohort-instance",
    summary: `instance ${instance}: ${sayRise(worst.rise, indicator)}; ${best.one.instance}: ${sayRise(best.rise, indicator)}`,
  };
}
