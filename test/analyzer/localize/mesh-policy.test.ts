// Evidence of policies, stores, changes and platforms: who refused, why, and what only looks like a cause.
// In: small made-up scenes and rows. Out: places and kinds.
import { describe, expect, test } from "vitest";
import { findChanges, kindOfChange } from "../../../analyzer/localize/change-proximity.ts";
import { findErrorOrigins } from "../../../analyzer/localize/error-origin.ts";
import { findExclusiveTime } from "../../../analyzer/localize/exclusive-time.ts";
import { findPolicies, kindOfAnswer } from "../../../analyzer/localize/mesh-policy.ts";
import { findPlatformSigns } from "../../../analyzer/localize/platform-signs.ts";
import { findStoreSigns, isCalled } from "../../../analyzer/localize/store-signs.ts";
import { makeEntity } from "../../../model/entity.ts";
import type { Change } from "../../../model/localization.ts";
import type { RefusalRow } from "../../../storage/refusals.ts";
import type { StoreMetricRow } from "../../../storage/store-metrics.ts";
import { calls, node, sceneOf, work } from "../made.ts";

const ALL = new Set(["frontend", "cart", "catalog", "orders"].map(node));
const edge = (from: string, to: string) => `${node(from)}>${node(to)}`;

const answer = (facts: Partial<RefusalRow>): RefusalRow => ({
  service: "cart",
  namespace: "shop",
  cluster: "",
  is_callee: 1,
  peer: "",
  proxy: 1,
  grpc: 0,
  code: 403,
  detail: "",
  answers: 60,
  ...facts,
});

describe("refusals", () => {
  const refused = { refused: 60, calleeRefused: 60 };
  test("at the callee are the callee's, and the caller's failures for want of them are not his own", () => {
    const scene = sceneOf([
      work("frontend", {}, { originFailed: 60 }),
      work("cart", {}, { degraded: 60, flags: { RL: 60 } }),
      calls("frontend", "cart", {}, { ...refused, flags: { RL: 60 } }),
    ]);
    const found = findErrorOrigins(scene, ALL).filter((one) => one.excess > 0);
    expect(found.map((one) => [one.place, one.kinds])).toEqual([[node("cart"), { RATE_LIMIT: 3 }]]);
  });
  test("of one caller alone are that edge's", () => {
    const scene = sceneOf([
      work("frontend", {}, { originFailed: 60 }),
      work("catalog", {}, {}),
      work("cart", { requests: 200 }, { requests: 200, degraded: 60 }),
      calls("frontend", "cart", {}, refused),
      calls("catalog", "cart"),
    ]);
    const found = findErrorOrigins(scene, ALL).filter((one) => one.excess > 0);
    expect(found.map((one) => one.place)).toEqual([edge("frontend", "cart")]);
  });
  test("that never arrived are the edge's", () => {
    const scene = sceneOf([
      work("frontend", {}, { degraded: 60 }),
      work("cart", {}, { requests: 40 }),
      calls("frontend", "cart", {}, { refused: 60, neverArrived: 60, flags: { NR: 60 } }),
    ]);
    const found = findErrorOrigins(scene, ALL);
    expect(found.map((one) => [one.place, one.kinds])).toEqual([[edge("frontend", "cart"), { ROUTE_CONFIG: 3 }]]);
  });
  test("that were as many before are nobody's", () => {
    const usual = { degraded: 60 };
    const scene = sceneOf([work("cart", usual, usual), calls("frontend", "cart", refused, refused)]);
    expect(findErrorOrigins(scene, ALL)).toEqual([]);
  });
  test("are named by code or detail where the proxy answered, not where the application did", () => {
    expect(kindOfAnswer(answer({}), true)).toBe("AUTHORIZATION");
    expect(kindOfAnswer(answer({ code: 429 }), true)).toBe("RATE_LIMIT");
    expect(kindOfAnswer(answer({ code: 404 }), true)).toBe("ROUTE_CONFIG");
    expect(kindOfAnswer(answer({ code: 404 }), false)).toBeNull();
    expect(kindOfAnswer(answer({ code: 7, grpc: 1 }), true)).toBe("AUTHORIZATION");
    expect(kindOfAnswer(answer({ code: 503, detail: "upstream_reset_before_response_started{overflow}" }), true)).toBe(
      "CIRCUIT_BREAKER",
    );
  });
  test("that a policy explains get its name; a few do not explain many", () => {
    const scene = sceneOf([work("cart", {}, { degraded: 60 })]);
    const excess = { place: node("cart"), source: "refusal", excess: 60, log10P: -9, summary: "", kinds: {} };
    const detail = "rbac_access_denied_matched_policy[none]";
    expect(findPolicies(scene, [excess], [answer({ detail })])).toMatchObject([
      { place: node("cart"), kinds: { AUTHORIZATION: 8 } },
    ]);
    expect(findPolicies(scene, [excess], [answer({ detail, answers: 5 })])).toEqual([]);
  });
});

