// The contents page of the analyzer: one cycle as a list of named, timed stages.
// In: what has arrived since the last cycle. Out: edges and operations in their buckets, incidents and localizations in storage.
// Bounds: one cycle at a time; at most `maxBuckets` buckets a pairing; every stage runs on empty input too and may be repeated:
//   buckets are replaced, ids are stable, findings are replaced by newer revisions.
import { emitEvent } from "../model/events.ts";
import { runStage } from "../model/stage.ts";
import { BUCKET_SECONDS, readArrivals, readMisplacedBuckets, writeAnalyzed } from "../storage/buckets.ts";
import { recomputeBuckets } from "../storage/recompute.ts";
import type { Storage } from "../storage/client.ts";
import { writeIncidents } from "../storage/incidents.ts";
import { writeLocalizations } from "../storage/localizations.ts";
import { readMeshDue } from "../storage/mesh-metrics.ts";
import { rollUp } from "../storage/rollups.ts";
import { readSaturation } from "../storage/saturation.ts";
import { readSloWindows } from "../storage/slo-windows.ts";
import { writeAnomalies } from "../storage/anomalies.ts";
import { learnBaselines } from "./baseline.ts";
import { detectAll } from "./detectors.ts";
import { takeBucket } from "./graph.ts";
import { countHits } from "./impact.ts";
import { type ActiveIncident, stepIncidents, taintedSeries, withIncidents } from "./incident.ts";
import { chooseForLocalization, localizeIncident, refineOnset } from "./investigate.ts";
import type { AnalyzerOptions } from "./options.ts";
import { type BucketRange, changedPoints, planCycle, type Plan } from "./progress.ts";
import { describeIncident } from "./report.ts";
import { LEVEL_METRICS } from "./saturation.ts";
import { shareReads } from "./shared-reads.ts";
import { burnRates, detectBurns, isSloDue, recordBurnRates } from "./slo.ts";
import { TenantMemory } from "./tenant.ts";
import { bucketAt } from "./time.ts";

/** What a cycle did. */
export interface CycleResult {
  readonly buckets: number;
  readonly opened: number;
  readonly resolved: number;
  /** End of the newest analysed bucket, unix seconds; null when nothing has been analysed yet. */
  readonly analyzedUntil: number | null;
}

