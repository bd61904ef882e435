// The life of an incident, bucket by bucket: what opens it, what it draws in, what closes it, and what stays apart.
import { describe, expect, test } from "vitest";
import type { Anomaly } from "../../analyzer/detect.ts";
import {
  type ActiveIncident,
  type IncidentState,
  leadingIndicator,
  NO_INCIDENTS,
  stepIncidents,
  taintedSeries,
  withIncidents,
} from "../../analyzer/incident.ts";
import { anomaly, node } from "./made.ts";

// 100 tests: strong from 1e-6, moderate from 1e-4.
const TESTS = 100;
const strong = (place: string, facts: Partial<Anomaly> = {}) => anomaly(place, { log10P: -10, ...facts });
const moderate = (place: string) => anomaly(place, { log10P: -5 });
const weak = (place: string) => anomaly(place, { log10P: -2 });

const CALLS: Record<string, string[]> = { frontend: ["cart", "ads"], cart: ["pricing"], bank: ["ledger"] };
const callees = new Map(Object.entries(CALLS).map(([from, to]) => [node(from), new Set(to.map(node))]));
const NAMES = ["frontend", "cart", "ads", "pricing", "bank", "ledger"];
const everyone = new Set(NAMES.map((name) => `service ${node(name)}`));

/** Feeds one bucket after another; "silence" = no series can be judged. */
function run(buckets: readonly (readonly Anomaly[] | "silence")[], start: IncidentState = NO_INCIDENTS) {
  let state = start;
  const closed: ActiveIncident[] = [];
  const seen = new Set<string>();
  for (const [i, anomalies] of buckets.entries()) {
    const stepped = stepIncidents(state, {
      tenant: "t",
      bucket: i * 10,
      anomalies: anomalies === "silence" ? [] : anomalies,
      tests: TESTS,
      judged: anomalies === "silence" ? new Set() : everyone,
      callees,
      graceSeconds: 6,
    });
    state = stepped.state;
    closed.push(...stepped.closed);
    for (const { id } of state.open) seen.add(id);
  }
  return { state, open: state.open, closed, seen: seen.size };
}

describe("opening", () => {
  test.each([
    { name: "strong: at once", buckets: [[strong("cart")]], open: 1 },
    { name: "moderate: not at once", buckets: [[moderate("cart")]], open: 0 },
    { name: "moderate twice", buckets: [[moderate("cart")], [moderate("cart")]], open: 1 },
    { name: "weak, then moderate", buckets: [[weak("cart")], [moderate("cart")]], open: 1 },
    { name: "moderate, a clean bucket, moderate", buckets: [[moderate("cart")], [], [moderate("cart")]], open: 0 },
    { name: "moderate at two places, one after the other", buckets: [[moderate("cart")], [moderate("bank")]], open: 0 },
    { name: "weak for ever", buckets: [[weak("cart")], [weak("cart")], [weak("cart")]], open: 0 },
  ])("$name", ({ buckets, open }) => expect(run(buckets).open).toHaveLength(open));

  test("starts where the run of deviations began, and is detected when the bucket is analysed", () => {
    const [incident] = run([[], [weak("cart")], [moderate("cart")]]).open;
    expect(incident).toMatchObject({ firstBucket: 10, lastBucket: 20, startedAt: 10, detectedAt: 36, status: "OPEN" });
  });
  test("one fault, many alarms: what hangs together by calls is one incident", () => {
    const [incident, ...more] = run([[strong("pricing"), strong("frontend"), strong("frontend>cart")]]).open;
    expect(more).toEqual([]);
    expect(incident!.nodes).toEqual(new Set(["pricing", "frontend", "cart"].map(node)));
    expect(incident!.symptoms.size).toBe(3);
  });
  test("two faults at once in unrelated places are two", () => {
    const { open } = run([[strong("cart"), strong("ledger"), strong("frontend")]]);
    expect(open.map((i) => [...i.nodes].sort())).toEqual([[node("cart"), node("frontend")], [node("ledger")]]);
  });
  test("the id does not depend on which of the symptoms is worst", () => {
    const ids = [-10, -30].map(
      (log10P) => run([[strong("cart", { log10P }), strong("frontend", { log10P: -20 })]]).open[0]!.id,
    );
    expect(ids[0]).toBe(ids[1]);
    expect(run([[], [strong("cart")]]).open[0]!.id).not.toBe(run([[strong("cart")]]).open[0]!.id);
  });
});

