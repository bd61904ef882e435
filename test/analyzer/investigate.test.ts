// Which incidents are localized in a bucket when many are open.
import { describe, expect, test } from "vitest";
import { NO_HITS } from "../../analyzer/impact.ts";
import type { ActiveIncident } from "../../analyzer/incident.ts";
import { chooseForLocalization } from "../../analyzer/investigate.ts";

const ANSWER: ActiveIncident["localization"] = {
  id: "l",
  verdict: "NO_FAULT",
  reason: null,
  range: { from: "", to: "" },
  baseline: { from: "", to: "" },
  onset: null,
  causes: [],
  rejected: [],
};

function incident(id: string, firstBucket: number, more: Partial<ActiveIncident> = {}): ActiveIncident {
  const times = {
    firstBucket,
    lastBucket: firstBucket,
    startedAt: firstBucket,
    detectedAt: firstBucket,
    resolvedAt: null,
  };
  const nothing = {
    clean: 0,
    silent: 0,
    symptoms: new Map(),
    nodes: new Set<string>(),
    hits: NO_HITS,
    localization: null,
  };
  return { id, status: "OPEN", ...times, ...nothing, ...more };
}

const ids = (open: readonly ActiveIncident[], bucket: number) =>
  chooseForLocalization(open, bucket).chosen.map(({ id }) => id);

describe("chooseForLocalization", () => {
  test("an incident in its first five buckets, then once a minute, and always until it has an answer", () => {
    const at = (age: number, more: Partial<ActiveIncident>) => ids([incident("a", 0, more)], age * 10).length > 0;
    const ages = Array.from({ length: 14 }, (_, age) => age);
    expect(ages.filter((age) => at(age, { localization: ANSWER }))).toEqual([0, 1, 2, 3, 4, 6, 12]);
    expect(ages.filter((age) => at(age, {}))).toEqual(ages);
    expect(ages.filter((age) => at(age, { clean: 1 }))).toEqual([]);
  });
  test("four at once, those without an answer first, the oldest of them before the others; the rest waits", () => {
    const open = [
      incident("told", 0, { localization: ANSWER }),
      incident("b", 20),
      incident("c", 10),
      incident("d", 20),
      incident("e", 20),
      incident("f", 20),
    ];
    expect(ids(open, 30)).toEqual(["c", "b", "d", "e"]);
    expect(chooseForLocalization(open, 30).postponed).toBe(2);
  });
});
