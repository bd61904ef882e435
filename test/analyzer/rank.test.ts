// From findings to ranked causes: shares become weights, weights probabilities, votes a kind; and the path to the cause.
import { describe, expect, test } from "vitest";
import { findBlamePath, nodeEntity } from "../../analyzer/localize/blame-path.ts";
import { uncalibrate } from "../../analyzer/localize/calibrate.ts";
import { type Finding, weighExcesses } from "../../analyzer/localize/finding.ts";
import { chooseKind, rankCandidates } from "../../analyzer/localize/rank.ts";
import { reachableFrom } from "../../analyzer/localize/scene.ts";
import type { FaultKind, Indicator } from "../../model/localization.ts";
import { calls, node, sceneOf, work } from "./made.ts";

const excess = (place: string, amount: number, log10P = -20) => {
  return { place, source: "exclusive-time", excess: amount, log10P, summary: place, kinds: {} };
};
const finding = (
  place: string,
  weight: number,
  kinds: Partial<Record<FaultKind, number>> = {},
  indicator: Indicator = "LATENCY",
): Finding => ({ place, source: "s", indicator, weight, excess: 1, summary: "", kinds });

describe("weighExcesses", () => {
  test("the larger share weighs more, and half of the whole weighs nothing but its significance", () => {
    const [a, b] = weighExcesses("LATENCY", [excess("a", 90), excess("b", 10)]);
    expect(a!.weight).toBeGreaterThan(b!.weight);
    const [half] = weighExcesses("LATENCY", [excess("a", 50), excess("b", 50)]);
    expect(half!.weight).toBeCloseTo(1.5, 9);
  });
  test("a share without significance speaks against its place", () => {
    expect(weighExcesses("LATENCY", [excess("a", 50, -1), excess("b", 50)])[0]!.weight).toBeCloseTo(-2, 9);
  });
  test("what got better takes no part", () => {
    expect(weighExcesses("LATENCY", [excess("a", 10), excess("b", -90)]).map((f) => f.place)).toEqual(["a"]);
    expect(weighExcesses("LATENCY", [excess("b", -90)])).toEqual([]);
  });
});

describe("rankCandidates", () => {
  test("probabilities and the unseen make one", () => {
    const ranked = rankCandidates([finding("a", 2), finding("b", 0)], "LATENCY");
    expect(ranked.map((c) => c.place)).toEqual(["a", "b"]);
    const raw = ranked.map((c) => 1 / (1 + Math.exp(-uncalibrate(c.confidence))));
    expect(raw.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1 - 1 / (Math.E ** 2 + 2), 6);
  });
  test("weak evidence names nobody with confidence", () => {
    expect(rankCandidates([finding("a", -1)], "LATENCY")[0]!.confidence).toBeLessThan(0.3);
  });
  test("evidence on the other indicator counts less", () => {
    const findings = [finding("slow", 5, {}, "LATENCY"), finding("failing", 5, {}, "ERRORS")];
    expect(rankCandidates(findings, "ERRORS")[0]!.place).toBe("failing");
    expect(rankCandidates(findings, "LATENCY")[0]!.place).toBe("slow");
  });
  test("more evidence for one place never lowers it", () => {
    const one = rankCandidates([finding("a", 3), finding("b", 1)], "LATENCY")[0]!;
    const two = rankCandidates([finding("a", 3), finding("a", 1.5), finding("b", 1)], "LATENCY")[0]!;
    expect(two.confidence).toBeGreaterThan(one.confidence);
  });
  test("equal weights are ordered by place, so that an answer repeats", () => {
    const ranked = rankCandidates([finding("b", 1), finding("a", 1)], "LATENCY");
    expect(ranked.map((c) => c.place)).toEqual(["a", "b"]);
  });
});

