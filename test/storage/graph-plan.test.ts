// How a range is divided among hours, minutes and buckets; no storage.
import { expect, test } from "vitest";
import { type KeptSums, planGraph } from "../../storage/graph-plan.ts";
import { randomOf } from "./graph-seed.ts";

const DAY = 1_800_000_000 - (1_800_000_000 % 86_400);
const EVERYTHING: KeptSums = {
  Hours: [],
  Minutes: [],
  FirstBucket: DAY,
  LastBucket: DAY + 86_390,
};
const range = (from: number, to: number) => ({ fromSeconds: DAY + from, toSeconds: DAY + to });
const sums = (step: number, ...starts: number[]) =>
  starts.map((start): readonly [number, number] => [DAY + start * step, 9]);

test("whole hours that hold, then whole minutes that hold, then buckets", () => {
  const kept = { ...EVERYTHING, Hours: sums(3600, 1, 2), Minutes: sums(60, 59, 60, 180, 181) };
  const plan = planGraph(range(3510, 3 * 3600 + 190), kept, false);
  expect(plan.hours).toEqual(sums(3600, 1, 2));
  expect(plan.minutes).toEqual(sums(60, 59, 180, 181));
  expect(plan.open).toEqual([DAY + 58 * 60, DAY + 182 * 60, DAY + 183 * 60]);
  expect(plan.range).toEqual(range(3510, 3 * 3600 + 190));
});

test("instances are read from buckets alone", () => {
  const kept = { ...EVERYTHING, Hours: sums(3600, 0), Minutes: sums(60, 60) };
  const plan = planGraph(range(3540, 3660), kept, true);
  expect([plan.hours, plan.minutes, plan.open.length]).toEqual([[], [], 2]);
});

test("where buckets are gone a part of a minute is answered by the minute, and then by the hour", () => {
  const noBuckets = { ...EVERYTHING, FirstBucket: DAY + 7200, Minutes: sums(60, 10, 11, 12), Hours: sums(3600, 0) };
  const minutes = planGraph(range(630, 720), noBuckets, false);
  expect(minutes.minutes).toEqual(sums(60, 10, 11));
  expect(minutes.range).toEqual(range(600, 720));
  const hours = planGraph(range(630, 720), { ...noBuckets, Minutes: [] }, false);
  expect(hours.hours).toEqual(sums(3600, 0));
  expect(hours.range).toEqual(range(0, 3600));
});

test("nothing kept, nothing read", () => {
  const nothing = { ...EVERYTHING, FirstHour: 0, FirstMinute: 0, FirstBucket: 0, LastBucket: 0 };
  expect(planGraph(range(0, 900), nothing, false)).toMatchObject({ hours: [], minutes: [], open: [] });
});

test("every bucket of a range is read exactly once, whatever holds", () => {
  const random = randomOf(5);
  for (let round = 0; round < 200; round++) {
    const some = (step: number, count: number) =>
      sums(step, ...Array.from({ length: count }, (_, i) => i).filter(() => random() < 0.6));
    const kept = { ...EVERYTHING, Hours: some(3600, 4), Minutes: some(60, 240) };
    const from = 10 * Math.floor(random() * 1000);
    const to = from + 10 * (1 + Math.floor(random() * 400));
    const plan = planGraph(range(from, to), kept, false);
    const read = new Map<number, number>();
    const add = (start: number, length: number) => {
      for (let bucket = start; bucket < start + length; bucket += 10) read.set(bucket, (read.get(bucket) ?? 0) + 1);
    };
    for (const [hour] of plan.hours) add(hour, 3600);
    for (const [minute] of plan.minutes) add(minute, 60);
    for (const minute of plan.open) {
      const start = Math.max(minute, DAY + from);
      add(start, Math.min(minute + 60, DAY + to) - start);
    }
    const wanted = Array.from({ length: (to - from) / 10 }, (_, i) => DAY + from + 10 * i);
    expect([...read.keys()].toSorted((a, b) => a - b)).toEqual(wanted);
    expect([...read.values()].every((times) => times === 1)).toBe(true);
  }
});
