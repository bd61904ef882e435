// Resource figures as candidates of their own: what is at its end, what is only unusual, what is neither.
// In: figures beside their history. Out: findings by service.
import { describe, expect, test } from "vitest";
import { atKnownServices, findResourceDeviations } from "../../../analyzer/localize/resource-deviation.ts";
import type { ResourceDeviationRow } from "../../../storage/resource-history.ts";
import { node, sceneOf, work } from "../made.ts";

function row(facts: Partial<ResourceDeviationRow>): ResourceDeviationRow {
  return {
    cluster: "",
    namespace: "shop",
    service: "cart",
    instance: "cart-1",
    node: "n1",
    meaning: "cpu_of_limit",
    observed: 0.95,
    median: 0.1,
    spread: 0.01,
    points: 60,
    z: 42,
    ...facts,
  };
}

describe("a resource figure", () => {
  test("at its end and far above its history is a candidate that opens the question", () => {
    expect(findResourceDeviations([row({})], "LATENCY")).toMatchObject([
      {
        place: node("cart"),
        weight: 5,
        kinds: { CPU: 4 },
        instances: ["cart-1"],
        isSymptom: true,
        indicator: "LATENCY",
      },
    ]);
  });
  test.each<[string, Partial<ResourceDeviationRow>]>([
    ["always near its end", { median: 0.9, z: 1 }],
    ["a little more than usual", { observed: 0.14, z: 4 }],
    ["of an instance that belongs to no service", { service: "" }],
  ])("says nothing when it is %s", (_, facts) => {
    expect(findResourceDeviations([row(facts)], "LATENCY")).toEqual([]);
  });
  test("at its ceiling needs less distance from its history, for it can rise no further", () => {
    expect(findResourceDeviations([row({ observed: 1, median: 0.65, z: 2.5 })], "LATENCY")).toHaveLength(1);
    expect(findResourceDeviations([row({ observed: 0.8, median: 0.65, z: 2.5 })], "LATENCY")).toEqual([]);
  });
  test("that is unusual with room left says little, and does not open the question", () => {
    const [finding] = findResourceDeviations([row({ observed: 0.4, z: 15 })], "ERRORS");
    expect(finding!.weight).toBeLessThan(1);
    expect(finding!.isSymptom).toBeUndefined();
  });
  test("speaks once for each kind: the instance that is worst off", () => {
    const found = findResourceDeviations(
      [row({}), row({ instance: "cart-2", z: 60 }), row({ meaning: "memory_of_limit", instance: "cart-3", z: 9 })],
      "LATENCY",
    );
    expect(found.map((f) => [f.instances, Object.keys(f.kinds)])).toEqual([
      [["cart-2"], ["CPU"]],
      [["cart-3"], ["MEMORY"]],
    ]);
  });
});

describe("an instance that requests know", () => {
  const scene = sceneOf([
    work("cart", { requests: 10, instance: "cart-1" }, { requests: 10, instance: "cart-1" }),
    work("a", { requests: 10, instance: "both" }, { requests: 10, instance: "both" }),
    work("b", { requests: 10, instance: "both" }, { requests: 10, instance: "both" }),
  ]);
  const placed = (facts: Partial<ResourceDeviationRow>) => atKnownServices([row(facts)], scene)[0]!;
  test("belongs to its service, whatever workload the figure was sent of", () => {
    expect(placed({ service: "cart-v1", namespace: "other" })).toMatchObject({ service: "cart", namespace: "shop" });
  });
  test("stays where it was said to be where nobody or more than one service knows it", () => {
    expect(placed({ service: "cart-v1", instance: "cart-9" }).service).toBe("cart-v1");
    expect(placed({ service: "c", instance: "both" }).service).toBe("c");
    expect(placed({ service: "b", instance: "both" }).service).toBe("b");
  });
});
