// A word for how well a place does, and the reasons behind it.
import { describe, expect, it } from "vitest";
import { type HealthFacts, healthReasons, judgeHealth } from "../../api/health.ts";

describe("judgeHealth", () => {
  it.each([
    [null, "UNKNOWN"],
    [{ requests: 0, failures: 0, degradations: 0 }, "IDLE"],
    [{ requests: 0, failures: 0, degradations: 0, bytes: 10 }, "HEALTHY"],
    [{ requests: 1000, failures: 9, degradations: 99 }, "HEALTHY"],
    [{ requests: 1000, failures: 10, degradations: 0 }, "DEGRADED"],
    [{ requests: 1000, failures: 0, degradations: 100 }, "DEGRADED"],
    [{ requests: 1000, failures: 100, degradations: 0 }, "FAILING"],
  ])("%j is %s", (counts, health) => {
    expect(judgeHealth(counts)).toBe(health);
  });
});

describe("healthReasons", () => {
  const fine: HealthFacts = {
    counts: { requests: 1000, failures: 0, degradations: 0 },
    latencyP99Ms: 100,
    before: { requests: 1000, latencyP99Ms: 90 },
    silentSince: null,
    idleSince: null,
  };
  const codes = (facts: Partial<HealthFacts>) => healthReasons({ ...fine, ...facts }).map((reason) => reason.code);

  it.each<[string, Partial<HealthFacts>, string[]]>([
    ["all is well", {}, []],
    [
      "failures and refusals",
      { counts: { requests: 1000, failures: 25, degradations: 300 } },
      ["ERRORS", "DEGRADED_ANSWERS"],
    ],
    ["twice as slow as before", { latencyP99Ms: 190 }, ["LATENCY"]],
    ["not quite twice as slow", { latencyP99Ms: 170 }, []],
    ["too few requests before for a percentile", { latencyP99Ms: 900, before: { requests: 9, latencyP99Ms: 90 } }, []],
    ["nothing before", { latencyP99Ms: 900, before: null }, []],
    ["no requests", { counts: { requests: 0, failures: 0, degradations: 0 } }, ["NO_TRAFFIC"]],
    ["a connection that only moves bytes", { counts: { requests: 0, failures: 0, degradations: 0, bytes: 1 } }, []],
    ["nothing tells of it", { counts: null }, ["NO_DATA"]],
    ["its cluster is silent", { counts: null, silentSince: "2026-01-31T14:00:00.000Z" }, ["CLUSTER_SILENT"]],
    [
      "it failed before its cluster fell silent",
      { counts: { requests: 10, failures: 10, degradations: 0 }, silentSince: "2026-01-31T14:00:00.000Z" },
      ["ERRORS", "CLUSTER_SILENT"],
    ],
  ])("%s", (_name, facts, expected) => {
    expect(codes(facts)).toEqual(expected);
  });

  it("speak in sentences with figures", () => {
    const reasons = healthReasons({
      ...fine,
      counts: { requests: 1234, failures: 62, degradations: 0 },
      latencyP99Ms: 310.4,
    });
    expect(reasons.map((reason) => reason.summary)).toEqual([
      "5.02 % of 1234 requests failed.",
      "The 99th percentile is 3.4 times its own: 310 ms against 90 ms before.",
    ]);
    const idle = {
      ...fine,
      counts: { requests: 0, failures: 0, degradations: 0 },
      idleSince: "2026-01-31T14:00:00.000Z",
    };
    expect(healthReasons(idle)[0]?.summary).toBe(
      "It was asked nothing in the range; it was last heard of at 2026-01-31T14:00:00.000Z.",
    );
  });
});
