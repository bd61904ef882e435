// The two kinds of evidence that traces give: where time of its own rose, and where failures began.
import { describe, expect, test } from "vitest";
import { findErrorOrigins, leadingFlag } from "../../analyzer/localize/error-origin.ts";
import { findExclusiveTime, shiftLog10 } from "../../analyzer/localize/exclusive-time.ts";
import { flagMeaning } from "../../model/response-flags.ts";
import { calls, histogramOf, node, sceneOf, work } from "./made.ts";

const ALL = new Set([node("frontend"), node("cart"), node("ads")]);
const EDGE = `${node("frontend")}>${node("cart")}`;
const quiet = [work("frontend", {}, {}), work("cart", {}, {})];

/** What is said of a call frontend → cart of which a third fail with this flag. */
function refused(flag: string) {
  const flags = flag === "" ? {} : { [flag]: 33 };
  const scene = sceneOf([...quiet, calls("frontend", "cart", {}, { originFailed: 33, neverArrived: 33, flags })]);
  const [found, ...more] = findErrorOrigins(scene, ALL);
  expect(more).toEqual([]);
  return found!;
}

describe("failures on the way: the flag says whom to blame", () => {
  test.each([
    { flag: "", place: EDGE, kind: "NETWORK" },
    { flag: "FI", place: EDGE, kind: "FAULT_INJECTION" },
    { flag: "NR", place: EDGE, kind: "ROUTE_CONFIG" },
    { flag: "NC", place: EDGE, kind: "ROUTE_CONFIG" },
    { flag: "UO", place: EDGE, kind: "CIRCUIT_BREAKER" },
    { flag: "RL", place: EDGE, kind: "RATE_LIMIT" },
    { flag: "UAEX", place: EDGE, kind: "AUTHORIZATION" },
    { flag: "DT", place: EDGE, kind: "TIMEOUT_CONFIG" },
    { flag: "UH", place: node("cart"), kind: "CRASH" },
    { flag: "UF", place: node("cart"), kind: "CRASH" },
    { flag: "UC", place: node("cart"), kind: "CRASH" },
    // Cart takes no longer than before: it was cut off too early.
    { flag: "UT", place: EDGE, kind: "TIMEOUT_CONFIG" },
    { flag: "URX", place: EDGE, kind: "NETWORK" },
  ])("$flag blames $place as $kind", ({ flag, place, kind }) => {
    const found = refused(flag);
    expect([found.place, Object.keys(found.kinds)]).toEqual([place, [kind]]);
    expect(found.excess).toBeCloseTo(33, 0);
    expect(found.log10P).toBeLessThan(-10);
    expect(found.summary).toContain("33 % of the calls frontend → cart fail and never arrive, before 0 %");
  });

  test("a gateway's span stands for its call as well: what died behind it is not counted for it", () => {
    const gateway = work("frontend", {}, { originFailed: 33, flags: { UH: 33 } });
    const behind = calls("frontend", "cart", {}, { originFailed: 33, neverArrived: 33, flags: { UH: 33 } });
    const found = findErrorOrigins(sceneOf([gateway, work("cart", {}, {}), behind]), ALL);
    expect(found.filter((one) => one.excess > 1).map((one) => one.place)).toEqual([node("cart")]);
  });
  test("what a sidecar flags of the application beside it stays with that", () => {
    const crashed = work("cart", {}, { originFailed: 33, flags: { UF: 33 } });
    const found = findErrorOrigins(sceneOf([crashed, calls("cart", "ads", {}, {})]), ALL);
    expect(found.map((one) => [one.place, one.kinds])).toEqual([[node("cart"), { CRASH: 2 }]]);
  });
  test("where no call was ever seen to arrive, a callee that fails as often as the calls tells of them; one that does not leaves them to the way", () => {
    const unlinked = calls(
      "frontend",
      "cart",
      { calleeCalls: 0 },
      { calleeCalls: 0, originFailed: 33, neverArrived: 33 },
    );
    const placesOf = (cart: ReturnType<typeof work>) =>
      findErrorOrigins(sceneOf([work("frontend", {}, {}), cart, unlinked]), ALL).map((one) => one.place);
    expect(placesOf(work("cart", {}, { originFailed: 30 }))).toEqual([node("cart")]);
    expect(placesOf(work("cart", {}, {}))).toEqual([EDGE]);
  });
  test("a flag on fewer than half of the failures decides nothing", () => {
    const facts = { originFailed: 40, flags: { UF: 5 } };
    const [found] = findErrorOrigins(sceneOf([...quiet, calls("frontend", "cart", {}, facts)]), ALL);
    expect([found!.place, found!.source]).toEqual([EDGE, "ledger-gap"]);
  });
  test("URX speaks only when nobody else does", () => {
    const flags = new Map([
      ["URX", 90],
      ["UF", 30],
    ]);
    expect(leadingFlag(flags)).toEqual({ flag: "UF", count: 30, meaning: flagMeaning("UF") });
    expect(leadingFlag(new Map([["URX", 90]]))).toBeNull();
  });
});

