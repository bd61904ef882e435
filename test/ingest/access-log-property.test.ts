// What is written in any format is read back as it was: fields of any content, through text, JSON, maps and labels alike.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accessLogRows, withoutOperation } from "../fixtures/access-log-rows.ts";
import {
  ACCESS_LOGS_AT_MS,
  ISTIO_FIELDS,
  type IstioFields,
  istioJson,
  istioLabels,
  istioLine,
  lineRecord,
  logsPayload,
} from "../fixtures/access-log-samples.ts";
import { makeBlock } from "../fixtures/otlp-blocks.ts";
import { expectedRows, type Message, type Row } from "../fixtures/otlp-oracle.ts";

const RUNS = Number(process.env["FAULTLINE_PROPERTY_RUNS"] ?? 300);

const ip = fc.oneof(
  fc.ipV4().map((address) => `${address}:8080`),
  fc.ipV6().map((address) => `[${address}]:15006`),
);
/** Text without line ends and backslashes, which Envoy's text format cannot tell apart. */
const free = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom('"', " ", ",", "-", "ä", "価", "🚀", "a", "[", "]", "{", "=", "|"),
      maxLength: 40,
    }),
  )
  .map((text) => text.replace(/[\p{Cc}\p{Zl}\p{Zp}\\]/gu, "").trim())
  .filter((text) => text !== "" && text !== "-" && isWellFormed(text));
const word = free.map((text) => text.replace(/[\s"]/gu, "")).filter((text) => text !== "" && text !== "-");
const count = fc.integer({ min: 0, max: 2 ** 40 }).map(String);

const fields: fc.Arbitrary<IstioFields> = fc.record(
  {
    start_time: fc
      .date({ min: new Date("2026-01-01"), max: new Date("2026-11-22"), noInvalidDate: true })
      .map((date) => date.toISOString()),
    route_name: word,
    method: fc.constantFrom("GET", "POST", "PATCH", "PROPFIND"),
    path: word.map((text) => `/${text}`),
    protocol: fc.constantFrom("HTTP/1.1", "HTTP/2", "HTTP/3"),
    response_code: fc.integer({ min: 0, max: 599 }).map(String),
    response_flags: fc.constantFrom("UH", "UF,URX", "DC", "FI,DI"),
    response_code_details: word.map((text) => `via_${text}`),
    connection_termination_details: word.map((text) => `x_${text}`),
    bytes_received: count,
    bytes_sent: count,
    duration: fc.integer({ min: 0, max: 80_000_000 }).map(String),
    upstream_service_time: fc.integer({ min: 0, max: 80_000_000 }).map(String),
    x_forwarded_for: fc.array(fc.ipV4(), { minLength: 1, maxLength: 4 }).map((list) => list.join(", ")),
    user_agent: free,
    request_id: fc.uuid(),
    authority: fc.oneof(ip, fc.constantFrom("catalog:80", "catalog.shop.svc.cluster.local", "example.com")),
    upstream_host: ip,
    upstream_cluster: fc.constantFrom(
      "outbound|80|v1|catalog.shop.svc.cluster.local",
      "inbound|8080||",
      "PassthroughCluster",
      "outbound|443||example.com",
    ),
    upstream_local_address: ip,
    downstream_local_address: ip,
    downstream_remote_address: ip,
    requested_server_name: fc.constantFrom("outbound_.80_._.catalog.shop.svc.cluster.local", "example.com"),
    upstream_transport_failure_reason: free,
  },
  { requiredKeys: ["start_time", "method", "path", "protocol"] },
);

function readRow(record: Message): Row | undefined {
  const block = makeBlock("logs");
  block.decode(logsPayload([record], { "service.name": "frontend" }), ACCESS_LOGS_AT_MS, "default");
  return accessLogRows(block)[0];
}

/** What a row says of the fields, under Istio's names. */
function fieldsOf(row: Row): Record<string, string> {
  const attributes = new Map(row["Attributes"] as [string, string][]);
  const text = (column: string): string => (row[column] === -1 || row[column] === "-1" ? "" : String(row[column]));
  const ms = (column: string): string => (BigInt(row[column] as string) / 1_000_000n).toString();
  const values: Record<string, string> = {
    start_time: new Date(Number(BigInt(row["Timestamp"] as string) / 1_000_000n)).toISOString(),
    route_name: text("RouteName"),
    method: text("Method"),
    path: text("Path"),
    protocol: text("HttpVersion"),
    response_code: text("ResponseCode"),
    response_flags: text("ResponseFlags"),
    response_code_details: text("ResponseDetails"),
    bytes_received: text("BytesReceived"),
    bytes_sent: text("BytesSent"),
    duration: row["Duration"] === "-1" ? "" : ms("Duration"),
    upstream_service_time: row["UpstreamServiceTime"] === "-1" ? "" : ms("UpstreamServiceTime"),
    user_agent: text("UserAgent"),
    request_id: text("RequestId"),
    authority: text("Authority"),
    upstream_host: text("UpstreamHost"),
    upstream_cluster: text("UpstreamCluster"),
    downstream_remote_address: text("DownstreamAddress"),
    upstream_transport_failure_reason: text("FailureReason"),
  };
  const said = ISTIO_FIELDS.map((name) => [name, values[name] ?? attributes.get(name) ?? ""] as const);
  return Object.fromEntries(said.filter(([, value]) => value !== ""));
}

describe("every field comes back as it was written", () => {
  it.each<[string, (fields: IstioFields) => Message]>([
    ["a text line", (said) => lineRecord(istioLine(said))],
    ["a JSON line", (said) => lineRecord(istioJson(said))],
    ["JSON with escapes for all but ASCII", (said) => lineRecord(escapeAll(istioJson(said)))],
    ["labels", (said) => ({ attributes: istioLabels(said) })],
    ["a map", (said) => ({ body: { kvlistValue: { values: istioLabels(said) } } })],
  ])("in %s", { timeout: 120_000 }, (_format, write) => {
    fc.assert(
      fc.property(fields, (said) => {
        const record = write(said);
        const row = readRow(record);
        expect(row && fieldsOf(row)).toEqual(said);
        // And the meaning is what the slow reader makes of it.
        const payload = logsPayload([record], { "service.name": "frontend" });
        expect(row && withoutOperation([row])).toEqual(expectedRows("logs", payload)["access_logs"]);
      }),
      { numRuns: RUNS },
    );
  });

  it("and unknown keys of JSON and labels as the operator's own", () => {
    const own = fc.dictionary(
      fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom("a", "Z", "é", ".", "/", '"', " ", "\\", "\n") }),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).filter((text) => text !== "-" && isWellFormed(text)),
      { maxKeys: 5 },
    );
    fc.assert(
      fc.property(fields, own, (said, more) => {
        const pairs = Object.entries(more);
        const labels = [...istioLabels(said), ...pairs.map(([key, value]) => ({ key, value: { stringValue: value } }))];
        for (const record of [lineRecord(istioJson(said, more)), { attributes: labels }]) {
          const attributes = readRow(record)?.["Attributes"] as [string, string][];
          expect(attributes.filter(([key]) => !(ISTIO_FIELDS as readonly string[]).includes(key))).toEqual(pairs);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

function escapeAll(json: string): string {
  return json
    .replace(/[^\u0020-\u007e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replaceAll("/", "\\/");
}

function isWellFormed(text: string): boolean {
  return Buffer.from(text).toString() === text;
}
