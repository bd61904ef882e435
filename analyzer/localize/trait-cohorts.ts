// Trait cohorts: what do the requests or instances that deviate have in common, when it is not one version or instance?
// In: a blamed service, the edges to it, runtime class and zone of its instances. Out: one statement for each trait that explains the deviation.
// Traits: the operation that is asked for, the caller that asks, the runtime class and the zone that answer. A trait speaks where those that deviate
//   have it, those that do not deviate lack it, and the first make nearly all of the excess.
// Bounds: pure; whoever has fewer than MIN_REQUESTS has no voice, and nothing new has one. It narrows a cause and does not rank it.
import type { RuntimeClass } from "../../model/entity.ts";
import { groupBy } from "../../model/group-by.ts";
import type { Evidence, Indicator } from "../../model/localization.ts";
import { contrast, MIN_REQUESTS, rise, sayRise, type Voter } from "./cohort.ts";
import type { EdgeScene, EdgeSide, InstanceScene, Scene, ServiceScene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

// The rest is what a mean does by chance, or a second fault.
const EXPLAINED_SHARE = 0.8;
const MAX_NAMED = 3;
const MAX_NODES = 500;

/** Somebody with a voice: what people call it, and how many requests it speaks for. */
interface Member {
  readonly name: string;
  readonly requests: number;
}

const byName = (names: readonly string[]): string =>
  names.length <= MAX_NAMED
    ? names.join(", ")
    : `${names.slice(0, MAX_NAMED).join(", ")} and ${names.length - MAX_NAMED} more`;

/** The statement of one trait; null where nobody is spared, or the rest deviates too. */
function stateTrait(
  source: string,
  words: string,
  voters: readonly Voter<Member>[],
  say: (rise: number) => string,
): Evidence | null {
  const parts = contrast(voters);
  const [worst, best] = [parts?.guilty[0], parts?.innocent[0]];
  if (parts === null || worst === undefined || best === undefined) return null;
  const excess = (some: readonly Voter<Member>[]) =>
    some.reduce((sum, v) => sum + Math.max(0, v.rise) * v.one.requests, 0);
  if (excess(parts.guilty) < EXPLAINED_SHARE * excess(voters)) return null;
  const names = byName(parts.guilty.map((v) => v.one.name));
  const others = parts.innocent.length === 1 ? best.one.name : `the other ${parts.innocent.length} at most`;
  const summary = `${words} ${names}: ${say(worst.rise)}; ${others}: ${say(best.rise)}`;
  return { source, summary, weight: WEIGHTS.cohort, traceIds: [] };
}

function operationVoters(service: ServiceScene, indicator: Indicator): Voter<Member>[] {
  return [...service.operations]
    .filter(([, { fault, baseline }]) => Math.min(fault.requests, baseline.requests) >= MIN_REQUESTS)
    .map(([name, one]) => ({
      one: { name, requests: one.fault.requests },
      rise: rise(one, service, indicator),
    }));
}

/** Failures a call (0..1) or milliseconds a call that the callee took. */
function ofCalls(side: EdgeSide, indicator: Indicator): number {
  if (indicator === "ERRORS") {
    return side.calleeCalls > 0
      ? side.calleeFailed / side.calleeCalls
      : side.callerFailed / Math.max(1, side.callerCalls);
  }
  return side.callerCalls === 0 ? 0 : (side.callerNs - side.gapNs) / 1e6 / side.callerCalls;
}

const calls = (side: EdgeSide): number => Math.max(side.callerCalls, side.calleeCalls);

function callerVoters(edges: readonly EdgeScene[], indicator: Indicator): Voter<Member>[] {
  return edges
    .filter(
      ({ entity, fault, baseline }) => entity.service !== "" && Math.min(calls(fault), calls(baseline)) >= MIN_REQUESTS,
    )
    .map(({ entity, fault, baseline }) => ({
      one: { name: entity.service, requests: calls(fault) },
      rise: ofCalls(fault, indicator) - ofCalls(baseline, indicator),
    }));
}

type ClassOf = (one: InstanceScene) => string;

/** The instances that deviate and the others, where some do and some do not. */
function splitOf(service: ServiceScene, indicator: Indicator) {
  const voters = [...service.instances.values()]
    .filter((one) => one.fault.requests >= MIN_REQUESTS)
    .map((one) => ({ one, rise: rise(one, service, indicator) }));
  const split = contrast(voters);
  return split === null || split.innocent.length === 0 ? null : split;
}

/** All instances of a class as one voice; none where a class is not known, or is spared in part, or one instance alone deviates. */
function classVoters(service: ServiceScene, classOf: ClassOf, indicator: Indicator): Voter<Member>[] {
  const split = splitOf(service, indicator);
  if (split === null || split.guilty.length < 2) return [];
  const voters = [...split.guilty, ...split.innocent];
  const byClass = groupBy(voters, ({ one }) => classOf(one));
  if (byClass.has("")) return [];
  const isWhole = (some: readonly Voter<InstanceScene>[]) =>
    some.every((v) => split.guilty.includes(v)) || some.every((v) => split.innocent.includes(v));
  if (![...byClass.values()].every(isWhole)) return [];
  return [...byClass].map(([name, some]) => {
    const requests = some.reduce((sum, { one }) => sum + one.fault.requests, 0);
    const risen = some.reduce((sum, v) => sum + v.rise * v.one.fault.requests, 0);
    return { one: { name, requests }, rise: risen / requests };
  });
}

/** The nodes of a service whose instances deviate in part, so that their zones are worth a look; else none. */
export function nodesInQuestion(service: ServiceScene, indicator: Indicator): string[] {
  const split = splitOf(service, indicator);
  if (split === null || split.guilty.length < 2) return [];
  const nodes = [...split.guilty, ...split.innocent].map(({ one }) => one.node);
  return [...new Set(nodes)].filter((node) => node !== "").slice(0, MAX_NODES);
}

/** What is known of the instances beside what they did; '' and absent: not known. */
export interface Traits {
  /** By instance. */
  readonly runtimes: ReadonlyMap<string, RuntimeClass>;
  /** By node. */
  readonly zones: ReadonlyMap<string, string>;
}

/** What the deviation of a service is confined to. */
export function traitCohorts(
  scene: Scene,
  service: ServiceScene,
  { runtimes, zones }: Traits,
  indicator: Indicator,
): Evidence[] {
  const edges = [...scene.edges.values()].filter((edge) => edge.to === service.key);
  const own = (value: number) => sayRise(value, indicator);
  const asked = (value: number) => sayRise(value, indicator, "until the answer");
  const runtimeOf: ClassOf = ({ instance }) => {
    const runtime = runtimes.get(instance) ?? "UNKNOWN";
    return runtime === "UNKNOWN" ? "" : runtime;
  };
  const zoneOf: ClassOf = ({ node }) => zones.get(node) ?? "";
  return [
    stateTrait("cohort-operation", "operation", operationVoters(service, indicator), own),
    stateTrait("cohort-caller", "called by", callerVoters(edges, indicator), asked),
    stateTrait("cohort-runtime", "instances of class", classVoters(service, runtimeOf, indicator), own),
    stateTrait("cohort-zone", "instances in zone", classVoters(service, zoneOf, indicator), own),
  ].filter((one) => one !== null);
}