describe("failures inside", () => {
  test("begin at the service below which nothing failed", () => {
    const scene = sceneOf([work("frontend", {}, { failed: 30 }), work("cart", {}, { originFailed: 30 })]);
    const found = findErrorOrigins(scene, ALL);
    expect(found.map((e) => [e.place, e.kinds])).toEqual([[node("cart"), { CODE_ERROR: 2 }]]);
    expect(found[0]!.summary).toContain("30 % of cart's requests fail in it with nothing failing below, before 0 %");
  });
  test("are no excess where they were as frequent before", () => {
    const scene = sceneOf([work("cart", { originFailed: 10 }, { originFailed: 10 })]);
    const [found] = findErrorOrigins(scene, ALL);
    expect([found!.excess, found!.log10P]).toEqual([0, 0]);
  });
  test("of a database are the database's", () => {
    const scene = sceneOf([work("cart", {}, {}), calls("cart", "carts", {}, { originFailed: 50 }, "database")]);
    const [found] = findErrorOrigins(scene, ALL);
    expect(found).toMatchObject({ place: "database||shop|carts", kinds: { DEPENDENCY: 1 } });
  });
});

describe("time of its own", () => {
  test("is found at the service, not at its callers", () => {
    const slower = calls("frontend", "cart", { callMs: 20 }, { callMs: 170 });
    const scene = sceneOf([work("frontend", {}, {}), work("cart", { selfMs: 10 }, { selfMs: 160 }), slower]);
    const [found, ...more] = findExclusiveTime(scene, ALL);
    expect([found!.place, more]).toEqual([node("cart"), []]);
    expect(found!.excess).toBeCloseTo(100 * 150e6, -6);
    expect(found!.summary).toContain("own time per request rose from 10 ms to 160 ms");
  });
  test("between the two ends is the edge's", () => {
    const scene = sceneOf([...quiet, calls("frontend", "cart", { gapMs: 1, callMs: 12 }, { gapMs: 80, callMs: 90 })]);
    expect(findExclusiveTime(scene, ALL).map((e) => [e.place, e.kinds])).toEqual([[EDGE, { NETWORK: 1 }]]);
  });
  test.each([
    { name: "less than half a millisecond", before: 0.2, during: 0.6 },
    { name: "less than a tenth", before: 100, during: 109 },
    { name: "faster", before: 100, during: 10 },
  ])("no rise: $name", ({ before, during }) => {
    expect(findExclusiveTime(sceneOf([work("cart", { selfMs: before }, { selfMs: during })]), ALL)).toEqual([]);
  });
  test("of a callee without telemetry is the callee's, and adds up over its callers", () => {
    const slow = (from: string, kind: "database" | "service") =>
      calls(from, "legacy", { callMs: 5 }, { callMs: 55 }, kind);
    for (const kind of ["database", "service"] as const) {
      const scene = sceneOf([...quiet, slow("frontend", kind), slow("cart", kind)]);
      const [found, ...more] = findExclusiveTime(scene, ALL);
      expect([found!.place, more]).toEqual([`${kind}||shop|legacy`, []]);
      expect(found!.excess).toBeCloseTo(2 * 100 * 50e6, -6);
      expect(found!.kinds.DEPENDENCY).toBe(1);
    }
  });
  test("is only looked for at the places in question", () => {
    const scene = sceneOf([work("bank", { selfMs: 10 }, { selfMs: 900 })]);
    expect(findExclusiveTime(scene, ALL)).toEqual([]);
  });
  test("a shifted histogram is significant, the same one is not, an empty one says nothing", () => {
    const before = histogramOf([200, 10]);
    expect(shiftLog10(histogramOf([200, 100]), before)).toBeLessThan(-20);
    expect(shiftLog10(before, before)).toBe(0);
    expect(shiftLog10([], before)).toBe(0);
  });
});
