// Whether this process can serve: storage answers, its tables are there, and how old the analysis is.
// In: storage and checks of other parts. Out: one verdict with a sentence a check.
// Bounds: each check has CHECK_TIMEOUT_MS; an answer is kept for KEEP_MS, so that probes cost nothing.
import { reasonOf } from "../model/errors.ts";
import type { Storage } from "../storage/client.ts";
import { readProgress } from "../storage/progress.ts";

const CHECK_TIMEOUT_MS = 3000;
const KEEP_MS = 1000;
// What the API reads and the alerts write: the last table of each migration it needs.
const NEEDED_TABLES = ["arrivals", "entities", "edge_buckets", "analyzed_buckets", "incidents", "alert_deliveries"];

/** Result of one check; a check that only informs is always ok. */
export interface CheckResult {
  readonly ok: boolean;
  readonly detail: string;
}

/** Checks of other parts by name; one that throws has failed. */
export type Checks = Readonly<Record<string, () => Promise<CheckResult>>>;

/** Verdict over all checks. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

async function runCheck(check: () => Promise<CheckResult>): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      check(),
      new Promise<CheckResult>((resolve) => {
        timer = setTimeout(
          () => resolve({ ok: false, detail: `no answer in ${CHECK_TIMEOUT_MS} ms` }),
          CHECK_TIMEOUT_MS,
        );
      }),
    ]);
  } catch (error) {
    return { ok: false, detail: reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

function ownChecks(storage: Storage, tenant: string, now: () => number): Checks {
  return {
    storage: async () =>
      (await storage.ping()) ? { ok: true, detail: "answers" } : { ok: false, detail: "does not answer" },
    migrations: async () => {
      const rows = await storage.query<{ Name: string }>("probe_tables", { names: NEEDED_TABLES });
      const present = new Set(rows.map((row) => row.Name));
      const missing = NEEDED_TABLES.filter((name) => !present.has(name));
      return missing.length === 0
        ? { ok: true, detail: "applied" }
        : { ok: false, detail: `tables are missing: ${missing.join(", ")}; run \`faultline migrate\`` };
    },
    // Told, not judged: an API without fresh analysis still serves what there is.
    analyzer: async () => {
      const nowSeconds = now() / 1000;
      const { LastAnalyzed } = await readProgress(storage, tenant, nowSeconds);
      return LastAnalyzed === 0
        ? { ok: true, detail: "nothing analysed yet" }
        : { ok: true, detail: `newest analysed bucket is ${Math.round(nowSeconds - LastAnalyzed)} s old` };
    },
  };
}

/** A function that tells readiness; concurrent callers share one run. */
export function watchReadiness(
  storage: Storage,
  tenant: string,
  more: Checks,
  now: () => number,
): () => Promise<Readiness> {
  const checks = { ...ownChecks(storage, tenant, now), ...more };
  let kept: { at: number; answer: Promise<Readiness> } | null = null;
  return () => {
    if (kept === null || now() - kept.at >= KEEP_MS) {
      const answer = Promise.all(
        Object.entries(checks).map(async ([name, check]) => [name, await runCheck(check)] as const),
      ).then((results) => ({
        ready: results.every(([, result]) => result.ok),
        checks: Object.fromEntries(results),
      }));
      kept = { at: now(), answer };
    }
    return kept.answer;
  };
}
