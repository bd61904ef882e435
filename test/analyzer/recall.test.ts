// A restart forgets nothing that matters: the state found again equals the state that was lost, wherever the restart falls.
import { beforeAll, describe, expect, test } from "vitest";
import { learnBaselines } from "../../analyzer/baseline.ts";
import { detectBucket } from "../../analyzer/detect.ts";
import { History } from "../../analyzer/history.ts";
import {
  type ActiveIncident,
  type IncidentState,
  NO_INCIDENTS,
  stepIncidents,
  taintedSeries,
} from "../../analyzer/incident.ts";
import { NO_HITS } from "../../analyzer/impact.ts";
import { recallIncidents } from "../../analyzer/recall.ts";
import { TenantMemory } from "../../analyzer/tenant.ts";
import type { ServiceBucketRow } from "../../storage/buckets.ts";
import { symptomKey, witnessKey } from "../../analyzer/witness.ts";
import { seededRandom } from "../scenarios/traffic.ts";
import { anomaly, histogramOf, node } from "./made.ts";

const BUCKETS = 30;
const OPTIONS = { baselineBuckets: 30, graceSeconds: 6 };
// Slow in buckets 8-13 and, after a pause of two, 16-17; slow again in 24.
const isSlow = (b: number) => (b >= 8 && b <= 13) || b === 16 || b === 17 || b === 24;

function rowsOf(bucket: number, random: () => number): ServiceBucketRow[] {
  const requests = 90 + Math.floor(random() * 20);
  const slow = Math.floor(requests * (isSlow(bucket / 10) ? 0.5 : 0.02 * random()));
  const hist = histogramOf([requests - slow, 10], [slow, 200]);
  const about = { bucket, cluster: "", namespace: "", service: "cart", requests, failed: 0 };
  return [{ ...about, degraded: 0, origin_failed: 0, total_ns: 0, self_ns: 0, hist }];
}

/** What a process that never stops knows after each bucket. */
function live() {
  const random = seededRandom(11);
  const history = new History(180, 10);
  const taints = new Map<number, ReadonlySet<string>>();
  const states: IncidentState[] = [];
  const stored = new Map<string, ActiveIncident>();
  const asStored: (readonly ActiveIncident[])[] = [];
  const rows: ServiceBucketRow[] = [];
  let state = NO_INCIDENTS;
  for (let bucket = 0; bucket < BUCKETS * 10; bucket += 10) {
    rows.push(...rowsOf(bucket, random));
    history.replace(bucket, bucket + 10, rows.slice(-1), []);
    const baselines = learnBaselines(history, bucket, (s, b) => taints.get(b)?.has(s.key) ?? false, 30);
    const { anomalies, judged, tests } = detectBucket(history, bucket, baselines);
    const stepped = stepIncidents(state, {
      tenant: "t",
      bucket,
      anomalies,
      tests,
      judged,
      callees: new Map(),
      graceSeconds: 6,
    });
    state = stepped.state;
    taints.set(bucket, taintedSeries(state, anomalies, tests));
    states.push(state);
    for (const one of [...stepped.closed, ...state.open]) stored.set(one.id, one);
    asStored.push([...stored.values()]);
  }
  return { rows, states, asStored };
}

describe("recallIncidents", () => {
  let world: ReturnType<typeof live>;
  beforeAll(() => {
    world = live();
  });

  test("the made-up hour holds two incidents", () => {
    expect(world.asStored.at(-1)!.map((i) => [i.firstBucket, i.lastBucket, i.status])).toEqual([
      [80, 170, "RESOLVED"],
      [240, 240, "RESOLVED"],
    ]);
  });

  // What storage knows: no clean count, no last bucket of an open incident.
  const forget = (one: ActiveIncident, until: number): ActiveIncident => {
    return one.status === "OPEN" ? { ...one, lastBucket: until - 10, clean: 0 } : one;
  };
  test.each(Array.from({ length: BUCKETS - 4 }, (_, i) => i + 4))("a restart before bucket %d", (cut) => {
    const until = cut * 10;
    const history = new History(180, 10);
    history.replace(0, until, world.rows.slice(0, cut), []);
    const stored = world.asStored[cut - 1]!.map((one) => forget(one, until));
    const { state } = recallIncidents("t", history, stored, until, () => false, OPTIONS);
    expect(state).toEqual(world.states[cut - 1]);
  });

  test.each([9, 12, 15, 18, 19])("late data of bucket %d, after a restart when all was over", (cut) => {
    const until = cut * 10;
    const history = new History(180, 10);
    history.replace(0, until, world.rows.slice(0, cut), []);
    const { state } = recallIncidents("t", history, world.asStored.at(-1)!.slice(0, 1), until, () => false, OPTIONS);
    expect(state.open).toEqual(world.states[cut - 1]!.open);
  });

  test("an incident that the buckets do not show any more stays open as stored, one that storage does not know is not invented", () => {
    const [incident] = world.states[10]!.open;
    const nothing = recallIncidents("t", new History(180, 10), [incident!], 110, () => false, OPTIONS);
    expect(nothing.state.open).toEqual([incident]);
    const history = new History(180, 10);
    history.replace(0, 110, world.rows.slice(0, 11), []);
    expect(recallIncidents("t", history, [], 110, () => false, OPTIONS).state.open).toEqual([]);
  });
});

describe("TenantMemory", () => {
  const state = (id: string): IncidentState => ({ ...NO_INCIDENTS, open: [{ id } as ActiveIncident] });
  test("goes on from the bucket before, and a rollback forgets what came after", () => {
    const memory = new TenantMemory("t", 180);
    expect([memory.analyzedUntil, memory.stateBefore(100)]).toEqual([null, NO_INCIDENTS]);
    memory.remember(100, state("a"), new Set(["x"]));
    memory.remember(110, state("b"), new Set());
    expect(memory.analyzedUntil).toBe(120);
    expect(memory.stateBefore(110).open[0]!.id).toBe("a");
    expect([...memory.rollback(110).keys()]).toEqual(["b"]);
    expect(memory.stateBefore(999).open[0]!.id).toBe("a");
    expect([memory.hasAnalyzed(100), memory.hasAnalyzed(110)]).toEqual([true, false]);
  });
  test("keeps as many buckets as it is told", () => {
    const memory = new TenantMemory("t", 3);
    for (let b = 0; b <= 100; b += 10) memory.remember(b, state(String(b)), new Set());
    expect([0, 60, 70, 100].map((b) => memory.hasAnalyzed(b))).toEqual([false, false, true, true]);
  });
});

test("the bucket in which a fault began teaches nothing, though only the next one shows it; a rollback takes that back", () => {
  const memory = new TenantMemory("t", 180);
  const symptom = anomaly("cart");
  const incident: ActiveIncident = {
    id: "i",
    status: "OPEN",
    firstBucket: 100,
    lastBucket: 100,
    startedAt: 97,
    detectedAt: 116,
    resolvedAt: null,
    clean: 0,
    silent: 0,
    symptoms: new Map([[symptomKey(symptom), symptom]]),
    nodes: new Set([node("cart")]),
    hits: NO_HITS,
    localization: null,
  };
  memory.remember(90, NO_INCIDENTS, new Set());
  memory.remember(100, { ...NO_INCIDENTS, open: [incident] }, new Set([witnessKey(symptom)]));
  const tainted = () => [80, 90, 100].map((b) => memory.isKeyTainted(witnessKey(symptom), b));
  expect(tainted()).toEqual([false, true, true]);
  memory.rollback(100);
  expect(tainted()).toEqual([false, false, false]);
});
