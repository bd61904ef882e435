// Resource figures beside their own history: gauges and counters by any sender's name, what counts as history, what is left out.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readResourceDeviations } from "../../storage/resource-history.ts";
import { MESH_START, type MeshPoint, storePoints } from "../fixtures/mesh-metrics.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

let store: TestStorage;
beforeAll(async () => {
  store = await startTestStorage();
});
afterAll(() => store.stop());
beforeEach(() => store.storage.client.command({ query: "TRUNCATE TABLE metrics_numbers" }).then(() => {}));

const buckets = (from: number, to: number) =>
  Array.from({ length: (to - from) / 10 }, (_, i) => MESH_START + from + 10 * i);
// The history is the hour before 3600; the fault's window is one minute.
const FAULT = buckets(3600, 3660);
const MINUTES = Array.from({ length: 61 }, (_, i) => i * 60);

function series(
  name: string,
  instance: string,
  kind: MeshPoint["kind"],
  valueAt: (minute: number) => number,
): MeshPoint[] {
  const columns = { Service: "cart", Namespace: "shop", Instance: instance };
  return MINUTES.map((at, i) => ({
    name,
    at: at + 29,
    value: valueAt(i),
    kind: kind ?? "gauge",
    attributes: {},
    columns,
  }));
}

const [FEW, MANY] = [10, 10_000];
const read = (baseline: readonly number[] = buckets(3000, 3060), minZ = 3, instances = FEW) =>
  readResourceDeviations(store.storage, "default", { fault: FAULT, baseline: [...baseline] }, minZ, instances);

test("a gauge far above its own median, and not its neighbours'", async () => {
  await storePoints(store.storage, [
    ...series("k8s.pod.cpu_limit_utilization", "cart-1", "gauge", (i) => (i === 60 ? 0.9 : 0.1 + 0.001 * (i % 3))),
    ...series("k8s.pod.cpu_limit_utilization", "cart-2", "gauge", () => 0.95),
  ]);
  const [row, ...more] = await read();
  expect(more).toEqual([]);
  expect(row).toMatchObject({
    service: "cart",
    namespace: "shop",
    instance: "cart-1",
    meaning: "cpu_of_limit",
    observed: 0.9,
    median: 0.101,
    points: 60,
  });
  // The floor of the scale: 0.02 of the limit.
  expect(row!.z).toBeCloseTo((0.9 - 0.101) / 0.02, 3);
});

test("a counter by its rate, whatever it stood at, and anew after a restart", async () => {
  let total = 1e6;
  await storePoints(
    store.storage,
    series("container_cpu_usage_seconds_total", "cart-1", "cumulative", (i) => {
      if (i === 30) total = 0;
      total += i === 60 ? 120 : 6;
      return total;
    }),
  );
  expect(await read()).toMatchObject([{ meaning: "cpu_cores", observed: 2, median: 0.1, points: 59 }]);
});

test("a baseline that holds enough points is the whole history", async () => {
  await storePoints(
    store.storage,
    // Bad for half an hour already: the hour before would call it usual.
    series("k8s.pod.memory_limit_utilization", "cart-1", "gauge", (i) => (i >= 20 ? 0.95 : 0.3)),
  );
  expect(await read()).toEqual([]);
  expect(await read(buckets(0, 900))).toMatchObject([{ observed: 0.95, median: 0.3, points: 15 }]);
});

test("what fell, and what has no point in the window or before it, is left out", async () => {
  await storePoints(store.storage, [
    ...series("k8s.pod.cpu_limit_utilization", "cart-1", "gauge", (i) => (i === 60 ? 0 : 0.9)),
    ...series("k8s.pod.memory.working_set", "cart-2", "gauge", (i) => (i < 60 ? 1e8 : Number.NaN)).slice(0, 60),
    ...series("k8s.pod.memory.working_set", "cart-3", "gauge", () => 1e12).slice(60),
  ]);
  expect(await read()).toEqual([]);
});

test("of many instances less is read, and the same is found", async () => {
  // Scraped every 15 s: the baseline says enough. Every minute, or first seen within it: the hour must be read.
  const every = (seconds: number, instance: string, from: number, valueAt: (at: number) => number): MeshPoint[] =>
    Array.from({ length: Math.floor((3700 - from) / seconds) }, (_, i) => from + i * seconds).flatMap((at) =>
      (["k8s.pod.memory.working_set", "container_cpu_usage_seconds_total"] as const).map((name) => ({
        name,
        at,
        value: valueAt(at),
        kind: name === "k8s.pod.memory.working_set" ? ("gauge" as const) : ("cumulative" as const),
        attributes: {},
        columns: { Service: "cart", Namespace: "shop", Instance: instance },
      })),
    );
  const sway = (at: number) => (at >= 3600 ? 9e9 : 1e9) + 1e7 * (at % 7) + 2e5 * at;
  await storePoints(store.storage, [
    ...every(7, "often-1", 0, sway),
    ...every(7, "often-2", 0, (at) => sway(at % 3600)),
    ...every(31, "seldom-1", 4, sway),
    ...every(31, "seldom-2", 4, (at) => sway(at % 3600)),
    ...every(7, "new-1", 3330, sway),
    ...every(97, "rare-1", 50, sway),
  ]);
  for (const baseline of [buckets(3300, 3590), buckets(3500, 3590), buckets(2000, 2300), buckets(-600, -300)]) {
    const whole = await read(baseline, -1e15, FEW);
    expect(whole.length).toBeGreaterThan(9);
    const parts = await read(baseline, -1e15, MANY);
    expect(parts).toEqual(whole);
  }
});
