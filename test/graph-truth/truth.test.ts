// The drawn graph against the true one, from the wire to the API: a generated mesh of 50 services in three clusters whose clocks differ.
// In: bench/graph's traffic, whole, then with half of the spans lost, 30 % late, 5 % twice, all shuffled. Out: the same edges, exact
// counts where everything came, counts within 1 % where access logs tell of a side, retry factors, response flags and their owners.
// Bounds: one seed; some 20,000 spans and 9,000 access logs; an embedded ClickHouse.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareGraph, type DrawnEdge, drawnKey, trueEnds } from "../../bench/graph/compare.ts";
import { ALL_HARMS, type Harms, NO_HARMS } from "../../bench/graph/harms.ts";
import type { DrawnGraph } from "../../bench/graph/pipeline.ts";
import { makeArrivals, makeTraffic, runDeliveries, startBefore } from "../../bench/graph/scenario.ts";
import { TROUBLES } from "../../bench/graph/troubles.ts";
import type { TrueEdge } from "../../bench/graph/truth.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const SEED = 7;
const FROM_SECONDS = startBefore(Date.now());
const scenario = { services: 50, requests: 1_200, logs: "all", seed: SEED, fromSeconds: FROM_SECONDS } as const;
const OWNER_OF_FLAG = new Map(TROUBLES.map(({ flag, owner }) => [flag, owner]));
const traffic = makeTraffic(scenario);
const { truth } = traffic;

async function draw(db: TestStorage, harms: Harms): Promise<DrawnGraph> {
  return runDeliveries(db.storage, FROM_SECONDS, makeArrivals(traffic, harms, { seed: SEED, orderSeed: 99 }));
}

/** True edges with what was drawn for them. */
function pairs(drawn: readonly DrawnEdge[]): { key: string; edge: TrueEdge; drawn: DrawnEdge }[] {
  const byKey = new Map(drawn.map((edge) => [edge.key, edge]));
  return [...truth].flatMap(([key, edge]) => {
    const found = byKey.get(key);
    return found === undefined ? [] : [{ key, edge, drawn: found }];
  });
}

/** Edges whose retry factor (attempts a request) is off by more than 5 %; only what is told of can be right. */
function wrongRetries(drawn: readonly DrawnEdge[], isTold: (edge: TrueEdge) => boolean): string[] {
  const retried = pairs(drawn).filter(({ edge }) => edge.retries > 0 && isTold(edge));
  expect(retried.length).toBeGreaterThan(5);
  return retried.flatMap(({ key, edge, drawn: found }) => {
    const expected = (edge.callerCalls + edge.retries) / edge.callerCalls;
    const actual = found.retryFactor ?? Number.NaN;
    const isRight = Math.abs(actual - expected) <= 0.05 * expected;
    return isRight ? [] : [`${key}: ${actual.toFixed(3)} attempts a request instead of ${expected.toFixed(3)}`];
  });
}

/** Flags that are missing, miscounted, or not at their owner. */
function wrongFlags(drawn: readonly DrawnEdge[], isTold: (edge: TrueEdge) => boolean): string[] {
  const flagged = pairs(drawn).filter(({ edge }) => edge.flags.size > 0 && isTold(edge));
  const met = new Set(flagged.flatMap(({ edge }) => [...edge.flags.keys()]));
  expect([...met].sort()).toEqual([...OWNER_OF_FLAG.keys()].filter((flag) => flag !== "").sort());
  return flagged.flatMap(({ key, edge, drawn: found }) => {
    const line = (flag: string, count: number, owner: string) => `${key}: ${flag} ${count} ${owner.toLowerCase()}`;
    const expected = [...edge.flags].map(([flag, count]) => line(flag, count, OWNER_OF_FLAG.get(flag) ?? "")).sort();
    const actual = found.flags.map(({ flag, count, owner }) => line(flag, count, owner)).sort();
    return expected.join() === actual.join() ? [] : [`${actual.join()} instead of ${expected.join()}`];
  });
}

describe("everything arrives in time", () => {
  let db: TestStorage;
  let graph: DrawnGraph;
  beforeAll(async () => {
    db = await startTestStorage();
    graph = await draw(db, NO_HARMS);
  });
  afterAll(() => db.stop());

  test("every true edge is drawn, and no other", () => {
    const { missing, wrong } = compareGraph(truth, graph.edges, true);
    expect({ missing, wrong }).toEqual({ missing: [], wrong: [] });
    expect(truth.size).toBeGreaterThan(140);
  });

  test("both sides of every edge count exactly what they saw", () => {
    expect(graph.edges.every(({ caller, callee }) => caller !== null || callee !== null)).toBe(true);
    const { worstCount, miscounted } = compareGraph(truth, graph.edges, true);
    expect({ miscounted, worstCount }).toEqual({ miscounted: [], worstCount: 0 });
  });

  test("services without calls are drawn too", () => {
    const drawn = new Set(graph.nodes.map((node) => drawnKey(node, node, "").split(" > ")[0] ?? ""));
    const called = trueEnds(truth);
    const alone = [...new Set(traffic.spans.map(({ pod }) => pod.place))]
      .map(({ cluster, service }) => `SERVICE:${cluster}/${service.namespace}/${service.name}`)
      .filter((end) => !called.has(end));
    expect(alone.length).toBeGreaterThan(0);
    expect(alone.filter((end) => !drawn.has(end))).toEqual([]);
  });

  test("retry factors are within 5 %", () => {
    expect(wrongRetries(graph.edges, () => true)).toEqual([]);
  });

  test("each response flag is counted on its edge and lands with its owner", () => {
    expect(wrongFlags(graph.edges, () => true)).toEqual([]);
  });
});

describe("half of the spans are lost, 30 % late, 5 % twice, all out of order; access logs arrive", () => {
  let db: TestStorage;
  let graph: DrawnGraph;
  beforeAll(async () => {
    db = await startTestStorage();
    graph = await draw(db, ALL_HARMS);
  });
  afterAll(() => db.stop());

  test("99 % of the edges are found, and 99 % of those drawn are true", () => {
    const { precision, recall, missing, wrong } = compareGraph(truth, graph.edges, false);
    const isGood = precision >= 0.99 && recall >= 0.99;
    // The lists say which, where it is not so.
    expect(isGood ? [] : { precision, recall, missing, wrong }).toEqual([]);
  });

  test("calls and failures are within 1 % on every side that access logs tell of", () => {
    const told = pairs(graph.edges).filter(({ edge }) => edge.hasCallerLogs || edge.hasCalleeLogs);
    expect(told.length).toBeGreaterThan(90);
    expect(compareGraph(truth, graph.edges, false).miscounted).toEqual([]);
  });

  test("retry factors are within 5 % where access logs tell of the callers", () => {
    expect(wrongRetries(graph.edges, ({ hasCallerLogs }) => hasCallerLogs)).toEqual([]);
  });

  test("each response flag is counted on its edge and lands with its owner where access logs tell of the callers", () => {
    expect(wrongFlags(graph.edges, ({ hasCallerLogs }) => hasCallerLogs)).toEqual([]);
  });
});