/** What a cycle works with; the memories live as long as the process. */
export interface CycleContext {
  readonly storage: Storage;
  readonly options: AnalyzerOptions;
  readonly memories: Map<string, TenantMemory>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

async function memoryOf(context: CycleContext, tenant: string, until: number): Promise<TenantMemory> {
  const known = context.memories.get(tenant);
  if (known !== undefined) return known;
  const memory = new TenantMemory(tenant, context.options.historyBuckets);
  await memory.restore(context.storage, until, context.now() / 1000, context.options);
  context.memories.set(tenant, memory);
  return memory;
}

/** The error budgets that burn, at the end of a minute. */
async function findBurns({ storage, options }: CycleContext, tenant: string, bucket: number) {
  const objectives = options.objectives ?? [];
  if (objectives.length === 0 || !isSloDue(bucket)) return { anomalies: [], judged: new Set<string>() };
  const services = [...new Set(objectives.map(({ service }) => service))];
  const rates = burnRates(objectives, await readSloWindows(storage, tenant, services, bucket + BUCKET_SECONDS));
  recordBurnRates(tenant, rates);
  return detectBurns(rates, bucket);
}

/** Analyses one bucket of one tenant; returns the incidents that were opened and closed in it. */
async function analyzeBucket(context: CycleContext, memory: TenantMemory, bucket: number) {
  const { storage, options } = context;
  const { tenant, history } = memory;
  // None of these reads needs what comes before its use, so storage is asked for all at once.
  const asked = Promise.all([
    memory.season.at(storage, tenant, bucket),
    readSaturation(storage, tenant, bucket, Object.keys(LEVEL_METRICS)),
    findBurns(context, tenant, bucket),
  ]);
  asked.catch(() => undefined);
  await runStage("analyzer/graph", () => takeBucket(storage, tenant, history, bucket));
  const baselines = await runStage("analyzer/baseline", () =>
    learnBaselines(history, bucket, memory.isTainted, options.baselineBuckets),
  );
  const { anomalies, judged, tests } = await runStage("analyzer/detect", async () => {
    const [usualRate, saturation, burns] = await asked;
    return detectAll(history, bucket, { baselines, isTainted: memory.isKeyTainted, usualRate, saturation, burns });
  });
  const before = memory.stateBefore(bucket);
  const known = new Set(before.open.map((incident) => incident.id));
  const callees = history.callees();
  const stepped = await runStage("analyzer/incident", () =>
    stepIncidents(before, {
      tenant,
      bucket,
      anomalies,
      tests,
      judged,
      callees,
      graceSeconds: options.graceSeconds,
    }),
  );
  const opened = stepped.state.open.filter((incident) => !known.has(incident.id));
  const dated = await runStage("analyzer/onset", () =>
    Promise.all(opened.map((incident) => refineOnset(storage, tenant, history, incident))),
  );
  const findings = { bucket, anomalies, runs: stepped.state.runs };
  const counted = withIncidents(stepped.state, dated).open.map((incident) => ({
    ...incident,
    hits: countHits(incident, findings, (key, from, to) => history.requestsBetween(key, from, to)),
  }));
  const state = withIncidents(stepped.state, counted);
  const { chosen, postponed } = chooseForLocalization(state.open, bucket);
  if (postponed > 0) emitEvent("analyzer.localization_postponed", {}, undefined, postponed);
  const localized = await runStage("analyzer/localize/localize", () => {
    const shared = shareReads(storage);
    return Promise.all(
      chosen.map((incident) => localizeIncident(shared, tenant, { history, state }, incident, bucket)),
    );
  });
  const final = withIncidents(state, localized);
  await runStage("analyzer/report", async () => {
    const revision = BigInt(context.now()) * 1_000_000n;
    const answers = localized.map((i) => i.localization).filter((answer) => answer !== null);
    await writeAnomalies(storage, tenant, bucket, anomalies, revision.toString());
    await writeLocalizations(storage, tenant, revision.toString(), answers);
    const told = [...final.open, ...stepped.closed];
    await writeIncidents(
      storage,
      tenant,
      told.map((incident) => describeIncident(incident, callees, revision)),
    );
  });
  memory.remember(bucket, final, taintedSeries(final, anomalies, tests));
  return { opened: dated, closed: stepped.closed };
}

async function withdraw(
  context: CycleContext,
  memory: TenantMemory,
  seen: ReadonlyMap<string, ActiveIncident>,
  still: ReadonlySet<string>,
): Promise<void> {
  const gone = [...seen.values()].filter((incident) => !still.has(incident.id));
  const revision = BigInt(context.now()) * 1_000_000n;
  const callees = memory.history.callees();
  await writeIncidents(
    context.storage,
    memory.tenant,
    gone.map((incident) => ({
      ...describeIncident(incident, callees, revision),
      status: "WITHDRAWN" as const,
    })),
  );
  for (const incident of gone) emitEvent("incident.withdrawn", { incident: incident.id });
}

async function analyzeTenant(context: CycleContext, tenant: string, range: BucketRange) {
  const memory = await memoryOf(context, tenant, range.from);
  const from = Math.max(range.from, memory.analyzableFrom);
  // What a rollback takes back is analysed again as a whole, also where only its first bucket was late.
  const to = Math.max(range.to, memory.analyzeUntil);
  if (memory.hasAnalyzed(from)) emitEvent("analyzer.late_data", { tenant });
  const seen = memory.rollback(from);
  const still = new Set(memory.stateBefore(from).open.map((incident) => incident.id));
  let opened = 0;
  let resolved = 0;
  for (let bucket = from; bucket < to; bucket += BUCKET_SECONDS) {
    const outcome = await analyzeBucket(context, memory, bucket).catch((error: unknown) => {
      memory.expectAgain(seen, to);
      throw error;
    });
    for (const incident of outcome.opened) {
      still.add(incident.id);
      if (!seen.has(incident.id)) emitEvent("incident.opened", {}, incident.id);
    }
    for (const incident of outcome.closed) emitEvent("incident.resolved", {}, incident.id);
    opened += outcome.opened.length;
    resolved += outcome.closed.length;
    emitEvent("analyzer.bucket");
  }
  await withdraw(context, memory, seen, still);
  return { buckets: (to - from) / BUCKET_SECONDS, opened, resolved, until: to };
}

let newestRevision = 0n;

/** A revision above all that this process gave out, also when the clock stands still or goes back. */
function nextRevision(nowMs: number): bigint {
  const byClock = BigInt(nowMs) * 1_000_000n;
  newestRevision = byClock > newestRevision ? byClock : newestRevision + 1n;
  return newestRevision;
}

/** Plans the cycle: what has arrived, what mesh metrics tell of earlier buckets, and which callees are better known by now. */
async function plan(context: CycleContext, complete: boolean) {
  const { storage, options } = context;
  const now = context.now() / 1000;
  const since = bucketAt(now - options.lookBackSeconds);
  const rows = await readArrivals(storage, since, bucketAt(now + BUCKET_SECONDS));
  const meshTenants = [...new Set(rows.filter((row) => row.rows.points > 0).map((row) => row.tenant))];
  const isQuiet = rows.every((row) => row.rows.spans === row.paired.spans);
  const [points, spans] = await Promise.all([
    Promise.all(changedPoints(rows).map(({ tenant, range }) => readMeshDue(storage, tenant, range))),
    isQuiet ? [] : readMisplacedBuckets(storage, since),
  ]);
  const { graceSeconds, maxBucketsPerPairing: maxBuckets } = options;
  return { meshTenants, ...planCycle(rows, { now, graceSeconds, complete, maxBuckets, others: { spans, points } }) };
}

/** Computes the edges that are due; they are visible at once, whether their buckets are complete or not. */
async function pairEdges(context: CycleContext, due: Plan["recompute"], meshTenants: readonly string[]): Promise<void> {
  for (const { from, to, spans, logs, points } of due) {
    const sources = { spans, accessLogs: logs, meshTenants: points ? meshTenants : [] };
    await recomputeBuckets(context.storage, from, to, sources);
  }
}

/** Sums what has settled, and notes what the graph has used: only then, as a change that is cut off before its mark must come again. */
async function sumUp(context: CycleContext, { recompute, paired }: Plan): Promise<void> {
  await rollUp(context.storage, recompute, context.now() / 1000);
  await writeAnalyzed(context.storage, paired, nextRevision(context.now()));
}

async function analyzeTenants(context: CycleContext, analyze: Plan["analyze"]) {
  const result = { buckets: 0, opened: 0, resolved: 0 };
  for (const [tenant, range] of analyze) {
    const done = await analyzeTenant(context, tenant, range);
    result.buckets += done.buckets;
    result.opened += done.opened;
    result.resolved += done.resolved;
  }
  return result;
}

/** Runs one cycle; `complete` also takes the buckets that may still grow (the senders are done). */
export async function runCycle(context: CycleContext, complete = false): Promise<CycleResult> {
  const { storage } = context;
  const { meshTenants, ...due } = await plan(context, complete);
  await runStage("storage/queries/pair_edges.sql", () => pairEdges(context, due.recompute, meshTenants));
  // The analysis reads buckets, which stand; sums hold or are not asked. Both are waited for, or the next cycle would meet the rest of this one.
  const [summed, analyzed] = await Promise.allSettled([sumUp(context, due), analyzeTenants(context, due.analyze)]);
  if (summed.status === "rejected") throw summed.reason;
  if (analyzed.status === "rejected") throw analyzed.reason;
  await writeAnalyzed(storage, due.used, nextRevision(context.now()));
  const ends = [...context.memories.values()].map((m) => m.analyzedUntil).filter((e) => e !== null);
  return { ...analyzed.value, analyzedUntil: ends.length === 0 ? null : Math.max(...ends) };
}
