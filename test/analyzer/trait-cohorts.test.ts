// What slow or failing requests have in common beside the instance: the operation, the caller, the runtime class.
import { describe, expect, test } from "vitest";
import { nodesInQuestion, traitCohorts } from "../../analyzer/localize/trait-cohorts.ts";
import type { RuntimeClass } from "../../model/entity.ts";
import type { Indicator } from "../../model/localization.ts";
import type { EdgeWindowRow, OperationWindowRow } from "../../storage/buckets.ts";
import { calls, node, sceneOf, work, type WorkFacts } from "./made.ts";

const RUNTIMES = new Map<string, RuntimeClass>([
  ["a", "RUNC"],
  ["b", "RUNC"],
  ["k", "KATA"],
  ["l", "KATA"],
]);

const ZONES = new Map([
  ["n1", "east-a"],
  ["n2", "east-a"],
  ["n3", "east-b"],
]);

/** `source: summary` of all that is said of the cart. */
function said(rows: readonly OperationWindowRow[], edges: readonly EdgeWindowRow[], indicator: Indicator): string[] {
  const scene = sceneOf([rows, edges]);
  return traitCohorts(scene, scene.services.get(node("cart"))!, { runtimes: RUNTIMES, zones: ZONES }, indicator).map(
    (one) => `${one.source}: ${one.summary}`,
  );
}

const asked = (operation: string, before: WorkFacts, during: WorkFacts) =>
  work("cart", { operation, ...before }, { operation, ...during });
const on = (instance: string, selfMs: number) => work("cart", { instance }, { instance, selfMs });

describe("traitCohorts", () => {
  test("one operation is slow, the others are not", () => {
    const rows = [
      ...asked("POST /pay", { selfMs: 20 }, { selfMs: 320 }),
      ...asked("GET /items", {}, { selfMs: 11 }),
      ...asked("GET /cart", {}, {}),
    ];
    expect(said(rows, [], "LATENCY")).toEqual([
      "cohort-operation: operation POST /pay: +300 ms own time; the other 2 at most: +1.0 ms own time",
    ]);
    expect(said(rows, [], "ERRORS")).toEqual([]);
  });

  test.each<[string, OperationWindowRow[]]>([
    ["all are slow", [...asked("a", {}, { selfMs: 300 }), ...asked("b", {}, { selfMs: 250 })]],
    ["there is but one", asked("a", {}, { selfMs: 300 })],
    [
      "one lies in between",
      [...asked("a", {}, { selfMs: 310 }), ...asked("b", {}, { selfMs: 110 }), ...asked("c", {}, {})],
    ],
    ["it is new", [...asked("a", { requests: 0 }, { selfMs: 300 }), ...asked("b", {}, {})]],
    [
      "many small rises make half of the excess",
      [
        ...asked("a", {}, { selfMs: 110, requests: 10 }),
        ...asked("b", { requests: 1000 }, { selfMs: 20, requests: 1000 }),
      ],
    ],
  ])("says nothing of operations where %s", (_, rows) => {
    expect(said(rows, [], "LATENCY")).toEqual([]);
  });

  test("requests of one caller fail", () => {
    const rows = asked("GET /", {}, { originFailed: 50 });
    const failing = calls("mobile", "cart", {}, {}).map((row) =>
      row.side === 1 ? { ...row, callee_failed: 50 } : row,
    );
    expect(said(rows, [...failing, ...calls("web", "cart", {}, {})], "ERRORS")).toEqual([
      "cohort-caller: called by mobile: +50 % failures; web: +0 % failures",
    ]);
    expect(said(rows, failing, "ERRORS")).toEqual([]);
  });

  test("instances of one runtime class are slow", () => {
    expect(said([...on("a", 10), ...on("b", 10), ...on("k", 210), ...on("l", 190)], [], "LATENCY")).toEqual([
      "cohort-runtime: instances of class KATA: +190 ms own time; RUNC: +0.0 ms own time",
    ]);
    // Where one alone is slow, or one of the class is not, it is not the class; nor where a class is not known.
    expect(said([...on("a", 10), ...on("k", 210)], [], "LATENCY")).toEqual([]);
    expect(said([...on("a", 210), ...on("b", 10), ...on("k", 210), ...on("l", 190)], [], "LATENCY")).toEqual([]);
    expect(said([...on("x", 10), ...on("k", 210), ...on("l", 190)], [], "LATENCY")).toEqual([]);
  });

  test("instances in one zone are slow, on whatever node", () => {
    const at = (instance: string, where: string, selfMs: number) =>
      work("cart", { instance, node: where }, { instance, node: where, selfMs });
    const split = [...at("p", "n1", 110), ...at("q", "n2", 130), ...at("r", "n3", 10)];
    expect(said(split, [], "LATENCY")).toEqual([
      "cohort-zone: instances in zone east-a: +110 ms own time; east-b: +0.0 ms own time",
    ]);
    const service = sceneOf([split]).services.get(node("cart"))!;
    expect(nodesInQuestion(service, "LATENCY").toSorted()).toEqual(["n1", "n2", "n3"]);
    expect(nodesInQuestion(service, "ERRORS")).toEqual([]);
  });
});
