// Every setting of Faultline: the one table behind the configuration, its environment variables, flags and reference.
// In: the defaults of the roles. Out: SETTINGS, by dotted key.
// Bounds: a key is `section.name`; units are in the names. docs/configuration.md is generated from here.
import { z } from "zod";
import { ANALYZER_DEFAULTS } from "../analyzer/options.ts";
import { ALERTS_DEFAULTS, type AlertTarget, TARGET_KINDS } from "../api/alerts/options.ts";
import { API_DEFAULTS } from "../api/options.ts";
import { GRPC_LIMITS } from "../ingest/grpc.ts";
import { HTTP_LIMITS } from "../ingest/http.ts";
import { RETENTION_DEFAULTS } from "../storage/retention.ts";
import { DECODE_LIMITS } from "../ingest/otlp/limits.ts";
import { RECEIVER_LIMITS } from "../ingest/receiver.ts";
import { TENANT_LIMITS } from "../ingest/tenant-limits.ts";
import { WRITER_LIMITS } from "../ingest/writer.ts";
import {
  choice,
  flag,
  integer,
  list,
  number,
  numbers,
  port,
  secret,
  structure,
  text,
  texts,
  url,
} from "./setting-kinds.ts";
import { ADOPT_SETTINGS } from "./settings/adopt.ts";
import { CHANGE_SETTINGS } from "./settings/changes.ts";
import { KAFKA_SETTINGS } from "./settings/kafka.ts";
import { SENDER_SETTINGS } from "./settings/senders.ts";
import { SLO_SETTINGS } from "./settings/slo.ts";

/** The roles, in the order in which they start. */
export const ROLE_NAMES = ["storage", "ingest", "analyzer", "api"] as const;
export type RoleName = (typeof ROLE_NAMES)[number];

const alertTargets: z.ZodType<readonly AlertTarget[]> = z.array(
  z.strictObject({
    name: z.string().min(1),
    kind: z.enum(TARGET_KINDS),
    url: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }),
    secret: z.string().min(1).exactOptional(),
  }),
);

