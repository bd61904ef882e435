// How spans become a tree: parents, orphans, several roots, cycles, shared ids, links, duplicates; and what is measured on it.
import { describe, expect, it } from "vitest";
import type { TraceSpan } from "../../../model/trace/span.ts";
import { summarizeTrace } from "../../../model/trace/summary.ts";
import { buildTraceView, type TraceView } from "../../../model/trace/view.ts";
import { madeSpan, madeTrace, type MadeSpan, TRACE_ID } from "./made-spans.ts";

function viewOf(spans: Readonly<Record<string, MadeSpan>> | readonly TraceSpan[]): TraceView {
  return buildTraceView(
    TRACE_ID,
    Array.isArray(spans) ? spans : madeTrace(spans as Readonly<Record<string, MadeSpan>>),
  );
}

function spanName(view: TraceView, span: number): string {
  const found = view.distinct.spans[span];
  return found === undefined ? "-" : found.spanId;
}

/** `child: parent (relation)` a span, in preorder. */
function treeOf(view: TraceView): string[] {
  return Array.from(view.forest.preorder, (span) => {
    const { kind } = view.distinct.spans[span] as TraceSpan;
    const own = spanName(view, span) + (kind === "Internal" ? "" : ` ${kind}`);
    return `${own}: ${spanName(view, view.forest.parent[span] ?? -1)} (${view.parents.relation[span] ?? ""})`;
  });
}

