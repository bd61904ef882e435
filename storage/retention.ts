// How long each kind of data is kept: sets the TTL of tables, and only where it differs, because a change rewrites parts.
// In: days per kind, 0 = for ever. Out: the tables whose TTL was changed. Age is event time, so a replayed old recording must
// be shifted to the present or kept with 0.
// Bounds: the closed list of tables below; a table that does not exist is left out (an older schema).
import assert from "node:assert/strict";
import { type Storage, quoteName } from "./client.ts";

/** Days to keep each kind of data; 0 keeps it for ever. */
export interface RetentionOptions {
  readonly spansDays: number;
  readonly spanEdgesDays: number;
  readonly logsDays: number;
  readonly accessLogsDays: number;
  readonly metricsDays: number;
  readonly bucketsDays: number;
  readonly minutesDays: number;
  readonly hoursDays: number;
  readonly findingsDays: number;
  readonly deadLettersDays: number;
  readonly entitiesDays: number;
}

/**
 * Raw telemetry for a week or two; buckets for a day, for their minutes are partitions and thousands of those slow ClickHouse
 * down; their sums by the minute for a week and by the hour for a quarter; findings for a year and a month, so that a yearly comparison is possible.
 */
export const RETENTION_DEFAULTS: RetentionOptions = {
  spansDays: 7,
  spanEdgesDays: 2,
  logsDays: 7,
  accessLogsDays: 3,
  metricsDays: 14,
  bucketsDays: 1,
  minutesDays: 7,
  hoursDays: 90,
  findingsDays: 400,
  deadLettersDays: 14,
  entitiesDays: 30,
};

/**
 * Tables that no setting ages: a revoked token whose newest row went first would be live again, and of the leases of adoption the epochs
 * must stay while their schema lets the signs of life go. The counters of graph_series may never fall.
 */
export const KEPT_FOR_EVER: readonly string[] = ["tokens", "adoption_leases", "graph_series"];

// Staging tables follow theirs: REPLACE PARTITION wants both of one structure.
// The marks of what was analysed outlive the counts of what has arrived, or old buckets would look new.
const TABLES: readonly (readonly [table: string, column: string, days: (options: RetentionOptions) => number])[] = [
  ["spans", "Timestamp", (options) => options.spansDays],
  ["span_edges", "Timestamp", (options) => options.spanEdgesDays],
  ["arrivals", "Bucket", (options) => options.spanEdgesDays],
  ["analyzed_buckets", "Bucket", (options) => longerThan(options.spanEdgesDays, options.bucketsDays)],
  ["logs", "Timestamp", (options) => options.logsDays],
  ["access_logs", "Timestamp", (options) => options.accessLogsDays],
  ["metrics_numbers", "Timestamp", (options) => options.metricsDays],
  ["metrics_distributions", "Timestamp", (options) => options.metricsDays],
  ["mesh_points", "Timestamp", (options) => options.metricsDays],
  ["edge_buckets", "Bucket", (options) => options.bucketsDays],
  ["edge_buckets_staging", "Bucket", (options) => options.bucketsDays],
  ["operation_buckets", "Bucket", (options) => options.bucketsDays],
  ["operation_buckets_staging", "Bucket", (options) => options.bucketsDays],
  ["edge_minutes", "Minute", (options) => options.minutesDays],
  ["operation_minutes", "Minute", (options) => options.minutesDays],
  ["minute_rollups", "Minute", (options) => options.minutesDays],
  ["edge_hours", "Hour", (options) => options.hoursDays],
  ["operation_hours", "Hour", (options) => options.hoursDays],
  ["hour_rollups", "Hour", (options) => options.hoursDays],
  ["anomalies", "Bucket", (options) => options.findingsDays],
  ["incidents", "StartedAt", (options) => options.findingsDays],
  ["localizations", "RangeTo", (options) => options.findingsDays],
  ["changes", "At", (options) => options.findingsDays],
  ["alert_deliveries", "CreatedAt", (options) => options.findingsDays],
  ["dead_letters", "At", (options) => options.deadLettersDays],
  // Longer than any span is taken from an adopted table (MAX_BACKFILL_HOURS of storage/adopt.ts).
  ["adopted_blocks", "At", () => 4],
  ["dead_letter_marks", "At", (options) => options.deadLettersDays],
  ["entities", "LastSeen", (options) => options.entitiesDays],
  ["cardinality_overflows", "Hour", (options) => options.entitiesDays],
  ["workloads", "LastSeen", (options) => options.entitiesDays],
  ["dependency_blocks", "Block", (options) => options.findingsDays],
  ["kubernetes_objects", "ObservedAt", (options) => options.findingsDays],
  ["platform_events", "At", (options) => options.findingsDays],
];

interface TtlRow {
  readonly table: string;
  readonly ttl: string;
}

/** Sets the TTL of every table that differs; returns their names. Expired rows go when their parts are merged next. */
export async function applyRetention(storage: Storage, options: RetentionOptions): Promise<string[]> {
  const rows = await storage.query<TtlRow>("table_ttls");
  const present = new Map(rows.map((row) => [row.table, row.ttl]));
  const changed: string[] = [];
  for (const [table, column, daysOf] of TABLES) {
    const ttl = present.get(table);
    const days = daysOf(options);
    const wanted = days === 0 ? "" : `toDateTime(${column}) + toIntervalDay(${days})`;
    if (ttl === undefined || ttl === wanted) continue;
    assert.ok(Number.isInteger(days) && days >= 0, `${table}: ${days} days`);
    // Not by server parameters: those would stay in the table's definition as casts. All parts are ours.
    await storage.client.command({
      query: `ALTER TABLE ${quoteName(table)} ${wanted === "" ? "REMOVE TTL" : `MODIFY TTL ${wanted}`}`,
    });
    changed.push(table);
  }
  return changed;
}

function longerThan(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : Math.max(a, b) + 1;
}