describe("chooseKind", () => {
  const kindOf = (findings: Finding[], symptom: Indicator = "LATENCY") =>
    chooseKind(rankCandidates(findings, symptom)[0]!, symptom);
  test.each<{ name: string; findings: Finding[]; kind: FaultKind; symptom?: Indicator }>([
    { name: "nobody votes", findings: [finding("a", 5)], kind: "UNKNOWN" },
    { name: "the only vote", findings: [finding("a", 5, { LATENCY: 1 })], kind: "LATENCY" },
    {
      name: "a platform sign beats plain slowness",
      findings: [finding("a", 7, { LATENCY: 1 }), finding("a", 1.5, { CPU: 4 })],
      kind: "CPU",
    },
    {
      name: "a finding that speaks against its place has no vote",
      findings: [finding("a", 5, { LATENCY: 1 }), finding("a", -2, { CRASH: 9 })],
      kind: "LATENCY",
    },
    {
      name: "one reset connection does not make a slow service a crashed one",
      findings: [finding("a", 7, { LATENCY: 1 }), finding("a", 7, { CRASH: 2 }, "ERRORS")],
      kind: "LATENCY",
    },
  ])("$name", ({ findings, kind, symptom }) => expect(kindOf(findings, symptom)).toBe(kind));
});

describe("findBlamePath", () => {
  const scene = sceneOf([
    ...["frontend", "cart", "pricing", "ads"].map((name) => work(name, {}, {})),
    calls("", "frontend"),
    calls("frontend", "cart"),
    calls("cart", "pricing"),
    calls("frontend", "ads"),
    calls("ads", "pricing"),
    calls("pricing", "prices", {}, {}, "database"),
  ]);
  const path = (to: string, symptoms: readonly string[]) => findBlamePath(scene, to, new Set(symptoms.map(node)));
  test.each([
    {
      name: "from the users' service down over symptomatic services",
      to: "pricing",
      symptoms: ["frontend", "cart", "pricing"],
      wanted: ["frontend", "cart", "pricing"],
    },
    {
      name: "not over services without symptoms",
      to: "pricing",
      symptoms: ["cart", "pricing"],
      wanted: ["cart", "pricing"],
    },
    { name: "the cause alone when nobody above feels it", to: "pricing", symptoms: [], wanted: ["pricing"] },
    { name: "the cause is the users' service itself", to: "frontend", symptoms: ["frontend"], wanted: ["frontend"] },
  ])("$name", ({ to, symptoms, wanted }) => expect(path(node(to), symptoms)).toEqual(wanted.map(node)));
  test("takes the way on which most of the fault travels", () => {
    const two = (throughAds: number) =>
      sceneOf([
        ...["frontend", "cart", "pricing", "ads"].map((name) => work(name, {}, {})),
        calls("", "frontend"),
        calls("frontend", "pricing", {}, { originFailed: 20 }),
        calls("frontend", "ads", {}, { originFailed: throughAds }),
        calls("ads", "pricing", {}, { originFailed: throughAds }),
      ]);
    const symptoms = new Set(["frontend", "pricing", "ads"].map(node));
    expect(findBlamePath(two(50), node("pricing"), symptoms)).toEqual(["frontend", "ads", "pricing"].map(node));
    expect(findBlamePath(two(5), node("pricing"), symptoms)).toEqual(["frontend", "pricing"].map(node));
  });
  test("ends at a database that sends nothing", () => {
    const to = "database||shop|prices";
    expect(path(to, ["frontend", "ads", "pricing"]).at(-1)).toBe(to);
    expect(nodeEntity(scene, to)).toMatchObject({ kind: "DATABASE", service: "prices" });
  });
  test("a loop of calls ends", () => {
    const loop = sceneOf([work("a", {}, {}), work("b", {}, {}), calls("a", "b"), calls("b", "a")]);
    expect(findBlamePath(loop, node("a"), new Set([node("a"), node("b")]))).toEqual([node("b"), node("a")]);
    expect(reachableFrom(loop, [node("a")])).toEqual(new Set([node("a"), node("b")]));
  });
});
