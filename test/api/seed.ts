// Rows for the tests of the API, written straight into the tables that the analyzer and ingest fill.
import { bucketOf } from "../../model/histogram.ts";
import type { Storage } from "../../storage/client.ts";

/** The tenant of the tests. */
export const TENANT = "default";

/** 96 counts with `count` requests of one duration. */
export function histogram(durationMs: number, count: number): number[] {
  const counts = Array.from({ length: 96 }, () => 0);
  counts[bucketOf(durationMs * 1e6)] = count;
  return counts;
}

interface Side {
  readonly calls: number;
  readonly failed?: number;
  readonly degraded?: number;
  readonly ms?: number;
}

/** One edge of one bucket; places are `cluster/namespace/service/version/instance`, '' is an unknown caller. */
export interface EdgeSeed {
  readonly from: string;
  readonly to: string;
  readonly fromKind?: "unknown" | "service" | "messaging";
  readonly toKind?: "service" | "database" | "messaging" | "external";
  readonly protocol?: string;
  readonly evidence?: string;
  readonly caller?: Side;
  readonly callee?: Side;
  readonly tenant?: string;
  readonly source?: "spans" | "access_logs" | "metrics";
  /** Other columns of edge_buckets. */
  readonly more?: Record<string, unknown>;
}

function place(prefix: string, path: string): Record<string, string> {
  const [cluster = "", namespace = "", service = "", version = "", instance = ""] = path.split("/");
  return {
    [`${prefix}Cluster`]: cluster,
    [`${prefix}Namespace`]: namespace,
    [`${prefix}Service`]: service,
    [`${prefix}Version`]: version,
    [`${prefix}Instance`]: instance,
  };
}

function ledger(prefix: "Caller" | "Callee", side: Side | undefined): Record<string, unknown> {
  const calls = side?.calls ?? 0;
  return {
    [`${prefix}Calls`]: calls,
    [`${prefix}Failed`]: side?.failed ?? 0,
    [`${prefix}Degraded`]: side?.degraded ?? 0,
    [`${prefix}Cancelled`]: 0,
    [`${prefix}Ns`]: Math.round(calls * (side?.ms ?? 0) * 1e6),
    [`${prefix}Hist`]: calls === 0 ? [] : histogram(side?.ms ?? 1, calls),
  };
}

/** Writes edges of one bucket (unix seconds). */
export async function seedEdges(storage: Storage, bucket: number, edges: readonly EdgeSeed[]): Promise<void> {
  await storage.insertRows(
    "edge_buckets",
    edges.map((edge) => ({
      Tenant: edge.tenant ?? TENANT,
      Bucket: bucket,
      SrcKind: edge.fromKind ?? (edge.from === "" ? "unknown" : "service"),
      ...place("Src", edge.from),
      DstKind: edge.toKind ?? "service",
      ...place("Dst", edge.to),
      Protocol: edge.protocol ?? "http",
      Evidence: edge.evidence ?? "span-pair",
      ...ledger("Caller", edge.caller),
      ...ledger("Callee", edge.callee),
      NeverArrived: 0,
      OriginFailed: 0,
      GapNs: 0,
      Flags: {},
      Source: edge.source ?? "spans",
      ...edge.more,
    })),
  );
}

/** What one place answered in one bucket, by operation. */
export interface OperationSeed {
  readonly at: string;
  readonly operation: string;
  readonly requests: number;
  readonly failed?: number;
  readonly ms?: number;
}

/** Writes operations of one bucket (unix seconds). */
export async function seedOperations(storage: Storage, bucket: number, rows: readonly OperationSeed[]): Promise<void> {
  await storage.insertRows(
    "operation_buckets",
    rows.map((row) => ({
      Tenant: TENANT,
      Bucket: bucket,
      ...place("", row.at),
      Node: "",
      Operation: row.operation,
      Protocol: "http",
      Requests: row.requests,
      Failed: row.failed ?? 0,
      Degraded: 0,
      Cancelled: 0,
      OriginFailed: 0,
      TotalNs: 0,
      SelfNs: 0,
      Hist: histogram(row.ms ?? 1, row.requests),
      SelfHist: [],
      Flags: {},
    })),
  );
}

/** Writes known instances, `cluster/namespace/service/version/instance` each. */
export async function seedEntities(
  storage: Storage,
  lastSeen: number,
  places: readonly { at: string; runtime?: string; isolation?: string; node?: string }[],
): Promise<void> {
  await storage.insertRows(
    "entities",
    places.map(({ at, runtime = "RUNC", isolation = "", node = "" }) => ({
      Tenant: TENANT,
      ...place("", at),
      Node: node,
      Runtime: runtime,
      Isolation: isolation,
      LastSeen: lastSeen,
    })),
  );
}

/** Says that buckets (unix seconds) arrived with `rows` spans each, and were analysed with `analyzed` of them. */
export async function seedProgress(
  storage: Storage,
  buckets: readonly number[],
  rows: number,
  analyzed: number | null,
): Promise<void> {
  await storage.insertRows(
    "arrivals",
    buckets.map((bucket) => ({ Tenant: TENANT, Signal: "spans", Bucket: bucket, RowCount: rows })),
  );
  if (analyzed === null) return;
  await storage.insertRows(
    "analyzed_buckets",
    buckets.map((bucket) => ({ Tenant: TENANT, Bucket: bucket, RowCount: analyzed, Revision: 1 })),
  );
}
