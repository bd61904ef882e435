// How complete a graph is, in a flag and in sentences.
import { describe, expect, it } from "vitest";
import { checkKept, completenessOf } from "../../api/graph-coverage.ts";
import type { GraphCoverage } from "../../storage/graph-reads.ts";

const RANGE = { fromSeconds: 1000, toSeconds: 1100 };

function coverage(more: Partial<GraphCoverage>): GraphCoverage {
  return {
    FirstAnalyzed: 500,
    LastAnalyzed: 1090,
    Missing: [],
    OutdatedCount: 0,
    CoveredSeconds: 100,
    Silent: [],
    BySource: [],
    Grain: "buckets",
    FirstAvailable: 0,
    ...more,
  };
}

describe("completenessOf", () => {
  it.each<[string, Partial<GraphCoverage>, boolean, RegExp[]]>([
    ["all is there", {}, false, []],
    ["some has no telemetry yet", { CoveredSeconds: 70 }, true, [/covers 70 s of the 100 s/]],
    ["buckets wait", { Missing: [1030], CoveredSeconds: 90 }, true, [/covers 90 s/, /1 buckets of 10 s wait/]],
    ["late rows wait", { OutdatedCount: 2 }, true, [/2 buckets of 10 s have grown/]],
    ["some is older than what is kept", { FirstAvailable: 1050, CoveredSeconds: 50 }, true, [/Nothing before 1970/]],
    ["only coarser sums are kept", { CoveredSeconds: 3600, Grain: "hours" }, false, [/whole hours.* over 3600 s/]],
    ["a cluster is silent", { Silent: [{ cluster: "west", lastSeen: 1030 }] }, true, [/Cluster west has told nothing/]],
    [
      "a source began late, which is remarked but lacks nothing",
      { BySource: [{ source: "access_logs", seconds: 20 }] },
      false,
      [/access logs for 20 s/],
    ],
  ])("%s", (_name, more, partial, sentences) => {
    const answer = completenessOf(RANGE, coverage(more), false);
    expect(answer.partial).toBe(partial);
    expect(answer.warnings).toHaveLength(sentences.length);
    sentences.forEach((sentence, i) => expect(answer.warnings[i]).toMatch(sentence));
  });

  it("says what a graph as known at a time leaves out", () => {
    expect(completenessOf(RANGE, coverage({}), true).warnings).toEqual([expect.stringMatching(/mesh metrics/)]);
  });
});

describe("checkKept", () => {
  it("refuses a range that ended before anything that is kept", () => {
    const since = { FirstAvailable: 1100 };
    expect(() => checkKept(RANGE, coverage(since), false)).toThrow(/is kept since 1970-01-01T00:18:20/);
    expect(() => checkKept(RANGE, coverage(since), true)).toThrow(/raw telemetry/);
    expect(() => checkKept(RANGE, coverage({ FirstAvailable: 1099 }), false)).not.toThrow();
  });
});
