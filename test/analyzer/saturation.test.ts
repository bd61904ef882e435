// Instances near a limit, behind their queue, or crashing: what is said of them, and what opens an incident.
import { describe, expect, test } from "vitest";
import { type IncidentState, NO_INCIDENTS, stepIncidents } from "../../analyzer/incident.ts";
import { detectSaturation, restartTailLog10 } from "../../analyzer/saturation.ts";
import type { SaturationRow } from "../../storage/saturation.ts";
import { anomaly, node } from "./made.ts";

const CPU = "k8s.pod.cpu_limit_utilization";
const row = (facts: Partial<SaturationRow>): SaturationRow => ({
  cluster: "",
  namespace: "shop",
  service: "cart",
  version: "v1",
  instance: "cart-1",
  metric: CPU,
  container: "",
  now: 0.3,
  usual: 0.3,
  low: 0.28,
  high: 0.32,
  points: 50,
  restarts: 0,
  last: 0,
  ...facts,
});
const restarts = (count: number, last: number, container = "app") =>
  row({ metric: "k8s.container.restarts", container, restarts: count, last, now: count, usual: 0, low: 0, high: 0 });

describe("detectSaturation", () => {
  test.each([
    { name: "near the limit", given: row({ now: 0.97 }), found: [["ratio", null]] },
    { name: "as full as ever", given: row({ now: 0.95, usual: 0.93 }), found: [] },
    { name: "busier, far from the limit", given: row({ now: 0.7 }), found: [] },
    { name: "too little past", given: row({ now: 0.97, points: 3 }), found: [] },
    {
      name: "behind",
      given: row({ metric: "kafka.consumer_group.lag", now: 900, usual: 10, low: 5, high: 15 }),
      found: [["messages", null]],
    },
    {
      name: "a little behind",
      given: row({ metric: "kafka.consumer_group.lag", now: 40, usual: 5, low: 5, high: 6 }),
      found: [],
    },
    { name: "one restart", given: restarts(1, 1), found: [] },
    { name: "a second restart", given: restarts(2, 1), found: [["restarts", 1]] },
    { name: "restarts some minutes ago", given: restarts(3, 0), found: [] },
    { name: "nobody's instance", given: { ...restarts(3, 1), service: "" }, found: [] },
  ])("$name", ({ given, found }) => {
    const { anomalies } = detectSaturation([given], 0);
    expect(anomalies.map((a) => [a.unit, a.opensAfter])).toEqual(found);
    for (const one of anomalies) expect(one).toMatchObject({ indicator: "SATURATION", entity: { kind: "INSTANCE" } });
  });
  test("the more restarts, the less likely", () => {
    expect(restartTailLog10(3)).toBeLessThan(restartTailLog10(2));
    expect(restartTailLog10(2)).toBeLessThan(-8);
  });
});

describe("incidents", () => {
  const step = (
    state: IncidentState,
    bucket: number,
    rows: readonly SaturationRow[],
    more = [] as ReturnType<typeof anomaly>[],
  ) => {
    const found = detectSaturation(rows, bucket);
    const anomalies = [...found.anomalies, ...more];
    const callees = new Map([[node("frontend"), new Set([node("cart"), node("ads")])]]);
    const about = { tenant: "t", bucket, anomalies, judged: found.judged, callees, graceSeconds: 6 };
    return stepIncidents(state, { ...about, tests: 100 });
  };
  test("a crash loop behind retries is one, and ends after three buckets without a restart", () => {
    let { state, closed } = step(NO_INCIDENTS, 0, [restarts(2, 1)]);
    expect(state.open).toHaveLength(1);
    for (const bucket of [10, 20, 30]) ({ state, closed } = step(state, bucket, [restarts(2, 0)]));
    expect([state.open.length, closed.length]).toEqual([0, 1]);
  });
  test("a full instance alone is none", () => {
    expect(step(NO_INCIDENTS, 0, [row({ now: 0.99 })]).state.open).toEqual([]);
  });
  test("restarts neither prolong nor repeat an incident with harm at the same place", () => {
    const judged = `service ${node("cart")}`;
    let { state, closed } = step(NO_INCIDENTS, 0, [restarts(2, 1)], [anomaly("cart", { indicator: "ERRORS" })]);
    expect(state.open).toHaveLength(1);
    const quiet = (bucket: number) => {
      const found = detectSaturation([restarts(2, 1)], bucket);
      const about = { tenant: "t", bucket, callees: new Map(), graceSeconds: 6, tests: 100 };
      return stepIncidents(state, { ...about, anomalies: found.anomalies, judged: new Set([judged]) });
    };
    for (const bucket of [10, 20, 30]) ({ state, closed } = quiet(bucket));
    expect([state.open.length, closed.length]).toEqual([0, 1]);
    expect(quiet(40).state.open).toEqual([]);
  });
  test("harm beside a masked crash is told apart; at the same place it is the same incident", () => {
    const masked = step(NO_INCIDENTS, 0, [restarts(2, 1)]).state;
    const apart = step(masked, 10, [restarts(2, 1)], [anomaly("frontend>ads", { indicator: "ERRORS" })]);
    expect(apart.state.open).toHaveLength(2);
    const same = step(masked, 10, [restarts(2, 1)], [anomaly("frontend>cart", { indicator: "ERRORS" })]);
    expect(same.state.open).toHaveLength(1);
  });
});
