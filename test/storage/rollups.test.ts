// Minutes and hours are the sums of their buckets, whatever arrived when; readers never see a call twice or not at all.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type GraphPlan, planGraph, readKeptSums } from "../../storage/graph-plan.ts";
import { type GraphEdgeRow, readGraphEdges, readGraphNodes } from "../../storage/graph-reads.ts";
import { rollUp } from "../../storage/rollups.ts";
import { type TestStorage, startTestStorage } from "../fixtures/storage.ts";
import { bruteEdges, bruteNodes, edgeFigures, nodeFigures } from "./graph-sums.ts";
import { HOUR, randomEdge, randomOf, randomOperation, requestOf, writeMinute } from "./graph-seed.ts";

const LONG = { timeout: 240_000 };
let own: TestStorage;
beforeAll(async () => {
  own = await startTestStorage();
});
afterAll(() => own.stop());

const TABLES = [
  "edge_buckets",
  "operation_buckets",
  "edge_minutes",
  "operation_minutes",
  "edge_hours",
  "operation_hours",
];
beforeEach(async () => {
  for (const table of [...TABLES, "minute_rollups", "hour_rollups"]) {
    await own.storage.client.command({ query: `TRUNCATE TABLE ${table}` });
  }
});

/** Random rows of one minute, the given one after HOUR. */
function minuteOf(random: () => number, index: number, rows: number) {
  const bucket = () => HOUR + index * 60 + 10 * Math.floor(random() * 6);
  return {
    edges: Array.from({ length: rows }, () => randomEdge(random, bucket())),
    operations: Array.from({ length: 4 }, () => randomOperation(random, bucket())),
  };
}

/** Fills the minutes [first, end) after HOUR, which have to be empty. */
async function fill(seed: number, first: number, end: number): Promise<void> {
  const random = randomOf(seed);
  const minutes = Array.from({ length: end - first }, (_, index) => minuteOf(random, first + index, 8));
  await own.storage.insertRows(
    "edge_buckets",
    minutes.flatMap(({ edges }) => edges),
  );
  await own.storage.insertRows(
    "operation_buckets",
    minutes.flatMap(({ operations }) => operations),
  );
}

/** Computes a minute anew, with other rows. */
async function replace(seed: number, index: number, rows = 8): Promise<void> {
  const { edges, operations } = minuteOf(randomOf(seed), index, rows);
  await writeMinute(own.storage, HOUR + index * 60, edges, operations);
}

/** Calls until nothing is due any more. */
async function rollAll(now: number): Promise<void> {
  for (let i = 0; i < 40; i++) {
    const before = await planOf(HOUR - 7200, now);
    await rollUp(own.storage, [], now);
    const after = await planOf(HOUR - 7200, now);
    if (JSON.stringify(before) === JSON.stringify(after)) return;
  }
  throw new Error("never done");
}

async function planOf(from: number, to: number): Promise<GraphPlan> {
  const range = { fromSeconds: from, toSeconds: to };
  return planGraph(range, await readKeptSums(own.storage, range), false);
}

async function expectSums(from: number, to: number): Promise<void> {
  const request = requestOf(from, to);
  const brute = await bruteEdges(own.storage, from, to);
  expect(edgeFigures(await readGraphEdges(own.storage, request))).toEqual(brute);
  const nodes = await bruteNodes(own.storage, from, to);
  expect(nodeFigures(await readGraphNodes(own.storage, request, true))).toEqual(nodes);
}

const busy = (rows: readonly GraphEdgeRow[]) => rows.reduce((sum, row) => sum + row.CallerRequests, 0);

test(
  "settled minutes are summed, the newest stays in buckets, and every range sums as its buckets do",
  LONG,
  async () => {
    await fill(1, 0, 5);
    const now = HOUR + 5 * 60;
    await rollUp(own.storage, [{ from: HOUR + 240, to: HOUR + 300 }], now);
    const plan = await planOf(HOUR, HOUR + 300);
    expect(plan.minutes.map(([minute]) => minute)).toEqual([HOUR, HOUR + 60, HOUR + 120, HOUR + 180]);
    expect(plan.open).toEqual([HOUR + 240]);
    await expectSums(HOUR, HOUR + 300);
    await expectSums(HOUR + 30, HOUR + 250);
    await expectSums(HOUR + 70, HOUR + 100);
  },
);

