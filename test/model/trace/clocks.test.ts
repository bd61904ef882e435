// Clocks that disagree: when times are corrected, by how much, and when they are left alone.
import { describe, expect, it } from "vitest";
import { buildTraceView } from "../../../model/trace/view.ts";
import { madeTrace, type MadeSpan, TRACE_ID } from "./made-spans.ts";

/** Corrections in ms by span, 0 left out, and what is told of the clocks. */
function correctionsOf(spans: Readonly<Record<string, MadeSpan>>) {
  const view = buildTraceView(TRACE_ID, madeTrace(spans));
  const bySpan = view.distinct.spans.flatMap(({ spanId }, i) =>
    view.times.correctionNs[i] === 0 ? [] : [[spanId, (view.times.correctionNs[i] ?? 0) / 1e6] as const],
  );
  const told = view.times.corrections.map(({ correctionNs, uncertaintyNs, calls, isAmbiguous, isBeyondBound }) => ({
    ms: correctionNs / 1e6,
    plusMinusMs: uncertaintyNs === null ? null : uncertaintyNs / 1e6,
    calls,
    isAmbiguous,
    isBeyondBound,
  }));
  return { bySpan: Object.fromEntries(bySpan), told, view };
}
const client = { kind: "Client" } as const;
const server = { kind: "Server", service: "b" } as const;

describe("clocks", () => {
  it.each<[string, Readonly<Record<string, MadeSpan>>]>([
    ["within its caller", { a: { at: [0, 100], ...client }, b: { at: [10, 90], parent: "a", ...server } }],
    ["equal to its caller", { a: { at: [0, 100], ...client }, b: { at: [0, 100], parent: "a", ...server } }],
    [
      "ends late: it may work on after its answer",
      { a: { at: [0, 100], ...client }, b: { at: [10, 130], parent: "a", ...server } },
    ],
    [
      "a message is taken late",
      { a: { at: [0, 10], kind: "Producer" }, b: { at: [500, 600], parent: "a", kind: "Consumer", service: "b" } },
    ],
    [
      "a caller gave up before the callee began",
      { a: { at: [0, 100], ...client, outcome: "failed" }, b: { at: [150, 160], parent: "a", ...server } },
    ],
    [
      "one host",
      {
        a: { at: [0, 100], ...client, more: { node: "n1" } },
        b: { at: [-5, 90], parent: "a", ...server, more: { node: "n1" } },
      },
    ],
    ["within one instance", { a: { at: [0, 100], ...client }, b: { at: [-5, 90], parent: "a" } }],
    [
      "less than a tick of Envoy's clock",
      { a: { at: [0, 100], ...client }, b: { at: [-0.0004, 90], parent: "a", ...server } },
    ],
  ])("are left alone: %s", (_, spans) => expect(correctionsOf(spans)).toMatchObject({ bySpan: {}, told: [] }));

  it("puts a callee that began before its caller into the middle of the room it has", () => {
    const { bySpan, told, view } = correctionsOf({
      a: { at: [0, 100], ...client },
      b: { at: [-50, 30], parent: "a", ...server },
      inner: { at: [-40, 20], parent: "b", service: "b" },
    });
    expect(bySpan).toEqual({ b: 60, inner: 60 });
    expect(told).toEqual([{ ms: 60, plusMinusMs: 10, calls: 1, isAmbiguous: false, isBeyondBound: false }]);
    // Raw times stay: b begins 50 ms before a by its own clock.
    expect(Array.from(view.distinct.startNs, (ns) => ns / 1e6)).toEqual([0, 10, 50]);
  });

  it("corrects a callee that began after the answer", () => {
    const { bySpan } = correctionsOf({
      a: { at: [0, 100], ...client },
      b: { at: [1000, 1080], parent: "a", ...server },
    });
    expect(bySpan).toEqual({ b: -990 });
  });

  it("uses all calls between two clocks: the tighter the calls, the surer", () => {
    const { told } = correctionsOf({
      root: { at: [0, 300], kind: "Server" },
      a1: { at: [0, 100], parent: "root", ...client },
      b1: { at: [-50, 30], parent: "a1", ...server },
      a2: { at: [100, 200], parent: "root", ...client },
      b2: { at: [44, 140], parent: "a2", ...server },
    });
    expect(told).toEqual([{ ms: 58, plusMinusMs: 2, calls: 2, isAmbiguous: false, isBeyondBound: false }]);
  });

  it("uses calls back as well", () => {
    const { bySpan } = correctionsOf({
      a: { at: [0, 100], ...client },
      b: { at: [-50, 30], parent: "a", ...server },
      back: { at: [-30, -10], parent: "b", kind: "Client", service: "b" },
      a2: { at: [22, 38], parent: "back", kind: "Server", service: "a" },
    });
    // Forward allows 50..70, back 48..52.
    expect(bySpan).toEqual({ b: 51, back: 51 });
  });

  it("corrects the clock that is wrong alone: a call back that ends late says nothing of the others", () => {
    const { bySpan } = correctionsOf({
      a: { at: [0, 100], ...client },
      b: { at: [10, 90], parent: "a", ...server },
      back: { at: [20, 40], parent: "b", kind: "Client", service: "b" },
      a2: { at: [25, 60], parent: "back", kind: "Server", service: "a" },
      ac: { at: [0, 50], parent: "a", ...client },
      c: { at: [-10, 20], parent: "ac", kind: "Server", service: "c" },
    });
    expect(bySpan).toEqual({ c: 20 });
  });

  it("restores cause before effect only, where calls contradict each other", () => {
    const { told } = correctionsOf({
      a: { at: [0, 50], ...client },
      b: { at: [-20, 90], parent: "a", ...server },
    });
    expect(told).toEqual([{ ms: 20, plusMinusMs: null, calls: 1, isAmbiguous: true, isBeyondBound: false }]);
  });

  it("adds up along a chain of clocks", () => {
    const { bySpan } = correctionsOf({
      a: { at: [0, 100], ...client },
      b: { at: [-50, 50], parent: "a", ...server },
      bc: { at: [-40, 40], parent: "b", kind: "Client", service: "b" },
      c: { at: [-100, -20], parent: "bc", kind: "Server", service: "c" },
    });
    expect(bySpan).toEqual({ b: 50, bc: 50, c: 110 });
  });

  it("knows that a sidecar has the clock of its pod's node", () => {
    const { bySpan } = correctionsOf({
      a: { at: [0, 100], ...client },
      p: { at: [-50, 30], parent: "a", ...server, proxy: true, more: { instance: "b-0" } },
      b: { at: [-48, 28], parent: "p", ...server, more: { instance: "b-0", node: "n2" } },
    });
    expect(bySpan).toEqual({ p: 60, b: 60 });
  });

  it("leaves a broken clock as it is, and says so", () => {
    const { bySpan, told } = correctionsOf({
      a: { at: [0, 100], ...client },
      b: { at: [-400_000, -399_920], parent: "a", ...server },
    });
    expect(bySpan).toEqual({});
    expect(told).toEqual([{ ms: 0, plusMinusMs: 10, calls: 1, isAmbiguous: false, isBeyondBound: true }]);
  });
});
