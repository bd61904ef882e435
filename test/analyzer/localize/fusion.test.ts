// Fusion: what one family says twice counts once, who competes with whom, what the platform alone may claim, calibration.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calibrate, rawLogit, uncalibrate } from "../../../analyzer/localize/calibrate.ts";
import { callGraphOf } from "../../../analyzer/localize/compete.ts";
import { weighFamilies, weighPlace, weightFor } from "../../../analyzer/localize/families.ts";
import type { Finding } from "../../../analyzer/localize/finding.ts";
import { rankCandidates } from "../../../analyzer/localize/rank.ts";
import { calls, node, sceneOf, work } from "../made.ts";

const finding = (place: string, weight: number, facts: Partial<Finding> = {}): Finding => ({
  place,
  source: "exclusive-time",
  indicator: "LATENCY",
  weight,
  excess: facts.source === undefined ? 1 : 0,
  summary: "",
  kinds: {},
  ...facts,
});

// users → shop → cart → prices; shop → ads; and a bank with nothing in common with them.
const scene = sceneOf([
  ...["shop", "cart", "prices", "ads", "stock", "bank", "ledger"].map((name) => work(name, {}, {})),
  calls("", "shop"),
  calls("", "bank"),
  calls("shop", "cart"),
  calls("cart", "prices"),
  calls("shop", "ads"),
  calls("ads", "stock"),
  calls("bank", "ledger"),
]);
const graph = callGraphOf(scene);
const confidenceOf = (findings: readonly Finding[], place: string) =>
  rankCandidates(findings, "LATENCY", graph).find((c) => c.place === place)!.confidence;

describe("families", () => {
  test("a second finding of one family counts less than in full, and never against the first", () => {
    const one = weighPlace(weighFamilies([finding("a", 4)], "LATENCY"));
    const two = weighPlace(weighFamilies([finding("a", 4), finding("a", 4, { source: "ledger-gap" })], "LATENCY"));
    expect(one).toBe(4);
    expect(two).toBeGreaterThan(4);
    expect(two).toBeLessThan(8);
    expect(weighPlace(weighFamilies([finding("a", 4), finding("a", -5, { source: "ledger-gap" })], "LATENCY"))).toBe(4);
  });
  test("only failures and latency make each other count less: both are told by the same requests", () => {
    const slow = finding("a", 4);
    expect(weightFor(slow, "ERRORS")).toBeLessThan(4);
    expect(weightFor(slow, "TRAFFIC")).toBe(4);
    expect(weightFor(finding("a", 4, { indicator: "SATURATION" }), "ERRORS")).toBe(4);
    expect(weightFor(finding("a", -4), "ERRORS")).toBe(-4);
  });
});

describe("who competes", () => {
  test("two excesses in services that do not call each other are two roots", () => {
    const findings = [finding(node("cart"), 3), finding(node("stock"), 3)];
    expect(confidenceOf(findings, node("cart"))).toBeGreaterThan(0.75);
    expect(confidenceOf(findings, node("stock"))).toBeGreaterThan(0.75);
  });
  test("a caller and its callee share one fault", () => {
    const findings = [finding(node("cart"), 3), finding(node("prices"), 3)];
    expect(confidenceOf(findings, node("cart"))).toBeCloseTo(confidenceOf(findings, node("prices")), 9);
    expect(confidenceOf(findings, node("cart"))).toBeLessThan(0.5);
  });
  test("an edge competes with both of its ends", () => {
    const edge = `${node("cart")}>${node("prices")}`;
    for (const end of ["cart", "prices"]) {
      expect(confidenceOf([finding(edge, 3), finding(node(end), 3)], edge)).toBeLessThan(0.5);
    }
  });
  test("evidence without an excess of its own competes in its part of the mesh, not beyond it", () => {
    const log = (name: string) => finding(node(name), 4, { source: "code-path" });
    expect(confidenceOf([log("cart"), log("stock")], node("cart"))).toBeLessThan(0.5);
    expect(confidenceOf([log("cart"), log("ledger")], node("cart"))).toBeGreaterThan(0.75);
  });
  test("a node may be behind anything", () => {
    const findings = [finding("node|east|n1", 4, { source: "node-sign" }), finding(node("cart"), 3)];
    expect(confidenceOf(findings, node("cart"))).toBeLessThan(0.5);
  });
  test("users connect nothing: their services stay apart", () => {
    expect(graph.partOf(node("shop"))).not.toBe(graph.partOf(node("bank")));
    expect(graph.partOf(node("stock"))).toBe(graph.partOf(node("prices")));
    expect(graph.partOf("node|east|n1")).toBeNull();
  });
  test("more said for a place never lowers it, and a rival never raises it", () => {
    const weight = fc.double({ min: -6, max: 8, noNaN: true });
    fc.assert(
      fc.property(weight, weight, fc.double({ min: 0, max: 5, noNaN: true }), (own, rival, more) => {
        const place = node("cart");
        const rivals = [finding(node("prices"), rival)];
        const before = confidenceOf([finding(place, own), ...rivals], place);
        expect(confidenceOf([finding(place, own + more), ...rivals], place)).toBeGreaterThanOrEqual(before - 1e-12);
        expect(confidenceOf([finding(place, own)], place)).toBeGreaterThanOrEqual(before - 1e-12);
      }),
    );
  });
});

describe("the platform alone", () => {
  const busy = finding(node("ads"), 6, { source: "resource" });
  test("a busy neighbour stays below a place that slows by itself", () => {
    expect(rankCandidates([busy, finding(node("cart"), 2)], "LATENCY", graph)[0]!.place).toBe(node("cart"));
  });
  test("a share without significance does not hold it down", () => {
    expect(rankCandidates([busy, finding(node("cart"), 1)], "LATENCY", graph)[0]!.place).toBe(node("ads"));
  });
  test("where nothing else speaks it is named", () => {
    expect(rankCandidates([busy], "LATENCY", graph)[0]!.confidence).toBeGreaterThan(0.8);
  });
});

describe("calibrate", () => {
  const map = { slope: 0.5, intercept: -0.2 };
  const chance = fc.double({ min: 1e-5, max: 1 - 1e-5, noNaN: true });
  test("keeps the order and never adds confidence", () => {
    fc.assert(
      fc.property(chance, chance, (a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(calibrate(low, map)).toBeLessThanOrEqual(calibrate(high, map));
        expect(calibrate(a, map)).toBeLessThanOrEqual(a);
      }),
    );
  });
  test("a confidence leads back to the probability that it was made of", () => {
    fc.assert(
      fc.property(chance, (p) => {
        expect(uncalibrate(calibrate(p, map), map)).toBeCloseTo(rawLogit(p), 4);
      }),
    );
  });
  test("0 and 1 stay finite", () => {
    expect(Number.isFinite(rawLogit(0)) && Number.isFinite(rawLogit(1))).toBe(true);
  });
});
