// Two traces beside each other: aligned by what they did, not by ids.
import { describe, expect, it } from "vitest";
import { compareTraces } from "../../../model/trace/compare.ts";
import { buildTraceView } from "../../../model/trace/view.ts";
import { madeTrace, type MadeSpan, TRACE_ID } from "./made-spans.ts";

type Trace = Readonly<Record<string, MadeSpan>>;

function named(operation: string, span: MadeSpan): MadeSpan {
  return { ...span, more: { ...span.more, operation } };
}

/** `depth service operation state calls/calls duration exclusive` a part; differences in ms. */
function partsOf(first: Trace, second: Trace): string[] {
  const [a, b] = [first, second].map((trace) => buildTraceView(TRACE_ID, madeTrace(trace)));
  if (a === undefined || b === undefined) return [];
  return compareTraces(a, b).map(
    (part) =>
      `${part.depth} ${part.entity.service} ${part.operation} ${part.state} ${part.first.count}/${part.second.count} ` +
      `${part.durationDifferenceNs / 1e6} ${part.exclusiveDifferenceNs / 1e6}`,
  );
}

const a: MadeSpan = named("GET /", { at: [0, 100], kind: "Server" });
const b: MadeSpan = named("GET /b", { at: [10, 50], parent: "a", kind: "Server", service: "b" });
const c: MadeSpan = named("GET /c", { at: [60, 90], parent: "a", kind: "Server", service: "c" });

describe("comparison", () => {
  it("finds no difference between a trace and itself", () => {
    expect(partsOf({ a, b, c }, { a, b, c })).toEqual([
      "0 a GET / BOTH 1/1 0 0",
      "1 b GET /b BOTH 1/1 0 0",
      "1 c GET /c BOTH 1/1 0 0",
    ]);
  });

  it("tells where the time went, what is missing and what is new", () => {
    const slower = { ...a, at: [0, 180] } as const;
    const d = named("GET /d", { at: [20, 30], parent: "b", kind: "Server", service: "d" });
    expect(partsOf({ a, b, c }, { a: slower, b: { ...b, at: [10, 130] }, d })).toEqual([
      "0 a GET / BOTH 1/1 80 30",
      "1 b GET /b BOTH 1/1 80 70",
      "2 d GET /d EXTRA 0/1 10 10",
      "1 c GET /c MISSING 1/0 -30 -30",
    ]);
  });

  it("counts calls that repeat", () => {
    const again = { ...b, at: [50, 60] } as const;
    expect(partsOf({ a, b }, { a, b, again })).toEqual(["0 a GET / BOTH 1/1 0 -10", "1 b GET /b BOTH 1/2 10 10"]);
  });

  it("takes a trace with sidecars and one without for alike", () => {
    const client = named("call", { at: [10, 50], parent: "a", kind: "Client" });
    const proxy = { at: [11, 49], parent: "client", kind: "Client", proxy: true } as const;
    const inbound = { at: [12, 48], parent: "proxy", kind: "Server", proxy: true, service: "b" } as const;
    expect(
      partsOf(
        { a, client, b: { ...b, parent: "client" } },
        { a, client, proxy, inbound, b: { ...b, at: [13, 47], parent: "inbound" } },
      ),
    ).toEqual(["0 a GET / BOTH 1/1 0 0", "1 b GET /b BOTH 1/1 0 0"]);
  });

  it("tells the same call in different places apart", () => {
    expect(partsOf({ a, b, c }, { a, b, c: { ...c, parent: "b", at: [20, 30] } })).toEqual([
      "0 a GET / BOTH 1/1 0 30",
      "1 b GET /b BOTH 1/1 0 -10",
      "2 c GET /c EXTRA 0/1 10 10",
      "1 c GET /c MISSING 1/0 -30 -30",
    ]);
  });

  it("compares with nothing", () => {
    expect(partsOf({}, { a })).toEqual(["0 a GET / EXTRA 0/1 100 100"]);
    expect(partsOf({}, {})).toEqual([]);
  });
});
