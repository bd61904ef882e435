// How much of a service's traffic an incident has hit: a share of all requests since it began, not of its worst moment.
import { expect, test } from "vitest";
import type { Anomaly } from "../../analyzer/detect.ts";
import { countHits, NO_HITS } from "../../analyzer/impact.ts";
import { type ActiveIncident, type IncidentState, NO_INCIDENTS, stepIncidents } from "../../analyzer/incident.ts";
import { anomaly, node } from "./made.ts";

const key = (name: string) => `service ${node(name)}`;
const errors = { indicator: "ERRORS", unit: "ratio", observed: 0.5, expected: 0, quantile: null, log10P: -50 } as const;
const failing = (service: string, share: number, more: Partial<Anomaly> = {}) =>
  anomaly(service, { ...errors, calls: 100, excessCalls: 100 * share, ...more });

/** Plays buckets of 100 requests each, and tells what was counted of the one incident after each of them. */
function play(buckets: readonly (readonly Anomaly[])[]) {
  let state: IncidentState = NO_INCIDENTS;
  return buckets.map((found, i): ActiveIncident => {
    const bucket = i * 10;
    const anomalies = found.map((one) => ({ ...one, bucket }));
    const judged = new Set([key("cart"), key("frontend")]);
    const callees = new Map([[node("frontend"), new Set([node("cart")])]]);
    const about = { tenant: "t", bucket, anomalies, tests: 10, judged, callees, graceSeconds: 6 };
    const stepped = stepIncidents(state, about).state;
    const requests = (_: string, from: number, to: number) =>
      Math.max(0, (Math.min(to, bucket + 10) - Math.max(0, from)) * 10);
    const open = stepped.open.map((one) => ({
      ...one,
      hits: countHits(one, { bucket, anomalies, runs: stepped.runs }, requests),
    }));
    state = { ...stepped, open };
    expect(open).toHaveLength(1);
    return open[0]!;
  });
}

const countsOf = (incident: ActiveIncident, service: string) => {
  const { requests, affected } = incident.hits.services.get(key(service))!;
  return { requests, affected };
};

test("buckets add up, the mild ones as the bad one", () => {
  const [first, , third] = play([[failing("cart", 0.8)], [failing("cart", 0.4)], [failing("cart", 0.3)]]);
  expect(countsOf(first!, "cart")).toEqual({ requests: 100, affected: 80 });
  expect(countsOf(third!, "cart")).toEqual({ requests: 300, affected: 150 });
});

test("of several symptoms the worst counts, and never more than all requests", () => {
  const [only] = play([[failing("cart", 0.4), anomaly("cart", { calls: 100, excessCalls: 900, log10P: -50 })]]);
  expect(countsOf(only!, "cart")).toEqual({ requests: 100, affected: 100 });
});

test("a clean bucket counts once the incident has gone on after it", () => {
  const [, clean, again] = play([[failing("cart", 1)], [], [failing("cart", 1)]]);
  expect(countsOf(clean!, "cart")).toEqual({ requests: 100, affected: 100 });
  expect(countsOf(again!, "cart")).toEqual({ requests: 300, affected: 200 });
});

test("a service that is hit later was well before", () => {
  const [, second] = play([[failing("cart", 1)], [failing("cart", 1), failing("frontend", 0.5)]]);
  expect(countsOf(second!, "frontend")).toEqual({ requests: 200, affected: 50 });
});

test("requests that stayed away count among those that were expected", () => {
  const drop = {
    indicator: "TRAFFIC",
    unit: "requests",
    observed: 100,
    expected: 400,
    windowSeconds: 10,
    opensAfter: null,
  } as const;
  const [only] = play([
    [failing("cart", 0.5), anomaly("cart", { ...drop, calls: 100, excessCalls: -300, log10P: -50 })],
  ]);
  expect(countsOf(only!, "cart")).toEqual({ requests: 400, affected: 300 });
});

test("full instances and burnt budgets say nothing of requests", () => {
  const full = anomaly("cart", { indicator: "SATURATION", unit: "ratio", excessCalls: 50, opensAfter: 1, log10P: -50 });
  const burnt = failing("frontend", 1, { objective: { name: "o", burnRate: 20 }, opensAfter: 1 });
  const [only] = play([[full, burnt]]);
  expect(only!.hits.services).toEqual(NO_HITS.services);
});
