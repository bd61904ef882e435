// What a localization costs on a large mesh: a thousand services, five thousand edges, every edge between several instances.
// In: buckets made in storage, one slow service in the newest of them. Out: wall and CPU time of questions on demand.
// Bounds: an engine of its own; the 10-second buckets of the windows and around them are full, spans are there for the fault's minutes
//   alone, as nothing older is read; questions come one after the other.
import { localizeOnDemand } from "../../analyzer/on-demand.ts";
import { ASK_ANYWHERE } from "../../model/localization.ts";
import { cpuOf, type MeasuredEngine, startMeasuredEngine } from "../graph/engine.ts";
import { type Figure, figure } from "../report.ts";

/** How much to measure. */
export interface LocalizationCostPlan {
  readonly services: number;
  readonly edges: number;
  readonly instances: number;
  readonly spans: number;
  readonly rounds: number;
}

/** The mesh of the requirement. */
export const LARGE_MESH: LocalizationCostPlan = {
  services: 1000,
  edges: 5000,
  instances: 3,
  spans: 500_000,
  rounds: 12,
};

const TENANT = "default";
const START = Date.UTC(2026, 0, 5, 10) / 1000;
const BUCKETS = 90;
const FAULT_BUCKETS = 30;
const DAY_SECONDS = 86_400;
const FAULT_FROM = START + (BUCKETS - FAULT_BUCKETS) * 10;
// Buckets of the latency histogram: about 30 ms, and about 500 ms.
const [USUAL, SLOW] = [52, 72];
/** The slow service; low numbers are called by few. */
const SLOW_SERVICE = 5;

const hist = (count: string, index: string) => `arrayMap(i -> toUInt32(if(i = ${index}, ${count}, 0)), range(96))`;
const name = (number: string) => `concat('service-', toString(${number}))`;
const bucketOf = (number: string) => `toDateTime(${START} + 10 * toUInt32(${number}))`;

async function fill(engine: MeasuredEngine, plan: LocalizationCostPlan): Promise<void> {
  const { services, edges, instances, spans } = plan;
  await engine.run(`INSERT INTO bench.operation_buckets
    (Tenant, Bucket, Cluster, Namespace, Service, Version, Instance, Operation, Protocol, Requests, TotalNs, SelfNs, Hist, SelfHist)
    SELECT '${TENANT}', at, 'east', 'shop', ${name("s")}, 'v1', concat(${name("s")}, '-', toString(n % ${instances})),
      concat('GET /', toString(s % 3)), 'http', 30, 30 * if(is_slow, 500, 30) * 1000000, 30 * if(is_slow AND s = ${SLOW_SERVICE}, 480, 10) * 1000000,
      ${hist("30", `if(is_slow, ${SLOW}, ${USUAL})`)}, ${hist("30", `if(is_slow AND s = ${SLOW_SERVICE}, ${SLOW}, 40)`)}
    FROM (SELECT number AS n, intDiv(n, ${instances}) % ${services} AS s, ${bucketOf(`intDiv(n, ${instances * services})`)} AS at,
      at >= toDateTime(${FAULT_FROM}) AND s <= ${SLOW_SERVICE} AS is_slow FROM numbers(${instances * services * BUCKETS}))`);
  // Ten calls in ten seconds, each from any to any instance, meet six of nine pairs.
  const pairs = Math.ceil((2 * instances * instances) / 3);
  await engine.run(`INSERT INTO bench.edge_buckets
    (Tenant, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance, DstKind, DstCluster, DstNamespace, DstService,
      DstVersion, DstInstance, Protocol, CallerCalls, CallerNs, CallerHist, CalleeCalls, CalleeNs, CalleeHist, GapNs)
    SELECT '${TENANT}', at, 'service', 'east', 'shop', ${name("src")}, 'v1', concat(${name("src")}, '-', toString(n % ${instances})),
      'service', 'east', 'shop', ${name("dst")}, 'v1', concat(${name("dst")}, '-', toString(intDiv(n, ${instances}) % ${instances})), 'http',
      10, 10 * ms * 1000000, ${hist("10", "at_index")}, 10, 10 * ms * 1000000, ${hist("10", "at_index")}, 10000000
    FROM (SELECT number AS n, intDiv(n, ${pairs}) % ${edges} AS e, 1 + e % ${services - 1} AS dst,
      if(e < ${services - 1}, intDiv(dst - 1, 3), cityHash64(e) % dst) AS src, ${bucketOf(`intDiv(n, ${pairs * edges})`)} AS at,
      at >= toDateTime(${FAULT_FROM}) AND dst = ${SLOW_SERVICE} AS is_slow, if(is_slow, 500, 30) AS ms, if(is_slow, ${SLOW}, ${USUAL}) AS at_index
      FROM numbers(${pairs * edges * BUCKETS}))`);
  const first = START + BUCKETS * 10 - DAY_SECONDS;
  await engine.run(`INSERT INTO bench.arrivals (Tenant, Signal, Bucket, RowCount)
    SELECT '${TENANT}', 'spans', toDateTime(${first} + 10 * number), 1000 FROM numbers(${DAY_SECONDS / 10})`);
  await engine.run(`INSERT INTO bench.analyzed_buckets (Tenant, Bucket, RowCount, Revision)
    SELECT '${TENANT}', toDateTime(${first} + 10 * number), 1000, 1 FROM numbers(${DAY_SECONDS / 10})`);
  await engine.run(`INSERT INTO bench.spans (Tenant, Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, Service, Instance, Duration)
    SELECT '${TENANT}', toDateTime64(${FAULT_FROM}, 9) + toIntervalMillisecond(number * ${Math.floor((FAULT_BUCKETS * 10_000) / spans) || 1} % ${FAULT_BUCKETS * 10_000}),
      hex(sipHash128(intDiv(number, 10))), hex(cityHash64(number)), 'GET', 'Server', ${name(`number % ${services}`)}, ${name(`number % ${services}`)},
      concat(${name(`number % ${services}`)}, '-0'), 30000000 FROM numbers(${spans})`);
}

