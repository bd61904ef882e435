// What the graph costs: pairing of spans, exclusive times, and the view that copies spans on their way in.
// In: a million spans of a generated mesh, taken in by the real decoder and then copied in storage over five minutes.
// Out: CPU seconds per million spans and peak memory, medians of rounds; whether windows add up to the whole.
// Bounds: CPU from system.query_log; works take turns in each round.
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { ResourceMemory } from "../../ingest/otlp/resource-memory.ts";
import { TraceBlock } from "../../ingest/otlp/traces.ts";
import { recomputeBuckets } from "../../storage/recompute.ts";
import type { Storage } from "../../storage/client.ts";
import { median } from "../ingest/median.ts";
import { cpuOf, type MeasuredEngine, peakOf, type Statement, startMeasuredEngine } from "./engine.ts";
import { pairingFloor } from "./floor.ts";
import { makeTraffic } from "./scenario.ts";
import { encodeSpans } from "./sent.ts";

/** How much to measure. */
export interface CostPlan {
  readonly services: number;
  readonly requests: number;
  readonly spans: number;
  readonly rounds: number;
  /** Rounds before that: the first reads from the disk what the others find in memory. */
  readonly warmUps: number;
}

/** CPU in seconds per million spans, memory in bytes. */
export interface CostResult {
  readonly spans: number;
  readonly edgeRows: number;
  readonly pairing: number;
  readonly pairingPeakBytes: number;
  /** The same spans by the simplest rules there could be (floor.ts). */
  readonly pairingFloor: number;
  readonly windows: number;
  /** CPU seconds of pairing ten seconds in which nothing happened. */
  readonly pairingOfNothing: number;
  readonly ownTime: number;
  readonly ownTimePeakBytes: number;
  /** Time in proxies, in the same mesh whose calls all pass two of them. */
  readonly proxyTimes: number;
  readonly swap: number;
  readonly view: number;
  readonly allViews: number;
  /** Rows that differ between the whole and its windows. */
  readonly differences: number;
}

const FROM_SECONDS = Date.UTC(2026, 0, 5, 10) / 1_000;
type Rounds = Record<
  "pairing" | "floor" | "windows" | "nothing" | "ownTime" | "proxyTimes" | "swap" | "view" | "allViews",
  number[]
>;

const WINDOW_SECONDS = 300;
const HASH_SEED = 42;
const TENANT = "default";
/** Rows of one block on its way into storage, as the writer makes them. */
const BLOCK_ROWS = 32_768;

/** Measures all of it. */
export async function measureCost(plan: CostPlan, tell: (line: string) => void): Promise<CostResult> {
  const engine = await startMeasuredEngine("stopped");
  try {
    const spans = await fill(engine, plan);
    tell(`graph: ${spans} spans of ${plan.services} services are stored`);
    const million = spans / 1e6;
    const from = FROM_SECONDS;
    const to = from + WINDOW_SECONDS;
    const rounds = {
      pairing: [],
      floor: [],
      windows: [],
      nothing: [],
      ownTime: [],
      proxyTimes: [],
      swap: [],
      view: [],
      allViews: [],
    } as Rounds;
    const all: Statement[] = [];
    let differences = 0;
    for (let round = 0; round < plan.rounds + plan.warmUps; round++) {
      const whole = await engine.measure((storage) => recomputeBuckets(storage, from, to));
      if (round === 0) await engine.run("CREATE TABLE whole_edges AS edge_buckets");
      if (round === 0) await engine.run("INSERT INTO whole_edges SELECT * FROM edge_buckets");
      const floor = await engine.measure(() => engine.run(pairingFloor(from, to)));
      const windows = await engine.measure(async (storage) => {
        for (let at = from; at < to; at += 60) await recomputeBuckets(storage, at, at + 60);
      });
      if (round === 0) differences = await countDifferences(engine);
      const nothing = await engine.measure((storage) => recomputeBuckets(storage, to + 600, to + 610));
      const view = await measureViews(engine);
      if (round < plan.warmUps) continue;
      rounds.pairing.push(cpuOf(whole.statements, isPairing) / million);
      rounds.floor.push(cpuOf(floor.statements) / million);
      rounds.ownTime.push(cpuOf(whole.statements, isOwnTime) / million);
      rounds.swap.push(cpuOf(whole.statements, isOther) / million);
      rounds.proxyTimes.push(cpuOf(whole.statements, isProxyTime) / million);
      rounds.windows.push(cpuOf(windows.statements, isPairing) / million);
      rounds.nothing.push(cpuOf(nothing.statements, isPairing));
      rounds.view.push(view.one / million);
      rounds.allViews.push(view.all / million);
      all.push(...whole.statements);
    }
    const [edges] = await engine.ask<{ n: number }>("SELECT count() AS n FROM edge_buckets");
    return {
      spans,
      edgeRows: edges?.n ?? 0,
      pairing: median(rounds.pairing),
      pairingPeakBytes: peakOf(all, isPairing),
      pairingFloor: median(rounds.floor),
      windows: median(rounds.windows),
      pairingOfNothing: median(rounds.nothing),
      ownTime: median(rounds.ownTime),
      ownTimePeakBytes: peakOf(all, isOwnTime),
      proxyTimes: median(rounds.proxyTimes),
      swap: median(rounds.swap),
      view: median(rounds.view),
      allViews: median(rounds.allViews),
      differences,
    };
  } finally {
    await engine.stop();
  }
}