describe("calls that are cut off (UT)", () => {
  const cutOff = (cartMs: number) =>
    sceneOf([
      work("frontend", {}, { originFailed: 0 }),
      work("cart", { selfMs: 10 }, { selfMs: cartMs, originFailed: 50 }),
      calls("frontend", "cart", {}, { originFailed: 50, flags: { UT: 50 } }),
    ]);
  test("are the timeout's where the callee takes as long as ever, and its own failures follow from that", () => {
    const found = findErrorOrigins(cutOff(9), ALL).filter((one) => one.excess > 0);
    expect(found.map((one) => [one.place, one.kinds])).toEqual([[edge("frontend", "cart"), { TIMEOUT_CONFIG: 3 }]]);
  });
  test("are whoever's is slow below it where the callee takes longer", () => {
    const [found] = findErrorOrigins(cutOff(400), ALL).filter((one) => one.excess > 0);
    expect([found!.place, found!.kinds]).toEqual([node("cart"), { LATENCY: 3 }]);
  });
});

test("a delay that the mesh injects is a drill, not a slow network", () => {
  const slow = { gapMs: 90, flags: { DI: 60 } };
  const scene = sceneOf([work("frontend", {}, {}), work("cart", {}, {}), calls("frontend", "cart", {}, slow)]);
  expect(findExclusiveTime(scene, ALL).map((one) => one.kinds)).toEqual([{ FAULT_INJECTION: 3 }]);
});

describe("stores", () => {
  const row = (side: 0 | 1, metric: string, value: number): StoreMetricRow => ({
    side,
    cluster: "",
    names: ["postgres.shop.svc.cluster.local", "postgres-0"],
    metric,
    destination: "",
    average: value,
    most: value,
    per_second: 0,
  });
  const toDatabase = (from: string, callMs: number) =>
    calls(from, "postgresql:postgres", { callMs: 5 }, { callMs }, "database");
  const scene = sceneOf([
    work("cart", {}, {}),
    work("orders", {}, {}),
    toDatabase("cart", 300),
    toDatabase("orders", 5),
  ]);
  const lock = "postgresql.backends.waiting_on_lock";
  test("go by several names", () => {
    expect(isCalled("postgresql:postgres", ["postgres-0"])).toBe(true);
    expect(isCalled("carts", ["carts.shop.svc.cluster.local"])).toBe(true);
    expect(isCalled("redis:orders", ["postgres.shop.svc.cluster.local"])).toBe(false);
  });
  test("whose sessions wait for locks are to blame though one caller alone waits for them", () => {
    const [found] = findStoreSigns(scene, [row(0, lock, 0), row(1, lock, 4)], "LATENCY");
    expect(found).toMatchObject({ place: "database||shop|postgresql:postgres", kinds: { DEPENDENCY: 4 } });
    const [byTraffic] = findExclusiveTime(scene, ALL);
    expect(byTraffic!.place).toBe(`${node("cart")}>database||shop|postgresql:postgres`);
  });
  test("that are as before say nothing", () => {
    expect(findStoreSigns(scene, [row(0, lock, 4), row(1, lock, 5)], "LATENCY")).toEqual([]);
  });
});

