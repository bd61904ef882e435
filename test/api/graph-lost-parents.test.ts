// Calls of nobody: which of them are real clients, and which are spans whose parent was lost.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GraphEdgeRow } from "../../storage/graph-reads.ts";
import { edge, fold, node } from "./graph-rows.ts";

const orphans = (to: string, calls: number): GraphEdgeRow =>
  edge("", to, { CalleeRequests: calls, OrphanRequests: calls, EvidenceWords: ["inferred"] });
const roots = (to: string, calls: number): GraphEdgeRow => edge("", to, { CalleeRequests: calls });
const paired = (from: string, to: string, calls: number): GraphEdgeRow =>
  edge(from, to, { CallerRequests: calls, CalleeRequests: calls });
/** Half of both sides' spans are lost: a quarter of the calls is paired, of a half only the caller's span is left. */
const halved = (from: string, to: string, calls: number): GraphEdgeRow[] => [
  edge(from, to, { CallerRequests: calls / 2, CalleeRequests: calls / 4, NeverArrived: calls / 4 }),
  orphans(to, calls / 4),
];
const logged = (from: string, to: string, calls: number): GraphEdgeRow =>
  edge(from, to, {
    CallerRequests: from === "" ? 0 : calls,
    CalleeRequests: calls,
    Source: "access_logs",
    EvidenceWords: ["access-log"],
  });

/** Whom the graph says that unknown clients call. */
function entryPoints(rows: readonly GraphEdgeRow[]): string[] {
  const graph = fold({ edges: rows });
  const services = new Map(graph.nodes.map((one) => [one.id, one.entity.service]));
  return graph.edges
    .filter((one) => services.get(one.source) === "clients")
    .map((one) => services.get(one.target) ?? "")
    .toSorted();
}

describe("calls from nowhere", () => {
  it.each<[string, GraphEdgeRow[], string[]]>([
    ["true roots stay, however many", [roots("web", 5), paired("web", "cart", 500)], ["web"]],
    [
      "half of all spans lost: every callee has half of its entries from nowhere",
      [roots("web", 50), ...halved("web", "cart", 400), ...halved("cart", "pay", 80)],
      ["web"],
    ],
    [
      "a few calls, all of them orphans, are what the loss elsewhere makes likely",
      [roots("web", 50), ...halved("web", "cart", 400), orphans("rare", 2)],
      ["web"],
    ],
    [
      "some calls, all of them orphans, are not: of real callers some span would be left",
      [roots("web", 50), ...halved("web", "cart", 400), orphans("mobile-api", 5)],
      ["mobile-api", "web"],
    ],
    [
      "a handful of orphans at a place that known callers name is what loss makes of them",
      [
        roots("web", 50),
        ...halved("web", "cart", 400),
        orphans("rare", 5),
        edge("web", "rare", { CallerRequests: 4, NeverArrived: 4, EvidenceWords: ["inferred"] }),
      ],
      ["web"],
    ],
    [
      "many calls, all of them orphans, are not: a client that keeps its spans to itself",
      [roots("web", 50), ...halved("web", "cart", 400), orphans("mobile-api", 200)],
      ["mobile-api", "web"],
    ],
    [
      "no loss elsewhere: a third of a service's calls come from what has no telemetry",
      [paired("web", "cart", 500), paired("cart", "pay", 200), orphans("pay", 100), roots("web", 500)],
      ["pay", "web"],
    ],
    [
      "no loss elsewhere, and hardly any here",
      [paired("web", "cart", 500), paired("cart", "pay", 200), orphans("pay", 10), roots("web", 500)],
      ["web"],
    ],
    ["nothing but orphans tells of no loss", [orphans("web", 100), orphans("api", 100)], ["api", "web"]],
    [
      "access logs know the callers of all that arrives: orphans add none",
      [roots("web", 10), orphans("cart", 90), logged("web", "cart", 100)],
      ["web"],
    ],
    [
      "access logs of a filter know too few callers",
      [roots("web", 10), orphans("cart", 200), logged("web", "cart", 50)],
      ["cart", "web"],
    ],
    [
      "proxies that start a trace at every hop: their roots are calls that access logs know",
      [roots("web", 100), roots("cart", 100), logged("", "web", 100), logged("web", "cart", 100)],
      ["web"],
    ],
    [
      "access logs see unknown callers too: then there are some",
      [roots("cart", 100), logged("web", "cart", 100), logged("", "cart", 20)],
      ["cart"],
    ],
  ])("%s", (_name, rows, expected) => {
    expect(entryPoints(rows)).toEqual(expected);
  });

  it("counts the entries that a place tells of itself, where edges were cut off", () => {
    const left = (requests: number): number =>
      fold({ edges: [orphans("cart", 50)], nodes: [node("cart", { RequestCount: requests })] }).edges.length;
    expect([left(100), left(1000)]).toEqual([1, 0]);
  });

  it("removes the node of clients with its last edge, and says how many edges it took", () => {
    const graph = fold({ edges: [paired("web", "cart", 100), orphans("cart", 5)] });
    expect(graph.nodes.map((one) => one.entity.service)).toEqual(["web", "cart"]);
    expect(graph.lostParentEdges).toBe(1);
  });

  it("never takes an edge between two known places, whatever is lost", () => {
    const calls = fc.integer({ min: 1, max: 300 });
    const rows = fc.array(
      fc.record({ from: fc.constantFrom("", "a", "b"), to: fc.constantFrom("c", "d"), calls, isOrphan: fc.boolean() }),
    );
    fc.assert(
      fc.property(rows, (drawn) => {
        const edges = drawn.map(({ from, to, calls: n, isOrphan }) =>
          from !== "" ? paired(from, to, n) : isOrphan ? orphans(to, n) : roots(to, n),
        );
        const named = (list: readonly GraphEdgeRow[]) =>
          new Set(list.filter((row) => row.FromService !== "").map((row) => `${row.FromService}>${row.ToService}`))
            .size;
        const graph = fold({ edges });
        const known = graph.edges.filter((one) => !one.source.startsWith("unknown:"));
        expect(known).toHaveLength(named(edges));
      }),
      { numRuns: 200 },
    );
  });
});
