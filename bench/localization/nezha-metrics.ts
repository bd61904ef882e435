// Rows of Nezha's pod metric files as OTLP, by the names that the kubelet's receiver gives such figures.
// In: the rows of one pod file. Out: ResourceMetrics in OTLP's JSON form.
// Bounds: pure; a cell that is no number is left out, so a missing measurement stays missing.
import { podResource } from "./nezha-spans.ts";

/** One row of POD_metric.csv: one minute of one pod; columns as in the file's header. */
export type NezhaMetricRow = Readonly<Record<string, string>>;

const GAUGES: readonly { column: string; name: string; unit: string; factor: number }[] = [
  { column: "CpuUsage(m)", name: "k8s.pod.cpu.usage", unit: "{cpu}", factor: 1e-3 },
  { column: "CpuUsageRate(%)", name: "k8s.pod.cpu_limit_utilization", unit: "1", factor: 1e-2 },
  { column: "MemoryUsage(Mi)", name: "k8s.pod.memory.working_set", unit: "By", factor: 2 ** 20 },
  { column: "MemoryUsageRate(%)", name: "k8s.pod.memory_limit_utilization", unit: "1", factor: 1e-2 },
];

// Rates in the files, counters at the kubelet.
const COUNTERS: readonly { column: string; name: string; unit: string; direction: string }[] = [
  { column: "NetworkReceiveBytes", name: "k8s.pod.network.io", unit: "By", direction: "receive" },
  { column: "NetworkTransmitBytes", name: "k8s.pod.network.io", unit: "By", direction: "transmit" },
];

/** When a row was sampled, unix seconds: by its text, for the number beside it is garbled in some files. */
export function sampledAt(row: NezhaMetricRow): number {
  const text = (row["Time"] ?? "").replace(/^(\S+) (\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?).*$/, "$1T$2Z");
  const parsed = Date.parse(text) / 1000;
  return Number.isFinite(parsed) ? parsed : Number(row["TimeStamp"]);
}

const cell = (row: NezhaMetricRow, column: string): number => Number(row[column] || Number.NaN);

const unixNano = (row: NezhaMetricRow): string => `${Math.round(sampledAt(row) * 1000)}000000`;

function gaugePoints(rows: readonly NezhaMetricRow[], column: string, factor: number): object[] {
  return rows
    .filter((row) => Number.isFinite(cell(row, column)))
    .map((row) => ({ timeUnixNano: unixNano(row), asDouble: cell(row, column) * factor }));
}

function counterPoints(rows: readonly NezhaMetricRow[], column: string, direction: string): object[] {
  const known = rows.filter((row) => Number.isFinite(cell(row, column)));
  const start = known[0] === undefined ? "0" : unixNano(known[0]);
  let total = 0;
  return known.map((row, index) => {
    const before = known[index - 1];
    total += before === undefined ? 0 : cell(row, column) * (sampledAt(row) - sampledAt(before));
    const attributes = [{ key: "direction", value: { stringValue: direction } }];
    return { startTimeUnixNano: start, timeUnixNano: unixNano(row), asDouble: total, attributes };
  });
}

/** Makes OTLP of the metric rows of one pod, oldest first. */
export function metricsToOtlp(rows: readonly NezhaMetricRow[]): object {
  const pod = rows[0]?.["PodName"] ?? "";
  const gauges = GAUGES.map(({ column, name, unit, factor }) => ({
    name,
    unit,
    gauge: { dataPoints: gaugePoints(rows, column, factor) },
  }));
  const counters = COUNTERS.map(({ column, name, unit, direction }) => ({
    name,
    unit,
    // 2 = cumulative
    sum: {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: counterPoints(rows, column, direction),
    },
  }));
  const metrics = [...gauges, ...counters];
  return { resourceMetrics: [{ resource: podResource(pod), scopeMetrics: [{ scope: { name: "nezha" }, metrics }] }] };
}
