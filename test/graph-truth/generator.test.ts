// The generator of meshes with a known true graph holds what the truth tests rely on.
// In: meshes of several sizes. Out: the same for the same seed, every sort of edge and failure, nothing in the truth that nobody could see.
// Bounds: pure; no storage.
import { expect, test } from "vitest";
import { ALL_HARMS, keepSome, scheduleArrivals } from "../../bench/graph/harms.ts";
import { makeTraffic } from "../../bench/graph/scenario.ts";
import { TROUBLES } from "../../bench/graph/troubles.ts";
import { createRandom } from "../../bench/ingest/random.ts";

const scenario = { services: 50, requests: 1_200, logs: "all", seed: 7, fromSeconds: 1_767_607_200 } as const;
const traffic = makeTraffic(scenario);
const edges = [...traffic.truth.values()];

test("the same seed gives the same traffic, another one another", () => {
  const again = makeTraffic(scenario);
  expect(again.spans.map(({ id }) => id)).toEqual(traffic.spans.map(({ id }) => id));
  expect([...again.truth]).toEqual([...traffic.truth]);
  expect([...makeTraffic({ ...scenario, seed: 8 }).truth.keys()]).not.toEqual([...traffic.truth.keys()]);
});

test("every sort of edge is there, and each is met often enough to be found in half of the spans", () => {
  const sorts = new Set(edges.map(({ source, target }) => `${source.kind} ${target.kind}`));
  expect([...sorts].sort()).toEqual([
    "MESSAGING SERVICE",
    "SERVICE DATABASE",
    "SERVICE EXTERNAL",
    "SERVICE MESSAGING",
    "SERVICE SERVICE",
    "UNKNOWN SERVICE",
  ]);
  expect(edges.some(({ source, target }) => source.kind === "SERVICE" && source.cluster !== target.cluster)).toBe(true);
  expect(edges.some(({ source, target }) => JSON.stringify(source) === JSON.stringify(target))).toBe(true);
  const least = Math.min(...edges.map(({ callerCalls, calleeCalls }) => Math.max(callerCalls, calleeCalls)));
  expect(least).toBeGreaterThanOrEqual(5);
});

test("every trouble is met, and what a side counts fits the other", () => {
  const flags = new Set(edges.flatMap(({ flags: met }) => [...met.keys()]));
  expect(TROUBLES.map(({ flag }) => flag).filter((flag) => flag !== "" && !flags.has(flag))).toEqual([]);
  for (const edge of edges) {
    if (edge.callerCalls === 0 || edge.calleeCalls === 0) continue;
    expect(edge.calleeCalls).toBe(edge.callerCalls + edge.retries - edge.neverArrived);
  }
});

test("some services are told of by their proxies only, some by themselves only, some by nobody", () => {
  const senders = new Map<string, Set<string>>();
  for (const { pod, isProxy } of traffic.spans) {
    const { name } = pod.place.service;
    senders.set(name, (senders.get(name) ?? new Set()).add(isProxy ? "proxy" : "app"));
  }
  const sorts = new Set([...senders.values()].map((who) => [...who].sort().join("+")));
  expect([...sorts].sort()).toEqual(["app", "app+proxy", "proxy"]);
  const called = new Set(edges.filter(({ target }) => target.kind === "SERVICE").map(({ target }) => target.service));
  expect([...called].some((name) => !senders.has(name))).toBe(true);
});

test("harms take what they say, and another order loses the same spans", () => {
  const kept = keepSome(traffic.spans, createRandom(1), ALL_HARMS);
  const distinct = new Set(kept);
  expect(distinct.size / traffic.spans.length).toBeCloseTo(0.5, 1);
  expect((kept.length - distinct.size) / distinct.size).toBeCloseTo(0.05, 1);
  const orders = [1, 2].map((seed) =>
    scheduleArrivals({ spans: kept, logs: [] }, createRandom(seed), ALL_HARMS, 60_000_000),
  );
  const [first = [], second = []] = orders;
  const idsOf = (deliveries: typeof first) => deliveries.flatMap(({ spans }) => spans.map(({ id }) => id));
  expect(idsOf(first)).not.toEqual(idsOf(second));
  expect(idsOf(first).sort()).toEqual(idsOf(second).sort());
  const late = first.slice(2).reduce((sum, { spans }) => sum + spans.length, 0);
  expect(late / kept.length).toBeGreaterThan(0.2);
});
