// An incident in words: the title is the symptom nearest to the users; impact, and what is kept for a restart.
import { describe, expect, test } from "vitest";
import type { Anomaly } from "../../analyzer/detect.ts";
import { nodeKey } from "../../analyzer/history.ts";
import { NO_HITS } from "../../analyzer/impact.ts";
import type { ActiveIncident } from "../../analyzer/incident.ts";
import { duration, percent } from "../../analyzer/localize/finding.ts";
import { callersOf, describeIncident } from "../../analyzer/report.ts";
import { anomaly, node, USERS } from "./made.ts";

const callees = new Map([
  [USERS, new Set([node("frontend")])],
  [node("frontend"), new Set([node("cart")])],
  [node("cart"), new Set([node("pricing"), nodeKey("database", "", "shop", "carts")])],
]);

function describeWith(anomalies: readonly Anomaly[], facts: Partial<ActiveIncident> = {}) {
  const incident: ActiveIncident = {
    id: "i1",
    status: "OPEN",
    firstBucket: 100,
    lastBucket: 110,
    startedAt: 103,
    detectedAt: 116,
    resolvedAt: null,
    clean: 0,
    silent: 0,
    symptoms: new Map(anomalies.map((a) => [`${a.seriesKey} ${a.indicator}`, a])),
    nodes: new Set(),
    hits: NO_HITS,
    localization: null,
    ...facts,
  };
  return describeIncident(incident, callees, 7n);
}
const errors = { indicator: "ERRORS", unit: "ratio", observed: 0.314, expected: 0.004, quantile: null } as const;

describe("the title", () => {
  test.each([
    { name: "latency", of: [anomaly("cart")], title: "cart: p99 latency 20 ms → 200 ms" },
    {
      name: "the median",
      of: [anomaly("cart", { quantile: 0.5, observed: 1500 })],
      title: "cart: p50 latency 20 ms → 1.5 s",
    },
    { name: "failures", of: [anomaly("cart", errors)], title: "cart: 31 % of requests fail, before 0.4 %" },
    {
      name: "failures come before latency",
      of: [anomaly("frontend"), anomaly("cart", errors)],
      title: "cart: 31 % of requests fail, before 0.4 %",
    },
    {
      name: "nearest to the users",
      of: [anomaly("pricing"), anomaly("cart"), anomaly("frontend")],
      title: "frontend: p99 latency 20 ms → 200 ms",
    },
    {
      name: "a service before an edge",
      of: [anomaly("frontend>cart"), anomaly("pricing")],
      title: "pricing: p99 latency 20 ms → 200 ms",
    },
    {
      name: "an edge when there is no more",
      of: [anomaly("frontend>cart")],
      title: "frontend → cart: p99 latency 20 ms → 200 ms",
    },
  ])("$name", ({ of, title }) => expect(describeWith(of).title).toBe(title));
});

test("times are event times, UTC", () => {
  expect(describeWith([anomaly("cart")], { status: "RESOLVED", resolvedAt: 120 })).toMatchObject({
    status: "RESOLVED",
    startedAt: "1970-01-01T00:01:43.000Z",
    detectedAt: "1970-01-01T00:01:56.000Z",
    resolvedAt: "1970-01-01T00:02:00.000Z",
    localizationId: null,
    revision: "7",
  });
});

test("impact: the services that show it, nearest to the users first, with the share of the requests that came since it began", () => {
  const shown = [
    anomaly("cart"),
    anomaly("cart", errors),
    anomaly("frontend"),
    anomaly("frontend>cart"),
    anomaly("pricing"),
  ];
  const hit = (requests: number, affected: number, of: Anomaly) =>
    [of.seriesKey, { entity: of.entity, requests, affected }] as const;
  const services = new Map([hit(1000, 600, shown[0]!), hit(50, 50, shown[2]!), hit(0, 0, shown[4]!)]);
  const { impact } = describeWith(shown, { hits: { until: 120, services } });
  expect(impact.map((i) => [i.entity.service, i.affectedRatio])).toEqual([
    ["cart", 0.6],
    ["frontend", 1],
    ["pricing", 0],
  ]);
});

test("every symptom is told, with the anomaly that a restarted analyzer goes on from", () => {
  const { symptoms } = describeWith([anomaly("cart"), anomaly("frontend>cart")]);
  expect(symptoms).toHaveLength(2);
  expect(symptoms[0]).toMatchObject({ anomaly: anomaly("cart"), observed: 200, expected: 20, unit: "ms" });
});

test("callersOf turns the graph round", () => {
  expect(callersOf(callees).get(node("cart"))).toEqual(new Set([node("frontend")]));
});

test.each([
  [0, "0 %"],
  [0.004, "0.4 %"],
  [0.314, "31 %"],
  [1, "100 %"],
])("%d is %s", (ratio, words) => expect(percent(ratio)).toBe(words));

test.each([
  [0.42, "0.42 ms"],
  [1.5, "1.5 ms"],
  [42.4, "42 ms"],
  [1340, "1.3 s"],
  [12_400, "12 s"],
])("%d ms is %s", (ms, words) => expect(duration(ms)).toBe(words));
