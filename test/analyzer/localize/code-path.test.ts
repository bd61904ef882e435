// Code paths: what makes a change of a service's way, which part of the code it names, and whose change explains whose.
// In: small made-up counts of steps. Out: changes by service.
import { describe, expect, test } from "vitest";
import { explainByCallees, findCodePathChanges } from "../../../analyzer/localize/code-path.ts";
import type { CodeStepRow } from "../../../storage/code-paths.ts";
import { calls, node, sceneOf } from "../made.ts";

type Told = readonly [service: string, from: string, to: string, before: number, now: number];

function steps(via: CodeStepRow["via"], told: readonly Told[], errors: readonly string[] = []): CodeStepRow[] {
  return told.flatMap(([service, from_step, to_step, before, now]) =>
    [before, now].flatMap((step_count, side): CodeStepRow[] =>
      step_count === 0
        ? []
        : [
            {
              side: side as 0 | 1,
              cluster: "",
              namespace: "shop",
              service,
              via,
              from_step,
              to_step,
              to_error: errors.includes(to_step) ? 1 : 0,
              step_count,
            },
          ],
    ),
  );
}

const RETURNS_EARLY: readonly Told[] = [
  ["cart", "Cart#10", "Cart#20", 40, 0],
  ["cart", "Cart#10", "Cart#15", 0, 40],
];

describe("chance", () => {
  const others = Array.from({ length: 20 }, (_, i): Told => ["cart", `Cart#${100 + i}`, "end", 40, 40]);
  test("of many ways of a few requests one changes, which says nothing", () => {
    const flips: Told[] = [
      ["cart", "Cart#10", "Cart#20", 4, 0],
      ["cart", "Cart#10", "Cart#15", 3, 7],
    ];
    expect(findCodePathChanges(steps("lines", [...flips, ...others]))).toEqual([]);
  });
  test("the more ways a service has, the less one that changed says", () => {
    const [alone] = findCodePathChanges(steps("lines", RETURNS_EARLY));
    const [among] = findCodePathChanges(steps("lines", [...RETURNS_EARLY, ...others]));
    expect(alone!.weight - among!.weight).toBeCloseTo(Math.log(21), 6);
  });
});

describe("a change of the way", () => {
  test("is a line that is no longer reached, and names both ends of the way that is lost", () => {
    const [change, ...more] = findCodePathChanges(steps("lines", RETURNS_EARLY));
    expect(more).toEqual([]);
    expect(change).toMatchObject({ place: node("cart"), codeRegion: "Cart#10 → Cart#20" });
    expect(change!.weight).toBeGreaterThan(5);
    expect(change!.summary).toContain('goes to "Cart#15" instead');
  });
  test("names the way that is lost also where only the new one is clear", () => {
    const [change] = findCodePathChanges(
      steps("lines", [
        ["cart", "Cart#10", "Cart#20", 40, 5],
        ["cart", "Cart#10", "Cart#15", 0, 35],
      ]),
    );
    expect(change!.codeRegion).toBe("Cart#10 → Cart#20");
  });
  test("is seen in the spans that a span contains where nothing is logged", () => {
    const [change] = findCodePathChanges(
      steps("calls", [
        ["cart", "POST /cart start", "call prices", 40, 0],
        ["cart", "POST /cart start", "end", 0, 40],
      ]),
    );
    expect(change).toMatchObject({ codeRegion: "POST /cart start → call prices", isAtStart: true });
  });
  test("names the line rather than the call where both changed", () => {
    const rows = [
      ...steps("lines", RETURNS_EARLY),
      ...steps("calls", [
        ["cart", "op start", "call prices", 40, 0],
        ["cart", "op start", "end", 0, 40],
      ]),
    ];
    expect(findCodePathChanges(rows)).toMatchObject([{ via: "lines", codeRegion: "Cart#10 → Cart#20" }]);
  });
  test.each<[string, CodeStepRow[]]>([
    [
      "a shift of the mix",
      steps("lines", [
        ["cart", "A", "B", 60, 30],
        ["cart", "A", "C", 40, 70],
      ]),
    ],
    [
      "too few steps",
      steps("lines", [
        ["cart", "A", "B", 2, 0],
        ["cart", "A", "C", 0, 2],
      ]),
    ],
    ["seen in one window alone", steps("lines", [["cart", "A", "B", 0, 50]])],
    [
      "it used to fail and no longer does",
      steps(
        "lines",
        [
          ["cart", "A", "boom", 40, 0],
          ["cart", "A", "end", 0, 40],
        ],
        ["boom"],
      ),
    ],
    [
      "it gets further than before",
      steps("lines", [
        ["cart", "A", "end", 40, 0],
        ["cart", "A", "B", 0, 40],
      ]),
    ],
  ])("is not: %s", (_, rows) => {
    expect(findCodePathChanges(rows)).toEqual([]);
  });
  test("weighs less with fewer steps", () => {
    const few = findCodePathChanges(
      steps("lines", [
        ["cart", "A", "B", 4, 0],
        ["cart", "A", "C", 0, 4],
      ]),
    );
    expect(few[0]!.weight).toBeLessThan(findCodePathChanges(steps("lines", RETURNS_EARLY))[0]!.weight);
  });
});

describe("two services that changed", () => {
  const scene = sceneOf([calls("frontend", "cart", {}, {})]);
  const both = (from: string, via: CodeStepRow["via"]) => [
    ...steps("lines", RETURNS_EARLY),
    ...steps(via, [
      ["frontend", from, "call tax", 40, 0],
      ["frontend", from, "end", 0, 40],
    ]),
  ];
  test("the callee explains the caller, which handles what it is answered", () => {
    const [first, second] = explainByCallees(findCodePathChanges(both("call cart", "calls")), scene);
    expect(first!.place).toBe(node("cart"));
    expect(second!.place).toBe(node("frontend"));
    expect(second!.weight).toBeLessThan(0.6 * first!.weight);
  });
  test("not where the caller goes another way before it calls anything", () => {
    const explained = explainByCallees(findCodePathChanges(both("GET / start", "calls")), scene);
    expect(explained.find(({ place }) => place === node("frontend"))!.weight).toBe(10);
  });
});

describe("code whose calls get lost", () => {
  const changes = findCodePathChanges(steps("lines", RETURNS_EARLY));
  const weightWith = (neverArrived: number) =>
    explainByCallees(changes, sceneOf([calls("cart", "prices", { calls: 100 }, { calls: 100, neverArrived })]))[0]!
      .weight;
  test("handles that, so its other way says little", () => {
    expect(weightWith(20)).toBeLessThan(0.3 * weightWith(0));
  });
  test("but not for a call or two", () => {
    expect(weightWith(2)).toBe(weightWith(0));
  });
});
