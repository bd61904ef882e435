// Histograms of sums that leave out their first sixteens, beside older ones that do not: reads add them bucket by bucket.
import { afterAll, beforeAll, expect, test } from "vitest";
import { readGraphEdges, readGraphNodes } from "../../storage/graph-reads.ts";
import { rollUp } from "../../storage/rollups.ts";
import { type TestStorage, startTestStorage } from "../fixtures/storage.ts";
import { HOUR, requestOf } from "./graph-seed.ts";

const LONG = { timeout: 240_000 };
let own: TestStorage;
beforeAll(async () => {
  own = await startTestStorage();
});
afterAll(() => own.stop());

/** 96 buckets with the given ones filled. */
function histogram(filled: Readonly<Record<number, number>>): number[] {
  return Array.from({ length: 96 }, (_, i) => filled[i] ?? 0);
}

test("a histogram that begins later is added where it belongs", LONG, async () => {
  const place = { Tenant: "default", Revision: 5 };
  const ends = {
    SrcKind: "service",
    SrcService: "a",
    DstKind: "service",
    DstService: "b",
    CallerCalls: 1,
    CalleeCalls: 1,
  };
  const at = (minute: number, more: object) => ({ ...place, Minute: HOUR + 60 * minute, ...more });
  await own.storage.insertRows("edge_minutes", [
    at(0, { ...ends, CallerHist: histogram({ 3: 1, 40: 2 }).slice(0, 48), CalleeHist: [] }),
    at(1, {
      ...ends,
      CallerHist: histogram({ 1: 7, 8: 3 }).slice(0, 16),
      CallerHistStart: 2,
      CalleeHist: [4, 5],
      CalleeHistStart: 5,
    }),
  ]);
  await own.storage.insertRows("operation_minutes", [
    at(0, { Service: "b", Operation: "x", Requests: 1, Hist: histogram({ 3: 1 }).slice(0, 16) }),
    at(1, { Service: "b", Operation: "x", Requests: 1, Hist: [9], HistStart: 1 }),
  ]);
  await own.storage.insertRows(
    "minute_rollups",
    [0, 1].map((minute) => ({ Minute: HOUR + 60 * minute, Revision: 5, At: HOUR, Stamp: 5 })),
  );
  const request = requestOf(HOUR, HOUR + 120, { detail: "SERVICE" });
  const [edge] = await readGraphEdges(own.storage, request);
  expect(edge?.CallerHistogram).toEqual(histogram({ 3: 1, 33: 7, 40: 5 }).slice(0, 48));
  expect(edge?.CalleeHistogram).toEqual([...histogram({}).slice(0, 80), 4, 5]);
  const [node] = await readGraphNodes(own.storage, request, true);
  expect(node?.Histogram).toEqual([...histogram({ 3: 1 }).slice(0, 16), 9]);
});

test(
  "roll-ups store what lies between the first and the last call, and hours add what minutes left out",
  LONG,
  async () => {
    for (const table of ["edge_minutes", "operation_minutes", "minute_rollups"]) {
      await own.storage.client.command({ query: `TRUNCATE TABLE ${table}` });
    }
    const bucket = (second: number, hist: number[]) => ({
      Tenant: "default",
      Bucket: HOUR + second,
      SrcKind: "service",
      SrcService: "a",
      DstKind: "service",
      DstService: "b",
      CallerCalls: 1,
      CallerHist: hist,
      CalleeHist: [],
    });
    await own.storage.insertRows("edge_buckets", [
      ...Array.from({ length: 60 }, (_, minute) => bucket(60 * minute, histogram({ [minute % 2 === 0 ? 35 : 70]: 1 }))),
      bucket(3800, histogram({ 0: 1 })),
    ]);
    for (let turn = 0; turn < 8; turn++) await rollUp(own.storage, [], HOUR + 3800 + turn * 10);
    const stored = async (query: string) => (await own.storage.client.query({ query, format: "JSONEachRow" })).json();
    expect(
      await stored(
        "SELECT DISTINCT CallerHistStart AS at, length(CallerHist) AS n, CalleeHistStart AS other FROM edge_minutes ORDER BY at",
      ),
    ).toEqual([
      { at: 2, n: 16, other: 0 },
      { at: 4, n: 16, other: 0 },
    ]);
    expect(await stored("SELECT CallerHistStart AS at, length(CallerHist) AS n FROM edge_hours")).toEqual([
      { at: 2, n: 48 },
    ]);
    const [edge] = await readGraphEdges(own.storage, requestOf(HOUR, HOUR + 3600, { detail: "SERVICE" }));
    expect(edge?.CallerHistogram).toEqual(histogram({ 35: 30, 70: 30 }).slice(0, 80));
  },
);