const iso = (seconds: number) => new Date(seconds * 1000).toISOString();

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** Asks and measures; throws where the answer is not the slow service, for then nothing of use was measured. */
export async function measureLocalizationCost(
  plan: LocalizationCostPlan,
  tell: (line: string) => void,
): Promise<Record<string, Figure>> {
  const engine = await startMeasuredEngine("stopped");
  try {
    await fill(engine, plan);
    tell(`localization: ${plan.services} services and ${plan.edges} edges are stored`);
    const request = {
      tenant: TENANT,
      range: { from: iso(FAULT_FROM), to: iso(FAULT_FROM + FAULT_BUCKETS * 10) },
      ...ASK_ANYWHERE,
      maxCauses: 5,
    };
    const wall: number[] = [];
    const own: number[] = [];
    const storageCpu: number[] = [];
    const byName = new Map<string, number>();
    for (let round = 0; round <= plan.rounds; round++) {
      const [started, cpu] = [performance.now(), process.cpuUsage()];
      let seconds = 0;
      let used = 0;
      const { result, statements } = await engine.measure(async (storage) => {
        const answer = await localizeOnDemand(storage, request, Date.now());
        seconds = (performance.now() - started) / 1000;
        const spent = process.cpuUsage(cpu);
        used = (spent.user + spent.system) / 1e6;
        return answer;
      });
      const [best] = result.causes;
      if (best?.entity.service !== `service-${SLOW_SERVICE}`) {
        throw new Error(`the slow service was not named: ${result.verdict} ${best?.summary ?? result.reason ?? ""}`);
      }
      // The first question reads from the disk what the others find in memory.
      if (round === 0) continue;
      wall.push(seconds);
      own.push(used);
      storageCpu.push(cpuOf(statements));
      for (const one of statements) byName.set(one.name, Math.max(byName.get(one.name) ?? 0, one.cpuSeconds));
    }
    for (const [statement, cpuSeconds] of [...byName].toSorted((a, b) => b[1] - a[1]).slice(0, 6)) {
      tell(`  ${statement}: ${cpuSeconds.toFixed(2)} s CPU`);
    }
    const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
    const p95 = (values: readonly number[]) => quantile(sorted(values), 0.95);
    const size = `${plan.services} services, ${plan.edges} edges, ${plan.instances} instances each`;
    return {
      localize_seconds_p95: figure(
        p95(wall),
        "s",
        "<= 2",
        `wall, ${size}; median ${quantile(sorted(wall), 0.5).toFixed(2)} s`,
      ),
      localize_cpu_p95: figure(p95(own), "s", null, "CPU of the asking process"),
      localize_storage_cpu_p95: figure(p95(storageCpu), "s", null, "CPU of storage"),
    };
  } finally {
    await engine.stop();
  }
}
