// The roles of Faultline in one table: what each needs and how it starts. `serve` and `demo` run any selection of them.
// In: the configuration and the roles selected. Out: a running service, with the URLs at which it can be reached.
// Bounds: parts are started in the order of their needs and stopped in reverse, each within stopDeadlineMs. Roles share the
// connection to ClickHouse and nothing else, but for `localize` and `explainDetection`, which the API needs on demand.
import { ServiceError } from "../model/errors.ts";
import type { ExplainDetection } from "../model/incident-check.ts";
import type { Localize } from "../model/localization.ts";
import { API_DEFAULTS } from "../api/options.ts";
import { startIngest } from "../ingest/role.ts";
import type { AdoptOptions } from "../storage/adopt.ts";
import type { Storage, StorageOptions } from "../storage/client.ts";
import { startEmbeddedServer } from "../storage/embedded/server.ts";
import type { Config } from "./config.ts";
import { kafkaOptionsOf } from "./kafka-options.ts";
import { type PartDefinition, type RunningPart, startParts } from "./lifecycle.ts";
import { connectionOf, openStorage } from "./open-storage.ts";
import type { RoleName } from "./settings.ts";

/** What the parts of one process share; filled as they start. */
export interface ServiceContext {
  readonly config: Config;
  readonly now: () => number;
  readonly abort: AbortSignal;
  /** A port in use is replaced by a free one. */
  readonly usePortsIfFree: boolean;
  connection: StorageOptions;
  storage: Storage | null;
  localize: Localize | null;
  explainDetection: ExplainDetection | null;
  /** Runs one cycle of the analysis; `complete` when no sender has more. */
  runCycle: ((complete: boolean) => Promise<unknown>) | null;
  readonly urls: {
    storage: string | null;
    ingest: string | null;
    ingestGrpc: string | null;
    api: string | null;
  };
}

/** What to adopt by the configuration; its tenant is that of the process where none is named. */
function adoptOptionsOf(values: Config["values"]): AdoptOptions | null {
  const adopt = values["storage.adopt"];
  return adopt === null ? null : { ...adopt, tenant: adopt.tenant || values.tenant };
}

/** Everything that can run in a process: the four roles, and `connection`, which any of them brings along. */
export const PARTS: Readonly<Record<RoleName | "connection", PartDefinition<ServiceContext>>> = {
  storage: {
    needs: [],
    start: async (context) => {
      const values = context.config.values;
      // A server given by URL is started by somebody else; the role has nothing to run then.
      if (values["storage.url"] !== "") return { stop: () => Promise.resolve() };
      const server = await startEmbeddedServer({
        dataDir: values["storage.dataDir"],
        ...(values["storage.maxMemoryBytes"] > 0 ? { maxMemoryBytes: values["storage.maxMemoryBytes"] } : {}),
      });
      context.connection = { ...context.connection, url: server.url, user: server.user, password: server.password };
      return { stop: () => server.stop() };
    },
  },
  connection: {
    needs: ["storage"],
    start: async (context) => {
      const connectTimeoutSeconds = context.config.values["storage.connectTimeoutSeconds"];
      const storage = await openStorage(context.connection, {
        connectTimeoutSeconds,
        retention: context.config.values["storage.retention"],
        now: context.now,
        abort: context.abort,
      });
      context.storage = storage;
      context.urls.storage = storage.url;
      return { stop: () => storage.close() };
    },
  },
  ingest: {
    needs: ["connection"],
    start: async (context) => {
      const values = context.config.values;
      const where = { role: "ingest", host: values["ingest.host"] };
      const ports = { httpPort: values["ingest.httpPort"], grpcPort: values["ingest.grpcPort"] };
      const options = {
        host: where.host,
        tenant: values.tenant,
        requireToken: values["ingest.requireToken"],
        tenants: values["ingest.tenantLimits"],
        http: values["ingest.httpLimits"],
        grpc: values["ingest.grpcLimits"],
        decode: values["ingest.decodeLimits"],
        senders: {
          cardinality: values["ingest.cardinality"],
          aliases: new Map(Object.entries(values["identity.aliases"])),
        },
        receiver: values["ingest.receiverLimits"],
        writer: values["ingest.writerLimits"],
        changes: {
          fluxSecret: values["changes.fluxSecret"],
          githubSecret: values["changes.githubSecret"],
          fields: values["changes.fields"],
        },
        kafka: kafkaOptionsOf(values),
        adopt: adoptOptionsOf(values),
      };
      const storage = storageOf(context);
      const ingest = await listening(context, where, ports, (free) =>
        startIngest({ storage, options: { ...options, ...free } }),
      );
      context.urls.ingest = ingest.httpUrl;
      context.urls.ingestGrpc = ingest.grpcUrl;
      return ingest;
    },
  },
  analyzer: {
    needs: ["connection"],
    start: async (context) => {
      const values = context.config.values;
      const options = {
        intervalSeconds: values["analyzer.intervalSeconds"],
        graceSeconds: values["analyzer.graceSeconds"],
        lookBackSeconds: values["analyzer.lookBackSeconds"],
        historyBuckets: values["analyzer.historyBuckets"],
        baselineBuckets: values["analyzer.baselineBuckets"],
        maxBucketsPerPairing: values["analyzer.maxBucketsPerPairing"],
        idleSeconds: values["analyzer.idleSeconds"],
        objectives: values["slo.objectives"],
      };
      const { startAnalyzer } = await import("../analyzer/role.ts");
      const analyzer = await startAnalyzer({ storage: storageOf(context), options, now: context.now });
      context.localize = analyzer.localize;
      context.explainDetection = analyzer.explainDetection;
      context.runCycle = (complete) => analyzer.runCycle(complete);
      return analyzer;
    },
  },
  api: {
    needs: ["connection", "analyzer"],
    start: async (context) => {
      // A process that runs another role alone need not hold the libraries of this one.
      const { startApi } = await import("../api/role.ts");
      const { ALERTS_DEFAULTS, startAlerts } = await import("../api/alerts/role.ts");
      const values = context.config.values;
      const where = { role: "api", host: values["api.host"] };
      const options = {
        ...API_DEFAULTS,
        host: where.host,
        tenant: values.tenant,
        allowedHosts: values["api.allowedHosts"],
        allowedOrigins: values["api.allowedOrigins"],
        limits: values["api.limits"],
      };
      const storage = storageOf(context);
      const api = await listening(context, where, { port: values["api.port"] }, ({ port }) =>
        startApi({
          storage,
          localize: context.localize,
          explainDetection: context.explainDetection,
          options: { ...options, port },
          checks: {},
        }),
      );
      context.urls.api = api.url;
      const alerts = await startAlerts({
        storage,
        options: {
          ...ALERTS_DEFAULTS,
          tenant: values.tenant,
          baseUrl: values["alerts.baseUrl"] || api.url,
          targets: values["alerts.targets"],
        },
      }).catch(async (error: unknown) => {
        await api.stop();
        throw error;
      });
      return {
        stop: async () => {
          await api.stop();
          await alerts.stop();
        },
      };
    },
  },
};

