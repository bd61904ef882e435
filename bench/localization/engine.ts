// The whole service in this process, with a clock that follows the telemetry, so that recordings of years ago are taken as they came.
// In: OTLP requests, questions. Out: the answers that users would get.
// Bounds: free ports and a temporary folder that are gone afterwards; no data ages out, for by event time all of it is old.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ASK_ANYWHERE, type Localization, type LocalizeRequest } from "../../model/localization.ts";
import { loadConfig, overrideDefaults } from "../../service/config.ts";
import { startService } from "../../service/roles.ts";
import { RETENTION_DEFAULTS, type RetentionOptions } from "../../storage/retention.ts";

/** A running service; times are unix seconds of the telemetry. */
export interface Engine {
  /** Sets the clock that the service sees. */
  setClock(unixSeconds: number): void;
  /** Posts one OTLP/JSON request; rejects when it is not taken. */
  send(signal: "traces" | "logs" | "metrics", body: object): Promise<void>;
  /** Analyses what has arrived. */
  runCycle(): Promise<void>;
  /** Asks on demand; what is not named is left open. */
  localize(question: Partial<LocalizeRequest> & Pick<LocalizeRequest, "range">): Promise<Localization>;
}

const ROLES = ["storage", "ingest", "analyzer"] as const;
const MAX_CAUSES = 5;
// Cycles are run by hand.
const NO_CYCLES_SECONDS = 86_400;

/** Unix seconds as RFC 3339. */
export const isoOf = (unixSeconds: number): string => new Date(unixSeconds * 1000).toISOString();

async function post(url: string, body: object): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status} ${text}`);
}

/** Runs `work` with a service of its own, and takes the service down afterwards. */
export async function withEngine<Result>(work: (engine: Engine) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "faultline-bench-"));
  const kinds = Object.keys(RETENTION_DEFAULTS) as (keyof RetentionOptions)[];
  const forEver = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<keyof RetentionOptions, number>;
  const config = overrideDefaults(
    loadConfig({ file: null, flags: {}, environment: {} }),
    {
      "storage.dataDir": join(folder, "data"),
      "storage.retention": forEver,
      "ingest.httpPort": 0,
      "ingest.grpcPort": 0,
      "analyzer.intervalSeconds": NO_CYCLES_SECONDS,
    },
    "bench",
  );
  let clockSeconds = 0;
  const now = () => clockSeconds * 1000;
  try {
    const service = await startService(config, ROLES, { now, abort: new AbortController().signal });
    try {
      const { localize, runCycle, urls } = service.context;
      if (localize === null || runCycle === null || urls.ingest === null) throw new Error("every role was asked for");
      const ingest = urls.ingest;
      return await work({
        setClock: (unixSeconds) => (clockSeconds = unixSeconds),
        send: (signal, body) => post(`${ingest}/v1/${signal}`, body),
        runCycle: async () => void (await runCycle(true)),
        localize: (question) =>
          localize({
            tenant: config.values.tenant,
            ...ASK_ANYWHERE,
            maxCauses: MAX_CAUSES,
            ...question,
          }),
      });
    } finally {
      await service.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
