// Two windows of a graph: what came, went and changed, and that chance alone changes nothing.
import { describe, expect, it } from "vitest";
import { diffGraphs } from "../../api/graph-diff.ts";
import type { GraphEdgeRow } from "../../storage/graph-reads.ts";
import { edge, fold, histogram, known } from "./graph-rows.ts";

const calls = (from: string, to: string, count: number, more: Partial<GraphEdgeRow> = {}): GraphEdgeRow =>
  edge(from, to, { CallerRequests: count, CalleeRequests: count, CalleeHistogram: histogram(20, count), ...more });

function diff(a: readonly GraphEdgeRow[], b: readonly GraphEdgeRow[]) {
  const side = (edges: readonly GraphEdgeRow[]) => ({
    ...fold({ edges, entities: [known("lonely")] }),
    coveredSeconds: 100,
  });
  return diffGraphs(side(a), side(b));
}

function changes(items: ReturnType<typeof diff>["edges"]): string[] {
  return items.map(({ a, b, change }) => `${(b ?? a)?.target.split("/").at(-1) ?? "?"} ${change}`);
}

describe("diffGraphs", () => {
  it("tells edges that came, went, changed and stayed, with both figures", () => {
    const before = [calls("web", "cart", 1000), calls("web", "old", 300), calls("web", "pay", 800)];
    const after = [
      calls("web", "cart", 1010),
      calls("web", "new", 300),
      calls("web", "pay", 800, { CallerFailures: 80 }),
    ];
    const { edges, nodes } = diff(before, after);
    expect(changes(edges)).toEqual(["cart SAME", "new ADDED", "pay CHANGED", "old REMOVED"]);
    expect(edges[2]).toMatchObject({
      isSignificant: true,
      errorRatio: { a: 0, b: 0.1, difference: 0.1, ratio: null, isSignificant: true },
      requestsPerSecond: { a: 8, b: 8, difference: 0, ratio: 1, isSignificant: false },
    });
    expect(edges[1]).toMatchObject({ a: null, isSignificant: true, requestsPerSecond: { a: 0, b: 3 } });
    expect(edges[3]).toMatchObject({ b: null, isSignificant: true });
    const states = Object.fromEntries(nodes.map((item) => [(item.b ?? item.a)?.entity.service, item.change]));
    expect(states).toMatchObject({ old: "REMOVED", new: "ADDED", cart: "SAME", lonely: "SAME", pay: "CHANGED" });
  });

  it("sees latency that doubled, of the edge and of its callee", () => {
    const { edges, nodes } = diff(
      [calls("web", "cart", 500)],
      [calls("web", "cart", 500, { CalleeHistogram: histogram(45, 500) })],
    );
    expect(edges[0]).toMatchObject({ change: "CHANGED", latencyP99Ms: { isSignificant: true } });
    expect(edges[0]?.latencyP50Ms.ratio).toBeGreaterThan(1.9);
    expect(nodes.find((item) => item.b?.entity.service === "cart")?.change).toBe("CHANGED");
  });

  it("calls a single call no news", () => {
    const { edges } = diff([calls("web", "cart", 1000)], [calls("web", "cart", 1000), calls("web", "rare", 1)]);
    expect(edges[1]).toMatchObject({ change: "ADDED", isSignificant: false });
  });

  it("does not call chance a change: hundreds of edges with noise stay the same", () => {
    // A seeded generator: the test is the same every time.
    let state = 7;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const noisy = (mean: number): number => {
      let sum = 0;
      for (let i = 0; i < 12; i++) sum += random();
      return Math.max(1, Math.round(mean + (sum - 6) * Math.sqrt(mean)));
    };
    const draw = () =>
      Array.from({ length: 400 }, (_, i) => {
        const count = noisy(20 + i);
        return calls("web", `s${i}`, count, { CallerFailures: noisy(count * 0.05) });
      });
    const { edges } = diff(draw(), draw());
    expect(edges.filter((item) => item.change !== "SAME").length).toBeLessThanOrEqual(2);
  });
});
