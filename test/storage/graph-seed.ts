// Random buckets of a small mesh for the tests of roll-ups and graph reads, and their sums by brute force.
import type { GraphRequest } from "../../storage/graph-reads.ts";
import type { Storage } from "../../storage/client.ts";

/** A minute's start in unix seconds, an hour's start too; recent, so that no retention takes it. */
export const HOUR = Math.floor(Date.now() / 3_600_000) * 3600 - 6 * 3600;

/** A repeatable source of numbers in [0, 1). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const SOURCES = ["spans", "access_logs", "metrics"] as const;

/** One row of edge_buckets with everything different from zero now and then; times in whole microseconds, as sums keep them. */
export function randomEdge(random: () => number, bucket: number, tenant = "default"): Record<string, unknown> {
  const pick = (n: number) => Math.floor(random() * n);
  const source = SOURCES[pick(3)] ?? "spans";
  const histogram = (calls: number) => {
    const counts = Array.from({ length: 96 }, () => 0);
    for (let i = 0; i < calls; i++) {
      const slot = 20 + pick(40);
      counts[slot] = (counts[slot] ?? 0) + 1;
    }
    return calls === 0 ? [] : counts;
  };
  const callerCalls = pick(5);
  const calleeCalls = pick(5);
  const virtual = pick(8) === 0;
  const service = `s${pick(4)}`;
  return {
    Tenant: tenant,
    Bucket: bucket,
    Source: source,
    SrcKind: pick(9) === 0 ? "unknown" : "service",
    SrcCluster: `c${pick(2)}`,
    SrcNamespace: "shop",
    SrcService: service,
    SrcVersion: `v${pick(2)}`,
    SrcInstance: `${service}-${pick(2)}`,
    DstKind: virtual ? "database" : "service",
    DstCluster: `c${pick(2)}`,
    DstNamespace: virtual ? "" : "shop",
    DstService: virtual ? "postgresql" : `s${pick(4)}`,
    DstVersion: virtual ? "" : `v${pick(2)}`,
    DstInstance: virtual ? "" : `i${pick(2)}`,
    Protocol: pick(2) === 0 ? "http" : "grpc",
    Evidence: source === "spans" ? (pick(3) === 0 ? "inferred" : "span-pair") : "access-log",
    CallerCalls: callerCalls,
    CallerFailed: pick(callerCalls + 1),
    CallerDegraded: pick(2),
    CallerCancelled: pick(2),
    CallerNs: 1000 * (callerCalls * 1_234 + pick(1000)),
    CallerHist: histogram(callerCalls),
    CalleeCalls: calleeCalls,
    CalleeFailed: pick(calleeCalls + 1),
    CalleeDegraded: pick(2),
    CalleeCancelled: pick(2),
    CalleeNs: 1000 * (calleeCalls * 1_034 + pick(1000)),
    CalleeHist: histogram(calleeCalls),
    NeverArrived: pick(2),
    OriginFailed: pick(2),
    GapNs: 1000 * pick(1_000),
    ProxyNs: 1000 * pick(1_000),
    Retries: pick(3),
    RequestBytes: pick(10_000),
    ResponseBytes: pick(10_000),
    SecuredCalls: pick(4),
    PlainCalls: pick(4),
    OffsetNs: 1000 * (pick(2_000) - 1_000),
    OffsetCalls: pick(3),
    Flags: pick(3) === 0 ? { UF: 1 + pick(3), URX: 1 } : {},
  };
}

/** One row of operation_buckets. */
export function randomOperation(random: () => number, bucket: number): Record<string, unknown> {
  const pick = (n: number) => Math.floor(random() * n);
  const requests = 1 + pick(9);
  const counts = Array.from({ length: 96 }, () => 0);
  counts[30 + pick(9)] = requests;
  return {
    Tenant: "default",
    Bucket: bucket,
    Cluster: `c${pick(2)}`,
    Namespace: "shop",
    Service: `s${pick(4)}`,
    Version: `v${pick(2)}`,
    Instance: `i${pick(2)}`,
    Node: "",
    Operation: `GET /${pick(3)}`,
    Protocol: "http",
    Requests: requests,
    Failed: pick(requests),
    Degraded: pick(2),
    Cancelled: pick(2),
    OriginFailed: pick(2),
    TotalNs: requests * 2_345_000,
    SelfNs: requests * 1_345_000,
    Hist: counts,
    SelfHist: counts,
    Flags: {},
  };
}

/** Replaces one minute of both tables, as the analyzer does. */
export async function writeMinute(
  storage: Storage,
  minute: number,
  edges: readonly Record<string, unknown>[],
  operations: readonly Record<string, unknown>[],
): Promise<void> {
  for (const [table, rows] of [
    ["edge", edges],
    ["operation", operations],
  ] as const) {
    await storage.command(`clear_${table}_staging`);
    await storage.insertRows(`${table}_buckets_staging`, rows);
    const settings = { allow_replace_partition_from_empty_source: 1 };
    await storage.command(`replace_${table}_minute`, { partition: String(minute) }, settings);
  }
}

/** A request for all that there is of a range. */
export function requestOf(from: number, to: number, more: Partial<GraphRequest> = {}): GraphRequest {
  return {
    tenant: "default",
    range: { fromSeconds: from, toSeconds: to },
    detail: "VERSION",
    limit: 100_000,
    histograms: true,
    knownAtMs: null,
    mergeClusters: false,
    ...more,
  };
}
