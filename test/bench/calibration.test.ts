// Calibration: a map found again from answers made with it, folds that do not see their own answers, bins, Brier scores, factors.
import { describe, expect, test } from "vitest";
import { answersOf, readCases } from "../../bench/calibration/cases.ts";
import { candidateFeatures } from "../../bench/calibration/features.ts";
import { proposeFactors } from "../../bench/calibration/fit.ts";
import { applyMap, crossValidate, fitPlatt } from "../../bench/calibration/platt.ts";
import { bootstrap, brier, constantBrier, reliability } from "../../bench/calibration/reliability.ts";
import { runCalibration } from "../../bench/calibration/run.ts";
import { createRandom } from "../../bench/ingest/random.ts";
import { makeEntity } from "../../model/entity.ts";
import type { Localization } from "../../model/localization.ts";

const line = (facts: object) =>
  JSON.stringify({ case: "c", group: "set", control: false, rank: 1, confidence: 0.9, candidates: [], ...facts });

describe("readCases", () => {
  test("reads lines, counts what is none, and leaves out who abstained", () => {
    const { cases, unreadable } = readCases(
      [
        line({}),
        "",
        "{",
        line({ confidence: "high" }),
        line({ confidence: null, rank: null }),
        line({ control: true }),
      ].join("\n"),
    );
    expect(unreadable).toBe(2);
    expect(cases).toHaveLength(3);
    expect(answersOf(cases).map((one) => one.right)).toEqual([true, false]);
  });
});

describe("fitPlatt", () => {
  const random = createRandom(7);
  const made = Array.from({ length: 4000 }, () => {
    const logit = random.next() * 8 - 3;
    return { logit, right: random.chance(applyMap({ slope: 0.5, intercept: -0.4 }, logit)) };
  });
  test("finds the map that made the outcomes", () => {
    const { slope, intercept } = fitPlatt(made);
    expect(slope).toBeCloseTo(0.5, 1);
    expect(intercept).toBeCloseTo(-0.4, 1);
  });
  test("separable answers give a finite map that keeps the order", () => {
    const { slope, intercept } = fitPlatt([-3, -2, -1, 1, 2, 3].map((logit) => ({ logit, right: logit > 0 })));
    expect(slope).toBeGreaterThan(0);
    expect(Number.isFinite(slope) && Number.isFinite(intercept)).toBe(true);
  });
  test("no answer is judged by a map that saw it", () => {
    // Everything of fold 1 is right: maps fitted on the others must not know.
    const outcomes = Array.from({ length: 100 }, (_, i) => ({ logit: 2, right: i % 2 === 1 }));
    const judged = crossValidate(outcomes, (i) => i % 2);
    expect(judged[1]).toBeLessThan(0.2);
    expect(judged[0]).toBeGreaterThan(0.8);
  });
});

describe("reliability", () => {
  const answers = Array.from({ length: 80 }, (_, i) => ({ confidence: i / 80, right: i % 4 !== 0 }));
  test("bins have equal mass, are in order, and their intervals hold the share", () => {
    const bins = reliability(answers, 4, createRandom(1));
    expect(bins.map((bin) => bin.answers)).toEqual([20, 20, 20, 20]);
    for (const bin of bins) {
      expect(bin.low).toBeLessThanOrEqual(bin.shareRight);
      expect(bin.high).toBeGreaterThanOrEqual(bin.shareRight);
      expect(bin.shareRight).toBeCloseTo(0.75, 9);
    }
    expect(bins[0]!.to).toBeLessThanOrEqual(bins[1]!.from);
  });
  test("fewer answers than bins leave bins out; none at all give none", () => {
    expect(reliability(answers.slice(0, 2), 4, createRandom(1))).toHaveLength(2);
    expect(reliability([], 4, createRandom(1))).toEqual([]);
    expect(bootstrap([], () => 0, createRandom(1))).toBeNull();
  });
  test("Brier: certain and right is 0, certain and wrong 1, the constant has the variance of the outcomes", () => {
    expect(brier([{ confidence: 1, right: true }])).toBe(0);
    expect(brier([{ confidence: 1, right: false }])).toBe(1);
    expect(constantBrier(answers)).toBeCloseTo(0.75 * 0.25, 9);
  });
});

describe("proposeFactors", () => {
  const candidate = (right: boolean, sources: Record<string, number>) => ({
    place: "p",
    right,
    confidence: null,
    sources,
  });
  test("a source that misleads is turned down, one that tells the truth is not", () => {
    const random = createRandom(3);
    const cases = Array.from({ length: 120 }, (_, i) => ({
      case: `c${i}`,
      group: "set",
      control: false,
      rank: 1,
      confidence: 0.9,
      candidates: [
        candidate(true, { good: 3, bad: random.chance(0.5) ? 3 : 0 }),
        candidate(false, { good: 0, bad: random.chance(0.5) ? 3 : 0 }),
      ],
    }));
    const proposal = proposeFactors(cases)!;
    const factor = (source: string) => proposal.factors.find((one) => one.source === source)!.factor;
    expect(factor("good")).toBeGreaterThan(1);
    // Not to 0: beside "elsewhere" any evidence speaks for some candidate, and some candidate is always right here.
    expect(factor("bad")).toBeLessThan(0.8);
    expect(proposal.lossFitted).toBeLessThan(proposal.lossNow);
  });
  test("nothing to fit on is no proposal", () => {
    expect(proposeFactors([])).toBeNull();
  });
});

test("features sum a source's evidence and say which candidate is right", () => {
  const evidence = (source: string, weight: number) => ({ source, weight, summary: "", traceIds: [] });
  const cause = (service: string, confidence: number) => ({
    rank: 1,
    confidence,
    faultKind: "LATENCY" as const,
    entity: makeEntity("SERVICE", { service }),
    summary: "",
    evidence: [evidence("a", 1), evidence("a", 2), evidence("b", -1)],
    blamePath: [],
    change: null,
    codeRegion: null,
    remedy: null,
  });
  const answer: Localization = {
    id: "loc",
    verdict: "FOUND",
    reason: null,
    range: { from: "", to: "" },
    baseline: { from: "", to: "" },
    onset: null,
    causes: [cause("cart", 0.8)],
    rejected: [
      { entity: makeEntity("SERVICE", { service: "ads" }), reason: "", evidence: [evidence("b", 1)] },
      { entity: makeEntity("SERVICE", { service: "innocent" }), reason: "", evidence: [] },
    ],
  };
  const features = candidateFeatures(answer, (place) => place.service === "ads");
  expect(features.map(({ right, confidence, sources }) => ({ right, confidence, sources }))).toEqual([
    { right: false, confidence: 0.8, sources: { a: 3, b: -1 } },
    { right: true, confidence: null, sources: { b: 1 } },
  ]);
});

test("a run tells both tables, keeps to its seed, and finds nothing in nothing", () => {
  const text = Array.from({ length: 40 }, (_, i) =>
    line({ case: `c${i}`, confidence: 0.5 + i / 100, rank: i % 3 === 0 ? 2 : 1 }),
  ).join("\n");
  const told: string[] = [];
  const figures = runCalibration({ text, fit: true, tell: (one) => told.push(one) })!;
  expect(figures["answers"]!.value).toBe(40);
  expect(told.join("\n")).toContain("proposed map");
  expect(runCalibration({ text, fit: false, tell: () => {} })).toEqual(figures);
  expect(runCalibration({ text: "", fit: false, tell: () => {} })).toBeNull();
});
