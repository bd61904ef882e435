// A day of a made mesh in storage, as the product would have left it: raw telemetry, buckets, sums, what was noted of them.
// In: a mesh and where its day ends. Out: everything up to there is paired, summed and noted as analysed.
// Bounds: what nobody reads is thin or absent. Spans and log lines: six minutes; five of them are paired by the product itself, and the 65 minutes
//   before have the same buckets again. Older buckets: a few rows a minute, so that all partitions of a day are there. Sums by minute and
//   hour: the product's own of the last hour, and 23 hours like it. Figures of pods: 75 minutes.
import { type Entity, entityId, makeEntity } from "../../model/entity.ts";
import { BUCKET_SECONDS } from "../../storage/buckets.ts";
import { recomputeBuckets } from "../../storage/recompute.ts";
import { rollUp } from "../../storage/rollups.ts";
import type { MeasuredEngine } from "../graph/engine.ts";
import { MADE_TENANT, madeNamespace, madeService, type MeshPlan, storeResources, storeTraffic } from "./made-mesh.ts";

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;
const PAIRED_SECONDS = 300;
/** The hour that roll-ups sum begins at most so far back: an hour and ten minutes. */
const DENSE_SECONDS = 4_200;
const RESOURCE_SECONDS = 4_500;
const THIN_ROWS = 100;
const PARTITIONS_AT_ONCE = 900;
const CHANGES = 600;
const EVENTS = 2_000;
const MAX_ROLL_UPS = 30;

/** Stores the day that ends at `now` (unix seconds, ten minutes after a whole hour). */
export async function storeDay(engine: MeasuredEngine, plan: MeshPlan, now: number): Promise<void> {
  for (let at = now - PAIRED_SECONDS - MINUTE; at < now; at += MINUTE) {
    await storeTraffic(engine, plan, { from: at, to: at + MINUTE });
  }
  await storeResources(engine, plan, { from: now - RESOURCE_SECONDS, to: now });
  for (let at = now - PAIRED_SECONDS; at < now; at += MINUTE) {
    await recomputeBuckets(engine.storage, at, at + MINUTE, { spans: true, accessLogs: false, meshTenants: [] });
  }
  await noteDay(engine, now);
  for (const table of ["edge_buckets", "operation_buckets"]) {
    for (let back = PAIRED_SECONDS; back < DENSE_SECONDS; back += PAIRED_SECONDS) {
      await engine.run(`
        INSERT INTO ${table} SELECT one.* REPLACE (one.Bucket - ${back} AS Bucket) FROM ${table} AS one
        WHERE one.Bucket >= toDateTime(${now - PAIRED_SECONDS}) AND one.Bucket < toDateTime(${now})`);
    }
  }
  await sumUp(engine, now);
  for (const table of ["edge_buckets", "operation_buckets"]) await storeThinMinutes(engine, table, now);
  await storeChanges(engine, plan, now);
}

/** All of the day has arrived, and was used. */
async function noteDay(engine: MeasuredEngine, now: number): Promise<void> {
  const known = now - PAIRED_SECONDS - MINUTE - BUCKET_SECONDS;
  await engine.run(`
    INSERT INTO arrivals (Tenant, Signal, Bucket, RowCount, LastTimestamp, LongestNs)
    SELECT '${MADE_TENANT}', 'spans', toDateTime(${now - DAY} + number * ${BUCKET_SECONDS}) AS at, 100000, toDateTime64(at, 3), 200000000
    FROM numbers(${(known - now + DAY) / BUCKET_SECONDS})`);
  await engine.run(`
    INSERT INTO analyzed_buckets (Tenant, Bucket, RowCount, PairedRows, Revision)
    SELECT Tenant, Bucket, sum(arrivals.RowCount) AS rows, rows, 1 FROM arrivals WHERE Signal = 'spans' GROUP BY Tenant, Bucket`);
}

/** Sums what there is as the analyzer does, a few minutes a call, until its whole hour holds; 23 hours before it are like it. */
async function sumUp(engine: MeasuredEngine, now: number): Promise<void> {
  for (let calls = 0; ; calls++) {
    if (calls === MAX_ROLL_UPS) throw new Error("the hour was not summed");
    await rollUp(engine.storage, [], now);
    const [held] = await engine.ask<{ n: number }>("SELECT count() AS n FROM hour_rollups FINAL WHERE Revision != 0");
    if ((held?.n ?? 0) > 0) break;
  }
  const hour = now - (now % HOUR) - HOUR;
  for (const [table, column] of [
    ["edge_minutes", "Minute"],
    ["operation_minutes", "Minute"],
    ["minute_rollups", "Minute"],
    ["edge_hours", "Hour"],
    ["operation_hours", "Hour"],
    ["hour_rollups", "Hour"],
  ] as const) {
    await engine.run(`
      INSERT INTO ${table} SELECT last.* REPLACE (last.${column} - back * ${HOUR} AS ${column}) FROM ${table} AS last
      CROSS JOIN (SELECT number + 1 AS back FROM numbers(23)) AS hours
      WHERE last.${column} >= toDateTime(${hour}) AND last.${column} < toDateTime(${hour + HOUR})`);
  }
}

async function storeThinMinutes(engine: MeasuredEngine, table: string, now: number): Promise<void> {
  const first = now - DAY;
  const minutes = (DAY - DENSE_SECONDS) / MINUTE;
  for (let from = 0; from < minutes; from += PARTITIONS_AT_ONCE) {
    await engine.run(`
      INSERT INTO ${table} SELECT some.* REPLACE (toDateTime(${first} + (${from} + minute) * ${MINUTE}) AS Bucket)
      FROM (SELECT * FROM ${table} WHERE Bucket = toDateTime(${now - BUCKET_SECONDS}) LIMIT ${THIN_ROWS}) AS some
      CROSS JOIN (SELECT number AS minute FROM numbers(${Math.min(PARTITIONS_AT_ONCE, minutes - from)})) AS minutes
      SETTINGS max_partitions_per_insert_block = ${PARTITIONS_AT_ONCE}`);
  }
}

/** Changes and platform events, evenly over the day. */
async function storeChanges(engine: MeasuredEngine, plan: MeshPlan, now: number): Promise<void> {
  const entityOf = (n: number): Entity => {
    const number = (n * 7_919) % plan.services;
    const place = { cluster: "east", namespace: madeNamespace(number), service: madeService(number), version: "v1" };
    return makeEntity("VERSION", place);
  };
  await engine.storage.insertRows(
    "changes",
    Array.from({ length: CHANGES }, (_, n) => ({
      Tenant: MADE_TENANT,
      Id: `change-${n}`,
      At: now - DAY + Math.floor(((n + 0.5) * DAY) / CHANGES),
      Kind: "DEPLOYMENT",
      EntityId: entityId(entityOf(n)),
      Summary: "rolled out",
      Origin: "k8s",
    })),
  );
  await engine.storage.insertRows(
    "platform_events",
    Array.from({ length: EVENTS }, (_, n) => ({
      Tenant: MADE_TENANT,
      At: now - DAY + Math.floor((n * DAY) / EVENTS),
      Id: `event-${n}`,
      Cluster: "east",
      Namespace: entityOf(n).namespace,
      Kind: "Pod",
      Name: `${entityOf(n).service}-0`,
      Node: `node-${n % 60}`,
      Severity: "INFO",
      Reason: "Scheduled",
      Message: "assigned to its node",
    })),
  );
}
