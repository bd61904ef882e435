// Access logs in every format: what is recognised, what is read, what stays a log, and how failures are counted.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { CARDINALITY_LIMITS } from "../../ingest/cardinality-limits.ts";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { LogBlock } from "../../ingest/otlp/logs.ts";
import { ResourceMemory } from "../../ingest/otlp/resource-memory.ts";
import { createSenderRules } from "../../ingest/sender-rules.ts";
import { setLogSink } from "../../model/events.ts";
import { OVERFLOW_NAME } from "../../model/names.ts";
import { accessLogRows, withoutOperation } from "../fixtures/access-log-rows.ts";
import {
  ACCESS_LOGS_AT_MS,
  envoyLine,
  istioJson,
  istioLabels,
  istioLine,
  labelsOf,
  lineRecord,
  logsPayload,
  REQUEST,
  WAYPOINT_LINES,
  ZTUNNEL_LINES,
} from "../fixtures/access-log-samples.ts";
import { makeBlock, rowsOf } from "../fixtures/otlp-blocks.ts";
import { expectedRows, type Message, type Row, toDescending } from "../fixtures/otlp-oracle.ts";

const DATA = process.env["FAULTLINE_DATA_DIR"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const ISTIO_SAMPLE = `${DATA}/mesh-samples/envoy-access-logs/istio-default-text.log`;
const POD = {
  "k8s.cluster.name": "east",
  "k8s.namespace.name": "shop",
  "k8s.pod.name": "frontend-7d9f-x2x",
  "k8s.container.name": "istio-proxy",
  "service.name": "frontend",
  "service.version": "v1",
};

/** The access logs and the number of plain logs that records become. */
function read(
  records: readonly Message[],
  resource: Readonly<Record<string, string>> = POD,
): { rows: Row[]; logs: number } {
  const payload = logsPayload(records, resource);
  const block = makeBlock("logs");
  expect(block.decode(payload, ACCESS_LOGS_AT_MS, "default")).toMatchObject({ ok: true, rejected: 0 });
  const rows = accessLogRows(block);
  // Whatever is read must be what the slow reader reads, in the order of the fields and the other way round.
  expect(withoutOperation(rows)).toEqual(expectedRows("logs", payload)["access_logs"]);
  const turned = makeBlock("logs");
  turned.decode(toDescending("logs", payload), ACCESS_LOGS_AT_MS, "default");
  expect(accessLogRows(turned)).toEqual(rows);
  return { rows, logs: rowsOf(block)["logs"]?.length ?? 0 };
}

function readOne(record: Message, resource: Readonly<Record<string, string>> = POD): Row {
  const { rows, logs } = read([record], resource);
  expect(logs).toBe(0);
  const [row] = rows;
  if (row === undefined) throw new Error("the record is no access log");
  return row;
}

describe("one request, whatever format it comes in", () => {
  const REQUEST_ROW = {
    Timestamp: "1795388887683000000",
    Method: "GET",
    Path: "/product/395?color=red",
    Operation: "GET /product/{id}",
    Protocol: "http",
    HttpVersion: "HTTP/1.1",
    ResponseCode: 200,
    ResponseFlags: "",
    Outcome: "ok",
    Duration: "25000000",
    UpstreamServiceTime: "24000000",
    BytesReceived: "0",
    BytesSent: "135",
    RequestId: "84961386-6d84-929d-98bd-c5aee93b5c88",
    UserAgent: "curl/8.4.0",
    UpstreamHost: "10.44.1.27:80",
    Authority: "catalog:8000",
    Service: "frontend",
    Direction: "outbound",
    Reporter: "source",
    Src: ["service", "east", "shop", "frontend", "v1", "frontend-7d9f-x2x"],
  };
  const CATALOG = ["service", "east", "shop", "catalog", "v2", ""];
  const start = "1795388887683000000";

  it.each<[string, Message]>([
    ["labels", { timeUnixNano: start, attributes: istioLabels(REQUEST), body: { stringValue: "GET /product 200" } }],
    ["a map as body", { timeUnixNano: "1795388901000000000", body: { kvlistValue: { values: istioLabels(REQUEST) } } }],
    ["a JSON line", lineRecord(istioJson(REQUEST))],
    ["a text line", lineRecord(istioLine(REQUEST))],
    ["a text line with its line end", lineRecord(`${istioLine(REQUEST)}\n`)],
    ["a text line of Istio before 1.9", lineRecord(istioLine(REQUEST).replace("via_upstream -", '"-"'))],
  ])("%s", (_format, record) => {
    const row = readOne(record);
    expect(row).toMatchObject(REQUEST_ROW);
    expect(row["Dst"]).toEqual(CATALOG);
    expect(row["Attributes"]).toContainEqual(["upstream_local_address", "10.44.1.23:37652"]);
  });

  it("Envoy's own default line, which names its callee by the authority only", () => {
    const { authority: _authority, ...more } = { ...REQUEST };
    const row = readOne(lineRecord(envoyLine({ ...more, authority: "catalog:8000" })));
    expect(row).toMatchObject({ ...REQUEST_ROW, UpstreamCluster: "" });
    expect(row["Dst"]).toEqual(["service", "east", "shop", "catalog", "", ""]);
  });

  it("the labels of our own onboarding, with an empty resource", () => {
    const row = readOne(
      {
        timeUnixNano: start,
        attributes: labelsOf({
          "k8s.pod.name": "frontend-7d9f-x2x",
          "k8s.namespace.name": "shop",
          "istio.cluster_id": "east",
          "istio.mesh_id": "mesh-1",
          "istio.workload": "frontend",
          "http.request.method": "GET",
          "url.path": "/shop.Catalog/Get",
          "network.protocol": "HTTP/2",
          "http.response.status_code": "200",
          "grpc.status": "14",
          response_flags: "UF,URX",
          duration_ms: "25",
          upstream_service_time_ms: undefined,
          upstream_attempts: "3",
          authority: "catalog",
          upstream_cluster: "outbound|8000||catalog.shop.svc.cluster.local",
          downstream_remote_address: "10.44.1.23:46520",
          traceparent: "00-6af593b42c783cbc05e4ce917b72013f-e382ec1a77da06fb-01",
          upstream_peer_uri_san: "spiffe://cluster.local/ns/shop/sa/catalog",
          "team.label": "checkout",
        }),
      },
      {},
    );
    expect(row).toMatchObject({
      Cluster: "east",
      Namespace: "shop",
      Service: "frontend",
      Instance: "frontend-7d9f-x2x",
      Protocol: "grpc",
      Operation: "shop.Catalog/Get",
      GrpcStatus: 14,
      ResponseCode: 200,
      ResponseFlags: "UF,URX",
      Outcome: "failed",
      Attempts: 3,
      UpstreamServiceTime: "-1",
      TraceId: "6af593b42c783cbc05e4ce917b72013f",
      SpanId: "e382ec1a77da06fb",
      Dst: ["service", "east", "shop", "catalog", "", ""],
    });
    expect(row["Attributes"]).toEqual([
      ["upstream_peer_uri_san", "spiffe://cluster.local/ns/shop/sa/catalog"],
      ["istio.mesh_id", "mesh-1"],
      ["team.label", "checkout"],
    ]);
  });
});

describe("who called whom", () => {
  const outbound = (cluster: string, more: Record<string, string> = {}): Message =>
    lineRecord(istioJson({ ...REQUEST, upstream_cluster: cluster }, more));

  it.each<[string, string, string[]]>([
    [
      "a host of the mesh",
      "outbound|80||reviews.books.svc.cluster.local",
      ["service", "east", "books", "reviews", "", ""],
    ],
    [
      "a subset",
      "outbound|80|canary|reviews.books.svc.cluster.local",
      ["service", "east", "books", "reviews", "canary", ""],
    ],
    ["an external host", "outbound|443||api.stripe.com", ["external", "", "", "api.stripe.com", "", ""]],
    ["a short host of our namespace", "outbound|80||reviews.shop", ["service", "east", "shop", "reviews", "", ""]],
    ["passthrough", "PassthroughCluster", ["external", "", "", "PassthroughCluster", "", ""]],
    ["black hole", "BlackHoleCluster", ["external", "", "", "BlackHoleCluster", "", ""]],
  ])("outbound to %s", (_what, cluster, dst) => {
    const row = readOne(outbound(cluster));
    expect(row).toMatchObject({ Direction: "outbound", Reporter: "source" });
    expect(row["Dst"]).toEqual(dst);
  });

  it("the peer's filter state says more than the cluster", () => {
    const peer = JSON.stringify({
      workload: "catalog-v2",
      namespace: "shop",
      cluster: "west",
      service: "catalog",
      revision: "v2",
      name: "catalog-v2-abc",
    });
    const row = readOne({ attributes: labelsOf({ ...REQUEST, response_flags: "-", upstream_peer: peer }) });
    expect(row["Dst"]).toEqual(["service", "west", "shop", "catalog", "v2", "catalog-v2-abc"]);
  });

  it("inbound: the callee is us, the caller its peer, or of its SPIFFE name the namespace", () => {
    const inbound = { ...REQUEST, upstream_cluster: "inbound|8080||", response_flags: "-" };
    const peer = '{"NAME":"web-1","NAMESPACE":"edge","LABELS":{"app":"web","version":"v7"},"CLUSTER_ID":"west"}';
    const known = readOne({ attributes: labelsOf({ ...inbound, downstream_peer: peer }) });
    expect(known).toMatchObject({ Direction: "inbound", Reporter: "destination" });
    expect(known["Src"]).toEqual(["service", "west", "edge", "web", "v7", "web-1"]);
    expect(known["Dst"]).toEqual(["service", "east", "shop", "frontend", "v1", "frontend-7d9f-x2x"]);
    const named = readOne({
      attributes: labelsOf({ ...inbound, downstream_peer_uri_san: "spiffe://cluster.local/ns/edge/sa/web" }),
    });
    expect(named["Src"]).toEqual(["unknown", "east", "edge", "", "", ""]);
    expect(readOne({ attributes: labelsOf(inbound) })["Src"]).toEqual(["unknown", "", "", "", "", ""]);
  });

  it("inbound to a pod of which only the workload is known takes the name that callers use", () => {
    const { "service.name": _name, ...pod } = { ...POD, "k8s.deployment.name": "reviews-v3" };
    const line = istioLine({
      ...REQUEST,
      upstream_cluster: "inbound|9080||",
      requested_server_name: "outbound_.9080_.v3_.reviews.shop.svc.cluster.local",
    });
    expect(readOne(lineRecord(line), pod)["Dst"]).toEqual([
      "service",
      "east",
      "shop",
      "reviews",
      "v1",
      "frontend-7d9f-x2x",
    ]);
  });

  it("a gateway is known by its node id, or as a listener for outside traffic that sends into the mesh", () => {
    const labels = istioLabels({ ...REQUEST, response_flags: "-" });
    for (const resource of [
      { node_name: "router~10.0.0.9~gw-1.edge~edge.svc.cluster.local" },
      { ...POD, traffic_direction: "INBOUND" },
    ]) {
      expect(readOne({ attributes: labels }, resource)).toMatchObject({ Direction: "outbound", Reporter: "gateway" });
    }
  });

  it("a waypoint stands between, and its subset follows the protocol", () => {
    const { rows } = read(WAYPOINT_LINES.map(lineRecord), {
      "k8s.cluster.name": "east",
      "k8s.namespace.name": "starfleet",
    });
    expect(rows.map(({ Reporter, Direction, Outcome }) => [Reporter, Direction, Outcome])).toEqual([
      ["waypoint", "inbound", "ok"],
      ["waypoint", "inbound", "degraded"],
    ]);
    expect(rows[0]?.["Dst"]).toEqual(["service", "east", "starfleet", "probe", "canary", ""]);
    expect(rows[1]?.["ResponseDetails"]).toBe("rbac_access_denied_matched_policy[none]");
  });

  it("without a cluster the request was for us when the authority is ours, else it went out", () => {
    const { upstream_cluster: _cluster, ...failed } = { ...REQUEST, response_code: "404", response_flags: "NR" };
    expect(readOne(lineRecord(istioLine({ ...failed, authority: "frontend.shop:80" })))["Direction"]).toBe("inbound");
    const out = readOne(lineRecord(istioLine({ ...failed, authority: "nowhere.example.com" })));
    expect(out).toMatchObject({
      Direction: "outbound",
      ResponseFlags: "NR",
      Dst: ["external", "", "", "nowhere.example.com", "", ""],
    });
  });
});

describe("ztunnel", () => {
  it("reads pairs over tabs, spaces and line ends, and JSON", () => {
    const { rows } = read(ZTUNNEL_LINES.map(lineRecord), {
      "k8s.cluster.name": "east",
      "k8s.pod.name": "ztunnel-abcde",
    });
    expect(
      rows.map((row) => [row["Reporter"], row["Direction"], row["Protocol"], row["ResponseFlags"], row["Outcome"]]),
    ).toEqual([
      ["ztunnel", "outbound", "tcp", "", "ok"],
      ["ztunnel", "outbound", "tcp", "", "ok"],
      ["ztunnel", "inbound", "tcp", "DENY", "failed"],
    ]);
    expect(rows[0]).toMatchObject({
      // The line is written when the connection ends.
      Timestamp: String(BigInt(Date.UTC(2026, 10, 22, 5, 7, 25)) * 1_000_000n + 806_642_000n - 2_000_000n),
      Duration: "2000000",
      BytesSent: "283",
      BytesReceived: "358",
      Src: ["service", "east", "bookinfo", "productpage-v1", "", "productpage-v1-57ffb6658c-vmb6z"],
      Dst: ["service", "east", "bookinfo", "details", "", "details-v1-6cd6d9df6b-mddv2"],
    });
    expect(rows[1]?.["Dst"]).toEqual(["service", "east", "default", "echo", "", ""]);
    expect(rows[2]?.["Attributes"]).toContainEqual(["level", "error"]);
  });

  it("a connection that is only opened stays a log", () => {
    const opened = (ZTUNNEL_LINES[0] ?? "")
      .replace("info", "debug")
      .replace("connection complete", "connection opened");
    expect(read([lineRecord(opened)])).toEqual({ rows: [], logs: 1 });
  });

  it.each([
    ["io error: Connection refused (os error 111)", "0", "CONNECT"],
    ["io error: Connection reset by peer", "358", ""],
    ["http status: 401 Unauthorized", "0", "DENY"],
  ])("%s after %s bytes is %j", (error, received, flags) => {
    const line = `${(ZTUNNEL_LINES[0] ?? "").replace("bytes_recv=358", `bytes_recv=${received}`)} error="${error}"`;
    expect(readOne(lineRecord(line))).toMatchObject({ ResponseFlags: flags, Outcome: "failed" });
  });
});

describe("what stays a log", () => {
  afterEach(() => setLogSink(() => {}));

  it.each<[string, Message]>([
    [
      "an application's request log",
      { attributes: labelsOf({ method: "GET", path: "/", duration: "3", "http.response.status_code": "200" }) },
    ],
    ["an application's JSON", lineRecord('{"level":"info","method":"GET","path":"/x","duration":3,"msg":"handled"}')],
    ["a bracketed time with no request", lineRecord("[2026-11-22T23:08:07.683Z] INFO started")],
    ["a text", lineRecord("2026-11-22T23:08:07.683Z started to listen on a port for all")],
    ["nothing", {}],
  ])("%s", (_what, record) => {
    expect(read([record])).toEqual({ rows: [], logs: 1 });
  });

  it.each<[string, string, string]>([
    ["cut in a quoted part", istioLine(REQUEST).slice(0, 160), "text_parts"],
    ["with too few parts", `${istioLine(REQUEST).split(" ").slice(0, 12).join(" ")}`, "text_parts"],
    ["whose request is no request", istioLine({ ...REQUEST }).replace(/"GET .*?" 200/, '"GET" 200'), "text_request"],
    ["with a code that is none", istioLine({ ...REQUEST, response_code: "2x0" }), "text_code"],
    ["of JSON that does not end", istioJson(REQUEST).slice(0, -20), "json_syntax"],
    [
      "of JSON nested without end",
      istioJson(REQUEST).replace("}", `,"x":${"[".repeat(50)}${"]".repeat(50)}}`),
      "json_depth",
    ],
    ["of ztunnel without its addresses", (ZTUNNEL_LINES[0] ?? "").replace("src.addr", "address"), "ztunnel_pairs"],
  ])("a line %s, counted by its reason", (_what, line, reason) => {
    const counted: unknown[] = [];
    setLogSink((_level, event, _text, fields) => counted.push([event, fields["reason"]]));
    const block = makeBlock("logs");
    const outcome = block.decode(logsPayload([lineRecord(line)], POD), ACCESS_LOGS_AT_MS, "default");
    expect(outcome).toMatchObject({ ok: true, rows: 1 });
    expect(rowsOf(block)["logs"]?.map((row) => row["Body"])).toEqual([line]);
    expect(counted).toEqual([["ingest.unparsed", reason]]);
  });

  it("logs and access logs of one payload lie side by side, and a block of one kind has no insert of the other", () => {
    const text = { body: { stringValue: "started" }, timeUnixNano: "1795388901000000000" };
    const { rows, logs } = read([text, lineRecord(istioLine(REQUEST)), text]);
    expect([rows.length, logs]).toEqual([1, 2]);
    const block = makeBlock("logs");
    block.decode(logsPayload([lineRecord(istioLine(REQUEST))]), ACCESS_LOGS_AT_MS, "default");
    expect(block.inserts().map(({ table }) => table)).toEqual(["access_logs"]);
    block.clear();
    block.decode(logsPayload([text]), ACCESS_LOGS_AT_MS, "default");
    expect(block.inserts().map(({ table }) => table)).toEqual(["logs"]);
  });

  it("an access log with an absurd time is refused, and its neighbours stay", () => {
    const block = makeBlock("logs");
    const late = istioLine({ ...REQUEST, start_time: "1971-01-01T00:00:00.000Z" });
    const outcome = block.decode(
      logsPayload([lineRecord(late), lineRecord(istioLine(REQUEST))], POD),
      ACCESS_LOGS_AT_MS,
      "default",
    );
    expect(outcome).toMatchObject({ ok: true, rows: 1, rejected: 1, rejectedReason: "timestamp" });
  });

  it("a short payload behind a long one reads nothing of it", () => {
    const block = makeBlock("logs");
    const long = {
      attributes: [
        ...labelsOf({ own: "x".repeat(5000) }),
        ...istioLabels(REQUEST),
        ...labelsOf({ node_id: "sidecar~1~a.b~c" }),
      ],
    };
    const short = { attributes: labelsOf({ response_flags: "UH", method: "GET", path: "/", duration: "1" }) };
    for (const record of [long, short]) {
      const outcome = block.decode(logsPayload([record], {}), ACCESS_LOGS_AT_MS, "default");
      expect(outcome).toMatchObject({ ok: true, rows: 1 });
    }
    expect(accessLogRows(block).map(({ Instance }) => Instance)).toEqual(["a", ""]);
  });

  it("a payload that is taken back leaves no access logs, places or reporters behind", () => {
    const good = logsPayload([lineRecord(istioLine(REQUEST))], POD);
    const other = logsPayload([lineRecord(istioLine({ ...REQUEST, upstream_cluster: "outbound|1||x.y.svc" }))], {
      ...POD,
      "service.name": "other",
    });
    const block = makeBlock("logs");
    block.decode(good, ACCESS_LOGS_AT_MS, "default");
    expect(block.decode(other.subarray(0, other.length - 3), ACCESS_LOGS_AT_MS, "default")).toMatchObject({
      ok: false,
    });
    block.decode(other, ACCESS_LOGS_AT_MS, "default");
    block.decode(good, ACCESS_LOGS_AT_MS, "second");
    const rows = accessLogRows(block);
    expect(rows.map(({ Tenant, Service }) => [Tenant, Service])).toEqual([
      ["default", "frontend"],
      ["default", "other"],
      ["second", "frontend"],
    ]);
    expect(rows[1]?.["Dst"]).toEqual(["service", "east", "y", "x", "", ""]);
  });
});

it("names that callers make up are bounded by the tenant's limits, and aliases are one service", () => {
  const aliases = new Map([["shop/catalog-old", "catalog"]]);
  const rules = createSenderRules({ cardinality: { ...CARDINALITY_LIMITS, peers: 5 }, aliases }, 42, () => 0);
  const block = new LogBlock(DECODE_LIMITS, new ResourceMemory(42, rules));
  const { upstream_cluster: _cluster, ...unrouted } = { ...REQUEST, response_flags: "NR" };
  const lines = Array.from({ length: 30 }, (_, i) => istioLine({ ...unrouted, authority: `host-${i}.example.com` }));
  lines.push(istioLine({ ...REQUEST, upstream_cluster: "outbound|80||catalog-old.shop.svc.cluster.local" }));
  block.decode(logsPayload(lines.map(lineRecord), POD), ACCESS_LOGS_AT_MS, "default");
  const names = accessLogRows(block).map((row) => (row["Dst"] as string[])[3]);
  expect(new Set(names.slice(0, 30)).size).toBe(6);
  expect(names[29]).toBe(OVERFLOW_NAME);
  expect(names[30]).toBe("catalog");
});

it.skipIf(!existsSync(ISTIO_SAMPLE))("the real pair of Istio's documentation", () => {
  const lines = readFileSync(ISTIO_SAMPLE, "utf8").trim().split("\n");
  const { rows } = read(lines.map(lineRecord), { "k8s.namespace.name": "foo", "k8s.pod.name": "sleep-1" });
  expect(
    rows.map((row) => [
      row["Direction"],
      row["Reporter"],
      row["Operation"],
      row["ResponseCode"],
      row["Duration"],
      row["Outcome"],
    ]),
  ).toEqual([
    ["outbound", "source", "GET /status/{id}", 418, "4000000", "degraded"],
    ["inbound", "destination", "GET /status/{id}", 418, "3000000", "degraded"],
  ]);
  expect(rows[0]?.["Dst"]).toEqual(["service", "", "foo", "httpbin", "", ""]);
  expect(rows[1]?.["Dst"]).toEqual(["service", "", "foo", "httpbin", "", "sleep-1"]);
  expect(rows[0]?.["RequestId"]).toBe(rows[1]?.["RequestId"]);
});
