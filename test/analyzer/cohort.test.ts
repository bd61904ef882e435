// Service, version or instance: the smallest group that explains a deviation, and only when its peers are innocent.
import { describe, expect, test } from "vitest";
import { narrowCohort } from "../../analyzer/localize/cohort.ts";
import type { Indicator } from "../../model/localization.ts";
import { node, sceneOf, work, type WorkFacts } from "./made.ts";

type One = readonly [name: string, before: WorkFacts, during: WorkFacts];
const one = (instance: string, version: string, selfMs: number, requests = 100): One => [
  instance,
  { version, instance, selfMs: 10 },
  { version, instance, selfMs, requests },
];
const failing = (instance: string, version: string, originFailed: number): One => [
  instance,
  { version, instance },
  { version, instance, originFailed },
];
const fresh = (instance: string, version: string, selfMs: number): One => [
  instance,
  { version, instance, requests: 0 },
  { version, instance, selfMs },
];

function narrow(instances: readonly One[], indicator: Indicator = "LATENCY") {
  const scene = sceneOf(instances.map(([, before, during]) => work("cart", before, during)));
  return narrowCohort(scene.services.get(node("cart"))!, indicator);
}

describe("narrowCohort", () => {
  test.each<{ name: string; instances: One[]; indicator?: Indicator; kind: string; place: string }>([
    { name: "a single instance", instances: [one("a", "v1", 200)], kind: "SERVICE", place: "" },
    { name: "all are slow", instances: [one("a", "v1", 200), one("b", "v1", 180)], kind: "SERVICE", place: "" },
    { name: "nobody is slower", instances: [one("a", "v1", 9), one("b", "v1", 10)], kind: "SERVICE", place: "" },
    {
      name: "one of three is slow",
      instances: [one("a", "v1", 10), one("b", "v1", 200), one("c", "v1", 11)],
      kind: "INSTANCE",
      place: "b",
    },
    {
      name: "both instances of v2 are slow",
      instances: [one("a", "v1", 10), one("b", "v2", 200), one("c", "v2", 150), one("d", "v1", 12)],
      kind: "VERSION",
      place: "v2",
    },
    {
      name: "the only instance of v2 is slow: the version, for a release is the likelier reason",
      instances: [one("a", "v1", 10), one("b", "v2", 200)],
      kind: "VERSION",
      place: "v2",
    },
    {
      name: "one of two instances of v2 is slow",
      instances: [one("a", "v1", 10), one("b", "v2", 200), one("c", "v2", 10)],
      kind: "INSTANCE",
      place: "b",
    },
    {
      name: "two of four, across versions: no group explains it",
      instances: [one("a", "v1", 200), one("b", "v2", 200), one("c", "v2", 10), one("d", "v1", 10)],
      kind: "SERVICE",
      place: "",
    },
    {
      name: "a peer that is half as slow is not innocent",
      instances: [one("a", "v1", 200), one("b", "v1", 75)],
      kind: "SERVICE",
      place: "",
    },
    {
      name: "an instance with four requests has no vote",
      instances: [one("a", "v1", 12), one("b", "v1", 12), one("c", "v1", 900, 4)],
      kind: "SERVICE",
      place: "",
    },
    {
      name: "a new instance is compared with its service",
      instances: [one("a", "v1", 10), one("b", "v1", 10), fresh("c", "v1", 200)],
      kind: "INSTANCE",
      place: "c",
    },
    {
      name: "failures that begin in one version",
      instances: [failing("a", "v1", 0), failing("b", "v2", 40), failing("c", "v2", 35)],
      indicator: "ERRORS",
      kind: "VERSION",
      place: "v2",
    },
  ])("$name", ({ instances, indicator, kind, place }) => {
    const { entity } = narrow(instances, indicator);
    expect([entity.kind, kind === "VERSION" ? entity.version : entity.instance]).toEqual([kind, place]);
  });

  test("says in a sentence who deviates and who does not", () => {
    const { summary, source, members } = narrow([one("a", "v1", 10), one("b", "v1", 200), one("c", "v1", 11)]);
    expect(summary).toBe("instance b: +190 ms own time; c: +1.0 ms own time");
    expect([source, members.map((m) => m.instance)]).toEqual(["cohort-instance", ["b"]]);
  });
});
