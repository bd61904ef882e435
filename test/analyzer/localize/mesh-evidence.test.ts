// Evidence that looks beyond one service: nodes, links between clusters, loads, surges, retries, versions of callers, silence.
// In: small made-up scenes. Out: what each source says of them, and that its nearest innocent neighbour says nothing.
import { describe, expect, test } from "vitest";
import { findBadLinks } from "../../../analyzer/localize/cluster-link.ts";
import { findImbalances } from "../../../analyzer/localize/load-imbalance.ts";
import { findSlowNodes } from "../../../analyzer/localize/node-cohort.ts";
import { findOutboundCohorts } from "../../../analyzer/localize/outbound-cohort.ts";
import { findRestarts } from "../../../analyzer/localize/restarts.ts";
import { findAmplification } from "../../../analyzer/localize/retry-amplification.ts";
import { findSilence } from "../../../analyzer/localize/silence.ts";
import { findSurges } from "../../../analyzer/localize/traffic-surge.ts";
import { makeEntity } from "../../../model/entity.ts";
import type { Change } from "../../../model/localization.ts";
import { calls, node, sceneOf, work } from "../made.ts";

const ALL = new Set(["frontend", "cart", "catalog", "tax", "pricing"].map(node));
const CLUSTER = "east";

describe("a slow node", () => {
  const on = (service: string, where: string, slower: number) =>
    work(
      service,
      { instance: `${service}-${where}`, node: where, cluster: CLUSTER, selfMs: 10 },
      { instance: `${service}-${where}`, node: where, cluster: CLUSTER, selfMs: 10 + slower },
    );
  test("is named when its workloads deviate together and their peers elsewhere do not", () => {
    const scene = sceneOf([on("cart", "n1", 20), on("tax", "n1", 15), on("cart", "n2", 0), on("catalog", "n2", 0)]);
    const [found, ...more] = findSlowNodes(scene, "LATENCY");
    expect(more).toEqual([]);
    expect(found).toMatchObject({ place: "node|east|n1", kinds: { NODE: 4 }, entity: { kind: "NODE", node: "n1" } });
    expect(found!.weight).toBeGreaterThan(5);
  });
  test.each([
    ["one slow service is a slow service", [on("cart", "n1", 20), on("tax", "n1", 0), on("catalog", "n2", 0)]],
    ["a service that is slow everywhere", [on("cart", "n1", 20), on("tax", "n1", 9), on("cart", "n2", 20)]],
    ["nothing elsewhere to compare with", [on("cart", "n1", 20), on("tax", "n1", 15)]],
  ])("says nothing: %s", (_, rows) => {
    expect(findSlowNodes(sceneOf(rows), "LATENCY")).toEqual([]);
  });
});

describe("a link between clusters", () => {
  const at = (service: string, cluster: string) => work(service, { cluster }, { cluster });
  const services = [at("frontend", "east"), at("cart", "east"), at("tax", "west"), at("pricing", "west")];
  const call = (from: string, to: string, clusters: readonly [string, string], gapMs: number) =>
    calls(from, to, { clusters, gapMs: 1 }, { clusters, gapMs });
  test("is named when calls lose time between the two, whichever way they go", () => {
    const scene = sceneOf([
      ...services,
      call("frontend", "tax", ["east", "west"], 80),
      call("frontend", "pricing", ["east", "west"], 81),
      call("pricing", "cart", ["west", "east"], 82),
      call("frontend", "cart", ["east", "east"], 1),
    ]);
    const [found, ...more] = findBadLinks(scene, "LATENCY");
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      place: "link|east|west",
      kinds: { CLUSTER_LINK: 4 },
      entity: { kind: "EDGE", cluster: "east", peer: { kind: "CLUSTER", cluster: "west" } },
    });
  });
  test.each([
    ["a single bad edge", [call("frontend", "tax", ["east", "west"], 80), call("cart", "tax", ["east", "west"], 1)]],
    [
      "one callee that all share",
      [call("frontend", "tax", ["east", "west"], 80), call("cart", "tax", ["east", "west"], 80)],
    ],
    [
      "calls within a cluster that suffer as well",
      [
        call("frontend", "tax", ["east", "west"], 80),
        call("frontend", "pricing", ["east", "west"], 80),
        call("frontend", "cart", ["east", "east"], 80),
      ],
    ],
  ])("says nothing: %s", (_, rows) => {
    expect(findBadLinks(sceneOf([...services, ...rows]), "LATENCY")).toEqual([]);
  });
});

describe("load imbalance", () => {
  const one = (instance: string, before: number, during: number, selfMs: number, failed = 0) =>
    work(
      "cart",
      { instance, requests: before, selfMs: 10 },
      { instance, requests: during, selfMs, originFailed: failed },
    );
  test("names the instance that takes far more than its share and suffers", () => {
    const [found] = findImbalances(sceneOf([one("cart-1", 100, 180, 60), one("cart-2", 100, 20, 9)]), ALL);
    expect(found).toMatchObject({ place: node("cart"), instances: ["cart-1"], kinds: { LOAD_IMBALANCE: 8 } });
  });
  test.each([
    ["it does not suffer", [one("cart-1", 100, 180, 10), one("cart-2", 100, 20, 9)]],
    ["it stands in for a dead peer", [one("cart-1", 100, 195, 60), one("cart-2", 100, 5, 9, 5)]],
    ["it has its usual share", [one("cart-1", 180, 180, 60), one("cart-2", 20, 20, 9)]],
  ])("says nothing: %s", (_, rows) => {
    expect(findImbalances(sceneOf(rows), ALL)).toEqual([]);
  });
});

