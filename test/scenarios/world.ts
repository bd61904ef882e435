// Runs all scenarios side by side, each as a tenant: what has arrived is stored, then the real cycle runs, ten seconds a step.
// In: scenarios. Out: per scenario the incidents with their answers, as stored, in order of their start.
// Bounds: one database, one fake clock; the first minute is taken in one step, as a backlog would be.
import { runCycle, type CycleContext } from "../../analyzer/cycle.ts";
import { ANALYZER_DEFAULTS } from "../../analyzer/options.ts";
import type { Localization } from "../../model/localization.ts";
import type { Storage } from "../../storage/client.ts";
import { readIncidentPage, type StoredIncident } from "../../storage/incidents.ts";
import { readLocalizations } from "../../storage/localizations.ts";
import { makeEntity } from "../../model/entity.ts";
import { writeChanges } from "../../storage/changes.ts";
import { writePlatformEvents } from "../../storage/kubernetes-objects.ts";
import { insertSpans } from "../golden/span-rows.ts";
import type { Scenario } from "./language.ts";
import { type Delivery, generateTraffic } from "./traffic.ts";

/** What a scenario says when it is to be analysed a second time. */
export const REPLAY_CLAIM = "the same after a replay";
/** Start of every scenario, unix seconds. */
export const START_SECONDS = Date.UTC(2026, 0, 5, 10, 0, 0) / 1000;
// What is played after the last fault: three clean buckets close an incident.
const AFTERMATH_SECONDS = 50;
const SHORTEST_SECONDS = 120;
const BACKLOG_SECONDS = 60;
const STEP_SECONDS = 10;
const MAX_INCIDENTS = 50;

/** An incident with its answer. */
export type StoredFinding = StoredIncident & { readonly answer: Localization | null };

/** What storage holds of a scenario in the end. */
export interface Findings {
  readonly incidents: readonly StoredFinding[];
  readonly withdrawn: number;
  /** The same after everything was analysed again from nothing, in one go; empty where the scenario asks for no replay. */
  readonly replayed: readonly StoredFinding[];
}

const lengthOf = (scenario: Scenario) =>
  Math.max(SHORTEST_SECONDS, ...scenario.faults.map((fault) => fault.to + AFTERMATH_SECONDS));

async function readFindings(storage: Storage, tenant: string) {
  const page = { tenant, range: null, status: null, limit: MAX_INCIDENTS, after: null };
  const incidents = (await readIncidentPage(storage, page)).reverse();
  const ids = incidents.map((one) => one.localizationId).filter((id) => id !== null);
  const answers = await readLocalizations(storage, tenant, ids);
  return incidents.map((one) => ({ ...one, answer: answers.get(one.localizationId ?? "") ?? null }));
}

async function countWithdrawn(storage: Storage, tenant: string): Promise<number> {
  const result = await storage.client.query({
    query: "SELECT count() AS n FROM incidents FINAL WHERE Tenant = {tenant:String} AND Status = 'WITHDRAWN'",
    query_params: { tenant },
    format: "JSONEachRow",
  });
  return (await result.json<{ n: number }>())[0]!.n;
}

const isoAt = (seconds: number) => new Date((START_SECONDS + seconds) * 1000).toISOString();

/** Stores what is told of changes and by Kubernetes; it comes before the traffic, as late news are the traffic's affair. */
export async function tellOf(storage: Storage, { name: tenant, changes, events, services }: Scenario): Promise<void> {
  const told = changes.map(({ at, kind, name, what }, i) => {
    const service = name.split("@")[0]!;
    const parts = { cluster: services.get(service)?.cluster ?? "east", namespace: "shop", service };
    const version = name.split("@")[1];
    return {
      id: `${tenant}-${i}`,
      at: isoAt(at),
      kind,
      entity: version === undefined ? makeEntity("SERVICE", parts) : makeEntity("VERSION", { ...parts, version }),
      summary: `${kind} ${name} changed: ${what}`,
      before: null,
      after: null,
    };
  });
  if (told.length > 0) await writeChanges(storage, tenant, "scenario", told);
  const rows = events.map(({ at, reason, pod }, i) => ({
    Id: `${tenant}-${i}`,
    At: isoAt(at),
    Cluster: "east",
    Namespace: "shop",
    Kind: "Pod",
    Name: pod,
    Node: "",
    Severity: "Warning",
    Reason: reason,
    Message: `${reason} of container app, restarting failed container`,
  }));
  if (rows.length > 0) await writePlatformEvents(storage, tenant, rows);
}

/** Plays the scenarios on an empty database. */
export async function playScenarios(
  storage: Storage,
  scenarios: readonly Scenario[],
): Promise<ReadonlyMap<string, Findings>> {
  let now = START_SECONDS;
  const context: CycleContext = {
    storage,
    options: ANALYZER_DEFAULTS,
    memories: new Map(),
    now: () => now * 1000,
  };
  for (const one of scenarios) await tellOf(storage, one);
  let waiting: Delivery[] = scenarios.flatMap((one) => generateTraffic(one, START_SECONDS, lengthOf(one)));
  const end = Math.max(...scenarios.map(lengthOf));
  for (let at = BACKLOG_SECONDS; at <= end; at += STEP_SECONDS) {
    now = START_SECONDS + at;
    await insertSpans(
      storage,
      waiting.filter((one) => one.arrivesAt <= at).map((one) => one.span),
    );
    waiting = waiting.filter((one) => one.arrivesAt > at);
    for (const one of scenarios) if (one.restartAt === at) context.memories.delete(one.name);
    await runCycle(context);
  }
  now += STEP_SECONDS;
  await insertSpans(
    storage,
    waiting.map((one) => one.span),
  );
  await runCycle(context, true);
  const first = new Map<string, Awaited<ReturnType<typeof readFindings>>>();
  const withdrawn = new Map<string, number>();
  for (const { name } of scenarios) {
    first.set(name, await readFindings(storage, name));
    withdrawn.set(name, await countWithdrawn(storage, name));
  }
  // A replay: nothing is known as analysed, nothing is remembered, everything comes at once.
  const replayed = scenarios.filter((one) => one.expectations.some(({ claim }) => claim === REPLAY_CLAIM));
  await storage.client.command({
    query: "DELETE FROM analyzed_buckets WHERE Tenant IN {tenants:Array(String)}",
    query_params: { tenants: replayed.map((one) => one.name) },
  });
  now += STEP_SECONDS;
  await runCycle({ ...context, memories: new Map() }, true);
  const findings = new Map<string, Findings>();
  for (const { name } of scenarios) {
    findings.set(name, {
      incidents: first.get(name)!,
      withdrawn: withdrawn.get(name)!,
      replayed: replayed.some((one) => one.name === name) ? await readFindings(storage, name) : [],
    });
  }
  return findings;
}