describe("parents", () => {
  it("stands each span below its parent, siblings by start", () => {
    const view = viewOf({
      late: { at: [50, 60], parent: "root" },
      root: { at: [0, 100] },
      early: { at: [10, 20], parent: "root" },
      inner: { at: [12, 13], parent: "early" },
    });
    expect(treeOf(view)).toEqual([
      "root: - (root)",
      "early: root (child)",
      "inner: early (child)",
      "late: root (child)",
    ]);
  });

  it("keeps spans whose parent is missing as roots of their own, and counts the parents", () => {
    const view = viewOf({
      root: { at: [0, 100] },
      b: { at: [20, 30], parent: "gone" },
      c: { at: [40, 50], parent: "gone" },
      d: { at: [60, 70], parent: "lost" },
      e: { at: [61, 62], parent: "d" },
    });
    expect(treeOf(view)).toEqual(["root: - (root)", "b: - (orphan)", "c: - (orphan)", "d: - (orphan)", "e: d (child)"]);
    expect(summarizeTrace(view)).toMatchObject({ rootCount: 4, orphanCount: 3, missingParents: 2, cycles: 0 });
  });

  it("cuts a cycle at its earliest span, and a span that is its own parent", () => {
    const view = viewOf({
      root: { at: [0, 100] },
      x: { at: [10, 20], parent: "z" },
      y: { at: [11, 19], parent: "x" },
      z: { at: [12, 18], parent: "y" },
      below: { at: [13, 14], parent: "z" },
      own: { at: [50, 60], parent: "own" },
    });
    expect(treeOf(view)).toEqual([
      "root: - (root)",
      "x: - (cycle)",
      "y: x (child)",
      "z: y (child)",
      "below: z (child)",
      "own: - (cycle)",
    ]);
    expect(summarizeTrace(view).cycles).toBe(2);
  });

  it("tells a client and a server that share an id apart, and gives the server what happened in it (Zipkin)", () => {
    const view = viewOf([
      madeSpan("root", { at: [0, 100], kind: "Server", service: "a" }),
      madeSpan("s", { at: [10, 90], parent: "root", kind: "Client", service: "a" }),
      madeSpan("s", { at: [20, 80], parent: "root", kind: "Server", service: "b" }),
      madeSpan("work", { at: [30, 40], parent: "s", service: "b" }),
      madeSpan("encode", { at: [11, 12], parent: "s", service: "a" }),
    ]);
    expect(treeOf(view)).toEqual([
      "root Server: - (root)",
      "s Client: root (child)",
      "encode: s (child)",
      "s Server: s (shared)",
      "work: s (child)",
    ]);
    expect(view.forest.parent[view.distinct.spans.findIndex(({ spanId }) => spanId === "work")]).toBe(
      view.distinct.spans.findIndex(({ spanId, kind }) => spanId === "s" && kind === "Server"),
    );
  });

  it("follows a link where there is no parent, and names other traces", () => {
    const link = (spanId: string, traceId = TRACE_ID) => ({ links: [{ traceId, spanId }] });
    const view = viewOf({
      send: { at: [0, 10], kind: "Producer" },
      take: { at: [30, 40], kind: "Consumer", service: "b", more: link("send") },
      other: { at: [50, 60], kind: "Consumer", service: "c", more: link("x", "ffffffffffffffffffffffffffffffff") },
    });
    expect(treeOf(view)).toEqual(["send Producer: - (root)", "take Consumer: send (link)", "other Consumer: - (root)"]);
    expect(view.parents.linkedTraces).toEqual(["ffffffffffffffffffffffffffffffff"]);
  });

  it("does not follow links in circles", () => {
    const link = (spanId: string) => ({ links: [{ traceId: TRACE_ID, spanId }] });
    const view = viewOf({ a: { at: [0, 10], more: link("b") }, b: { at: [5, 15], more: link("a") } });
    expect(treeOf(view)).toEqual(["a: - (cycle)", "b: a (link)"]);
  });

  it("removes copies, and keeps the longer of two that differ", () => {
    const span = madeSpan("a", { at: [0, 100] });
    const view = viewOf([span, { ...span }, { ...span, durationNs: 5e6 }, madeSpan("b", { at: [1, 2], parent: "a" })]);
    expect(view.distinct.duplicates).toBe(2);
    expect(view.distinct.spans.map(({ spanId, durationNs }) => [spanId, durationNs])).toEqual([
      ["a", 100e6],
      ["b", 1e6],
    ]);
  });

  it("is empty for no spans", () => {
    const view = viewOf([]);
    expect(summarizeTrace(view)).toMatchObject({
      spanCount: 0,
      durationNs: 0,
      spanDepth: 0,
      hopDepth: 0,
      services: [],
    });
    expect(view.responsePath).toBeNull();
  });

  it("keeps the earliest spans of a trace that is too large", () => {
    const spans = Array.from({ length: 5 }, (_, i) => madeSpan(`s${i}`, { at: [i, i + 1] }));
    const view = buildTraceView(TRACE_ID, spans.reverse(), false, 3);
    expect(view.distinct.spans.map(({ spanId }) => spanId)).toEqual(["s0", "s1", "s2"]);
    expect(view).toMatchObject({ isTruncated: true });
    expect(buildTraceView(TRACE_ID, spans, true).isTruncated).toBe(true);
  });
});

describe("exclusive time", () => {
  const cases: readonly (readonly [string, readonly (readonly [number, number])[], number])[] = [
    ["no children", [], 100],
    ["one child", [[10, 30]], 80],
    [
      "children that overlap count once",
      [
        [10, 50],
        [30, 60],
      ],
      50,
    ],
    [
      "a child within a child's time",
      [
        [10, 60],
        [20, 30],
      ],
      50,
    ],
    [
      "children that touch",
      [
        [10, 20],
        [20, 30],
      ],
      80,
    ],
    ["a child that begins before", [[-20, 30]], 70],
    ["a child that ends after", [[80, 150]], 80],
    ["a child that covers everything", [[-5, 105]], 0],
    ["a child outside", [[120, 150]], 100],
    ["a child of no length", [[50, 50]], 100],
    [
      "everything at once",
      [
        [-10, 10],
        [5, 20],
        [40, 60],
        [55, 58],
        [90, 200],
        [150, 160],
      ],
      50,
    ],
  ];
  it.each(cases)("%s", (_, children, wantedMs) => {
    const spans = children.map((at, i) => madeSpan(`c${i}`, { at, parent: "p" }));
    const view = viewOf([madeSpan("p", { at: [0, 100] }), ...spans]);
    const parent = view.distinct.spans.findIndex(({ spanId }) => spanId === "p");
    expect((view.exclusiveNs[parent] ?? 0) / 1e6).toBe(wantedMs);
  });

  it("is not taken by what a link leads to", () => {
    const view = viewOf({
      send: { at: [0, 100], kind: "Producer" },
      take: { at: [10, 60], kind: "Consumer", service: "b", more: { links: [{ traceId: TRACE_ID, spanId: "send" }] } },
    });
    expect(view.exclusiveNs[0]).toBe(100e6);
  });
});

