// Several sources tell of the same calls: one ledger an edge, never a sum, and no coarse edge beside fine ones.
import { describe, expect, it } from "vitest";
import type { GraphDetail, GraphEdgeRow } from "../../storage/graph-reads.ts";
import { edge, fold, histogram, node } from "./graph-rows.ts";

const spans = (calls: number, more: Partial<GraphEdgeRow> = {}): GraphEdgeRow =>
  edge("web", "cart", {
    CallerRequests: calls,
    CalleeRequests: calls,
    CalleeHistogram: histogram(20, calls),
    ...more,
  });
const logs = (calls: number, more: Partial<GraphEdgeRow> = {}): GraphEdgeRow =>
  edge("web", "cart", {
    Source: "access_logs",
    EvidenceWords: ["access-log"],
    CallerRequests: calls,
    CalleeRequests: calls,
    ...more,
  });
const metrics = (calls: number, more: Partial<GraphEdgeRow> = {}): GraphEdgeRow =>
  edge("web", "cart", {
    Source: "metrics",
    EvidenceWords: ["source-reporter", "destination-reporter"],
    CallerRequests: calls,
    CalleeRequests: calls,
    ...more,
  });

function edgesAt(detail: GraphDetail, edges: readonly GraphEdgeRow[]) {
  const graph = fold({ detail, edges });
  return graph.edges.map((one) => ({
    to: graph.nodes.find((place) => place.id === one.target)?.entity.version ?? "?",
    calls: one.calls,
    errorRatio: one.errorRatio,
    basis: one.ledger.calleeBasis,
    samplingRatio: one.ledger.samplingRatio,
  }));
}

describe("sources of an edge", () => {
  it("are one edge with the calls of the one that saw most, and the latency of spans", () => {
    const [only, ...others] = fold({ edges: [spans(100), logs(1000), metrics(1001)] }).edges;
    expect(others).toEqual([]);
    expect(only).toMatchObject({
      calls: 1000,
      requestsPerSecond: 10,
      evidence: ["access-log", "destination-reporter", "source-reporter", "span-pair"],
      ledger: { calleeBasis: "access_logs", latencyBasis: "spans", samplingRatio: 0.1 },
    });
    expect(only?.latencyP50Ms).toBeGreaterThan(18);
  });

  it("count unknown callers by who watches the callee, where spans have only lost their parents", () => {
    const unknown = (told: Partial<GraphEdgeRow>): GraphEdgeRow => edge("", "cart", told);
    const orphans = unknown({ CalleeRequests: 60, OrphanRequests: 60, EvidenceWords: ["inferred"] });
    const watched = unknown({ CalleeRequests: 20, Source: "access_logs", EvidenceWords: ["access-log"] });
    const callsOf = (edges: readonly GraphEdgeRow[]) => fold({ edges }).edges.map((one) => one.calls);
    expect(callsOf([orphans, watched, logs(100)])).toEqual([20, 100]);
    // Roots are calls of somebody: what proxies saw less of them is their gap.
    expect(callsOf([unknown({ CalleeRequests: 60 }), watched, logs(100)])).toEqual([60, 100]);
    // Both kinds of spans in one edge: the roots alone count, and only where they are more.
    const both = (roots: number) =>
      unknown({ CalleeRequests: 60 + roots, OrphanRequests: 60, EvidenceWords: ["inferred", "span-pair"] });
    expect(callsOf([both(15), watched, logs(100)])).toEqual([20, 100]);
    expect(callsOf([both(30), watched, logs(100)])).toEqual([30, 100]);
    expect(callsOf([both(30)])).toEqual([90]);
  });

  it("raise what a place is said to have answered beyond its sampled spans", () => {
    const graph = fold({
      edges: [spans(100), logs(1000, { CalleeFailures: 100 })],
      nodes: [node("cart", { RequestCount: 100, Histogram: histogram(20, 100) })],
    });
    const cart = graph.nodes.find((one) => one.entity.service === "cart");
    expect(cart).toMatchObject({ requestsPerSecond: 10, errorRatio: 0.1, basis: "access_logs", health: "FAILING" });
    expect(cart?.latencyP50Ms).toBeGreaterThan(18);
  });

  it("leave a place its own spans where nobody saw more", () => {
    const graph = fold({ edges: [logs(100)], nodes: [node("cart", { RequestCount: 300, FailureCount: 3 })] });
    const cart = graph.nodes.find((one) => one.entity.service === "cart");
    expect(cart).toMatchObject({ requestsPerSecond: 3, errorRatio: 0.01, basis: "spans" });
  });
});

describe("sources that do not know versions", () => {
  const v1 = spans(90, { FromVersion: "v1", ToVersion: "v1" });
  const v2 = spans(10, { FromVersion: "v1", ToVersion: "v2", CallerFailures: 5, CalleeFailures: 5 });

  it("make no edge of their own but raise the fine ones, which keep their shares and failures", () => {
    expect(edgesAt("VERSION", [v1, v2, logs(1000)])).toEqual([
      { to: "v1", calls: 900, errorRatio: 0, basis: "access_logs", samplingRatio: 0.1 },
      { to: "v2", calls: 100, errorRatio: 0.5, basis: "access_logs", samplingRatio: 0.1 },
    ]);
  });

  it("change nothing where they saw no more", () => {
    expect(edgesAt("VERSION", [v1, v2, logs(100)]).map((one) => [one.to, one.calls, one.basis])).toEqual([
      ["v1", 90, "spans"],
      ["v2", 10, "spans"],
    ]);
  });

  it("stay where nobody knows more", () => {
    expect(edgesAt("VERSION", [logs(50)])).toMatchObject([{ to: "", calls: 50, basis: "access_logs" }]);
  });

  it("do not swallow calls that the fine source itself could not place", () => {
    const lost = spans(0, { FromVersion: "v1", CallerRequests: 7, CallerFailures: 7, EvidenceWords: ["inferred"] });
    expect(edgesAt("VERSION", [v1, v2, lost]).map((one) => [one.to, one.calls])).toEqual([
      ["v1", 90],
      ["v2", 10],
      ["", 7],
    ]);
  });

  it("count for the versions that they do know", () => {
    const half = metrics(400, { FromVersion: "v1", ToVersion: "v2" });
    expect(edgesAt("VERSION", [v1, v2, half]).map((one) => [one.to, one.calls, one.basis])).toEqual([
      ["v1", 90, "spans"],
      ["v2", 400, "metrics"],
    ]);
  });
});
