// What holds for every trace, however broken: the order of arrival and copies say nothing, times add up, nothing is lost.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OUTCOMES } from "../../../model/outcome.ts";
import { compareTraces } from "../../../model/trace/compare.ts";
import { traceRows } from "../../../model/trace/rows.ts";
import { SPAN_KINDS, type TraceSpan } from "../../../model/trace/span.ts";
import { summarizeTrace } from "../../../model/trace/summary.ts";
import { buildTraceView, tracePath, type TraceView, unfold } from "../../../model/trace/view.ts";
import { madeSpan, TRACE_ID } from "./made-spans.ts";

const RUNS = { numRuns: 200 };

/** Few ids, few times, few services: parents are missing, shared, circular; ends are equal; clocks disagree. */
const anySpan: fc.Arbitrary<TraceSpan> = fc
  .record({
    id: fc.integer({ min: 1, max: 14 }),
    parent: fc.integer({ min: 0, max: 16 }),
    start: fc.integer({ min: 0, max: 40 }),
    length: fc.integer({ min: 0, max: 40 }),
    kind: fc.constantFrom(...SPAN_KINDS),
    service: fc.constantFrom("a", "b", "c"),
    outcome: fc.constantFrom(...OUTCOMES),
    proxy: fc.boolean(),
    link: fc.option(fc.integer({ min: 1, max: 16 }), { nil: null }),
  })
  .map(({ id, parent, start, length, kind, service, outcome, proxy, link }) =>
    madeSpan(`s${id}`, {
      at: [start, start + length],
      parent: parent === 0 ? "" : `s${parent}`,
      kind,
      service,
      outcome,
      proxy,
      more: { links: link === null ? [] : [{ traceId: TRACE_ID, spanId: `s${link}` }] },
    }),
  );
const anyTrace = fc.array(anySpan, { maxLength: 30 });

/** A well-formed trace: each span lies within its parent, ids are unique. */
const nestedTrace = fc
  .array(fc.record({ parent: fc.nat(), from: fc.nat(1000), to: fc.nat(1000) }), { maxLength: 25 })
  .map((shapes) => {
    const spans: TraceSpan[] = [madeSpan("s0", { at: [0, 1000], kind: "Server" })];
    shapes.forEach(({ parent, from, to }, i) => {
      const up = spans[parent % spans.length] as TraceSpan;
      const length = up.durationNs;
      const [low, high] = [Math.min(from, to), Math.max(from, to)].map((at) => Math.floor((at / 1000) * length));
      const span = madeSpan(`s${i + 1}`, { at: [0, 0], parent: up.spanId });
      spans.push({ ...span, startNs: up.startNs + BigInt(low ?? 0), durationNs: (high ?? 0) - (low ?? 0) });
    });
    return spans;
  });

/** Everything a person sees of a trace. */
function told(view: TraceView): unknown {
  const { duplicates: _, ...summary } = summarizeTrace(view);
  return [
    summary,
    traceRows(view, view.folded, 0, 1000),
    traceRows(view, unfold(view), 0, 1000),
    view.responsePath,
    tracePath(view, "END"),
    view.origins,
    view.silences,
    view.times.corrections,
  ];
}

