// Services that only metrics tell of: blame along the calls, the decision whether there is a fault, findings.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blameNodes } from "../../../analyzer/localize/metric-blame.ts";
import { answerFromMetrics, nearestPart, planWindows } from "../../../analyzer/localize/metric-question.ts";
import { sceneOfMetrics } from "../../../analyzer/localize/metric-services.ts";
import { findServiceMetrics, judgeSymptom } from "../../../analyzer/localize/service-metrics.ts";
import type { LocalizeRequest } from "../../../model/localization.ts";
import { call, history, key, mesh, row, sceneOf, shares, USUAL, WINDOWS } from "./metric-mesh.ts";

describe("blame along the calls", () => {
  it("stays at the caller whose callees are as usual", () => {
    expect(shares(sceneOf(mesh({ web: { ms: 160 }, shop: { ms: 180 } })), "web", "LATENCY")).toEqual({ shop: 1 });
  });

  it("goes down to a shared callee, through callers that all show it", () => {
    const slow = mesh({ web: { ms: 220 }, shop: { ms: 180 }, cart: { ms: 140 }, db: { ms: 70 } });
    expect(Object.keys(shares(sceneOf(slow), "web", "LATENCY"))[0]).toBe("db");
    expect(shares(sceneOf(slow), "web", "LATENCY")["db"]).toBeGreaterThan(0.8);
  });

  it("divides a callee's excess by the calls where they are known", () => {
    const slow = mesh({ shop: { ms: 130 }, db: { ms: 25 } });
    const counted = slow.calls.map((c) => ({
      ...c,
      calls: c.client === "shop" ? 150 : c.client === "cart" ? 1350 : 10,
    }));
    const known = shares(sceneOf({ ...slow, calls: counted }), "shop", "LATENCY");
    // A tenth of the database's calls are the shop's: 3 s of its 30 s.
    expect(known["db"]).toBeCloseTo(0.1, 1);
    expect(shares(sceneOf(slow), "shop", "LATENCY")["db"]).toBeGreaterThan(0.9);
  });

  it("of two independent faults gives each its part", () => {
    const both = mesh({ web: { failed: 60 }, shop: { failed: 40 }, cart: { failed: 20 } });
    expect(shares(sceneOf(both), "web", "ERRORS")).toEqual({ shop: 0.67, cart: 0.33 });
  });

  it("does not go to what the symptom does not reach", () => {
    const elsewhere = mesh({ web: { ms: 160 }, cart: { ms: 240 }, shop: { ms: 200 } });
    expect(shares(sceneOf(elsewhere), "cart", "LATENCY")).toEqual({ cart: 1 });
  });

  it("holds the caller for a callee that it never called before", () => {
    const wrong = mesh(
      { web: { failed: 30 }, shop: { failed: 30 } },
      { rows: [row("misnamed", 0, 30, 30, 4)], calls: [call("shop", "misnamed")] },
    );
    const [first] = blameNodes(sceneOf(wrong), key("web"), "ERRORS");
    expect(first).toMatchObject({ key: key("shop"), strangers: ["misnamed"] });
    expect(first!.share).toBeCloseTo(1);
  });

  it("names the service where callers see its address fail, even where the service itself does not see the calls", () => {
    const address = "prod-shop1.elb.example.com";
    const usual = { requests: 200, ms: 80 };
    const lost = mesh(
      { web: { failed: 40 } },
      { rows: [...history(address, usual), row(address, 0, 200, 40, 80)], calls: [call("web", address)] },
    );
    const named = {
      rows: lost.rows.map((r) => (r.service === "shop" ? { ...r, service: "the-shop1" } : r)),
      calls: lost.calls.map((c) => ({
        ...c,
        client: c.client === "shop" ? "the-shop1" : c.client,
        server: c.server === "shop" ? "the-shop1" : c.server,
      })),
    };
    expect(blameNodes(sceneOf(named), key("web"), "ERRORS")[0]).toMatchObject({
      key: key("the-shop1"),
      aliases: [address],
    });
  });

  it("counts an address that nobody owns half beside a service that explains the same", () => {
    const address = "www.example.com";
    const both = mesh(
      { web: { failed: 40 }, shop: { failed: 40 } },
      {
        rows: [...history(address, { requests: 200, ms: 80 }), row(address, 0, 200, 40, 80)],
        calls: [call("web", address)],
      },
    );
    expect(shares(sceneOf(both), "web", "ERRORS")).toEqual({ shop: 0.67, [address]: 0.33 });
    const alone = { ...both, rows: both.rows.map((r) => (r.service === "shop" ? { ...r, failed: 0 } : r)) };
    expect(shares(sceneOf(alone), "web", "ERRORS")).toEqual({ [address]: 1 });
  });

  it("does not count the same calls twice, where the callee names callers that it does not know", () => {
    const nodes: Readonly<Record<string, readonly [requests: number, ms: number, nowMs: number]>> = {
      web: [1000, 100, 160],
      catalog: [600, 80, 180],
      "catalog-client": [500, 80, 480],
      db: [1500, 5, 5],
    };
    const rows = Object.entries(nodes).flatMap(([service, [requests, ms, nowMs]]) => [
      ...history(service, { requests, ms }),
      row(service, 0, requests, 0, nowMs),
    ]);
    const calls = [call("web", "catalog"), call("catalog-client", "catalog"), call("catalog", "db")];
    expect(shares(sceneOf({ rows, calls }), "web", "LATENCY")).toEqual({ catalog: 1 });
  });

  it("ends where calls go in a circle, and shares add up to one", () => {
    const circle = mesh(
      { web: { ms: 200 }, shop: { ms: 200 }, cart: { ms: 200 }, db: { ms: 60 } },
      { calls: [call("db", "web"), call("cart", "shop")] },
    );
    const all = blameNodes(sceneOf(circle), key("web"), "LATENCY");
    expect(all.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });

  it("shares add up to one whatever the nodes do", () => {
    const amount = fc.integer({ min: 0, max: 300 });
    fc.assert(
      fc.property(fc.tuple(amount, amount, amount, amount), ([web, shop, cart, db]) => {
        const scene = sceneOf(
          mesh({ web: { failed: web }, shop: { failed: shop }, cart: { failed: cart }, db: { failed: db } }),
        );
        const all = blameNodes(scene, key("web"), "ERRORS");
        expect(all.every(({ share }) => share >= 0)).toBe(true);
        expect(all.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
      }),
    );
  });
});

describe("whether there is a fault", () => {
  const at = (seconds: number) => new Date(1_767_225_600_000 + seconds * 1000).toISOString();
  const request: LocalizeRequest = {
    tenant: "default",
    range: { from: at(0), to: at(600) },
    baseline: { from: at(-600 * WINDOWS), to: at(0) },
    cluster: null,
    namespace: null,
    service: "web",
    operation: null,
    indicator: null,
    maxCauses: 5,
  };
  const answer = (made: ReturnType<typeof mesh>, asked: Partial<LocalizeRequest> = {}) =>
    answerFromMetrics(made.rows, made.calls, planWindows({ ...request, ...asked }), { ...request, ...asked });

  it("no: all as usual", () => expect(answer(mesh({})).kind).toBe("normal"));

  it("no: something stalls below that nobody waits for", () => {
    expect(answer(mesh({ cart: { ms: 400 }, web: { ms: 96 } }), { indicator: "LATENCY" }).kind).toBe("normal");
  });

  it("yes: a symptom that alone is no more than doubtful, and below it what explains it", () => {
    const faint = mesh({ web: { ms: 112 }, shop: { ms: 102 } });
    const alone = mesh({ web: { ms: 112 } });
    expect(answer(alone, { indicator: "LATENCY" }).kind).toBe("normal");
    const told = answer(faint, { indicator: "LATENCY" });
    expect(told.kind === "fault" && told.symptom.blames[0]!.key).toBe(key("shop"));
  });

  it("yes: where nothing is named, the node that shows it most, with its indicator", () => {
    const told = answer(mesh({ shop: { failed: 60 }, web: { failed: 60 } }), { service: null });
    expect(told.kind === "fault" && told.symptom.indicator).toBe("ERRORS");
    expect(told.kind === "fault" && told.symptom.blames[0]!.key).toBe(key("shop"));
  });

  it("of a long range the window in which it is clearest", () => {
    const hour = mesh({});
    const later = [1, 2, 3].flatMap((window) =>
      Object.entries(USUAL).map(([service, { requests, ms }]) =>
        row(service, window, requests, window === 2 && service !== "cart" && service !== "db" ? 80 : 0, ms),
      ),
    );
    const told = answer(
      { ...hour, rows: [...hour.rows, ...later] },
      { range: { from: at(0), to: at(3600) }, baseline: { from: at(-900 * WINDOWS), to: at(0) } },
    );
    expect(told.kind === "fault" && told.window.from).toBe(Date.parse(at(1800)) / 1000);
  });

  it("unclear: without a history; unknown: of a service that metrics do not tell of", () => {
    const young = { rows: [row("web", 0, 100, 50, 10)], calls: [] };
    expect(answer(young).kind).toBe("unclear");
    expect(answer(mesh({}), { service: "elsewhere" }).kind).toBe("unknown");
  });

  it("of saturation by failures and latency both; of traffic not at all", () => {
    const told = answer(mesh({ shop: { failed: 60 }, web: { failed: 60 } }), { indicator: "SATURATION" });
    expect(told.kind === "fault" && told.symptom.indicator).toBe("ERRORS");
    expect(answer(mesh({ web: { requests: 9000 } }), { indicator: "TRAFFIC" }).kind).toBe("unclear");
  });

  it("windows: the range is not part of what it is compared with, and histories of a day need no baseline", () => {
    const plan = planWindows({ range: request.range, baseline: { from: at(-3600), to: at(7200) } });
    expect(plan.baseline.to).toBe(plan.range.from);
    const open = planWindows({ range: request.range, baseline: null });
    expect(open.baseline.to - open.baseline.from).toBe(86_400);
    expect(planWindows({ range: request.range, baseline: { from: at(7200), to: at(86_400) } }).baseline.from).toBe(
      Date.parse(at(7200)) / 1000,
    );
  });
});

it("of a history with more points than can be read in time, the part nearest to the range is read", () => {
  const range = { from: 1000, to: 1100 };
  expect(nearestPart({ from: 0, to: 1000 }, range, 1_000_000)).toEqual({ from: 0, to: 1000 });
  expect(nearestPart({ from: 0, to: 1000 }, range, 4_000_000)).toEqual({ from: 750, to: 1000 });
  expect(nearestPart({ from: 1100, to: 2100 }, range, 4_000_000)).toEqual({ from: 1100, to: 1350 });
});

describe("findings", () => {
  it("say what is measured against what is usual, and weigh by the share of the excess", () => {
    const scene = sceneOf(mesh({ web: { failed: 60 }, shop: { failed: 58 }, cart: { failed: 4 } }));
    const findings = findServiceMetrics(scene, judgeSymptom(scene, key("web"), "ERRORS")!);
    const [first] = findings.toSorted((a, b) => b.weight - a.weight);
    expect(first).toMatchObject({
      place: key("shop"),
      source: "service-metrics",
      indicator: "ERRORS",
      isSymptom: true,
    });
    expect(first!.weight).toBeGreaterThan(3);
    expect(first!.summary).toContain("9.7 % of shop's 600 requests fail, by its metrics usually 0 %");
    expect(first!.excess).toBeGreaterThan(50);
  });

  it("stand beside a scene that has the services and calls, and claims no time of its own for any", () => {
    const scene = sceneOfMetrics(sceneOf(mesh({ shop: { ms: 200, failed: 5 } })), 2);
    expect([...scene.services.keys()].toSorted()).toEqual(["cart", "db", "shop", "web"].map(key));
    expect(scene.edges.get(`${key("shop")}>${key("db")}`)).toMatchObject({
      from: key("shop"),
      to: key("db"),
      virtual: false,
    });
    const shop = scene.services.get(key("shop"))!;
    expect(shop.fault).toMatchObject({ requests: 600, failed: 5, originFailed: 0, selfNs: 0 });
    expect(shop.baseline.requests).toBeGreaterThan(1150);
    expect(shop.baseline.requests).toBeLessThan(1250);
  });
});