describe("silences", () => {
  it("are times without any span, and say whether something waited", () => {
    const view = viewOf({
      root: { at: [0, 10], kind: "Producer" },
      inner: { at: [2, 5], parent: "root" },
      take: { at: [30, 40], kind: "Consumer", parent: "root", service: "b" },
      orphan: { at: [70, 80], parent: "gone" },
    });
    const told = view.silences.map(({ fromNs, toNs, afterSpan, beforeSpan, isWait }) => [
      fromNs / 1e6,
      toNs / 1e6,
      spanName(view, afterSpan),
      spanName(view, beforeSpan),
      isWait,
    ]);
    expect(told).toEqual([
      [10, 30, "root", "take", true],
      [40, 70, "take", "orphan", false],
    ]);
  });
});

describe("origins of failures", () => {
  const originsOf = (spans: Readonly<Record<string, MadeSpan>>): string[] => {
    const view = viewOf(spans);
    return view.origins.map(
      ({ span, site, reached, reachedRoot }) =>
        `${spanName(view, span)} ${site} → ${spanName(view, reached)}${reachedRoot ? " (root)" : ""}`,
    );
  };
  const failed = { outcome: "failed" } as const;

  it.each<[string, Readonly<Record<string, MadeSpan>>, string[]]>([
    ["nothing failed", { a: { at: [0, 9] } }, []],
    ["the root alone", { a: { at: [0, 9], kind: "Server", ...failed } }, ["a SERVICE → a (root)"]],
    [
      "the deepest of a chain",
      {
        a: { at: [0, 9], kind: "Server", ...failed },
        b: { at: [1, 8], kind: "Client", parent: "a", ...failed },
        c: { at: [2, 7], kind: "Server", parent: "b", service: "b", ...failed },
      },
      ["c SERVICE → a (root)"],
    ],
    [
      "a failure that somebody coped with comes last",
      {
        a: { at: [0, 9], kind: "Server", ...failed },
        b: { at: [1, 3], parent: "a" },
        c: { at: [1, 2], kind: "Server", parent: "b", service: "c", ...failed },
        d: { at: [4, 8], kind: "Server", parent: "a", service: "d", ...failed },
      },
      ["d SERVICE → a (root)", "c SERVICE → c"],
    ],
    [
      "a caller that saw an error where its callee did not",
      {
        a: { at: [0, 9], kind: "Client", ...failed },
        b: { at: [1, 8], kind: "Server", parent: "a", service: "b" },
      },
      ["a PATH → a (root)"],
    ],
    [
      "an application behind its sidecar, whose call arrived",
      {
        a: { at: [0, 9], kind: "Client", ...failed },
        p: { at: [1, 8], kind: "Client", parent: "a", proxy: true },
        b: { at: [2, 7], kind: "Server", parent: "p", service: "b" },
      },
      ["a PATH → a (root)"],
    ],
    ["a call that nobody took", { a: { at: [0, 9], kind: "Client", ...failed } }, ["a UNANSWERED → a (root)"]],
    [
      "a consumer does not fail its producer",
      {
        a: { at: [0, 9], kind: "Producer", ...failed },
        b: { at: [10, 18], kind: "Consumer", parent: "a", service: "b", ...failed },
      },
      ["a PATH → a (root)", "b SERVICE → b"],
    ],
  ])("%s", (_, spans, wanted) => expect(originsOf(spans)).toEqual(wanted));
});