describe("changes", () => {
  const change = (kind: string, what: string, after: string | null = null): Change => ({
    id: what,
    at: "2026-01-05T10:00:00Z",
    kind,
    entity: makeEntity("SERVICE", { namespace: "shop", service: "cart" }),
    summary: `${kind} cart changed: ${what}`,
    before: null,
    after,
  });
  test.each([
    ["Deployment", "image a → b", "BAD_RELEASE"],
    ["Deployment", "replicas 2 → 3", null],
    ["Deployment", "replicas 2 → 3, image a → b", "BAD_RELEASE"],
    ["VirtualService", "http[0].timeout 5s → 0.01s", "TIMEOUT_CONFIG"],
    ["VirtualService", "http[0].fault.abort.httpStatus 503 added", "FAULT_INJECTION"],
    ["VirtualService", "http[0].retries.attempts 2 → 8", "RETRY_STORM"],
    ["VirtualService", "http[0].weights cart 100", "ROUTE_CONFIG"],
    ["DestinationRule", "connectionPool http1MaxPendingRequests 1024 → 1", "CIRCUIT_BREAKER"],
    ["DestinationRule", "subsets[v2] removed", "ROUTE_CONFIG"],
    ["AuthorizationPolicy", "action ALLOW → DENY", "AUTHORIZATION"],
    ["EnvoyFilter", "local_ratelimit added", "RATE_LIMIT"],
    ["ConfigMap", "data changed", null],
  ])("%s: %s speaks for %s", (kind, what, expected) => {
    expect(kindOfChange(change(kind, what))?.kind ?? null).toBe(expected);
  });
  test("that release nothing, or come after the onset, weigh less", () => {
    const scene = sceneOf([work("cart", {}, {})]);
    const candidate = { place: node("cart"), findings: [], weight: 1, confidence: 0.5, indicator: "LATENCY" } as const;
    const onset = Date.parse("2026-01-05T10:00:20Z") / 1000;
    const weigh = (one: Change, at = onset) => findChanges(scene, [candidate], [one], at)[0]?.weight;
    expect(weigh(change("Deployment", "image a → b"))).toBe(1);
    expect(weigh(change("Deployment", "replicas 2 → 3"))).toBe(0.25);
    expect(weigh(change("Deployment", "image a → b"), onset - 33)).toBe(0.25);
  });
});

describe("platform signs", () => {
  const event = (reason: string, name = "cart-1", message = "restarting failed container") => ({
    kind: "Pod",
    name,
    node: "",
    reason,
    message,
    events: 1,
  });
  const usage = (side: 0 | 1, metric: string, most: number) => ({
    side,
    instance: "cart-1",
    metric,
    average: most / 2,
    most,
    rise: 0,
    seconds: 30,
  });
  const kindsOf = (events: ReturnType<typeof event>[], resources: ReturnType<typeof usage>[] = []) =>
    findPlatformSigns({ resources, events }, [{ instance: "cart-1" }], "RUNC").map((sign) => sign.kind);
  test("who is killed for memory does not crash", () => {
    expect(kindsOf([event("BackOff")])).toEqual(["CRASH"]);
    expect(kindsOf([event("OOMKilled"), event("BackOff")])).toEqual(["MEMORY", "MEMORY"]);
    expect(kindsOf([event("OOMKilling", "n1", "Memory cgroup out of memory: cart-1 killed")])).toEqual(["MEMORY"]);
  });
  test("evictions name what ran out, and otherwise the node", () => {
    expect(kindsOf([event("Evicted", "cart-1", "The node was low on resource: ephemeral-storage")])).toEqual(["DISK"]);
    expect(kindsOf([event("Evicted", "cart-1", "The node had condition: PIDPressure")])).toEqual(["NODE"]);
  });
  test("memory that grows speaks for itself, memory that was as large before does not", () => {
    const metric = "container.memory.working_set";
    const mib = 1024 * 1024;
    expect(kindsOf([], [usage(0, metric, 30 * mib), usage(1, metric, 200 * mib)])).toEqual(["MEMORY"]);
    expect(kindsOf([], [usage(0, metric, 180 * mib), usage(1, metric, 200 * mib)])).toEqual([]);
  });
});
