// Nodes that only metrics tell of: how far one is from its own history, and which names stand for another.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviationOf } from "../../../analyzer/localize/metric-deviation.ts";
import { buildMetricScene, hostLabel, type MetricNode, nameOverlap } from "../../../analyzer/localize/metric-scene.ts";
import type { ServiceCallRow, ServiceMetricRow } from "../../../storage/service-metrics.ts";
import { call, history, isBaseline, key, row, WINDOWS } from "./metric-mesh.ts";

describe("a node's deviation from its own history", () => {
  const nodeOf = (baseline: readonly ServiceMetricRow[], fault: ServiceMetricRow): MetricNode =>
    buildMetricScene([...baseline, fault], [], { fault: 0, isBaseline }).nodes.get(key(fault.service))!;

  it("is nothing where the history is too short to say", () => {
    const short = history("a", { requests: 100, ms: 10, seen: 7 });
    expect(deviationOf(nodeOf(short, row("a", 0, 100, 50, 500)), "ERRORS")).toBeNull();
  });

  it("counts failures: three of two hundred where there never was one are improbable, where they are usual they are not", () => {
    const fault = row("a", 0, 200, 3, 10);
    const never = deviationOf(nodeOf(history("a", { requests: 200, ms: 10 }), fault), "ERRORS")!;
    const often = deviationOf(nodeOf(history("a", { requests: 200, ms: 10, failed: 3 }), fault), "ERRORS")!;
    expect(never.log10P).toBeLessThan(-4);
    expect(never.excess).toBeCloseTo(3, 1);
    expect(often.log10P).toBeGreaterThan(-1);
  });

  it("forgets one window in a hundred: an earlier incident does not make failures usual", () => {
    const quiet = history("a", { requests: 200, ms: 10 });
    const incident = [row("a", -100, 200, 150, 10), ...quiet];
    const deviation = deviationOf(nodeOf(incident, row("a", 0, 200, 6, 10)), "ERRORS")!;
    expect(deviation.expected).toBe(0);
    expect(deviation.log10P).toBeLessThan(-4);
  });

  it("measures a node that is often slow by its slow whiles", () => {
    const calm = history("a", { requests: 100, ms: 100 });
    const leaning = calm.map((r, i) => (i % 8 === 0 ? { ...r, total_ms: r.total_ms * 2 } : r));
    const fault = row("a", 0, 100, 0, 200);
    expect(deviationOf(nodeOf(calm, fault), "LATENCY")!.log10P).toBeLessThan(-6);
    expect(deviationOf(nodeOf(leaning, fault), "LATENCY")!.log10P).toBeGreaterThan(-2);
  });

  it("does not take the jitter of a node that never varied for an event, nor a mean of few requests", () => {
    const still = Array.from({ length: WINDOWS }, (_, i) => row("a", -1 - i, 100, 0, 2));
    expect(deviationOf(nodeOf(still, row("a", 0, 100, 0, 2.4)), "LATENCY")!.log10P).toBeGreaterThan(-1);
    const busy = history("a", { requests: 900, ms: 100 });
    const many = deviationOf(nodeOf(busy, row("a", 0, 900, 0, 140)), "LATENCY")!;
    const few = deviationOf(nodeOf(busy, row("a", 0, 9, 0, 140)), "LATENCY")!;
    expect(few.log10P).toBeGreaterThan(many.log10P * 0.2);
  });

  it("never says that less is improbable", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0, max: 0.9, noNaN: true }), (requests, part) => {
        const node = nodeOf(history("a", { requests: 500, ms: 50, failed: 5 }), row("a", 0, requests, 0, 50 * part));
        for (const indicator of ["ERRORS", "LATENCY"] as const) {
          const { excess, log10P } = deviationOf(node, indicator)!;
          expect(excess).toBe(0);
          expect(log10P).toBe(0);
        }
      }),
    );
  });
});

describe("names that stand for a service", () => {
  it.each<[string, string | null]>([
    ["catalog.shop.svc.cluster.local:8080", "catalog"],
    ["https://queue-orders.us-west-2.example.com/orders", "queue-orders"],
    ["reader@orders-db.internal", "orders-db"],
    ["Catalog::Service", null],
    ["catalog", null],
  ])("%s: host label %s", (name, label) => expect(hostLabel(name)).toBe(label));

  it("share a run of letters, within one word", () => {
    expect(nameOverlap("prod-catal", "ShopCatalog")).toBe(5);
    expect(nameOverlap("prod-cart", "production")).toBe(4);
  });

  const scene = (calls: readonly ServiceCallRow[]) => buildMetricScene([], calls, { fault: 0, isBaseline });

  it("are addresses that a caller names beside the service, which itself calls on", () => {
    const known = scene([
      call("web", "prod-catal.elb.example.com"),
      call("web", "ShopCatalog"),
      call("ShopCatalog", "db"),
    ]);
    expect([...known.owners]).toEqual([[key("prod-catal.elb.example.com"), key("ShopCatalog")]]);
  });

  it("are addresses of services that only others call by name, where nothing nearer is", () => {
    const known = scene([call("web", "catalog.example.com"), call("catalog-client", "catalog"), call("catalog", "db")]);
    expect([...known.owners]).toEqual([[key("catalog.example.com"), key("catalog")]]);
    expect([...known.mirrors]).toEqual([key("catalog-client")]);
  });

  it.each<[string, ServiceCallRow[]]>([
    [
      "one of two services that are equally near",
      [
        call("web", "prod-catal.example.com"),
        call("web", "catalog-a"),
        call("catalog-a", "db"),
        call("web", "catalog-b"),
        call("catalog-b", "db"),
      ],
    ],
    [
      "a sort of thing",
      [call("web", "payment-service.example.com"), call("web", "order-service"), call("order-service", "db")],
    ],
    ["a name that is no address", [call("web", "catalog-cache"), call("web", "catalog"), call("catalog", "db")]],
    [
      "an address that calls on",
      [call("web", "catalog.a.com"), call("web", "catalog"), call("catalog", "db"), call("catalog.a.com", "x")],
    ],
    ["a service that calls nothing", [call("web", "catalog.example.com"), call("web", "catalog")]],
  ])("are not: %s", (_, calls) => expect(scene(calls).owners.size).toBe(0));
});
