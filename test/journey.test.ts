// One trace through everything: sent by OTLP/HTTP, one cycle, read by GraphQL; the stages it passes, in order.
// In: two spans of one call, sent to a service with every role. Out: the list in docs/architecture.md (UPDATE_GOLDEN=1 writes it).
// Bounds: one service in a temporary folder on free ports; the views in the middle are asserted by their rows.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { trace } from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig, overrideDefaults } from "../service/config.ts";
import { type RunningService, startService } from "../service/roles.ts";
import { ROLE_NAMES } from "../service/settings.ts";

const exporter = new InMemorySpanExporter();
let service: RunningService;
let folder = "";

// What each stage is, for the reader of docs/architecture.md. Views run inside ClickHouse and have no span of ours.
const STAGES: readonly (readonly [name: string, file: string, what: string])[] = [
  ["ingest/http", "ingest/http.ts", "takes the request body, bounded and unpacked"],
  [
    "ingest/otlp/traces",
    "ingest/otlp/traces.ts",
    "decodes the protobuf straight into columns; identity and outcome are decided here",
  ],
  ["ingest/otlp/native-block", "ingest/otlp/native-block.ts", "turns the columns into a ClickHouse Native block"],
  ["ingest/writer", "ingest/writer.ts", "inserts the block; only then is the sender told"],
  [
    "storage/migrations/0001_spans.sql",
    "storage/migrations/0001_spans.sql",
    "views copy the span to `span_edges` and count it in `arrivals`",
  ],
  [
    "storage/queries/pair_edges.sql",
    "storage/queries/pair_edges.sql",
    "pairs the spans of the bucket into edges and operations",
  ],
  ["analyzer/graph", "analyzer/graph.ts", "takes the bucket into the remembered graph"],
  ["analyzer/baseline", "analyzer/baseline.ts", "learns what is normal from the clean buckets before"],
  ["analyzer/detect", "analyzer/detect.ts", "compares the bucket with it"],
  ["analyzer/incident", "analyzer/incident.ts", "opens, continues and closes incidents"],
  ["analyzer/onset", "analyzer/onset.ts", "finds the second in which a new incident began"],
  ["analyzer/localize/localize", "analyzer/localize/localize.ts", "finds where and why"],
  ["analyzer/report", "analyzer/report.ts", "stores incidents and answers"],
  ["api/server", "api/server.ts", "answers GraphQL from what is stored"],
];
const VIEW_STAGE = "storage/migrations/0001_spans.sql";

beforeAll(async () => {
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  folder = mkdtempSync(join(tmpdir(), "faultline-journey-"));
  const config = overrideDefaults(
    loadConfig({ file: null, flags: {}, environment: {} }),
    {
      "storage.dataDir": join(folder, "data"),
      "ingest.httpPort": 0,
      "ingest.grpcPort": 0,
      "api.port": 0,
      "analyzer.intervalSeconds": 3600,
    },
    "test",
  );
  const abort = new AbortController();
  service = await startService(config, ROLE_NAMES, { now: Date.now, abort: abort.signal });
});

afterAll(async () => {
  await service?.stop();
  rmSync(folder, { recursive: true, force: true });
  trace.disable();
});

function attribute(key: string, value: string) {
  return { key, value: { stringValue: value } };
}

/** frontend calls catalog once, a minute ago. */
function oneCall(nowMs: number) {
  const start = BigInt(nowMs - 60_000) * 1_000_000n;
  const span = (name: string, kind: number, id: string, parent: string, offsetMs: number, ms: number) => ({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: id,
    parentSpanId: parent,
    name,
    kind,
    startTimeUnixNano: (start + BigInt(offsetMs) * 1_000_000n).toString(),
    endTimeUnixNano: (start + BigInt(offsetMs + ms) * 1_000_000n).toString(),
    attributes: [attribute("http.request.method", "GET"), attribute("http.response.status_code", "200")],
  });
  const group = (service_: string, spans: object[]) => ({
    resource: { attributes: [attribute("service.name", service_), attribute("k8s.namespace.name", "shop")] },
    scopeSpans: [{ spans }],
  });
  return {
    resourceSpans: [
      group("frontend", [span("GET", 3, "b7ad6b7169203331", "", 0, 30)]),
      group("catalog", [span("GET /items", 2, "00f067aa0ba902b7", "b7ad6b7169203331", 5, 20)]),
    ],
  };
}

async function postJson(url: string, body: object): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return response.json();
}

test("one call passes every stage in order and comes out as an edge", async () => {
  const { storage, runCycle, urls } = service.context;
  const [ingest, api] = [urls.ingest ?? "", urls.api ?? ""];
  // Stages run on empty input too.
  await runCycle?.(true);
  exporter.reset();

  await postJson(`${ingest}/v1/traces`, oneCall(Date.now()));
  const rows = await storage?.client.query({ query: "SELECT count() AS n FROM span_edges", format: "JSONEachRow" });
  expect(await rows?.json()).toEqual([{ n: 2 }]);

  await runCycle?.(true);
  const now = Date.now();
  const range = { from: new Date(now - 120_000).toISOString(), to: new Date(now).toISOString() };
  const answer = await postJson(`${api}/graphql`, {
    query: `query Q($range: TimeRangeInput!) { serviceGraph(range: $range) { edges { source target evidence } } }`,
    variables: { range },
  });
  const { edges } = (answer as { data: { serviceGraph: { edges: object[] } } }).data.serviceGraph;
  expect(edges).toContainEqual({
    source: "service:/shop/frontend",
    target: "service:/shop/catalog",
    evidence: ["span-pair"],
  });

  const names = exporter
    .getFinishedSpans()
    .toSorted((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1])
    .map((span) => span.name);
  const seen = [...new Set(names)].filter((name) => STAGES.some(([stage]) => stage === name));
  expect(seen).toEqual(STAGES.map(([name]) => name).filter((name) => name !== VIEW_STAGE));
});

test("every stage is a file, and docs/architecture.md lists them", () => {
  for (const [, file] of STAGES) expect(existsSync(file), file).toBe(true);
  const list = STAGES.map(([, file, what], i) => `${i + 1}. \`${file}\`: ${what}`).join("\n");
  const page = readFileSync("docs/architecture.md", "utf8");
  const wanted = page.replace(
    /(<!-- data path: begin[^\n]*-->\n)[\s\S]*?(<!-- data path: end -->)/,
    (_, begin: string, end: string) => `${begin}${list}\n${end}`,
  );
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync("docs/architecture.md", wanted);
  else expect(page).toBe(wanted);
});
