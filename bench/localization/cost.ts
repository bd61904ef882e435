// What the analysis costs on a large mesh with a day of data: one cycle of the analyzer, and a question on demand.
// In: a made mesh (made-mesh.ts, made-history.ts); a service becomes slow while cycles run, and is then asked for. Out: wall and CPU time.
// Bounds: an engine of its own, whose merges run as users' do; cycles and questions come one after the other. Metrics and access logs of the
//   proxies are a phase of their own at the end, as the other figures are of what spans tell.
import { localizeOnDemand } from "../../analyzer/on-demand.ts";
import { ASK_ANYWHERE } from "../../model/localization.ts";
import { cpuOf, type MeasuredEngine, startMeasuredEngine, type Statement } from "../graph/engine.ts";
import { type Figure, figure } from "../report.ts";
import { type MeasuredCycle, startSteppedAnalyzer } from "./cycle-cost.ts";
import { storeDay } from "./made-history.ts";
import { MADE_TENANT, type MadeFault, madeService, type MeshPlan } from "./made-mesh.ts";
import { storeAccessLogs, storeMeshMetrics } from "./made-signals.ts";

/** How much to measure. */
export interface LocalizationCostPlan {
  readonly mesh: MeshPlan;
  /** Cycles: not measured, in quiet time, and of the fault, which lasts for FAULT_BUCKETS. */
  readonly warmUps: number;
  readonly quiet: number;
  readonly faulty: number;
  /** Cycles with the proxies' metrics as well, and then with their access logs; the first of each is not measured. */
  readonly signals: number;
  readonly rounds: number;
}

/** The mesh of the requirement: some 110,000 spans in ten seconds. */
export const LARGE_MESH: LocalizationCostPlan = {
  mesh: { services: 1000, edges: 5000, instances: 3, traces: 12_500 },
  warmUps: 2,
  quiet: 10,
  faulty: 12,
  signals: 4,
  rounds: 12,
};

/** A dozen services, for a look whether everything runs. */
export const SMALL_MESH: LocalizationCostPlan = {
  mesh: { services: 12, edges: 24, instances: 2, traces: 300 },
  warmUps: 1,
  quiet: 1,
  faulty: 3,
  signals: 2,
  rounds: 1,
};

// Ten minutes past an hour, so that this hour's roll-up falls into no cycle.
const NOW = Date.UTC(2026, 0, 5, 10, 10) / 1000;
const FAULT_BUCKETS = 30;
/** The slow service; low numbers are called by few. */
const SLOW_SERVICE = 5;
const TOLD_STATEMENTS = 8;

const iso = (seconds: number) => new Date(seconds * 1000).toISOString();

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

const median = (values: readonly number[]) => quantile(values, 0.5);
const p95 = (values: readonly number[]) => quantile(values, 0.95);

/** Mean CPU seconds of each statement, of those that cost most. */
function tellStatements(title: string, runs: readonly (readonly Statement[])[], tell: (line: string) => void): void {
  const byName = new Map<string, number>();
  for (const { name, cpuSeconds } of runs.flat()) {
    const told = name === "" ? "inserts" : name;
    byName.set(told, (byName.get(told) ?? 0) + cpuSeconds / runs.length);
  }
  const top = [...byName].toSorted((a, b) => b[1] - a[1]).slice(0, TOLD_STATEMENTS);
  tell(`${title}: ${top.map(([name, cpu]) => `${name} ${cpu.toFixed(2)} s`).join(", ")} of CPU`);
}

function tellCycles(title: string, cycles: readonly MeasuredCycle[], tell: (line: string) => void): void {
  const seconds = cycles.map((cycle) => cycle.seconds.toFixed(2)).join(" ");
  const own = median(cycles.map((cycle) => cycle.ownCpu));
  tell(`${title}: ${seconds} s; own CPU ${own.toFixed(2)} s in the median`);
  tellStatements(
    "  storage a cycle",
    cycles.map((cycle) => cycle.statements),
    tell,
  );
}

/** Asks about the fault and measures; throws where the answer is not the slow service, for then nothing of use was measured. */
async function measureQuestions(engine: MeasuredEngine, rounds: number, { from }: MadeFault) {
  const request = {
    tenant: MADE_TENANT,
    range: { from: iso(from), to: iso(from + FAULT_BUCKETS * 10) },
    ...ASK_ANYWHERE,
    maxCauses: 5,
  };
  const asked: { seconds: number; ownCpu: number; statements: readonly Statement[] }[] = [];
  for (let round = 0; round <= rounds; round++) {
    let [seconds, ownCpu] = [0, 0];
    const { result, statements } = await engine.measure(async (storage) => {
      const [started, cpu] = [performance.now(), process.cpuUsage()];
      const answer = await localizeOnDemand(storage, request, Date.now());
      const spent = process.cpuUsage(cpu);
      [seconds, ownCpu] = [(performance.now() - started) / 1000, (spent.user + spent.system) / 1e6];
      return answer;
    });
    const [best] = result.causes;
    if (best?.entity.service !== madeService(SLOW_SERVICE)) {
      throw new Error(`the slow service was not named: ${result.verdict} ${best?.summary ?? result.reason ?? ""}`);
    }
    // The first question reads from the disk what the others find in memory.
    if (round > 0) asked.push({ seconds, ownCpu, statements });
  }
  return asked;
}