/** The statements that make rows of edges from spans. */
function isPairing(name: string): boolean {
  return name.startsWith("pair");
}

/** Those that make exclusive times and origins of failures. */
function isOwnTime(name: string): boolean {
  return name.startsWith("own_time");
}

/** Those that measure the time in proxies. */
function isProxyTime(name: string): boolean {
  return name.startsWith("prox");
}

function isOther(name: string): boolean {
  return !isPairing(name) && !isOwnTime(name) && !isProxyTime(name);
}

/** Stores a minute of traffic by the real decoder, and shifted copies of it until there are enough spans in five minutes. */
async function fill(engine: MeasuredEngine, { services, requests, spans }: CostPlan): Promise<number> {
  const traffic = makeTraffic({ services, requests, logs: "none", seed: 1, fromSeconds: FROM_SECONDS });
  await store(engine.storage, encodeSpans(traffic.spans));
  await engine.run("CREATE TABLE template AS spans");
  await engine.run("INSERT INTO template SELECT * FROM spans");
  await engine.run("TRUNCATE TABLE spans");
  await engine.run("TRUNCATE TABLE span_edges");
  const copies = Math.max(1, Math.round(spans / traffic.spans.length));
  const lastShiftUs = (WINDOW_SECONDS - 65) * 1e6;
  for (let copy = 0; copy < copies; copy++) {
    const shiftUs = Math.floor((lastShiftUs * copy) / Math.max(1, copies - 1)) + 1_000_000;
    const renamed = (id: string): string => `lower(hex(MD5(concat(${id}, '${copy}'))))`;
    await engine.run(`
      INSERT INTO spans SELECT * REPLACE (Timestamp + INTERVAL ${shiftUs} MICROSECOND AS Timestamp, ${renamed("TraceId")} AS TraceId,
        arrayMap(id -> ${renamed("id")}, \`Links.TraceId\`) AS \`Links.TraceId\`, now64(3) AS IngestedAt)
      FROM template`);
  }
  return copies * traffic.spans.length;
}

async function store(storage: Storage, payload: Uint8Array): Promise<void> {
  const block = new TraceBlock(DECODE_LIMITS, new ResourceMemory(HASH_SEED));
  const outcome = block.decode(payload, FROM_SECONDS * 1_000, TENANT);
  if (!outcome.ok) throw new Error(`the generated payload is refused: ${JSON.stringify(outcome)}`);
  for (const { table, columns, chunks } of block.inserts()) await storage.insertNative(table, columns, chunks);
}

/** CPU seconds of the views: the one that feeds pairing, and all that hang on spans. */
async function measureViews(engine: MeasuredEngine): Promise<{ one: number; all: number }> {
  const views = await engine.ask<{ name: string; text: string }>(`
    SELECT name, as_select AS text FROM system.tables
    WHERE database = currentDatabase() AND engine = 'MaterializedView' AND has(dependencies_table, '') = 0
      AND match(create_table_query, ' FROM [a-z]+\\\\.spans') ORDER BY name`);
  const insert = async (feeds: readonly { readonly name: string; readonly text: string }[]): Promise<number> => {
    await engine.run("CREATE TABLE passing AS spans ENGINE = Null");
    for (const { name, text } of feeds) {
      const select = text.replace(/ FROM \w+\.spans\b/g, " FROM passing");
      await engine.run(`CREATE TABLE target_${name} ENGINE = MergeTree ORDER BY tuple() AS ${select} LIMIT 0`);
      await engine.run(`CREATE MATERIALIZED VIEW feed_${name} TO target_${name} AS ${select}`);
    }
    const mark = `views-${feeds.length}-${performance.now()}`;
    const settings = `max_threads = 1, max_block_size = ${BLOCK_ROWS}, min_insert_block_size_rows = ${BLOCK_ROWS}, log_comment = '${mark}'`;
    await engine.run(`INSERT INTO passing SELECT * FROM spans SETTINGS ${settings}`);
    await engine.run("SYSTEM FLUSH LOGS");
    const [row] = await engine.ask<{ cpu: number }>(`
      SELECT sum(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds']) / 1e6 AS cpu
      FROM system.query_log WHERE type = 'QueryFinish' AND log_comment = '${mark}'`);
    for (const { name } of feeds) {
      await engine.run(`DROP TABLE feed_${name}`);
      await engine.run(`DROP TABLE target_${name}`);
    }
    await engine.run("DROP TABLE passing");
    return row?.cpu ?? Number.NaN;
  };
  const none = await insert([]);
  const one = await insert(views.filter(({ name }) => name === "span_edges_view"));
  const all = await insert(views);
  return { one: one - none, all: all - none };
}

/** Rows of edges that are not the same when they are computed minute by minute. */
async function countDifferences(engine: MeasuredEngine): Promise<number> {
  const text = "toString(tuple(* REPLACE (mapSort(Flags) AS Flags)))";
  const [row] = await engine.ask<{ n: number }>(`
    SELECT count() AS n FROM (
      SELECT line FROM (
        SELECT ${text} AS line, 1 AS sign FROM whole_edges UNION ALL SELECT ${text} AS line, -1 AS sign FROM edge_buckets
      ) GROUP BY line HAVING sum(sign) != 0)`);
  return row?.n ?? Number.NaN;
}
