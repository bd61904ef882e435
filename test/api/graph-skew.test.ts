// Clocks of clusters, measured by the calls between them.
import { describe, expect, it } from "vitest";
import { clockSkews } from "../../api/graph-skew.ts";
import { edge } from "./graph-rows.ts";

const across = (from: string, to: string, offsetMs: number, gapMs: number, calls: number) =>
  edge("web", "pay", {
    FromCluster: from,
    ToCluster: to,
    OffsetNs: offsetMs * calls * 1e6,
    GapNs: gapMs * calls * 1e6,
    OffsetCalls: calls,
  });

describe("clockSkews", () => {
  it("is a mean offset, uncertain by half of the time on the way", () => {
    expect(clockSkews([across("east", "west", 40, 6, 100), across("east", "west", 44, 2, 100)])).toEqual([
      { from: "east", to: "west", offsetMs: 42, uncertaintyMs: 2, calls: 200 },
    ]);
  });

  it("joins both directions of a pair, the surer one with more weight", () => {
    const [skew] = clockSkews([across("west", "east", -40, 2, 50), across("east", "west", 50, 20, 50)]);
    expect(skew).toMatchObject({ from: "east", to: "west", calls: 100, uncertaintyMs: 1 });
    expect(skew?.offsetMs).toBeGreaterThan(40);
    expect(skew?.offsetMs).toBeLessThan(40.2);
  });

  it("says nothing of calls within a cluster, of unknown clusters and of calls without clocks", () => {
    const rows = [across("east", "east", 5, 1, 10), across("", "west", 5, 1, 10), across("east", "west", 0, 0, 0)];
    expect(clockSkews(rows)).toEqual([]);
  });

  it("keeps pairs apart", () => {
    const rows = [across("b", "c", 1, 1, 5), across("a", "b", 2, 1, 5), across("c", "a", 3, 1, 5)];
    expect(clockSkews(rows).map(({ from, to, offsetMs }) => [from, to, offsetMs])).toEqual([
      ["a", "b", 2],
      ["a", "c", -3],
      ["b", "c", 1],
    ]);
  });
});
