// Resource figures of instances beside their own history, under one name whatever the sender calls them.
// In: a tenant, the fault's window, the history. Out: the figures that rose beyond what they usually do, most unusual first.
// Bounds: at most MAX_ROWS rows a read, two reads, and HISTORY_SECONDS of history before the fault; figures that fell are left out.
import { BUCKET_SECONDS, type Windows } from "./buckets.ts";
import type { Storage } from "./client.ts";

/** What a resource figure means; ratios are 0..1 of the limit, rates a second. */
export type ResourceMeaning =
  | "cpu_of_limit"
  | "cpu_cores"
  | "cpu_throttled_ratio"
  | "memory_of_limit"
  | "memory_bytes"
  | "disk_bytes"
  | "disk_io_bytes"
  | "network_errors"
  | "pool_waiting"
  | "gc_ratio";

/** One figure of one instance; `observed` in the window; `median` and `spread` of the history's `points`; `z` is robust. */
export interface ResourceDeviationRow {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly instance: string;
  readonly node: string;
  readonly meaning: ResourceMeaning;
  readonly observed: number;
  readonly median: number;
  readonly spread: number;
  readonly points: number;
  readonly z: number;
}

interface Naming {
  readonly name: string;
  readonly meaning: ResourceMeaning;
  readonly factor: number;
  readonly isCounter: boolean;
}

const gauge = (name: string, meaning: ResourceMeaning, factor = 1): Naming => ({
  name,
  meaning,
  factor,
  isCounter: false,
});
const counter = (name: string, meaning: ResourceMeaning, factor = 1): Naming => ({
  name,
  meaning,
  factor,
  isCounter: true,
});

// The kubelet's receiver, Docker's, cAdvisor, process exporters, runtimes (semantic conventions) and connection pools.
const NAMES: readonly Naming[] = [
  gauge("k8s.pod.cpu_limit_utilization", "cpu_of_limit"),
  gauge("k8s.container.cpu_limit_utilization", "cpu_of_limit"),
  gauge("k8s.pod.cpu.usage", "cpu_cores"),
  gauge("container.cpu.usage", "cpu_cores"),
  gauge("container.cpu.utilization", "cpu_cores"),
  counter("container.cpu.time", "cpu_cores"),
  counter("process.cpu.time", "cpu_cores"),
  counter("container_cpu_usage_seconds_total", "cpu_cores"),
  counter("process_cpu_seconds_total", "cpu_cores"),
  counter("container.cpu.throttling_data.throttled_time", "cpu_throttled_ratio", 1e-9),
  counter("container_cpu_cfs_throttled_seconds_total", "cpu_throttled_ratio"),
  gauge("k8s.pod.memory_limit_utilization", "memory_of_limit"),
  gauge("k8s.container.memory_limit_utilization", "memory_of_limit"),
  gauge("k8s.pod.memory.working_set", "memory_bytes"),
  gauge("container.memory.working_set", "memory_bytes"),
  gauge("container_memory_working_set_bytes", "memory_bytes"),
  gauge("process.memory.usage", "memory_bytes"),
  gauge("k8s.pod.filesystem.usage", "disk_bytes"),
  gauge("container_fs_usage_bytes", "disk_bytes"),
  counter("container_fs_writes_bytes_total", "disk_io_bytes"),
  counter("container_fs_reads_bytes_total", "disk_io_bytes"),
  counter("k8s.pod.network.errors", "network_errors"),
  counter("container_network_receive_packets_dropped_total", "network_errors"),
  counter("container_network_transmit_packets_dropped_total", "network_errors"),
  gauge("db.client.connections.pending_requests", "pool_waiting"),
  gauge("db.client.connection.pending_requests", "pool_waiting"),
  gauge("hikaricp_connections_pending", "pool_waiting"),
  counter("jvm_gc_pause_seconds_sum", "gc_ratio"),
  counter("jvm_gc_collection_seconds_sum", "gc_ratio"),
];

// What is too little to matter, whatever the history: the floor of the scale that a rise is measured by.
const FLOORS: Readonly<Record<ResourceMeaning, number>> = {
  cpu_of_limit: 0.02,
  cpu_cores: 0.02,
  cpu_throttled_ratio: 0.02,
  memory_of_limit: 0.02,
  memory_bytes: 16 * 2 ** 20,
  disk_bytes: 64 * 2 ** 20,
  disk_io_bytes: 2 ** 20,
  network_errors: 1,
  pool_waiting: 1,
  gc_ratio: 0.02,
};

const HISTORY_SECONDS = 3600;
// What is read before the baseline, so that its first points have one before them.
const MARGIN_SECONDS = 120;
// A statement costs a tenth of a second by itself; of so few instances an hour is read in less.
const FEW_INSTANCES = 500;
// With fewer a median and a spread of the baseline say little.
const ENOUGH_POINTS = 8;
const MAX_ROWS = 2000;

/** A row as it is read; `is_short`: it cannot be judged by what was read. */
type ReadRow = ResourceDeviationRow & { readonly is_short: 0 | 1 };

/**
 * Reads the figures of all instances that stand at least `minZ` robust deviations above their history; `instances` = about how many there
 * are. Of many the baseline and a little before it is read first, which mostly says enough; the rest of the hour, most of the points, only of
 * those instances of which it does not.
 */
export async function readResourceDeviations(
  storage: Storage,
  tenant: string,
  windows: Windows,
  minZ: number,
  instances: number,
): Promise<ResourceDeviationRow[]> {
  const begin = Math.min(...windows.fault);
  const whole = begin - HISTORY_SECONDS;
  const near = Math.min(begin, ...windows.baseline) - MARGIN_SECONDS;
  const read = (from: number, named: readonly string[]): Promise<ReadRow[]> =>
    storage.query<ReadRow>("resource_history", {
      tenant,
      fault: windows.fault,
      also: windows.baseline,
      enough_points: ENOUGH_POINTS,
      history_from: from,
      history_to: begin - BUCKET_SECONDS,
      names: NAMES.map(({ name }) => name),
      meanings: NAMES.map(({ meaning }) => meaning),
      factors: NAMES.map(({ factor }) => factor),
      counters: NAMES.map(({ isCounter }) => (isCounter ? 1 : 0)),
      floors: NAMES.map(({ meaning }) => FLOORS[meaning]),
      instances: named,
      is_whole: from === whole ? 1 : 0,
      min_z: minZ,
      max_rows: MAX_ROWS,
    });
  if (instances <= FEW_INSTANCES || near <= whole) return read(whole, []);
  const first = await read(near, []);
  const short = [...new Set(first.filter((row) => row.is_short === 1).map((row) => row.instance))];
  if (short.length === 0) return first;
  // Short ones come first, so with a full page others may be missing.
  if (first.length === MAX_ROWS) return read(whole, []);
  const again = new Set(short);
  const rows = [...first.filter((row) => !again.has(row.instance)), ...(await read(whole, short))];
  const nameOf = (row: ReadRow) => [row.service, row.instance, row.meaning].join("\n");
  return rows.toSorted((a, b) => b.z - a.z || (nameOf(a) < nameOf(b) ? -1 : 1));
}
