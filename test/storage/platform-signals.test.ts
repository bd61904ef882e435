// Resource figures for localization: counters that begin anew, and the same facts by the Collector's names and by Prometheus'.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { readResourceWindow } from "../../storage/platform-signals.ts";
import { MESH_START, type MeshPoint, storePoints } from "../fixtures/mesh-metrics.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

let test: TestStorage;
beforeAll(async () => {
  test = await startTestStorage();
});
afterAll(() => test.stop());
beforeEach(() => test.storage.client.command({ query: "TRUNCATE TABLE metrics_numbers" }).then(() => {}));

const buckets = (from: number, to: number): number[] => {
  const starts: number[] = [];
  for (let at = from; at < to; at += 10) starts.push(MESH_START + at);
  return starts;
};
const WINDOWS = { baseline: buckets(0, 60), fault: buckets(60, 120) };
const EVERY_15 = [0, 15, 30, 45, 60, 75, 90, 105];

/** Figures as `side metric` to average, rise and seconds. */
async function figures(instances = ["cart-1"]): Promise<Record<string, number[]>> {
  const rows = await readResourceWindow(test.storage, "default", instances, WINDOWS);
  return Object.fromEntries(
    rows.map((row) => [
      `${row.side} ${row.instance} ${row.metric}`,
      [row.average, row.rise, row.seconds].map((value) => Number(value.toFixed(6))),
    ]),
  );
}

function series(name: string, values: readonly number[], more: Partial<MeshPoint>): MeshPoint[] {
  return EVERY_15.map((at, i) => ({ name, at, value: values[i] ?? 0, attributes: {}, ...more }));
}

// In the fault's minute the container starts anew: its throttled time falls to 2 s, its restarts rise by two.
const THROTTLED_S = [10, 10, 11, 11, 12, 15, 2, 5];
const RESTARTS = [3, 3, 3, 3, 3, 4, 4, 5];
const MEMORY = [100, 100, 100, 100, 180, 180, 180, 180];
const CPU_S = [50, 51.5, 53, 54.5, 56, 69.5, 3, 16.5];

const EXPECTED = {
  "0 cart-1 k8s.container.restarts": [3, 0, 45],
  "1 cart-1 k8s.container.restarts": [4, 2, 45],
  "0 cart-1 container.cpu.throttling_data.throttled_time": [10.5e9, 1e9, 45],
  "1 cart-1 container.cpu.throttling_data.throttled_time": [8.5e9, 8e9, 45],
  "0 cart-1 k8s.container.memory_limit_utilization": [0.5, 0, 45],
  "1 cart-1 k8s.container.memory_limit_utilization": [0.9, 0, 45],
};

it("of the Collector's receivers, over a container's new start", async () => {
  const pod = { Instance: "cart-1" };
  const container = (i: number) => ({ "k8s.container.name": "app", "container.id": i < 6 ? "old" : "new" });
  await storePoints(test.storage, [
    ...series("k8s.container.restarts", RESTARTS, { kind: "gauge", columns: pod }).map((point, i) => ({
      ...point,
      resource: container(i),
    })),
    ...series(
      "container.cpu.throttling_data.throttled_time",
      THROTTLED_S.map((s) => s * 1e9),
      { columns: pod },
    ),
    ...series(
      "k8s.container.memory_limit_utilization",
      MEMORY.map((m) => m / 200),
      { kind: "gauge", columns: pod },
    ),
  ]);
  expect(await figures()).toMatchObject(
    Object.fromEntries(
      Object.entries(EXPECTED).map(([key, value]) => [
        key,
        key.includes("memory") ? [value[0], expect.any(Number), 45] : value,
      ]),
    ),
  );
});

it.each<[string, (name: string, values: readonly number[], attributes: Record<string, string>) => MeshPoint[]]>([
  [
    "by remote write, where the labels became the resource",
    (name, values, attributes) =>
      series(name, values, { attributes, resource: { "k8s.container.name": "app" }, columns: { Instance: "cart-1" } }),
  ],
  [
    "by a Collector's scrape, where they stayed labels of an exporter",
    (name, values, attributes) =>
      series(name, values, {
        attributes: { ...attributes, pod: "cart-1", container: "app", namespace: "shop" },
        columns: { Instance: "kube-state-metrics-0", Service: "kube-state-metrics" },
      }),
  ],
])("of cAdvisor and kube-state-metrics %s", async (_, make) => {
  const gauge = (points: MeshPoint[]): MeshPoint[] => points.map((point) => ({ ...point, kind: "gauge" }));
  const limit = (resource: string, value: number) =>
    gauge(
      make(
        "kube_pod_container_resource_limits",
        EVERY_15.map(() => value),
        { resource },
      ),
    );
  const byContainer = (points: MeshPoint[]) =>
    points.map((point, i) => ({ ...point, attributes: { ...point.attributes, id: i < 6 ? "/old" : "/new" } }));
  await storePoints(test.storage, [
    ...make("kube_pod_container_status_restarts_total", RESTARTS, { uid: "u" }),
    ...byContainer(make("container_cpu_cfs_throttled_seconds_total", THROTTLED_S, {})),
    ...byContainer(make("container_cpu_usage_seconds_total", CPU_S, { cpu: "total" })),
    ...gauge(make("container_memory_working_set_bytes", MEMORY, {})),
    ...limit("memory", 200),
    ...limit("cpu", 1),
  ]);
  expect(await figures()).toEqual({
    ...EXPECTED,
    "0 cart-1 k8s.container.cpu_limit_utilization": [0.1, 0, 45],
    // 13.5 s, then 3 s since the new start, then 13.5 s, of 45.
    "1 cart-1 k8s.container.cpu_limit_utilization": [Number((30 / 45).toFixed(6)), 0, 45],
  });
});

it("delta sums count as they are, other instances and tenants are not read", async () => {
  const name = "container.cpu.throttling_data.throttled_time";
  await storePoints(test.storage, [
    ...series(
      name,
      EVERY_15.map(() => 1e9),
      { kind: "delta", columns: { Instance: "cart-1" } },
    ),
    ...series(name, THROTTLED_S, { columns: { Instance: "cart-2" } }),
    ...series(name, THROTTLED_S, { columns: { Instance: "cart-1", Tenant: "other" } }),
  ]);
  expect(await figures()).toEqual({ [`0 cart-1 ${name}`]: [1e9, 4e9, 45], [`1 cart-1 ${name}`]: [1e9, 4e9, 45] });
});
