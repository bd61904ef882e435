// Drives the analyzer until it has used all that a replay brought, and reads what it found.
// In: storage, the analyzer's cycle, the period of the replay. Out: progress, then incidents with their localizations.
// Bounds: waits at most `timeoutMs`; buckets that end after the replay's last arrival are not waited for, they are still open.
import { setTimeout as sleep } from "node:timers/promises";
import { BUCKET_SECONDS, readArrivals } from "../../storage/buckets.ts";
import type { Storage } from "../../storage/client.ts";
import { type StoredIncident, readIncidentPage } from "../../storage/incidents.ts";
import { readLocalizations } from "../../storage/localizations.ts";
import type { Localization } from "../../model/localization.ts";

const PAUSE_MS = 200;
const INCIDENTS_MAX = 100;

/** An incident as stored, with its answer when it has one. */
export interface FoundIncident {
  readonly incident: StoredIncident;
  readonly localization: Localization | null;
}

/** How to wait; times in unix seconds, `now` in milliseconds. */
export interface AnalysisWait {
  readonly storage: Storage;
  readonly tenant: string;
  readonly runCycle: (complete: boolean) => Promise<unknown>;
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly abort: AbortSignal;
  readonly onProgress: (ratio: number, note: string) => void;
}

/** Runs cycles until every closed bucket was analysed from all its rows; false when the time was over before. */
export async function untilAnalyzed(wait: AnalysisWait): Promise<boolean> {
  const deadline = wait.now() + wait.timeoutMs;
  for (;;) {
    wait.abort.throwIfAborted();
    await wait.runCycle(true);
    const rows = await readArrivals(
      wait.storage,
      Math.floor(wait.fromSeconds) - BUCKET_SECONDS,
      Math.ceil(wait.toSeconds),
    );
    const closed = rows.filter((row) => row.tenant === wait.tenant && row.bucket + BUCKET_SECONDS <= wait.toSeconds);
    const done = closed.filter((row) => row.analyzed === row.arrived).length;
    if (closed.length > 0) wait.onProgress(done / closed.length, `${done} of ${closed.length} buckets`);
    if (done === closed.length) return true;
    if (wait.now() >= deadline) return false;
    await sleep(PAUSE_MS, undefined, { signal: wait.abort });
  }
}

/** The incidents that overlap the period, oldest first. */
export async function readFoundIncidents(
  storage: Storage,
  tenant: string,
  fromSeconds: number,
  toSeconds: number,
): Promise<FoundIncident[]> {
  const range = { from: new Date(fromSeconds * 1_000).toISOString(), to: new Date(toSeconds * 1_000).toISOString() };
  const incidents = await readIncidentPage(storage, { tenant, range, status: null, limit: INCIDENTS_MAX, after: null });
  const ids = incidents.map((incident) => incident.localizationId).filter((id) => id !== null);
  const answers = await readLocalizations(storage, tenant, ids);
  return incidents
    .reverse()
    .map((incident) => ({ incident, localization: answers.get(incident.localizationId ?? "") ?? null }));
}