describe("going on", () => {
  test("a neighbour that deviates strongly joins, a weak one does not", () => {
    const joined = run([[strong("cart")], [strong("cart"), strong("pricing"), weak("frontend")]]);
    expect(joined.open).toHaveLength(1);
    expect(joined.open[0]!.nodes).toEqual(new Set(["cart", "pricing"].map(node)));
  });
  test("a new fault elsewhere opens its own", () => {
    expect(run([[strong("cart")], [strong("cart"), strong("ledger")]]).open).toHaveLength(2);
  });
  test("keeps the worst of each symptom", () => {
    const later = strong("cart", { log10P: -40, observed: 900 });
    const [incident] = run([[strong("cart")], [later], [strong("cart")]]).open;
    expect([...incident!.symptoms.values()]).toEqual([later]);
  });
  test("a fault that reaches the users' service a bucket later over services in between is one incident", () => {
    const all = [strong("frontend"), strong("cart"), strong("pricing")];
    const { open, seen } = run([[strong("pricing")], all, all]);
    expect(open).toHaveLength(1);
    expect(seen).toBe(1);
    expect([...open[0]!.nodes].sort()).toEqual(["cart", "frontend", "pricing"].map(node));
  });

  test("an alarm between two incidents joins the one it is seen at, not both", () => {
    const apart = run([
      [strong("cart"), strong("ledger")],
      [strong("cart"), strong("ledger"), strong("ledger>cart")],
    ]);
    expect(apart.open.map((i) => i.symptoms.size).sort((a, b) => a - b)).toEqual([1, 2]);
  });
  test("is localized by failures where there are any", () => {
    const slow = run([[strong("cart")]]).open[0]!;
    const failing = run([[strong("cart"), strong("frontend", { indicator: "ERRORS" })]]).open[0]!;
    expect([leadingIndicator(slow), leadingIndicator(failing)]).toEqual(["LATENCY", "ERRORS"]);
  });
});

describe("closing", () => {
  test.each([
    { name: "two clean buckets", buckets: [[strong("cart")], [], []], closed: 0 },
    { name: "three clean buckets", buckets: [[strong("cart")], [], [], []], closed: 1 },
    {
      name: "a weak deviation of a symptom starts the count anew",
      buckets: [[strong("cart")], [], [], [weak("cart")], [], []],
      closed: 0,
    },
    { name: "a weak deviation elsewhere does not", buckets: [[strong("cart")], [], [weak("bank")], []], closed: 1 },
  ])("$name", ({ buckets, closed }) => expect(run(buckets).closed).toHaveLength(closed));

  test("ends where its last deviating bucket ends", () => {
    const { closed, state } = run([[strong("cart")], [strong("cart")], [], [], []]);
    expect(closed[0]).toMatchObject({ status: "RESOLVED", resolvedAt: 20, firstBucket: 0, lastBucket: 10 });
    expect([state.open, state.spans]).toEqual([[], [{ from: 0, to: 10, nodes: [node("cart")] }]]);
  });
  test("silence is not health: it closes only after half an hour", () => {
    const silence = (count: number) => Array.from({ length: count }, () => "silence" as const);
    expect(run([[strong("cart")], ...silence(179)]).closed).toHaveLength(0);
    expect(run([[strong("cart")], ...silence(180)]).closed).toHaveLength(1);
  });
  test("50 s later it is another incident", () => {
    const { open, closed } = run([[strong("cart")], [], [], [], [], [strong("cart")]]);
    expect([open.length, closed.length, open[0]!.id === closed[0]!.id]).toEqual([1, 1, false]);
  });
  test("an interruption of 20 s is the same incident", () => {
    expect(run([[strong("cart")], [], [], [strong("cart")]]).seen).toBe(1);
  });
});

test("a state is never changed in place: an earlier one is a rollback", () => {
  const first = run([[strong("cart")]]);
  const before = structuredClone(first.state);
  run([[strong("cart")], [strong("cart"), strong("pricing"), strong("bank")]], first.state);
  expect(first.state).toEqual(before);
});

test("newer values replace incidents by id, and nothing else", () => {
  const { state } = run([[strong("cart"), strong("bank")]]);
  const [one, other] = state.open as [ActiveIncident, ActiveIncident];
  const next = withIncidents(state, [{ ...one, startedAt: 3 }]);
  expect(next.open).toEqual([{ ...one, startedAt: 3 }, other]);
});

test("what taints a baseline: symptoms of an open incident, and what deviates more than weakly", () => {
  const { state } = run([[strong("cart")]]);
  const anomalies = [weak("cart"), weak("ads"), moderate("bank")];
  expect(taintedSeries(state, anomalies, TESTS)).toEqual(new Set(["cart", "bank"].map((n) => `service ${node(n)}`)));
});
