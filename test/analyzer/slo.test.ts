// Burn rates: two windows must agree, few requests say nothing, and a budget whose fault was told of is not told again.
import { describe, expect, test } from "vitest";
import { type IncidentState, NO_INCIDENTS, stepIncidents } from "../../analyzer/incident.ts";
import { burnRates, detectBurns, isSloDue, type Objective } from "../../analyzer/slo.ts";
import type { SloWindowRow } from "../../storage/slo-windows.ts";
import { anomaly, histogramOf, node } from "./made.ts";

const AVAILABLE: Objective = { name: "cart-up", service: "cart", indicator: "availability", objective: 0.999 };
const FAST: Objective = { ...AVAILABLE, name: "cart-fast", indicator: "latency", objective: 0.99, thresholdMs: 300 };

/** Requests and failures of the four windows of cart, shortest first. */
function windows(...counts: readonly (readonly [requests: number, failed: number])[]): SloWindowRow[] {
  return counts.map(([requests, failed], i) => ({
    cluster: "",
    namespace: "shop",
    service: "cart",
    window_seconds: [300, 1800, 3600, 21_600][i]!,
    requests,
    failed,
    hist: histogramOf([requests - failed, 10], [failed, 900]),
  }));
}
const burn = (objective: Objective, rows: readonly SloWindowRow[], bucket = 50) =>
  detectBurns(burnRates([objective], rows), bucket);

describe("detectBurns", () => {
  test.each([
    {
      name: "both windows of the fast rule",
      rows: windows([1000, 20], [5000, 100], [10_000, 200], [60_000, 200]),
      found: 1,
    },
    {
      name: "the hour burns, the last five minutes do not",
      rows: windows([1000, 0], [5000, 100], [10_000, 200], [60_000, 200]),
      found: 0,
    },
    {
      name: "the last five minutes burn, the hour does not",
      rows: windows([1000, 20], [5000, 20], [10_000, 20], [60_000, 20]),
      found: 0,
    },
    { name: "slowly, for six hours", rows: windows([1000, 8], [6000, 48], [12_000, 96], [72_000, 560]), found: 1 },
    { name: "within the budget", rows: windows([1000, 1], [6000, 6], [12_000, 12], [72_000, 72]), found: 0 },
    { name: "too few requests to say", rows: windows([5, 5], [20, 20], [20, 20], [20, 20]), found: 0 },
  ])("$name", ({ rows, found }) => {
    for (const objective of [AVAILABLE]) expect(burn(objective, rows).anomalies).toHaveLength(found);
  });
  test("says which objective burns, and how fast", () => {
    const [one] = burn(AVAILABLE, windows([1000, 20], [5000, 100], [10_000, 200], [60_000, 200])).anomalies;
    expect(one).toMatchObject({
      indicator: "ERRORS",
      unit: "ratio",
      windowSeconds: 3600,
      objective: { name: "cart-up" },
    });
    expect(one!.objective!.burnRate).toBeCloseTo(20, 5);
    expect(one!.log10P).toBeLessThan(-20);
  });
  test("latency counts what took longer than the threshold", () => {
    const [one] = burn(FAST, windows([1000, 200], [5000, 1000], [10_000, 2000], [60_000, 2000])).anomalies;
    expect(one).toMatchObject({ indicator: "LATENCY", observed: 0.2, expected: expect.closeTo(0.01, 9) as number });
  });
  test.each([
    { name: "another service", objective: { ...AVAILABLE, service: "ads" } },
    { name: "another namespace", objective: { ...AVAILABLE, namespace: "bank" } },
    { name: "another cluster", objective: { ...AVAILABLE, cluster: "west" } },
  ])("$name is not meant", ({ objective }) => {
    const rows = windows([1000, 500], [5000, 2500], [10_000, 5000], [60_000, 9000]);
    expect(burn(objective, rows)).toEqual({ anomalies: [], judged: new Set() });
  });
});

test("burn rates are worked out at the end of a minute", () => {
  expect([0, 10, 20, 30, 40, 50, 60].filter(isSloDue)).toEqual([50]);
});

describe("incidents", () => {
  const rows = windows([1000, 20], [5000, 100], [10_000, 200], [60_000, 200]);
  const step = (
    state: IncidentState,
    bucket: number,
    found: ReturnType<typeof detectBurns>,
    more = [] as ReturnType<typeof anomaly>[],
  ) =>
    stepIncidents(state, {
      tenant: "t",
      bucket,
      anomalies: [...found.anomalies, ...more],
      judged: new Set([...found.judged, `service ${node("cart")}`]),
      tests: 10,
      callees: new Map(),
      graceSeconds: 6,
    });
  const none = { anomalies: [], judged: new Set<string>() };
  test("a budget that burns unnoticed is one, and ends with three minutes in which it does not", () => {
    let { state, closed } = step(NO_INCIDENTS, 50, burn(AVAILABLE, rows));
    expect(state.open).toHaveLength(1);
    for (let bucket = 60; bucket <= 230; bucket += 10) {
      const isDue = isSloDue(bucket);
      const quiet = { anomalies: [], judged: isDue ? burn(AVAILABLE, rows).judged : new Set<string>() };
      ({ state, closed } = step(state, bucket, { ...quiet, judged: new Set(quiet.judged) }));
      if (closed.length > 0) break;
    }
    expect(state.open).toEqual([]);
  });
  test("it is a symptom of the incident that is open at its service, and does not prolong it", () => {
    let { state, closed } = step(NO_INCIDENTS, 40, none, [anomaly("cart", { indicator: "ERRORS" })]);
    ({ state } = step(state, 50, burn(AVAILABLE, rows)));
    expect(state.open).toHaveLength(1);
    expect([...state.open[0]!.symptoms.values()].some((a) => a.objective?.name === "cart-up")).toBe(true);
    for (const bucket of [60, 70]) ({ state, closed } = step(state, bucket, none));
    expect(closed).toHaveLength(1);
    // By the numbers it burns on; what happened has been told.
    expect(step(state, 110, burn(AVAILABLE, rows, 110)).state.open).toEqual([]);
  });
});