test("an hour is summed from its minutes once it is over, and a day reads it", LONG, async () => {
  await fill(2, 52, 66);
  await rollAll(HOUR + 66 * 60);
  const plan = await planOf(HOUR, HOUR + 66 * 60);
  expect(plan.hours.map(([hour]) => hour)).toEqual([HOUR]);
  expect(plan.minutes[0]?.[0]).toBe(HOUR + 3600);
  await expectSums(HOUR, HOUR + 66 * 60);
  await expectSums(HOUR - 3600, HOUR + 3600);
  await expectSums(HOUR + 3200, HOUR + 66 * 60);
});

test(
  "late data: the minute and its hour are read from buckets at once, and summed again when quiet",
  LONG,
  async () => {
    await fill(3, 52, 66);
    const now = HOUR + 66 * 60;
    await rollAll(now);
    await replace(33, 55, 30);
    const touched = [{ from: HOUR + 3300, to: HOUR + 3330 }];
    await rollUp(own.storage, touched, now);
    const dirty = await planOf(HOUR, now);
    expect(dirty.hours).toEqual([]);
    expect(dirty.open).toContain(HOUR + 3300);
    await expectSums(HOUR, now);
    // Not quiet yet: nothing is summed.
    await rollUp(own.storage, [], now + 30);
    expect((await planOf(HOUR, now)).open).toContain(HOUR + 3300);
    await rollUp(own.storage, [], now + 61);
    const clean = await planOf(HOUR, now);
    expect(clean.hours.map(([hour]) => hour)).toEqual([HOUR]);
    await expectSums(HOUR, now);
  },
);

test("an edge that vanished from its buckets vanishes from minutes and hours", LONG, async () => {
  await fill(4, 52, 66);
  const now = HOUR + 66 * 60;
  await rollAll(now);
  const before = busy(await readGraphEdges(own.storage, requestOf(HOUR, HOUR + 3600)));
  await own.storage.client.command({ query: `DELETE FROM edge_buckets WHERE Bucket < ${HOUR + 3600}` });
  await rollUp(own.storage, [{ from: HOUR + 52 * 60, to: HOUR + 3600 }], now);
  expect(before).toBeGreaterThan(0);
  expect(await readGraphEdges(own.storage, requestOf(HOUR, HOUR + 3600))).toEqual([]);
  await rollAll(now + 100);
  expect((await planOf(HOUR, HOUR + 3600)).hours).toHaveLength(1);
  expect(await readGraphEdges(own.storage, requestOf(HOUR, HOUR + 3600))).toEqual([]);
});

test("superseded sums are deleted once their hour is summed again", LONG, async () => {
  await fill(5, 52, 66);
  const now = HOUR + 66 * 60;
  await rollAll(now);
  await rollUp(own.storage, [{ from: HOUR + 3300, to: HOUR + 3360 }], now);
  await rollUp(own.storage, [], now + 61);
  for (const [table, column] of [
    ["edge_minutes", "Minute"],
    ["operation_minutes", "Minute"],
    ["edge_hours", "Hour"],
    ["operation_hours", "Hour"],
  ] as const) {
    const result = await own.storage.client.query({
      query: `SELECT max(n) AS most FROM (SELECT uniqExact(Revision) AS n FROM ${table} GROUP BY ${column})`,
      format: "JSONEachRow",
    });
    expect(await result.json(), table).toEqual([{ most: 1 }]);
  }
  await expectSums(HOUR, now);
});

test("any order of arrival and roll-up leaves every range equal to its buckets", LONG, async () => {
  const random = randomOf(77);
  await fill(6, 0, 3);
  let now = HOUR + 180;
  let last = 3;
  for (let step = 0; step < 16; step++) {
    const choice = random();
    if (choice < 0.5) {
      await replace(100 + step, last);
      last++;
      now = Math.max(now, HOUR + last * 60);
      await rollUp(own.storage, [{ from: HOUR + (last - 1) * 60, to: HOUR + last * 60 }], now);
    } else if (choice < 0.8) {
      const late = Math.floor(random() * last);
      await replace(200 + step, late, Math.floor(random() * 10));
      await rollUp(own.storage, [{ from: HOUR + late * 60, to: HOUR + late * 60 + 60 }], now);
    } else {
      now += 61;
      await rollUp(own.storage, [], now);
    }
    const from = HOUR + 10 * Math.floor(random() * last * 3);
    const to = from + 10 * (1 + Math.floor(random() * last * 6));
    const edges = edgeFigures(await readGraphEdges(own.storage, requestOf(from, to)));
    expect(edges).toEqual(await bruteEdges(own.storage, from, to));
  }
});