/** Every setting by dotted key, in the order in which they are printed. */
export const SETTINGS = {
  roles: list(ROLE_NAMES, ROLE_NAMES, "The roles that this process runs; they meet only through ClickHouse."),
  tenant: text(
    "default",
    "The tenant to which everything belongs that comes without a token, and everything that is shown.",
  ),
  stopDeadlineMs: integer(
    10_000,
    { min: 100, max: 600_000 },
    "How long each role may take to stop before the next is stopped.",
  ),

  "storage.url": url("", "The HTTP(S) URL of a ClickHouse server. Empty: the `storage` role runs an embedded one."),
  "storage.user": text("default", "The ClickHouse user; the embedded server makes its own."),
  "storage.password": secret("", "The password of that user."),
  "storage.database": text("faultline", "The database for all of Faultline's tables; created when missing."),
  "storage.dataDir": text(".faultline/data", "Where the embedded server keeps its data."),
  "storage.maxMemoryBytes": integer(
    0,
    { min: 0, max: 2 ** 50 },
    "The memory that the embedded server may use; 0 lets it choose.",
  ),
  "storage.requestTimeoutMs": integer(60_000, { min: 1_000, max: 3_600_000 }, "The longest that a statement may take."),
  "storage.connectTimeoutSeconds": number(
    30,
    { min: 0, max: 3_600 },
    "How long to wait at start for a ClickHouse that does not answer yet.",
  ),
  "storage.retention": numbers(
    { ...RETENTION_DEFAULTS },
    "How many days each kind of data is kept, by event time; 0 keeps it for ever.",
  ),
  ...ADOPT_SETTINGS,

  "ingest.host": text("127.0.0.1", "The address on which OTLP is received."),
  "ingest.httpPort": port(4318, "The port of OTLP/HTTP."),
  "ingest.grpcPort": port(4317, "The port of OTLP/gRPC."),
  "ingest.httpLimits": numbers({ ...HTTP_LIMITS }, "Past these a request is refused with 413 or 429."),
  "ingest.grpcLimits": numbers({ ...GRPC_LIMITS }, "Past these a call is refused with RESOURCE_EXHAUSTED."),
  "ingest.requireToken": flag(
    false,
    "Whether senders need a bearer token (`faultline token create`). Without: who sends none belongs to `tenant`.",
  ),
  "ingest.tenantLimits": numbers(
    { ...TENANT_LIMITS },
    "What one tenant may hold of what waits or is in flight (`timesFree`: times the room that is left), and send a second; 0: no limit.",
  ),
  "ingest.decodeLimits": numbers({ ...DECODE_LIMITS }, "Past these a value is cut, and counted."),
  "ingest.receiverLimits": numbers(
    { ...RECEIVER_LIMITS },
    "How long a request is remembered, so that its retry is not stored twice.",
  ),
  "ingest.writerLimits": numbers({ ...WRITER_LIMITS }, "How rows are gathered into blocks, and how much may wait."),

  ...SENDER_SETTINGS,

  ...CHANGE_SETTINGS,

  ...KAFKA_SETTINGS,

  "analyzer.intervalSeconds": number(
    ANALYZER_DEFAULTS.intervalSeconds,
    { min: 0.1, max: 600 },
    "The time between two cycles of the analysis.",
  ),
  "analyzer.graceSeconds": number(
    ANALYZER_DEFAULTS.graceSeconds,
    { min: 0, max: 600 },
    "A bucket of 10 s is analysed when the newest span is this much past its end.",
  ),
  "analyzer.lookBackSeconds": integer(
    ANALYZER_DEFAULTS.lookBackSeconds,
    { min: 60, max: 6 * 3600 },
    "Up to this age late data makes its bucket be analysed again.",
  ),
  "analyzer.historyBuckets": integer(
    ANALYZER_DEFAULTS.historyBuckets,
    { min: 10, max: 8_640 },
    "How many buckets (10 s each) of each series are remembered.",
  ),
  "analyzer.baselineBuckets": integer(
    ANALYZER_DEFAULTS.baselineBuckets,
    { min: 3, max: 8_640 },
    "How many clean buckets make a baseline, at most.",
  ),
  "analyzer.maxBucketsPerPairing": integer(
    ANALYZER_DEFAULTS.maxBucketsPerPairing,
    { min: 1, max: 360 },
    "How many buckets are paired in one statement, at most; bounds the memory that a backlog takes.",
  ),
  "analyzer.idleSeconds": number(
    ANALYZER_DEFAULTS.idleSeconds,
    { min: 1, max: 3_600 },
    "When nothing has arrived for this long, the last buckets are taken as complete.",
  ),

  ...SLO_SETTINGS,

  "api.host": text(API_DEFAULTS.host, "The address on which GraphQL and the console are served."),
  "api.port": port(API_DEFAULTS.port, "Its port."),
  "api.allowedHosts": texts(API_DEFAULTS.allowedHosts, "Host names under which it is reached; `*` answers all."),
  "api.allowedOrigins": texts(API_DEFAULTS.allowedOrigins, "Other sites whose pages may call it from a browser."),
  "api.limits": numbers({ ...API_DEFAULTS.limits }, "Past these a request is refused with a code."),

  "alerts.targets": structure<readonly AlertTarget[]>(
    "targets",
    alertTargets,
    ALERTS_DEFAULTS.targets,
    "Who is told of incidents: a list of `name` (keep it), `kind` webhook, slack or feishu, `url`, and a `secret` that signs.",
    true,
  ),
  "alerts.baseUrl": url(
    "",
    "Where people reach the console, for links in messages. Empty: the URL of this process's API.",
  ),

  "telemetry.otlpEndpoint": url(
    "",
    "Where Faultline sends its own traces, metrics and logs (OTLP/HTTP). Empty: OTEL_EXPORTER_OTLP_ENDPOINT, else nowhere.",
  ),
  "telemetry.serviceName": text("faultline", "The service.name of Faultline's own telemetry."),
  "telemetry.sampleRatio": number(0.05, { min: 0, max: 1 }, "The share of Faultline's own traces that is kept."),
  "telemetry.ingestSpans": flag(
    false,
    "Whether spans of the ingest stages are sent too. Leave it off where the endpoint is Faultline itself: each export would cause the next.",
  ),
  "log.level": choice(["debug", "info", "warn", "error"], "info", "The least severe line that is written to stderr."),
  "log.format": choice(["auto", "text", "json"], "auto", "`auto` is text on a terminal and json elsewhere."),
} as const;

/** The dotted key of a setting. */
export type SettingKey = keyof typeof SETTINGS;
