// What the dashboard's SQL is tried on: five minutes of a small shop, written straight into the tables.
// In: a migrated storage. Out: rows with round figures, so that a test can say what each panel must show.
// Bounds: fixed times; nothing depends on the clock.
import { bucketOf, HISTOGRAM_BUCKETS } from "../../model/histogram.ts";
import type { Storage } from "../../storage/client.ts";

const START_S = Date.UTC(2026, 0, 5, 10, 0, 0) / 1000;
const BUCKETS = 30;
const GRAIN_S = 10;

/** The seeded range in unix seconds, and every service in it. */
export const SEED = {
  fromSeconds: START_S,
  toSeconds: START_S + BUCKETS * GRAIN_S,
  services: ["frontend", "catalog", "worker", "cron"],
};

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();
const buckets = Array.from({ length: BUCKETS }, (_, i) => START_S + i * GRAIN_S);

function histogram(count: number, ms: number): number[] {
  const counts = Array.from({ length: HISTOGRAM_BUCKETS }, () => 0);
  counts[bucketOf(ms * 1e6)] = count;
  return counts;
}

/** Writes the shop: 10 requests a second to frontend, 12 attempts at catalog of which 10 arrive, a fifth failing. */
export async function seedDashboard(storage: Storage): Promise<void> {
  const service = (name: string): object => ({ Cluster: "east", Namespace: "shop", Service: name });
  const source = (kind: string, name: string): object => ({
    SrcKind: kind,
    SrcCluster: kind === "unknown" ? "" : "east",
    SrcNamespace: kind === "service" ? "shop" : "",
    SrcService: name,
  });
  const target = (kind: string, name: string): object => ({
    DstKind: kind,
    DstCluster: "east",
    DstNamespace: kind === "service" ? "shop" : "",
    DstService: name,
  });
  const caller = (calls: number, failed: number): object => ({
    CallerCalls: calls,
    CallerFailed: failed,
    CallerHist: histogram(calls, 45),
  });
  const callee = (calls: number, failed: number): object => ({
    CalleeCalls: calls,
    CalleeFailed: failed,
    CalleeHist: histogram(calls, 40),
  });
  const edges = buckets.flatMap((at) =>
    [
      { ...source("unknown", ""), ...target("service", "frontend"), Protocol: "http", ...callee(100, 0) },
      {
        ...source("service", "frontend"),
        ...target("service", "catalog"),
        Protocol: "grpc",
        ...caller(120, 30),
        ...callee(100, 20),
      },
      { ...source("service", "catalog"), ...target("database", "products"), Protocol: "sql", ...caller(50, 0) },
      { ...source("service", "catalog"), ...target("messaging", "orders"), Protocol: "kafka", ...caller(50, 0) },
      { ...source("messaging", "orders"), ...target("service", "worker"), Protocol: "kafka", ...callee(50, 0) },
    ].map((edge) => ({ Tenant: "default", Bucket: iso(at), Evidence: "span-pair", ...edge })),
  );
  await storage.insertRows("edge_buckets", edges);
  const operations = buckets.flatMap((at) =>
    [
      { ...service("frontend"), Requests: 100, Failed: 0 },
      { ...service("catalog"), Requests: 100, Failed: 20 },
      { ...service("worker"), Requests: 50, Failed: 0 },
      { ...service("cron"), Requests: 1, Failed: 0 },
    ].map((row) => ({
      Tenant: "default",
      Bucket: iso(at),
      Operation: "op",
      Hist: histogram(row.Requests, 40),
      ...row,
    })),
  );
  await storage.insertRows("operation_buckets", operations);

  const spans = buckets.flatMap((at) =>
    ["frontend", "catalog"].map((name) => ({
      Timestamp: iso(at),
      IngestedAt: iso(at + 3),
      Duration: 1_000_000_000,
      TraceId: `trace-${at}`,
      SpanId: `${name}-${at}`,
      SpanKind: "Server",
      Tenant: "default",
      ...service(name),
    })),
  );
  await storage.insertRows("spans", spans);
  const promoted = { Tenant: "default", Timestamp: iso(START_S + 5) };
  await storage.insertRows("logs", [{ ...promoted, Body: "started" }]);
  await storage.insertRows("metrics_numbers", [{ ...promoted, MetricName: "cpu", Value: 1 }]);
  await storage.insertRows("metrics_distributions", [{ ...promoted, MetricName: "latency", ObservationCount: 1 }]);
  // The last three buckets are not analysed yet.
  const analyzed = buckets.slice(0, -3).map((at) => ({ Tenant: "default", Bucket: iso(at), RowCount: 2, Revision: 1 }));
  await storage.insertRows("analyzed_buckets", analyzed);

  const incident = { Tenant: "default", StartedAt: iso(START_S + 60), DetectedAt: iso(START_S + 80), Revision: 1 };
  await storage.insertRows("incidents", [
    { ...incident, Id: "open-1", Status: "OPEN", Title: "catalog fails", LocalizationId: "loc-1" },
    { ...incident, Id: "old-1", Status: "OPEN", Title: "over", LocalizationId: "" },
  ]);
  await storage.insertRows("incidents", [
    { ...incident, Id: "old-1", Status: "RESOLVED", Title: "over", ResolvedAt: iso(START_S + 90), Revision: 2 },
  ]);
  const causes = [{ rank: 1, confidence: 0.8, summary: "catalog v2 answers with 500" }];
  await storage.insertRows("localizations", [
    { Tenant: "default", Id: "loc-1", Verdict: "FOUND", CausesJson: JSON.stringify(causes), Revision: 1 },
  ]);
  const letter = { Tenant: "default", Source: "kafka", Reason: "malformed", Detail: "cut off" };
  await storage.insertRows("dead_letters", [
    { ...letter, At: iso(START_S + 10), Origin: "otlp_spans/0/4" },
    { ...letter, At: iso(START_S + 20), Origin: "otlp_spans/0/9" },
  ]);
}
