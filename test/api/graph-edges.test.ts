// What an edge tells beside its rate: retries, flags, gaps, mutual TLS, bytes; and a cluster that falls silent.
import { describe, expect, it } from "vitest";
import { flagsOf, meanGapMs, mtlsOf, retriesOf } from "../../api/graph-edges.ts";
import type { GraphEdgeRow } from "../../storage/graph-reads.ts";
import { edge, fold, histogram, known } from "./graph-rows.ts";

function only(row: Partial<GraphEdgeRow>) {
  const [first] = fold({ edges: [edge("web", "cart", row)] }).edges;
  if (first === undefined) throw new Error("the graph has no edge");
  return first;
}

describe("retriesOf", () => {
  it.each([
    ["nothing retried", { CallerRequests: 100, CalleeRequests: 100 }, 100, 100, 1],
    ["what arrived beyond what left", { CallerRequests: 100, CalleeRequests: 140 }, 100, 140, 1.4],
    ["what the caller tells", { CallerRequests: 100, CalleeRequests: 90, Retries: 30 }, 100, 130, 1.3],
    ["both tell: the greater", { CallerRequests: 100, CalleeRequests: 150, Retries: 30 }, 100, 150, 1.5],
    ["lost on the way is no retry", { CallerRequests: 100, CalleeRequests: 60 }, 100, 100, 1],
    ["callers unknown", { CalleeRequests: 60 }, 60, 60, 1],
  ])("%s", (_name, row, requests, attempts, factor) => {
    expect(retriesOf(only(row).ledger)).toEqual({ requests, attempts, factor });
  });

  it("does not take a sample on one side for retries", () => {
    const graph = fold({
      edges: [
        edge("web", "cart", { CallerRequests: 10 }),
        edge("web", "cart", { Source: "access_logs", EvidenceWords: ["access-log"], CalleeRequests: 1000 }),
      ],
    });
    expect(retriesOf(graph.edges[0]!.ledger).factor).toBe(1);
  });
});

describe("the ledger of an edge", () => {
  it("names the owner of each flag, most frequent first", () => {
    const { ledger } = only({ CallerRequests: 100, Flags: { UH: 3, RL: 7, DC: 3, XX: 1 } });
    expect(flagsOf(ledger).map(({ flag, count, owner }) => [flag, count, owner])).toEqual([
      ["RL", 7, "edge"],
      ["DC", 3, "caller"],
      ["UH", 3, "destination"],
      ["XX", 1, "unknown"],
    ]);
  });

  it("tells the time between both sides as a mean of a call, null where nobody measured it", () => {
    const timed = { CallerHistogram: histogram(20, 100), CalleeHistogram: histogram(10, 100) };
    const { ledger } = only({ CallerRequests: 100, CalleeRequests: 100, GapNs: 500e6, ProxyNs: 200e6, ...timed });
    expect(meanGapMs(ledger.gapNs, ledger)).toBe(5);
    expect(meanGapMs(ledger.proxyNs, ledger)).toBe(2);
    expect(meanGapMs(0, only({ CallerRequests: 100 }).ledger)).toBeNull();
  });

  it.each([
    [100, 0, "SECURED", 1],
    [0, 5, "PLAIN", 0],
    [75, 25, "MIXED", 0.75],
    [0, 0, "UNKNOWN", null],
  ])("%i secured and %i plain calls are %s", (SecuredCalls, PlainCalls, state, securedRatio) => {
    const { ledger } = only({ CallerRequests: 200, SecuredCalls, PlainCalls });
    expect(mtlsOf(ledger)).toEqual({ state, securedRatio });
  });

  it("keeps a TCP connection without new requests from being called idle while bytes flow", () => {
    expect(only({ EdgeProtocol: "tcp", RequestBytes: 5000 }).health).toBe("HEALTHY");
    expect(only({ EdgeProtocol: "tcp" }).health).toBe("IDLE");
  });

  it("knows calls between clusters", () => {
    expect(only({ ToCluster: "west" }).isCrossCluster).toBe(true);
    expect(only({}).isCrossCluster).toBe(false);
    expect(only({ FromCluster: "", ToCluster: "" }).isCrossCluster).toBeNull();
  });
});

describe("a cluster that falls silent", () => {
  // The range is 900 to 1000; the last bucket of west ended at 940.
  const silent = [{ cluster: "west", lastSeen: 940 }];
  const rows = [
    edge("web", "cart", { CallerRequests: 100, CalleeRequests: 100 }),
    edge("web", "pay", { ToCluster: "west", CallerRequests: 100, CallerFailures: 60, CalleeRequests: 40 }),
    edge("pay", "bank", { FromCluster: "west", ToCluster: "west", CallerRequests: 40, CalleeRequests: 40 }),
  ];

  it("leaves the rest of the graph alone, and its own rates are over the time in which it told", () => {
    const graph = fold({ edges: rows, silent });
    expect(graph.edges.map((one) => [one.requestsPerSecond, one.errorRatio])).toEqual([
      [1, 0],
      // Its callers still tell of the calls to it.
      [1, 0.6],
      [1, 0],
    ]);
  });

  it("is not called idle when it has told nothing in the range", () => {
    const entities = [known("lonely", { AtCluster: "west" }), known("quiet")];
    const graph = fold({ entities, silent: [{ cluster: "west", lastSeen: 880 }] });
    expect(graph.nodes.map((one) => [one.entity.service, one.health])).toEqual([
      ["lonely", "UNKNOWN"],
      ["quiet", "IDLE"],
    ]);
  });
});