/** What lies in storage, for the figures' notes. */
async function describeData(engine: MeasuredEngine, { mesh }: LocalizationCostPlan): Promise<string> {
  const [row] = await engine.ask<{ edges: number; buckets: number; minutes: number; spans: number }>(`
    SELECT (SELECT uniqExact(SrcService, DstService) FROM edge_hours WHERE SrcService != '') AS edges,
      (SELECT count() FROM edge_buckets) AS buckets, (SELECT count() FROM edge_minutes) AS minutes, (SELECT count() FROM spans) AS spans`);
  const million = (n = 0) => `${(n / 1e6).toFixed(1)} million`;
  return `${mesh.services} services, ${row?.edges ?? 0} edges, ${mesh.instances} instances each; ${million(row?.buckets)} rows of ten seconds, ${million(row?.minutes)} of minutes over 24 h`;
}

/** Measures cycles and questions. */
export async function measureLocalizationCost(
  plan: LocalizationCostPlan,
  tell: (line: string) => void,
): Promise<Record<string, Figure>> {
  const { mesh } = plan;
  const engine = await startMeasuredEngine("running");
  try {
    await storeDay(engine, mesh, NOW);
    const data = await describeData(engine, plan);
    tell(`localization: a day is stored: ${data}`);
    const analyzer = await startSteppedAnalyzer(engine, mesh, NOW);
    for (let i = 0; i < plan.warmUps; i++) await analyzer.step(1, null);
    const cycles: MeasuredCycle[] = [];
    for (let i = 0; i < plan.quiet; i++) cycles.push(await analyzer.step(1, null));
    tellCycles("quiet cycles", cycles, tell);
    const fault = { service: SLOW_SERVICE, from: analyzer.analyzedUntil() + 10 };
    const faulty: MeasuredCycle[] = [];
    for (let i = 0; i < plan.faulty; i++) faulty.push(await analyzer.step(1, fault));
    tellCycles("cycles of a fault", faulty, tell);
    cycles.push(...faulty);
    const backlog = FAULT_BUCKETS + 1 - plan.faulty;
    const { seconds } = await analyzer.step(backlog, fault);
    tell(`${backlog} buckets at once: ${seconds.toFixed(1)} s`);

    const asked = await measureQuestions(engine, plan.rounds, fault);
    tellStatements(
      "storage a question",
      asked.map(({ statements }) => statements),
      tell,
    );

    const withMetrics = await measureSignals(plan, (step) =>
      analyzer.step(1, null, (came) =>
        storeMeshMetrics(engine, mesh, step === 0 ? { ...came, from: came.from - 60 } : came),
      ),
    );
    tellCycles("with the proxies' metrics", withMetrics, tell);
    const withLogs = await measureSignals(plan, () =>
      analyzer.step(1, null, async (came) => {
        await storeMeshMetrics(engine, mesh, came);
        await storeAccessLogs(engine, came);
      }),
    );
    tellCycles("and their access logs", withLogs, tell);

    const load = `${Math.round((mesh.traces * 9) / 1000)},000 spans and ${Math.round((mesh.services * mesh.instances * 6 * 10) / 15 / 1000)},000 figures of pods in ten seconds`;
    const localized = cycles.filter((cycle) => cycle.hasLocalized).length;
    const wall = cycles.map((cycle) => cycle.seconds);
    const waits = asked.map((one) => one.seconds);
    return {
      cycle_seconds_median: figure(median(wall), "s", "<= 3", `wall, ${load}`),
      cycle_seconds_p95: figure(
        p95(wall),
        "s",
        "<= 3",
        `${cycles.length} cycles, ${localized} of them localized an incident; ${data}`,
      ),
      cycle_cpu_median: figure(median(cycles.map((cycle) => cycle.ownCpu)), "s", null, "CPU of the analyzer"),
      cycle_storage_cpu_median: figure(
        median(cycles.map((cycle) => cpuOf(cycle.statements))),
        "s",
        null,
        "CPU of storage",
      ),
      cycle_with_metrics_seconds: figure(
        median(withMetrics.map((cycle) => cycle.seconds)),
        "s",
        null,
        "also Istio's requests and durations of each edge, pod and side every 15 s",
      ),
      cycle_with_logs_seconds: figure(
        median(withLogs.map((cycle) => cycle.seconds)),
        "s",
        null,
        "also a line of access log a call and side",
      ),
      localize_seconds_p95: figure(
        p95(waits),
        "s",
        "<= 2",
        `wall; median ${median(waits).toFixed(2)} s; five minutes against five; ${data}`,
      ),
      localize_cpu_p95: figure(p95(asked.map((one) => one.ownCpu)), "s", null, "CPU of the asking process"),
      localize_storage_cpu_p95: figure(p95(asked.map((one) => cpuOf(one.statements))), "s", null, "CPU of storage"),
    };
  } finally {
    await engine.stop();
  }
}

async function measureSignals(
  { signals }: LocalizationCostPlan,
  stepOnce: (step: number) => Promise<MeasuredCycle>,
): Promise<MeasuredCycle[]> {
  const cycles: MeasuredCycle[] = [];
  for (let step = 0; step < signals; step++) {
    const cycle = await stepOnce(step);
    if (step > 0) cycles.push(cycle);
  }
  return cycles;
}
