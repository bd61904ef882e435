// Traces of 50,000 spans: wide, one below another, and mixed; the view stays within bounds of time and memory, and is right.
// Bounds: CPU time of this process, not the clock. Measured is 0.3 s and 30 MB kept for each shape; the limit is far above it, so that it
// tells an algorithm that grows with the square from a machine that has much else to do.
import { describe, expect, it } from "vitest";
import { compareTraces } from "../../../model/trace/compare.ts";
import { traceRows } from "../../../model/trace/rows.ts";
import type { TraceSpan } from "../../../model/trace/span.ts";
import { summarizeTrace } from "../../../model/trace/summary.ts";
import { buildTraceView, tracePath } from "../../../model/trace/view.ts";
import { madeSpan, TRACE_ID } from "./made-spans.ts";

const COUNT = 50_000;
const CPU_MS_MAX = 8_000;

function many(make: (i: number) => TraceSpan): TraceSpan[] {
  return Array.from({ length: COUNT }, (_, i) => make(i));
}

const parentOf = (i: number): { parent: string } | undefined => (i < 0 ? undefined : { parent: `s${i}` });

const wide = many((i) =>
  madeSpan(`s${i}`, {
    at: i === 0 ? [0, 1000] : [i / 100, i / 100 + 0.009],
    ...parentOf(Math.min(0, i - 1)),
    kind: "Client",
  }),
);
const deep = many((i) =>
  madeSpan(`s${i}`, {
    at: [i / 1000, 1000 - i / 1000],
    ...parentOf(i - 1),
    kind: i % 2 === 0 ? "Client" : "Server",
    service: `x${i >> 1}`,
  }),
);
const mixed = many((i) =>
  madeSpan(`s${i}`, {
    at: [i / 1000, i / 1000 + (COUNT - i) / 100],
    ...parentOf(i === 0 ? -1 : Math.floor((i - 1) / (1 + (i % 4)))),
    kind: (["Client", "Server", "Internal", "Producer", "Consumer"] as const)[i % 5] ?? "Internal",
    service: `v${i % 50}`,
    outcome: i % 7 === 0 ? "failed" : "ok",
  }),
);
const scattered = many((i) =>
  madeSpan(`s${i}`, { at: [i / 100, i / 100 + 0.009], parent: `gone${i}`, kind: "Server" }),
);
const ever = many((i) =>
  madeSpan(`s${i}`, {
    at: [i / 100, i / 100 + 100],
    ...parentOf(i - 1),
    kind: i % 2 === 0 ? "Client" : "Server",
    service: `x${i >> 1}`,
  }),
);
const circle = many((i) => madeSpan(`s${i}`, { at: [i / 100, i / 100 + 100], parent: `s${(i + 1) % COUNT}` }));

describe(`${COUNT} spans`, () => {
  it.each<[string, TraceSpan[], { hops: number; depth: number; responseMs: number; segments: number }]>([
    ["wide", wide, { hops: COUNT, depth: 2, responseMs: 1000, segments: 2 * COUNT - 1 }],
    ["one below another", deep, { hops: COUNT / 2, depth: COUNT, responseMs: 1000, segments: 2 * COUNT - 1 }],
    ["mixed", mixed, { hops: 45_833, depth: 16, responseMs: 500, segments: 25 }],
    ["all of them orphans", scattered, { hops: COUNT, depth: 1, responseMs: 500, segments: COUNT }],
    ["each outliving its caller", ever, { hops: COUNT / 2, depth: COUNT, responseMs: 100, segments: 10_000 }],
    ["one large circle", circle, { hops: COUNT, depth: COUNT, responseMs: 600, segments: 0 }],
  ])(
    "%s",
    (_, spans, wanted) => {
      const before = process.cpuUsage();
      const view = buildTraceView(TRACE_ID, spans);
      const summary = summarizeTrace(view);
      const end = tracePath(view, "END");
      const rows = traceRows(view, view.folded, 0, 1000);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000).toBeLessThan(CPU_MS_MAX);
      expect(summary).toMatchObject({ spanCount: COUNT, hopCount: wanted.hops, spanDepth: wanted.depth });
      expect(rows).toHaveLength(1000);
      if (wanted.segments > 0) {
        expect(view.responsePath?.segments).toHaveLength(wanted.segments);
        const { fromNs = 0, toNs = 0 } = view.responsePath ?? {};
        expect((toNs - fromNs) / 1e6).toBeCloseTo(wanted.responseMs, 1);
      }
      const parts = [...(end?.segments ?? []), ...(end?.pauses ?? [])];
      const covered = parts.reduce((total, { fromNs, toNs }) => total + toNs - fromNs, 0);
      expect(covered).toBeCloseTo((end?.toNs ?? 0) - (end?.fromNs ?? 0), 0);
      expect(end?.toNs).toBe(view.toNs);
    },
    60_000,
  );

  it("compares two of them", () => {
    const [a, b] = [buildTraceView(TRACE_ID, deep), buildTraceView(TRACE_ID, mixed)];
    const before = process.cpuUsage();
    const parts = compareTraces(a, b);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(CPU_MS_MAX);
    expect(parts.reduce((total, part) => total + part.first.count + part.second.count, 0)).toBe(
      a.folded.count + b.folded.count,
    );
  }, 60_000);
});