describe("a traffic surge", () => {
  const users = (during: number) => calls("", "frontend", { calls: 300 }, { calls: during });
  const windows = { fault: 3, baseline: 3 };
  const symptoms = new Set([node("cart")]);
  const below = [work("frontend", {}, {}), work("cart", {}, {}), calls("frontend", "cart")];
  test("is named at the entry that it comes in by", () => {
    const [found] = findSurges(sceneOf([...below, users(900)]), symptoms, windows, "LATENCY");
    expect(found).toMatchObject({ place: node("frontend"), kinds: { TRAFFIC_SURGE: 6 } });
    expect(found!.weight).toBeGreaterThan(3);
  });
  test("says nothing of a usual rise, of symptoms elsewhere, or where requests fail for other reasons", () => {
    expect(findSurges(sceneOf([...below, users(400)]), symptoms, windows, "LATENCY")).toEqual([]);
    expect(findSurges(sceneOf([...below, users(900)]), new Set([node("tax")]), windows, "LATENCY")).toEqual([]);
    const failing = [work("frontend", {}, {}), work("cart", {}, { originFailed: 50 }), calls("frontend", "cart")];
    expect(findSurges(sceneOf([...failing, users(900)]), symptoms, windows, "ERRORS")).toEqual([]);
  });
  test("counts failures for want of capacity as its own", () => {
    const full = [work("frontend", {}, {}), calls("frontend", "cart", {}, { originFailed: 40, flags: { UO: 40 } })];
    expect(findSurges(sceneOf([...full, work("cart", {}, {}), users(900)]), symptoms, windows, "ERRORS")).toHaveLength(
      1,
    );
  });
});

describe("retry amplification", () => {
  const scene = (during: { calls?: number; calleeCalls?: number; retries?: number }) =>
    sceneOf([work("frontend", {}, {}), work("cart", {}, {}), calls("frontend", "cart", {}, during)]);
  const change: Change = {
    id: "1",
    at: "2026-01-05T10:00:00Z",
    kind: "VirtualService",
    entity: makeEntity("SERVICE", { namespace: "shop", service: "cart" }),
    summary: "VirtualService cart changed: http[0].retries.attempts 2 → 8",
    before: null,
    after: null,
  };
  test("is a storm where the rule for retries was changed, and a remark where it was not", () => {
    const [storm] = findAmplification(scene({ calleeCalls: 400 }), ALL, [change]);
    expect(storm).toMatchObject({ place: node("cart"), kinds: { RETRY_STORM: 4 } });
    const [remark] = findAmplification(scene({ retries: 200 }), ALL, []);
    expect(remark).toMatchObject({ place: node("cart"), kinds: {} });
  });
  test("says nothing of one attempt a call", () => {
    expect(findAmplification(scene({ calleeCalls: 110 }), ALL, [change])).toEqual([]);
  });
});

describe("the calls of one version of a caller", () => {
  const by = (version: string, failed: number, to = "cart") =>
    calls("frontend", to, { version }, { version, originFailed: failed });
  const services = [
    work("frontend", { version: "v1", instance: "f-1" }, { version: "v1", instance: "f-1" }),
    work("frontend", { version: "v2", instance: "f-2" }, { version: "v2", instance: "f-2" }),
    work("cart", {}, {}),
  ];
  test("blame that version when the other's go well", () => {
    const [found] = findOutboundCohorts(sceneOf([...services, by("v1", 0), by("v2", 60)]), ALL, "ERRORS");
    expect(found).toMatchObject({ place: node("frontend"), instances: ["f-2"], source: "cohort-outbound" });
  });
  test("blame nobody when both versions suffer, or each on another edge", () => {
    expect(findOutboundCohorts(sceneOf([...services, by("v1", 40), by("v2", 60)]), ALL, "ERRORS")).toEqual([]);
    const crossed = [by("v1", 0), by("v2", 60), by("v1", 60, "tax"), by("v2", 0, "tax")];
    expect(findOutboundCohorts(sceneOf([...services, ...crossed]), ALL, "ERRORS")).toEqual([]);
  });
});

describe("restarts", () => {
  const scene = sceneOf([
    work("cart", { instance: "cart-1" }, { instance: "cart-1" }),
    work("cart", { instance: "cart-2" }, { instance: "cart-2" }),
  ]);
  test("speak for the instance, several more than one", () => {
    const [several] = findRestarts(scene, [{ instance: "cart-2", restarts: 3 }], "LATENCY");
    expect(several).toMatchObject({ place: node("cart"), instances: ["cart-2"], indicator: "LATENCY" });
    const [once] = findRestarts(scene, [{ instance: "cart-2", restarts: 1 }], "LATENCY");
    expect(once!.weight).toBeLessThan(several!.weight);
  });
  test("of what nobody calls say nothing", () => {
    expect(findRestarts(scene, [{ instance: "job-1", restarts: 9 }], "LATENCY")).toEqual([]);
  });
});

describe("silence", () => {
  const scene = (requests: number, during: { originFailed?: number; callMs?: number }) =>
    sceneOf([
      work("frontend", {}, {}),
      work("cart", {}, { requests }),
      calls("frontend", "cart", { callMs: 20 }, during),
    ]);
  test("of a service that is still called and answers badly speaks against it", () => {
    expect(findSilence(scene(0, { originFailed: 80 }), ALL)).toMatchObject([
      { place: node("cart"), kinds: { CRASH: 4 } },
    ]);
    expect(findSilence(scene(5, { callMs: 200 }), ALL)).toMatchObject([{ place: node("cart"), indicator: "LATENCY" }]);
  });
  test("of one that is heard, or answers well, does not", () => {
    expect(findSilence(scene(90, { originFailed: 80 }), ALL)).toEqual([]);
    expect(findSilence(scene(0, { callMs: 20 }), ALL)).toEqual([]);
  });
});
