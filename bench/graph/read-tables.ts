// A day of a large mesh's graph: the 10-second buckets of its last twenty minutes, summed by the product's own roll-ups, and 23 hours like it.
// In: how many edges. Out: rows in the tables that reads begin with.
// Bounds: five callees a service; 16 calls an edge and minute, whose times fall into about seven buckets; made in the engine itself.
import { rollUp } from "../../storage/rollups.ts";
import type { MeasuredEngine } from "./engine.ts";

const CALLEES_A_SERVICE = 5;
const OPERATIONS_A_SERVICE = 2;
const HOUR = 3_600;
const FILLED_SECONDS = 1_200;
const STEP_SECONDS = 300;
/** Calls in the six buckets of a minute. */
const CALLS = "[3, 3, 2, 3, 3, 2]";
const MAX_ROLL_UPS = 40;

/** Fills the tables for [from, to), unix seconds, whole hours. */
export async function fillReadTables(
  engine: MeasuredEngine,
  edges: number,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const services = Math.ceil(edges / CALLEES_A_SERVICE);
  const operations = services * OPERATIONS_A_SERVICE;
  // A few minutes at a time: an insert opens a partition a minute.
  for (let at = to - FILLED_SECONDS; at < to; at += STEP_SECONDS) {
    await engine.run(`
      INSERT INTO edge_buckets (Tenant, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance,
        DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Protocol, Evidence,
        CallerCalls, CallerFailed, CallerNs, CallerHist, CalleeCalls, CalleeFailed, CalleeNs, CalleeHist, GapNs, ProxyNs)
      WITH number % ${edges} AS edge, intDiv(number, ${edges}) AS step, edge % ${services} AS src,
        (src + 1 + intDiv(edge, ${services})) % ${services} AS dst, ${CALLS}[step % 6 + 1] AS calls,
        ${samples("'caller'")} AS caller, ${samples("'callee'")} AS callee
      SELECT 'default', toDateTime(${at} + step * 10), 'service', ${place("src")}, 'v1', concat('svc-', toString(src), '-0'),
        'service', ${place("dst")}, 'v1', concat('svc-', toString(dst), '-0'), 'http', 'span-pair',
        calls, cityHash64(number) % 50 = 0, ${nanoseconds("caller")}, ${histogram("caller")},
        calls, cityHash64(number) % 50 = 0, ${nanoseconds("callee")}, ${histogram("callee")},
        cityHash64(number, 'gap') % 4000000, cityHash64(number, 'proxy') % 1000000
      FROM numbers(${(edges * STEP_SECONDS) / 10})`);
    await engine.run(`
      INSERT INTO operation_buckets (Tenant, Bucket, Cluster, Namespace, Service, Version, Instance, Node, Operation, Protocol,
        Requests, TotalNs, SelfNs, Hist, SelfHist)
      WITH number % ${operations} AS edge, intDiv(number, ${operations}) AS step, edge % ${services} AS src, 8 AS calls,
        ${samples("'own'")} AS own
      SELECT 'default', toDateTime(${at} + step * 10), ${place("src")}, 'v1', concat('svc-', toString(src), '-0'), 'worker-0',
        concat('GET /route/', toString(intDiv(edge, ${services}))), 'http', calls, ${nanoseconds("own")}, ${nanoseconds("own")},
        ${histogram("own")}, ${histogram("own")}
      FROM numbers(${(operations * STEP_SECONDS) / 10})`);
  }
  await engine.run(`
    INSERT INTO entities (Tenant, Cluster, Namespace, Service, Version, Instance, Node, Runtime, Isolation, LastSeen)
    SELECT 'default', ${place("number")}, 'v1', concat('svc-', toString(number), '-0'), 'worker-0', 'RUNC', '', toDateTime(${to})
    FROM numbers(${services})`);
  await engine.run(`
    INSERT INTO arrivals (Tenant, Signal, Bucket, RowCount, LastTimestamp)
    SELECT 'default', 'spans', toDateTime(${from} + number * 10) AS at, 1000, toDateTime64(at, 3) FROM numbers(${(to - from) / 10})`);
  await engine.run(`
    INSERT INTO analyzed_buckets (Tenant, Bucket, RowCount, PairedRows, Revision)
    SELECT 'default', toDateTime(${from} + number * 10), 1000, 1000, 1 FROM numbers(${(to - from) / 10})`);
  await sumUp(engine, to + HOUR);
  const earlier = `number + 1 AS back FROM numbers(${(to - from) / HOUR - 1})`;
  for (const table of ["edge_hours", "operation_hours", "hour_rollups"]) {
    await engine.run(`
      INSERT INTO ${table} SELECT last.* REPLACE (last.Hour - back * ${HOUR} AS Hour) FROM ${table} AS last
      CROSS JOIN (SELECT ${earlier}) AS hours WHERE last.Hour = toDateTime(${to - HOUR})`);
  }
  await engine.run("SYSTEM START MERGES");
  for (const table of ["edge_minutes", "edge_hours", "operation_minutes", "operation_hours"]) {
    await engine.run(`OPTIMIZE TABLE ${table} FINAL`);
  }
}

/** Rolls the hour up as the analyzer does, a few minutes a call, until it holds. */
async function sumUp(engine: MeasuredEngine, nowSeconds: number): Promise<void> {
  for (let calls = 0; calls < MAX_ROLL_UPS; calls++) {
    await rollUp(engine.storage, [], nowSeconds + calls * 10);
    const [held] = await engine.ask<{ n: number }>("SELECT count() AS n FROM hour_rollups FINAL WHERE Revision != 0");
    if ((held?.n ?? 0) > 0) return;
  }
  throw new Error("the hour was not summed");
}

function place(number: string): string {
  return `['east', 'west', 'edge'][${number} % 3 + 1], concat('ns-', toString(${number} % 40)), concat('svc-', toString(${number}))`;
}

/** Histogram buckets of the calls: around a place of the edge's own. */
function samples(side: string): string {
  return `arrayMap(k -> 15 + cityHash64(edge, ${side}) % 35 + bitCount(cityHash64(number, k, ${side}) % 64), range(calls))`;
}

function histogram(name: string): string {
  return `arrayMap(i -> toUInt32(countEqual(${name}, i)), range(96))`;
}

function nanoseconds(name: string): string {
  return `toUInt64(arraySum(i -> 200000 * pow(1.144, i), ${name}))`;
}
