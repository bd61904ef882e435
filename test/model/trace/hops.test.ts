// The folded waterfall: which spans are one row, what the row says of them, and that nothing is lost.
import { describe, expect, it } from "vitest";
import { traceRows } from "../../../model/trace/rows.ts";
import { buildTraceView, unfold } from "../../../model/trace/view.ts";
import { madeTrace, type MadeSpan, TRACE_ID } from "./made-spans.ts";

function rowsOf(spans: Readonly<Record<string, MadeSpan>>, fold = true) {
  const view = buildTraceView(TRACE_ID, madeTrace(spans));
  return traceRows(view, fold ? view.folded : unfold(view), 0, 100);
}

/** `depth service: spans` a row. */
function shapeOf(spans: Readonly<Record<string, MadeSpan>>): string[] {
  return rowsOf(spans).map(
    (row) => `${row.depth} ${row.place.service}: ${row.spans.map(({ span }) => span.spanId).join("+")}`,
  );
}

const root: MadeSpan = { at: [0, 100], kind: "Server" };
const ac: MadeSpan = { at: [10, 90], parent: "root", kind: "Client" };
const pc: MadeSpan = { at: [12, 88], parent: "ac", kind: "Client", proxy: true };
const ps: MadeSpan = { at: [20, 80], parent: "pc", kind: "Server", proxy: true, service: "b" };
const as: MadeSpan = { at: [21, 78], parent: "ps", kind: "Server", service: "b" };

describe("folding", () => {
  it.each<[string, Readonly<Record<string, MadeSpan>>, string[]]>([
    ["four spans of a call", { root, ac, pc, ps, as }, ["0 a: root", "1 b: ac+pc+ps+as"]],
    ["without the caller's sidecar", { root, ac, ps: { ...ps, parent: "ac" }, as }, ["0 a: root", "1 b: ac+ps+as"]],
    ["without the callee's sidecar", { root, ac, pc, as: { ...as, parent: "pc" } }, ["0 a: root", "1 b: ac+pc+as"]],
    ["without any sidecar", { root, ac, as: { ...as, parent: "ac" } }, ["0 a: root", "1 b: ac+as"]],
    ["sidecars alone", { pc: { ...pc, parent: "" }, ps }, ["0 b: pc+ps"]],
    ["a call that nobody answered", { root, ac, pc }, ["0 a: root", "1 a: ac+pc"]],
    ["a caller without telemetry", { ps: { ...ps, parent: "" }, as }, ["0 b: ps+as"]],
    [
      "a sidecar in front of the first service",
      { ps: { ...ps, parent: "", service: "a" }, root: { ...root, at: [30, 70], parent: "ps" } },
      ["0 a: ps+root"],
    ],
    [
      "a gateway is a service of its own: server and client are two rows",
      {
        gs: { at: [0, 100], kind: "Server", proxy: true, service: "gateway" },
        gc: { at: [1, 99], parent: "gs", kind: "Client", proxy: true, service: "gateway" },
        ps: { ...ps, parent: "gc" },
        as,
      },
      ["0 gateway: gs", "1 b: gc+ps+as"],
    ],
    [
      "each attempt of a retried call is a row",
      { root, ac, pc, ps, as, again: { ...ps, at: [82, 87] } },
      ["0 a: root", "1 a: ac+pc", "2 b: ps+as", "2 b: again"],
    ],
    [
      "work between server and client is rows of its own",
      { root, work: { at: [5, 95], parent: "root" }, ac: { ...ac, parent: "work" } },
      ["0 a: root", "1 a: work", "2 a: ac"],
    ],
    [
      "a message is not one call",
      {
        send: { at: [0, 5], kind: "Producer" },
        take: { at: [50, 60], kind: "Consumer", parent: "send", service: "b" },
      },
      ["0 a: send", "1 b: take"],
    ],
    [
      "a service that calls itself",
      { root, ac, as: { ...as, parent: "ac", service: "a" } },
      ["0 a: root", "1 a: ac+as"],
    ],
    [
      "a sidecar that does not know its namespace is its service's",
      { root, ac, pc: { ...pc, more: { namespace: "" } }, ps: { ...ps, more: { namespace: "" } }, as },
      ["0 a: root", "1 b: ac+pc+ps+as"],
    ],
    [
      "another service's proxy is not folded into the caller",
      { root, ac, egress: { ...pc, service: "egress" } },
      ["0 a: root", "1 a: ac", "2 egress: egress"],
    ],
  ])("%s", (_, spans, wanted) => expect(shapeOf(spans)).toEqual(wanted));

  it("tells what the proxies and the network took", () => {
    const [, hop] = rowsOf({ root, ac, pc, ps, as });
    // 80 - 76 in the caller's sidecar, 76 - 60 on the network, 60 - 57 in the callee's.
    expect(hop).toMatchObject({ proxyNs: 7e6, networkNs: 16e6, startNs: 10e6, durationNs: 80e6, exclusiveNs: 80e6 });
  });

  it("keeps the proxy's flags, the application's error and the code that the caller saw", () => {
    const [, hop] = rowsOf({
      root,
      ac: { ...ac, more: { responseCode: 503, protocol: "http" } },
      pc: { ...pc, more: { flags: "UF,URX" } },
      ps: { ...ps, more: { flags: "-" } },
      as: { ...as, outcome: "failed", more: { message: "out of stock", operation: "POST /buy", responseCode: 500 } },
    });
    expect(hop).toMatchObject({
      outcome: "failed",
      responseCode: 503,
      protocol: "http",
      operation: "POST /buy",
      message: "out of stock",
      isFailureOrigin: true,
      flags: [
        { flag: "UF", meaning: "upstream connection failure", owner: "destination" },
        { flag: "URX", meaning: "upstream retry limit exceeded", owner: "destination" },
      ],
    });
    expect(hop?.spans.map(({ span }) => span.outcome)).toEqual(["ok", "ok", "ok", "failed"]);
  });

  it("says how long a message waited", () => {
    const [, take] = rowsOf({
      send: { at: [0, 5], kind: "Producer" },
      take: { at: [50, 60], kind: "Consumer", parent: "send", service: "b" },
    });
    expect(take).toMatchObject({ waitNs: 45e6, waiting: "detached", relation: "child" });
  });

  it("unfolds to a row a span", () => {
    const rows = rowsOf({ root, ac, pc, ps, as }, false);
    expect(rows.map(({ spans, depth, parentIndex }) => [spans[0]?.span.spanId, depth, parentIndex])).toEqual([
      ["root", 0, null],
      ["ac", 1, 0],
      ["pc", 2, 1],
      ["ps", 3, 2],
      ["as", 4, 3],
    ]);
  });

  it("gives a page with the numbers of the whole", () => {
    const view = buildTraceView(
      TRACE_ID,
      madeTrace({ root, ac, x: { at: [91, 95], parent: "root" }, y: { at: [92, 93], parent: "x" } }),
    );
    expect(
      traceRows(view, view.folded, 2, 1).map(({ index, parentIndex, childCount }) => [index, parentIndex, childCount]),
    ).toEqual([[2, 0, 1]]);
    expect(traceRows(view, view.folded, 9, 5)).toEqual([]);
  });
});
