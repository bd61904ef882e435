// The critical path: what is on it, what is not, where it is a guess.
import { describe, expect, it } from "vitest";
import type { PathEnd } from "../../../model/trace/critical-path.ts";
import { buildTraceView, tracePath } from "../../../model/trace/view.ts";
import { madeTrace, type MadeSpan, TRACE_ID } from "./made-spans.ts";

/** `span from-to` a segment, `… from-to` a pause, in order of time, then the doubts. */
function pathOf(spans: Readonly<Record<string, MadeSpan>>, until: PathEnd = "RESPONSE"): string {
  const view = buildTraceView(TRACE_ID, madeTrace(spans));
  const path = tracePath(view, until);
  if (path === null) return "none";
  const parts = [
    ...path.segments.map(({ span, ...part }) => ({ ...part, name: view.distinct.spans[span]?.spanId ?? "?" })),
    ...path.pauses.map((part) => ({ ...part, name: "…" })),
  ].sort((a, b) => a.fromNs - b.fromNs);
  return [...parts.map(({ name, fromNs, toNs }) => `${name} ${fromNs / 1e6}-${toNs / 1e6}`), ...path.doubts].join(", ");
}

describe("to the response", () => {
  it.each<[string, Readonly<Record<string, MadeSpan>>, string]>([
    ["a span alone", { a: { at: [0, 100] } }, "a 0-100"],
    ["one child", { a: { at: [0, 100] }, b: { at: [20, 80], parent: "a" } }, "a 0-20, b 20-80, a 80-100"],
    [
      "children one after another, with the parent's own time between",
      { a: { at: [0, 100] }, b: { at: [10, 40], parent: "a" }, c: { at: [50, 90], parent: "a" } },
      "a 0-10, b 10-40, a 40-50, c 50-90, a 90-100",
    ],
    [
      "of parallel children the one that ended last",
      { a: { at: [0, 100] }, b: { at: [10, 60], parent: "a" }, c: { at: [10, 90], parent: "a" } },
      "a 0-10, c 10-90, a 90-100",
    ],
    [
      "a child that ended exactly where the next began is on it",
      { a: { at: [0, 100] }, b: { at: [0, 50], parent: "a" }, c: { at: [50, 100], parent: "a" } },
      "b 0-50, c 50-100",
    ],
    [
      "a chain of children without any time between, at every level",
      {
        a: { at: [0, 30] },
        b: { at: [0, 10], parent: "a" },
        c: { at: [10, 20], parent: "a" },
        d: { at: [20, 30], parent: "a" },
        e: { at: [10, 15], parent: "c" },
        f: { at: [15, 20], parent: "c" },
      },
      "b 0-10, e 10-15, f 15-20, d 20-30",
    ],
    [
      "a child of no length changes nothing",
      { a: { at: [0, 100] }, b: { at: [50, 50], parent: "a" }, c: { at: [100, 100], parent: "a" } },
      "a 0-100",
    ],
    [
      "two children that end together: the longer, flagged",
      { a: { at: [0, 100] }, b: { at: [10, 90], parent: "a" }, c: { at: [30, 90], parent: "a" } },
      "a 0-10, b 10-90, a 90-100, EQUAL_ENDS",
    ],
    [
      "work that outlived its parent was not awaited",
      { a: { at: [0, 100] }, b: { at: [50, 500], parent: "a" } },
      "a 0-100",
    ],
    [
      "work within the same service that ends a moment late was",
      { a: { at: [0, 100] }, b: { at: [50, 100.4], parent: "a" } },
      "a 0-50, b 50-100",
    ],
    [
      "a caller that gave up waited until then",
      {
        a: { at: [0, 100], kind: "Client", outcome: "failed" },
        b: { at: [5, 400], kind: "Server", service: "b", parent: "a" },
      },
      "a 0-5, b 5-100, OUTLIVED_CALLER",
    ],
    [
      "a callee within one that was cut is cut as well",
      {
        a: { at: [0, 100], kind: "Client", outcome: "failed" },
        b: { at: [5, 400], kind: "Server", service: "b", parent: "a" },
        c: { at: [10, 390], kind: "Client", service: "b", parent: "b" },
      },
      "a 0-5, b 5-10, c 10-100, OUTLIVED_CALLER",
    ],
    [
      "a message was not awaited",
      { a: { at: [0, 100], kind: "Producer" }, b: { at: [10, 60], kind: "Consumer", service: "b", parent: "a" } },
      "a 0-100",
    ],
    [
      "nor what began after its parent",
      { a: { at: [0, 100] }, b: { at: [100, 200], parent: "a" }, c: { at: [150, 160], parent: "a" } },
      "a 0-100",
    ],
    [
      "without one true root it leads to the end",
      { a: { at: [0, 100] }, b: { at: [150, 200] } },
      "a 0-100, … 100-150, b 150-200, SEVERAL_ROOTS",
    ],
    [
      "orphans beside a root are not on it, but may hide what is",
      { a: { at: [0, 100] }, b: { at: [50, 200], parent: "gone" } },
      "a 0-100, MISSING_SPANS",
    ],
  ])("%s", (_, spans, wanted) => expect(pathOf(spans)).toBe(wanted));

  it("says that a clock on it was corrected", () => {
    const told = pathOf({
      a: { at: [0, 100], kind: "Client" },
      b: { at: [-1000, -920], kind: "Server", service: "b", parent: "a" },
    });
    expect(told).toBe("a 1000-1010, b 1010-1090, a 1090-1100, CLOCK_CORRECTED");
  });
});

describe("to the end", () => {
  it.each<[string, Readonly<Record<string, MadeSpan>>, string]>([
    [
      "is the path to the response where nothing outlives it",
      { a: { at: [0, 9] }, b: { at: [1, 8], parent: "a" } },
      "a 0-1, b 1-8, a 8-9",
    ],
    [
      "leads through work that outlived its parent to where it was begun",
      { a: { at: [0, 100] }, x: { at: [10, 30], parent: "a" }, b: { at: [50, 500], parent: "a" } },
      "a 0-10, x 10-30, a 30-50, b 50-500",
    ],
    [
      "what ran across the moment of the cause was not awaited there",
      { a: { at: [0, 100] }, x: { at: [10, 80], parent: "a" }, b: { at: [50, 500], parent: "a" } },
      "a 0-50, b 50-500",
    ],
    [
      "leads through a message, with the time that it waited",
      {
        a: { at: [0, 100], kind: "Server" },
        send: { at: [10, 20], kind: "Producer", parent: "a" },
        take: { at: [300, 400], kind: "Consumer", parent: "send", service: "b" },
      },
      "a 0-10, send 10-20, … 20-300, take 300-400",
    ],
    [
      "a consumer comes from the message it links to, not from the loop around it",
      {
        loop: { at: [0, 500], service: "b" },
        send: { at: [10, 20], kind: "Producer" },
        take: {
          at: [300, 600],
          kind: "Consumer",
          parent: "loop",
          service: "b",
          more: { links: [{ traceId: TRACE_ID, spanId: "send" }] },
        },
      },
      "loop 0-10, send 10-20, … 20-300, take 300-600, SEVERAL_ROOTS",
    ],
    [
      "goes from root to root",
      { a: { at: [0, 10], parent: "x" }, b: { at: [5, 30], parent: "y" }, c: { at: [40, 50], parent: "z" } },
      "a 0-5, b 5-30, … 30-40, c 40-50, SEVERAL_ROOTS, MISSING_SPANS",
    ],
  ])("%s", (_, spans, wanted) => expect(pathOf(spans, "END")).toBe(wanted));
});
