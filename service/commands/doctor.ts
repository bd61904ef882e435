// `faultline doctor`: checks what a start needs, and tells each result in one line.
// In: the configuration. Out: ok, note or fail a check; exit 1 when one failed.
// Bounds: each check has CHECK_TIMEOUT_MS; nothing is changed but one span of Faultline's own, sent when an OTLP endpoint answers.
import { createServer } from "node:net";
import { reasonOf } from "../../model/errors.ts";
import { OVERFLOW_NAME } from "../../model/names.ts";
import { createStorage } from "../../storage/client.ts";
import { lastEmbeddedConnection } from "../../storage/embedded/running.ts";
import { readOverflows } from "../../storage/overflows.ts";
import type { Config } from "../config.ts";
import { findKafkaTopics, kafkaOptionsOf } from "../kafka-options.ts";
import type { Command } from "../main.ts";
import { connectionOf, untilReachable } from "../open-storage.ts";

const CHECK_TIMEOUT_MS = 5_000;
const CLOCK_SKEW_MS_MAX = 2_000;
const NAMES_OF_SECONDS = 86_400;
const NAMES_SHOWN = 10;

interface Result {
  readonly state: "ok" | "note" | "fail";
  readonly detail: string;
}

/** Runs every check. */
export const doctor: Command = async ({ config, now, abort, print }) => {
  const values = config.values;
  const checks: [string, () => Promise<Result>][] = [
    ["platform", () => Promise.resolve(checkPlatform(config))],
    ["api port", () => checkPort(values["api.host"], values["api.port"])],
    ["ingest port", () => checkPort(values["ingest.host"], values["ingest.httpPort"])],
    ["ingest gRPC port", () => checkPort(values["ingest.host"], values["ingest.grpcPort"])],
    ["ClickHouse", () => checkStorage(config, now, abort.signal)],
    ["names", () => checkNames(config, now)],
    ...(values["kafka.brokers"].length === 0
      ? []
      : [["Kafka", () => checkKafka(config)] as [string, () => Promise<Result>]]),
    ["OTLP", () => checkOtlp(`http://${values["ingest.host"]}:${values["ingest.httpPort"]}`, now)],
  ];
  let failed = 0;
  for (const [name, check] of checks) {
    const result = await check().catch((error: unknown): Result => ({ state: "fail", detail: reasonOf(error) }));
    if (result.state === "fail") failed++;
    print(`${result.state.padEnd(4)}  ${name}: ${result.detail}`);
  }
  return failed === 0 ? 0 : 1;
};

function checkPlatform(config: Config): Result {
  const platform = `${process.platform}-${process.arch}, Node ${process.versions.node}`;
  if (config.values["storage.url"] !== "") return { state: "ok", detail: `${platform}; ClickHouse by URL` };
  if (process.platform === "linux" && process.arch === "x64")
    return { state: "ok", detail: `${platform}; the embedded ClickHouse runs here` };
  return { state: "note", detail: `${platform}; if the embedded ClickHouse does not start here, set storage.url` };
}

async function checkPort(host: string, port: number): Promise<Result> {
  if (port === 0) return { state: "ok", detail: "any free one" };
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
  return isFree
    ? { state: "ok", detail: `${host}:${port} is free` }
    : { state: "note", detail: `${host}:${port} is in use; fine when that is Faultline` };
}

async function checkStorage(config: Config, now: () => number, abort: AbortSignal): Promise<Result> {
  const values = config.values;
  if (values["storage.url"] === "") return { state: "ok", detail: `embedded, in ${values["storage.dataDir"]}` };
  const connection = { ...connectionOf(values), requestTimeoutMs: CHECK_TIMEOUT_MS };
  await untilReachable(connection, { connectTimeoutSeconds: 0, now, abort });
  // Asked outside our database, which need not exist yet.
  const storage = createStorage({ ...connection, database: "default" });
  try {
    const before = now();
    const answer = await storage.client.query({
      query: "SELECT version() AS version, toUnixTimestamp64Milli(now64(3)) AS ms",
      format: "JSONEachRow",
    });
    const [row] = await answer.json<{ version: string; ms: number }>();
    const skewMs = Math.abs(Number(row?.ms ?? 0) - (before + now()) / 2);
    if (skewMs > CLOCK_SKEW_MS_MAX)
      return { state: "fail", detail: `its clock is ${(skewMs / 1_000).toFixed(1)} s off ours` };
    return { state: "ok", detail: `version ${row?.version ?? "unknown"}, clocks agree within ${Math.ceil(skewMs)} ms` };
  } finally {
    await storage.close();
  }
}

/** Tells of names past their limits in the last day; nothing to read yet is no failure. */
async function checkNames(config: Config, now: () => number): Promise<Result> {
  const values = config.values;
  const connection = connectionOf(values);
  const running = connection.url === "" ? lastEmbeddedConnection(values["storage.dataDir"]) : {};
  if (running === null) return { state: "ok", detail: "nothing is stored yet" };
  const storage = createStorage({ ...connection, ...running, requestTimeoutMs: CHECK_TIMEOUT_MS });
  try {
    const fromSeconds = Math.floor(now() / 1_000) - NAMES_OF_SECONDS;
    const overflows = await readOverflows(storage, { tenant: "", fromSeconds, limit: NAMES_SHOWN });
    const [first] = overflows;
    if (first === undefined) return { state: "ok", detail: "no tenant passed a limit on names in the last 24 hours" };
    const whose = overflows.map(
      ({ tenant, dimension, service, rowCount, sample }) =>
        `${dimension}${service === "" ? "" : ` of ${service}`} of tenant ${tenant} (${rowCount} rows${sample === "" ? "" : `, such as ${JSON.stringify(sample)}`})`,
    );
    const detail = `stored as ${OVERFLOW_NAME} in the last 24 hours: ${whose.join("; ")}. Limits: ingest.cardinality`;
    return { state: "note", detail };
  } catch {
    return { state: "ok", detail: "nothing can be read now" };
  } finally {
    await storage.close();
  }
}

async function checkKafka(config: Config): Promise<Result> {
  const options = kafkaOptionsOf(config.values);
  const { present, missing } = await findKafkaTopics(options);
  const way = options.sasl === null ? "" : ` as ${options.sasl.username}`;
  const detail = `${options.brokers.join(", ")}${way}: topics ${present.join(", ") || "none"}`;
  return missing.length === 0
    ? { state: "ok", detail }
    : { state: "note", detail: `${detail}; not there yet: ${missing.join(", ")}` };
}

/** Sends one log record to a running ingest (a span would leave a service on the map); that none runs is only noted. */
async function checkOtlp(url: string, now: () => number): Promise<Result> {
  const record = { timeUnixNano: `${Math.floor(now())}000000`, body: { stringValue: "faultline doctor was here" } };
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "faultline-doctor" } }] };
  const body = JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] });
  const headers = { "content-type": "application/json" };
  let response: Response;
  try {
    response = await fetch(`${url}/v1/logs`, {
      method: "POST",
      headers,
      body,
      signal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
    });
  } catch {
    return { state: "note", detail: `nothing receives at ${url} now` };
  }
  const answer = (await response.text()).slice(0, 200);
  return response.ok
    ? { state: "ok", detail: `${url} stored a test record` }
    : { state: "fail", detail: `${url} answered ${response.status}: ${answer}` };
}
