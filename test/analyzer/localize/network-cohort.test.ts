// A service whose edges all lose time on the way, against one bad edge, a link between clusters, delays on purpose.
// In: small made-up scenes. Out: findings at services.
import { describe, expect, test } from "vitest";
import { findSlowNetworks } from "../../../analyzer/localize/network-cohort.ts";
import { type CallFacts, calls, node, sceneOf, work } from "../made.ts";

const SERVICES = ["frontend", "cart", "tax", "prices"].flatMap((name) => work(name, {}, {}));
const FAR_CART = work("cart", { cluster: "b" }, { cluster: "b" });
const slow = (from: string, to: string, more: CallFacts = {}) =>
  calls(from, to, { gapMs: 1, callMs: 20, ...more }, { gapMs: 50, callMs: 70, ...more });
const fast = (from: string, to: string) => calls(from, to, { gapMs: 1 }, { gapMs: 1.2 });
const find = (...edges: ReturnType<typeof calls>[]) => findSlowNetworks(sceneOf([SERVICES, FAR_CART, ...edges]));

describe("time lost on the way", () => {
  test("on every edge of a service is that service's network", () => {
    const [found, ...more] = find(
      slow("frontend", "cart"),
      slow("tax", "cart"),
      slow("cart", "prices"),
      fast("frontend", "tax"),
      fast("tax", "prices"),
    );
    expect(more).toEqual([]);
    expect(found).toMatchObject({ place: node("cart"), kinds: { NETWORK: 2 }, isSymptom: true });
  });
  test("on its only edge too, where the caller's others are as before", () => {
    expect(find(slow("frontend", "cart"), fast("frontend", "tax"), fast("frontend", "prices"))).toMatchObject([
      { place: node("cart") },
    ]);
  });
  test("on all edges to it, though what it calls answers as before", () => {
    expect(find(slow("frontend", "cart"), fast("cart", "prices"), fast("frontend", "tax"))).toMatchObject([
      { place: node("cart") },
    ]);
  });
  test.each<[string, ReturnType<typeof calls>[]]>([
    ["both ends have no other edge", [slow("frontend", "cart")]],
    ["some edges of both ends are as before", [slow("frontend", "cart"), fast("tax", "cart"), fast("frontend", "tax")]],
    ["the edge is between clusters", [slow("frontend", "cart", { clusters: ["", "b"] }), fast("frontend", "tax")]],
    ["the mesh delays on purpose", [slow("frontend", "cart", { flags: { DI: 50 } }), fast("frontend", "tax")]],
    ["it is little", [calls("frontend", "cart", { gapMs: 10 }, { gapMs: 12 }), fast("frontend", "tax")]],
    [
      "callers wait no longer as a whole",
      [calls("frontend", "cart", { gapMs: 1 }, { gapMs: 50 }), fast("frontend", "tax")],
    ],
    ["too few calls tell", [slow("frontend", "cart", { calls: 4 }), fast("frontend", "tax")]],
  ])("blames no service when %s", (_, edges) => {
    expect(find(...edges)).toEqual([]);
  });
});
