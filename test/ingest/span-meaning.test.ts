// What a span means for the graph: protocol, operation, peer, code and outcome, from attributes of SDKs and Envoy.
import { describe, expect, it } from "vitest";
import { makeBlock, rowsOf, SAMPLES_AT_MS } from "../fixtures/otlp-blocks.ts";
import { encodeOtlp, toDescending } from "../fixtures/otlp-oracle.ts";

interface Case {
  readonly name?: string;
  readonly kind: "server" | "client" | "producer" | "consumer" | "internal";
  readonly attributes?: Record<string, string | number>;
  readonly resource?: Record<string, string>;
  readonly isError?: boolean;
}

const KIND = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 };
const OUTCOMES = ["ok", "degraded", "failed", "cancelled"];
const PEER_KINDS = ["", "service", "database", "messaging", "external"];

function pairs(values: Record<string, string | number>): object[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
  }));
}

function read(input: Case): Record<string, unknown> {
  const T = "1795388900000000000";
  const span = {
    traceId: Buffer.alloc(16, 1),
    spanId: Buffer.alloc(8, 1),
    name: input.name ?? "a span",
    kind: KIND[input.kind],
    startTimeUnixNano: T,
    attributes: pairs(input.attributes ?? {}),
    status: { code: input.isError === true ? 2 : 0 },
  };
  const resource = { attributes: pairs({ "service.name": "me", "service.namespace": "shop", ...input.resource }) };
  const body = encodeOtlp("traces", { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
  const rows = [body, toDescending("traces", body)].map((bytes) => {
    const block = makeBlock("traces");
    expect(block.decode(bytes, SAMPLES_AT_MS, "default")).toMatchObject({ ok: true, rows: 1 });
    return rowsOf(block)["spans"]?.[0] ?? {};
  });
  expect(rows[1]).toEqual(rows[0]);
  const row = rows[0] ?? {};
  return { ...row, Outcome: OUTCOMES[Number(row["Outcome"])], PeerKind: PEER_KINDS[Number(row["PeerKind"])] };
}

const ENVOY = { component: "proxy", "http.method": "GET", "http.status_code": "200", response_flags: "-" };

describe("operation", () => {
  it.each<[string, Case, string]>([
    [
      "http.route with its method",
      { kind: "server", attributes: { "http.request.method": "GET", "http.route": "/items/{id}" } },
      "GET /items/{id}",
    ],
    [
      "a client's url.template",
      {
        kind: "client",
        attributes: { "http.request.method": "PUT", "url.template": "/a/{b}", "url.full": "http://x/a/1" },
      },
      "PUT /a/{b}",
    ],
    [
      "a span name that is a route",
      { kind: "server", name: "GET /cart/{user}", attributes: { "http.method": "GET", "http.target": "/cart/u5" } },
      "GET /cart/{user}",
    ],
    [
      "a span name that is a raw path",
      { kind: "server", name: "GET /orders/1234", attributes: { "http.method": "GET" } },
      "GET /orders/{id}",
    ],
    [
      "the URL of a client without a template",
      {
        kind: "client",
        name: "HTTP GET",
        attributes: { "http.request.method": "GET", "url.full": "http://catalog.shop.svc:80/items/u17?x=1" },
      },
      "GET /items/{id}",
    ],
    [
      "the URL of a proxy, whatever its name",
      {
        kind: "server",
        name: "catalog.shop.svc.cluster.local:80/*",
        attributes: { ...ENVOY, "http.url": "http://catalog.shop/price/9" },
      },
      "GET /price/{id}",
    ],
    [
      "the name of an HTTP span without anything else",
      { kind: "client", name: "HTTP POST", attributes: { "http.method": "POST" } },
      "HTTP POST",
    ],
    [
      "rpc.service and rpc.method",
      { kind: "server", attributes: { "rpc.system": "grpc", "rpc.service": "pay.v1.Pay", "rpc.method": "Charge" } },
      "pay.v1.Pay/Charge",
    ],
    [
      "a full rpc.method",
      { kind: "server", attributes: { "rpc.system.name": "grpc", "rpc.method": "pay.v1.Pay/Charge" } },
      "pay.v1.Pay/Charge",
    ],
    [
      "the path of a proxy's gRPC",
      { kind: "client", attributes: { ...ENVOY, "grpc.path": "/pay.v1.Pay/Charge" } },
      "pay.v1.Pay/Charge",
    ],
    [
      "the URL of a proxy's gRPC without a path",
      {
        kind: "client",
        attributes: { ...ENVOY, "grpc.status_code": "0", "http.url": "http://pay:9090/pay.v1.Pay/Charge" },
      },
      "pay.v1.Pay/Charge",
    ],
    [
      "a database's system, verb and table",
      {
        kind: "client",
        attributes: { "db.system.name": "postgresql", "db.operation.name": "SELECT", "db.collection.name": "items" },
      },
      "postgresql SELECT items",
    ],
    [
      "a database span of which only the name speaks",
      { kind: "client", name: "SELECT shop", attributes: { "db.system": "mysql" } },
      "SELECT shop",
    ],
    [
      "messaging's verb and destination",
      {
        kind: "producer",
        attributes: {
          "messaging.system": "kafka",
          "messaging.operation.type": "send",
          "messaging.destination.name": "orders",
        },
      },
      "send orders",
    ],
    ["an internal span's name", { kind: "internal", name: "price" }, "price"],
  ])("is %s", (_name, input, operation) => {
    expect(read(input)["Operation"]).toBe(operation);
  });
});

describe("peer", () => {
  it.each<[string, Case, string, string]>([
    [
      "Envoy's upstream cluster",
      { kind: "client", attributes: { ...ENVOY, upstream_cluster: "outbound|80||catalog.shop.svc.cluster.local" } },
      "catalog",
      "service",
    ],
    [
      "one of a subset",
      { kind: "client", attributes: { ...ENVOY, upstream_cluster: "outbound|80|v2|pricing.other.svc.cluster.local" } },
      "pricing",
      "service",
    ],
    [
      "one in SNI form",
      { kind: "client", attributes: { ...ENVOY, upstream_cluster: "outbound_.443_._.pay.shop.svc.cluster.local" } },
      "pay",
      "service",
    ],
    [
      "an external one",
      { kind: "client", attributes: { ...ENVOY, upstream_cluster: "outbound|443||api.example.com" } },
      "api.example.com",
      "external",
    ],
    [
      "PassthroughCluster",
      { kind: "client", attributes: { ...ENVOY, upstream_cluster: "PassthroughCluster" } },
      "PassthroughCluster",
      "external",
    ],
    [
      "BlackHoleCluster",
      { kind: "client", attributes: { ...ENVOY, upstream_cluster: "BlackHoleCluster" } },
      "BlackHoleCluster",
      "external",
    ],
    [
      "no peer of an inbound cluster",
      { kind: "client", attributes: { ...ENVOY, upstream_cluster: "inbound|8080||" } },
      "",
      "",
    ],
    ["no peer of a server", { kind: "server", attributes: { "server.address": "catalog.shop.svc" } }, "", ""],
    [
      "where a gateway sent its request on",
      { kind: "server", attributes: { ...ENVOY, upstream_cluster: "outbound|80||catalog.shop.svc.cluster.local" } },
      "catalog",
      "service",
    ],
    [
      "no peer of a sidecar before its application",
      { kind: "server", attributes: { ...ENVOY, upstream_cluster: "inbound|8080||" } },
      "",
      "",
    ],
    [
      "no peer of a server's proxy outside of Istio, whose cluster may be the application beside it",
      { kind: "server", attributes: { ...ENVOY, upstream_cluster: "local_app" } },
      "",
      "",
    ],
    [
      "a Kubernetes service",
      { kind: "client", attributes: { "server.address": "catalog.shop.svc.cluster.local" } },
      "catalog",
      "service",
    ],
    [
      "a service of the same namespace",
      { kind: "client", attributes: { "server.address": "catalog.shop" } },
      "catalog",
      "service",
    ],
    ["a bare name", { kind: "client", attributes: { "net.peer.name": "catalog" } }, "catalog", "service"],
    [
      "an external host",
      { kind: "client", attributes: { "server.address": "api.example.com" } },
      "api.example.com",
      "external",
    ],
    [
      "the host of a URL, without user and port",
      { kind: "client", attributes: { "http.method": "GET", "url.full": "https://u:p@api.example.com:8443/x" } },
      "api.example.com",
      "external",
    ],
    [
      "peer.service before an address",
      { kind: "client", attributes: { "peer.service": "pay", "server.address": "10.0.0.1" } },
      "pay",
      "service",
    ],
    ["nobody at an IPv4 address", { kind: "client", attributes: { "server.address": "127.0.0.1" } }, "", ""],
    [
      "nobody at an IPv6 address",
      { kind: "client", attributes: { "http.method": "GET", "url.full": "http://[::1]:80/" } },
      "",
      "",
    ],
    ["nobody at a pod's address", { kind: "client", attributes: { "server.address": "172.31.255.1:9080" } }, "", ""],
    ["nobody at what is no whole address", { kind: "client", attributes: { "server.address": "10.0" } }, "", ""],
    ["nobody at a number", { kind: "client", attributes: { "server.address": "4294967295999" } }, "", ""],
    [
      "an external host at a public address, whatever the port",
      { kind: "client", attributes: { "http.method": "GET", "url.full": "http://52.1.2.3:41234/x" } },
      "52.1.2.3",
      "external",
    ],
    [
      "an external host at a public IPv6 address",
      { kind: "client", attributes: { "http.method": "GET", "url.full": "http://[2600:1f18::7]:443/x" } },
      "[2600:1f18::7]",
      "external",
    ],
    [
      "the cloud's metadata service",
      { kind: "client", attributes: { "server.address": "169.254.169.254" } },
      "169.254.169.254",
      "external",
    ],
    [
      "an external host behind Envoy by its address",
      { kind: "client", attributes: { ...ENVOY, upstream_cluster: "outbound|443||52.1.2.3" } },
      "52.1.2.3",
      "external",
    ],
    [
      "a reply queue without what each client makes anew",
      {
        kind: "producer",
        attributes: {
          "messaging.system": "rabbitmq",
          "messaging.destination.name": "amq.gen-Xa2Th4kzq0RcVx5CDxW2Gw",
        },
      },
      "rabbitmq:amq.gen-{id}",
      "messaging",
    ],
    ["nobody at localhost", { kind: "client", attributes: { "server.address": "localhost" } }, "", ""],
    [
      "a database at a service",
      {
        kind: "client",
        attributes: { "db.system.name": "postgresql", "server.address": "postgres.shop.svc.cluster.local" },
      },
      "postgresql:postgres",
      "database",
    ],
    [
      "a database at an address",
      { kind: "client", attributes: { "db.system": "redis", "server.address": "10.0.0.7" } },
      "redis:10.0.0.7",
      "database",
    ],
    [
      "a database by its name",
      { kind: "client", attributes: { "db.system": "mysql", "db.name": "shop" } },
      "mysql:shop",
      "database",
    ],
    ["a database by its system", { kind: "client", attributes: { "db.system": "h2" } }, "h2", "database"],
    [
      "a queue for its producer",
      {
        kind: "producer",
        attributes: { "messaging.system": "redis", "messaging.destination.name": "orders", "server.address": "redis" },
      },
      "redis:orders",
      "messaging",
    ],
    [
      "a queue for its consumer",
      { kind: "consumer", attributes: { "messaging.system": "kafka", "messaging.destination": "orders" } },
      "kafka:orders",
      "messaging",
    ],
  ])("is %s", (_name, input, peer, peerKind) => {
    expect(read(input)).toMatchObject({ Peer: peer, PeerKind: peerKind });
  });
});

describe("protocol, code and outcome", () => {
  it.each<[string, Case, object]>([
    [
      "HTTP 200",
      { kind: "server", attributes: { "http.response.status_code": 200 } },
      { Protocol: "http", ResponseCode: 200, Outcome: "ok" },
    ],
    [
      "HTTP 404 is degraded",
      { kind: "server", attributes: { "http.response.status_code": 404 } },
      { ResponseCode: 404, Outcome: "degraded" },
    ],
    [
      "HTTP 503 failed",
      { kind: "client", attributes: { "http.status_code": "503" } },
      { ResponseCode: 503, Outcome: "failed" },
    ],
    [
      "gRPC is judged by its own status",
      { kind: "client", attributes: { ...ENVOY, "grpc.path": "/a/B", "grpc.status_code": "14" } },
      { Protocol: "grpc", ResponseCode: 14, Outcome: "failed" },
    ],
    [
      "gRPC status by name",
      { kind: "server", attributes: { "rpc.system.name": "grpc", "rpc.response.status_code": "NOT_FOUND" } },
      { Protocol: "grpc", ResponseCode: 5, Outcome: "degraded" },
    ],
    [
      "gRPC without a status",
      { kind: "server", attributes: { "rpc.system": "grpc" } },
      { Protocol: "grpc", ResponseCode: -1, Outcome: "ok" },
    ],
    [
      "a caller that left",
      { kind: "server", attributes: { ...ENVOY, "http.status_code": "0", response_flags: "DC" } },
      { ResponseCode: 0, ResponseFlags: "DC", Outcome: "cancelled" },
    ],
    [
      "a request that never arrived",
      { kind: "client", attributes: { ...ENVOY, "http.status_code": "0", response_flags: "UF,URX" } },
      { ResponseFlags: "UF,URX", Outcome: "failed" },
    ],
    ["no flag", { kind: "client", attributes: ENVOY }, { ResponseFlags: "", Outcome: "ok", Proxy: 1 }],
    [
      "a database that failed",
      { kind: "client", attributes: { "db.system": "redis" }, isError: true },
      { Protocol: "db", ResponseCode: -1, Outcome: "failed" },
    ],
    [
      "TCP through a proxy",
      { kind: "client", attributes: { component: "proxy", upstream_cluster: "outbound|3306||db.shop.svc" } },
      { Protocol: "tcp", Peer: "db" },
    ],
    ["nothing known", { kind: "internal" }, { Protocol: "", ResponseCode: -1, Outcome: "ok", Proxy: 0 }],
    ["an Envoy by its resource", { kind: "server", resource: { "telemetry.sdk.name": "envoy" } }, { Proxy: 1 }],
    [
      "a status that is no number",
      { kind: "server", attributes: { "http.status_code": "many" } },
      { ResponseCode: -1 },
    ],
  ])("%s", (_name, input, wanted) => {
    expect(read(input)).toMatchObject(wanted);
  });
});