describe("any trace", () => {
  it("is seen the same in any order", () => {
    const shuffled = anyTrace.chain((spans) =>
      fc.tuple(fc.constant(spans), fc.shuffledSubarray(spans, { minLength: spans.length })),
    );
    fc.assert(
      fc.property(shuffled, ([spans, other]) => {
        expect(told(buildTraceView(TRACE_ID, other))).toEqual(told(buildTraceView(TRACE_ID, spans)));
      }),
      RUNS,
    );
  });

  it("is seen the same with copies of its spans", () => {
    const copied = anyTrace.chain((spans) => fc.tuple(fc.constant(spans), fc.subarray(spans)));
    fc.assert(
      fc.property(copied, ([spans, copies]) => {
        const once = buildTraceView(TRACE_ID, spans);
        const again = buildTraceView(TRACE_ID, [...copies.map((span) => ({ ...span })), ...spans]);
        expect(told(again)).toEqual(told(once));
        expect(again.distinct.duplicates).toBe(once.distinct.duplicates + copies.length);
      }),
      RUNS,
    );
  });

  it("loses no span: each is in one row, below what its parent's row is", () => {
    fc.assert(
      fc.property(anyTrace, (spans) => {
        const view = buildTraceView(TRACE_ID, spans);
        for (const hops of [view.folded, unfold(view)]) {
          const rows = traceRows(view, hops, 0, 1000);
          const shown = rows.flatMap((row) => row.spans.map(({ span }) => span));
          expect(new Set(shown).size).toBe(view.distinct.spans.length);
          expect(shown).toHaveLength(view.distinct.spans.length);
          for (const row of rows) {
            const up = row.parentIndex === null ? -1 : row.parentIndex;
            expect(up).toBeLessThan(row.index);
            expect(row.depth).toBe(up < 0 ? 0 : (rows[up]?.depth ?? 0) + 1);
          }
        }
      }),
      RUNS,
    );
  });

  it("has exclusive times between nothing and the duration, equal to what a count of ticks gives", () => {
    fc.assert(
      fc.property(anyTrace, (spans) => {
        const view = buildTraceView(TRACE_ID, spans);
        const { startNs, endNs } = view.times;
        view.distinct.spans.forEach((span, i) => {
          // Starts, ends and corrections are multiples of half a millisecond.
          let ticks = 0;
          for (let at = startNs[i] ?? 0; at < (endNs[i] ?? 0); at += 0.5e6) {
            const isCovered = view.distinct.spans.some(
              (_, child) =>
                view.forest.parent[child] === i &&
                view.parents.relation[child] !== "link" &&
                (startNs[child] ?? 0) <= at &&
                (endNs[child] ?? 0) > at,
            );
            if (!isCovered) ticks += 1;
          }
          expect(view.exclusiveNs[i], span.spanId).toBe(ticks * 0.5e6);
        });
      }),
      { numRuns: 150 },
    );
  });

  it("has critical paths without holes and overlaps, each segment within its span", () => {
    fc.assert(
      fc.property(anyTrace, fc.constantFrom("RESPONSE" as const, "END" as const), (spans, until) => {
        const view = buildTraceView(TRACE_ID, spans);
        const path = tracePath(view, until);
        if (path === null) {
          expect(spans).toEqual([]);
          return;
        }
        const parts = [...path.segments, ...path.pauses].sort((a, b) => a.fromNs - b.fromNs);
        let at = path.fromNs;
        for (const { fromNs, toNs } of parts) {
          expect(fromNs).toBe(at);
          expect(toNs).toBeGreaterThan(fromNs);
          at = toNs;
        }
        expect(at).toBe(path.toNs);
        for (const { span, fromNs, toNs } of path.segments) {
          expect(fromNs).toBeGreaterThanOrEqual(view.times.startNs[span] ?? 0);
          expect(toNs).toBeLessThanOrEqual(view.times.endNs[span] ?? 0);
        }
        if (until === "END") expect(path.toNs).toBe(view.toNs);
      }),
      RUNS,
    );
  });

  it("has origins in failed spans, one at least where anything failed", () => {
    fc.assert(
      fc.property(anyTrace, (spans) => {
        const view = buildTraceView(TRACE_ID, spans);
        const failed = view.distinct.spans.filter(({ outcome }) => outcome === "failed").length;
        expect(view.origins.length > 0).toBe(failed > 0);
        expect(view.origins.length).toBeLessThanOrEqual(failed);
        for (const { span, reached } of view.origins) {
          for (const one of [span, reached]) expect(view.distinct.spans[one]?.outcome).toBe("failed");
        }
      }),
      RUNS,
    );
  });

  it("compared with another one: sums are those of each, and turning them round turns the signs", () => {
    fc.assert(
      fc.property(anyTrace, anyTrace, (one, other) => {
        const [a, b] = [buildTraceView(TRACE_ID, one), buildTraceView(TRACE_ID, other)];
        const parts = compareTraces(a, b);
        const turned = compareTraces(b, a);
        expect(parts.reduce((n, part) => n + part.first.count, 0)).toBe(a.folded.count);
        expect(parts.reduce((n, part) => n + part.second.count, 0)).toBe(b.folded.count);
        const sum = (list: typeof parts): number => list.reduce((n, part) => n + part.exclusiveDifferenceNs, 0);
        expect(sum(parts) + sum(turned)).toBe(0);
        expect(compareTraces(a, a).every((part) => part.state === "BOTH" && part.durationDifferenceNs === 0)).toBe(
          true,
        );
      }),
      RUNS,
    );
  });
});

describe("a well-formed trace", () => {
  it("has a critical path as long as itself, and the same by the plain recursive rule", () => {
    fc.assert(
      fc.property(nestedTrace, (spans) => {
        const view = buildTraceView(TRACE_ID, spans);
        const path = tracePath(view, "RESPONSE");
        const sum = path?.segments.reduce((total, { fromNs, toNs }) => total + toNs - fromNs, 0);
        expect(sum).toBe(1000e6);
        expect(Array.from(view.criticalNs)).toEqual(criticalByRecursion(view));
        expect(tracePath(view, "END")?.segments).toEqual(path?.segments);
      }),
      RUNS,
    );
  });

  it("has exclusive times that add up to no less than its duration", () => {
    fc.assert(
      fc.property(nestedTrace, (spans) => {
        const view = buildTraceView(TRACE_ID, spans);
        expect(view.exclusiveNs.reduce((total, ns) => total + ns, 0)).toBeGreaterThanOrEqual(1000e6);
      }),
      RUNS,
    );
  });
});

/** The rule as jaeger writes it, recursively and with "not after": time on the path by span. */
function criticalByRecursion(view: TraceView): number[] {
  const { startNs, endNs } = view.times;
  const critical = view.distinct.spans.map(() => 0);
  const walk = (span: number, fromNs: number, atNs: number): void => {
    let at = atNs;
    while (true) {
      let last = -1;
      view.forest.parent.forEach((up, child) => {
        if (up !== span || (endNs[child] ?? 0) > at || endNs[child] === startNs[child]) return;
        const later = (endNs[child] ?? 0) - (endNs[last] ?? -1);
        const earlier = (startNs[last] ?? 0) - (startNs[child] ?? 0);
        if (last < 0 || later > 0 || (later === 0 && earlier > 0)) last = child;
      });
      if (last < 0) break;
      critical[span] = (critical[span] ?? 0) + at - (endNs[last] ?? 0);
      walk(last, startNs[last] ?? 0, endNs[last] ?? 0);
      at = startNs[last] ?? 0;
    }
    critical[span] = (critical[span] ?? 0) + at - fromNs;
  };
  const [root] = view.forest.roots;
  if (root !== undefined) walk(root, startNs[root] ?? 0, endNs[root] ?? 0);
  return critical;
}
