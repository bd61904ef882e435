// How sure edges are: sources that agree raise it, one that should have told and did not lowers it.
import { describe, expect, it } from "vitest";
import type { GraphEdgeRow } from "../../storage/graph-reads.ts";
import { edge, fold } from "./graph-rows.ts";

const WORDS = { spans: "span-pair", access_logs: "access-log", metrics: "source-reporter" } as const;

function told(Source: GraphEdgeRow["Source"], from: string, to: string, calls: number, word: string = WORDS[Source]) {
  return edge(from, to, { Source, EvidenceWords: [word], CallerRequests: calls, CalleeRequests: calls });
}

function confidence(rows: readonly GraphEdgeRow[]): number {
  // The edge in question is the one of the first row.
  return fold({ edges: rows }).edges[0]?.confidence ?? -1;
}

describe("confidence", () => {
  it.each<[string, GraphEdgeRow[], number]>([
    ["a pair of spans", [told("spans", "web", "cart", 5)], 0.99],
    ["a name only", [told("spans", "web", "cart", 5, "inferred")], 0.6],
    ["a word that is not known", [told("spans", "web", "cart", 5, "hearsay")], 0.6],
    ["the best of one source", [edge("web", "cart", { EvidenceWords: ["inferred", "link"], CalleeRequests: 5 })], 0.95],
    [
      "a name that access logs confirm",
      [told("spans", "a", "b", 5, "inferred"), told("access_logs", "a", "b", 5)],
      0.96,
    ],
    [
      "three sources, never certain",
      [told("spans", "a", "b", 5), told("access_logs", "a", "b", 5), told("metrics", "a", "b", 5)],
      0.999,
    ],
  ])("%s", (_name, rows, expected) => {
    expect(confidence(rows)).toBe(expected);
  });

  const elsewhere = [told("access_logs", "web", "pay", 100), told("access_logs", "api", "cart", 100)];

  it("is lowered by a source that watches both ends and tells of no call between them", () => {
    expect(confidence([told("spans", "web", "cart", 100), ...elsewhere])).toBeCloseTo(0.99 * 0.8, 4);
  });

  it("is not, where that source watches one end only, or would have told of a few calls at best", () => {
    expect(confidence([told("spans", "web", "cart", 100), elsewhere[0]!])).toBe(0.99);
    expect(confidence([told("spans", "web", "cart", 5), ...elsewhere])).toBe(0.99);
  });

  it("knows that a sample misses edges: spans that see one call in a hundred need not see this one", () => {
    const sampled = ["pay", "cart"].map((to) => [told("access_logs", "api", to, 1000), told("spans", "api", to, 10)]);
    const caller = [told("access_logs", "web", "pay", 1000), told("spans", "web", "pay", 10)];
    expect(confidence([told("access_logs", "web", "cart", 500), ...sampled.flat(), ...caller])).toBe(0.9);
    expect(confidence([told("access_logs", "web", "cart", 5000), ...sampled.flat(), ...caller])).toBeCloseTo(0.72, 4);
  });
});