/** A service of some roles; `context` tells its URLs and what the analyzer offers. */
export interface RunningService extends RunningPart {
  readonly context: ServiceContext;
}

/** Starts the roles; rejects with the ServiceError of the first that cannot start, after stopping the others. */
export async function startService(
  config: Config,
  roles: readonly RoleName[],
  shared: { now: () => number; abort: AbortSignal; usePortsIfFree?: boolean },
): Promise<RunningService> {
  const values = config.values;
  if (values["storage.url"] === "" && !roles.includes("storage")) {
    const detail =
      "storage.url is empty and the storage role is not among the roles, so there is no ClickHouse to use.";
    throw new ServiceError("CONFIG_INVALID", { detail });
  }
  const context: ServiceContext = {
    config,
    usePortsIfFree: false,
    ...shared,
    connection: connectionOf(values),
    storage: null,
    localize: null,
    explainDetection: null,
    runCycle: null,
    urls: { storage: null, ingest: null, ingestGrpc: null, api: null },
  };
  const part = await startParts(PARTS, [...roles, "connection"], context, {
    stopDeadlineMs: values.stopDeadlineMs,
    abort: shared.abort,
  });
  return { context, stop: () => part.stop() };
}

function storageOf(context: ServiceContext): Storage {
  if (context.storage === null) throw new Error("a role was started before the connection");
  return context.storage;
}

/** Starts on the wanted ports; one in use becomes a free one where that is allowed, else PORT_BUSY with role, host and port. */
async function listening<Ports extends Readonly<Record<string, number>>, T>(
  context: ServiceContext,
  where: { role: string; host: string },
  ports: Ports,
  start: (ports: Ports) => Promise<T>,
): Promise<T> {
  try {
    return await start(ports);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    const port = "port" in error ? error.port : undefined;
    const [name, busy] = Object.entries(ports).find(([, wanted]) => wanted !== 0 && wanted === port) ?? [];
    if (name === undefined || busy === undefined) throw error;
    if (context.usePortsIfFree) return listening(context, where, { ...ports, [name]: 0 }, start);
    throw new ServiceError("PORT_BUSY", { ...where, port: busy }, error);
  }
}
