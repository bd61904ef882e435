// Recognised mesh metrics become narrow points, whatever way they came and whoever repeats them; what is hostile stops no insert.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { recognisedMetrics } from "../../model/metric-names.ts";
import { MESH_START, meshRow, storeDistributions, storePoints } from "../fixtures/mesh-metrics.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

let test: TestStorage;
beforeAll(async () => {
  test = await startTestStorage();
});
afterAll(() => test.stop());
beforeEach(() => test.storage.client.command({ query: "TRUNCATE TABLE mesh_points" }).then(() => {}));

type PointRow = Record<string, unknown>;

async function points(columns = "*", order = "Measure, Timestamp"): Promise<PointRow[]> {
  const result = await test.storage.client.query({
    query: `SELECT ${columns} FROM mesh_points ORDER BY ${order}`,
    format: "JSONEachRow",
  });
  return result.json();
}

const SIDES = {
  reporter: "destination",
  source_workload: "a-v1",
  source_canonical_service: "a",
  source_workload_namespace: "shop",
  destination_service: "b.shop.svc.cluster.local",
  destination_service_name: "b",
  destination_canonical_service: "b",
  destination_canonical_revision: "v2",
  destination_workload: "b-v2",
  destination_workload_namespace: "shop",
  response_code: "200",
  response_flags: "-",
  request_protocol: "http",
};
const ANY_EDGE = { ...SIDES, direction: "outbound", cluster_name: "outbound|80||b.shop.svc.cluster.local" };

describe("names", () => {
  it("every recognised name of an edge arrives with the measure that the model gives it", async () => {
    const names = [...recognisedMetrics()].filter(([, meaning]) => meaning.subject === "edge");
    const ofNumbers = names.filter(([name, { kind }]) => kind !== "distribution" || /_(bucket|sum|count)$/.test(name));
    const ofDistributions = names.filter(
      ([name, { kind }]) => kind === "distribution" && !/_(bucket|sum|count)$/.test(name),
    );
    expect(ofNumbers.length).toBeGreaterThan(70);
    expect(ofDistributions.length).toBeGreaterThan(4);
    const at = (i: number) => ({ at: i, value: 1, attributes: ANY_EDGE });
    await storePoints(
      test.storage,
      ofNumbers.map(([name], i) => ({ name, ...at(i) })),
    );
    await storeDistributions(
      test.storage,
      ofDistributions.map(([name], i) => ({ name, ...at(1000 + i), columns: { Shape: "histogram" } })),
    );
    const stored = await points("Origin, Measure, toUnixTimestamp(Timestamp) AS at", "at");
    const seen = stored.map((row) => [row["at"], row["Origin"], row["Measure"]].join(" "));
    const expected = [
      ...ofNumbers.map(([, { origin, measure }], i) => `${MESH_START + i} ${origin} ${measure}`),
      ...ofDistributions.map(([, { origin, measure }], i) => `${MESH_START + 1000 + i} ${origin} ${measure}`),
    ];
    expect(seen).toEqual(expected);
  });

  it("other metrics, and generic names without a proxy's labels, are no points", async () => {
    await storePoints(test.storage, [
      { name: "http_requests_total", at: 0, value: 1, attributes: ANY_EDGE },
      { name: "istio_requests_totals", at: 0, value: 1, attributes: ANY_EDGE },
      { name: "istio_requests_total", at: 0, value: 1, attributes: {} },
      { name: "request_total", at: 0, value: 1, attributes: { code: "200" } },
      { name: "envoy.cluster.upstream_rq_total", at: 0, value: 1, attributes: { cluster_name: "xds-grpc" } },
    ]);
    expect(await points()).toEqual([]);
  });
});

describe("labels", () => {
  it("of Istio: both ends, unknown as nothing, waypoint and ztunnel", async () => {
    await storePoints(test.storage, [
      {
        name: "istio_requests_total",
        at: 0,
        value: 3,
        attributes: { ...SIDES, grpc_response_status: "14", response_flags: "UF,URX" },
      },
      {
        name: "istio_requests_total",
        at: 1,
        value: 4,
        columns: { Cluster: "east" },
        attributes: {
          ...SIDES,
          reporter: "source",
          source_cluster: "unknown",
          destination_workload: "unknown",
          destination_canonical_service: "unknown",
          destination_canonical_revision: "unknown",
          destination_workload_namespace: "unknown",
          destination_service_name: "b.shop.svc.cluster.local",
          response_code: "0",
          response_flags: "NR",
        },
      },
      {
        name: "istio_tcp_sent_bytes_total",
        at: 2,
        value: 5,
        attributes: { ...SIDES, reporter: "source", app: "ztunnel" },
      },
      { name: "istio_tcp_received_bytes_total", at: 3, value: 6, attributes: { ...SIDES, reporter: "waypoint" } },
    ]);
    expect(await points("*", "Timestamp")).toMatchObject([
      {
        Origin: "istio",
        Measure: "requests",
        Shape: "value",
        Reporter: "destination",
        SrcNamespace: "shop",
        SrcService: "a",
        SrcWorkload: "a-v1",
        DstNamespace: "shop",
        DstService: "b",
        DstWorkload: "b-v2",
        DstVersion: "v2",
        DstHost: "b.shop.svc.cluster.local",
        Protocol: "http",
        Code: "200",
        GrpcStatus: "14",
        Flags: "UF,URX",
        Value: 3,
      },
      {
        SrcCluster: "east",
        DstCluster: "",
        DstNamespace: "shop",
        DstService: "b",
        DstWorkload: "",
        DstVersion: "",
        Code: "0",
        Flags: "NR",
      },
      { Measure: "tcp_response_bytes", Proxy: "ztunnel", Flags: "" },
      { Measure: "tcp_request_bytes", Proxy: "", Reporter: "waypoint" },
    ]);
  });

  it.each([
    ["OTLP", "envoy.cluster.upstream_rq", { response_code_class: "5xx" }],
    ["Prometheus", "envoy_cluster_upstream_rq_xx", { response_code_class: "5" }],
    ["Envoy without Istio's tags", "envoy_cluster_upstream_rq_xx", { envoy_response_code_class: "5" }],
  ])("of Envoy by %s: the upstream cluster is the callee", async (_, name, tags) => {
    const cluster = "outbound|80|v2|b.shop.svc.cluster.local";
    const key = "envoy_response_code_class" in tags ? "envoy_cluster_name" : "cluster_name";
    const columns = { Cluster: "east", Namespace: "shop", Service: "a", Version: "v1", Instance: "a-1" };
    const resource = { "k8s.deployment.name": "a-v1" };
    await storePoints(test.storage, [
      { name, at: 0, value: 9, attributes: { ...tags, [key]: cluster }, columns, resource },
    ]);
    expect(await points()).toMatchObject([
      {
        Measure: "upstream_response_classes",
        Reporter: "source",
        Instance: "a-1",
        SrcCluster: "east",
        SrcService: "a",
        SrcVersion: "v1",
        DstNamespace: "shop",
        DstService: "b",
        Subset: "v2",
        Code: "5xx",
      },
    ]);
  });

  it("of Envoy: inbound is the sender's own side, Consul names both, other clusters are what they are called", async () => {
    const columns = { Namespace: "shop", Service: "a" };
    const name = "envoy_cluster_upstream_rq_total";
    await storePoints(test.storage, [
      { name, at: 0, value: 1, columns, attributes: { cluster_name: "inbound|8080||" } },
      { name, at: 1, value: 1, columns, attributes: { cluster_name: "outbound|443||api.example.com" } },
      { name, at: 2, value: 1, columns, attributes: { cluster_name: "PassthroughCluster" } },
      {
        name,
        at: 3,
        value: 1,
        columns,
        attributes: {
          envoy_cluster_name: "b.default.dc1",
          consul_source_service: "s",
          consul_destination_service: "d",
        },
      },
      { name, at: 4, value: 1, columns, attributes: { cluster_name: "outbound_.80_.v1_.b.shop.svc.cluster.local" } },
    ]);
    const rows = await points("Reporter, SrcService, DstService, DstNamespace, DstHost, Subset", "Timestamp");
    expect(rows.map((row) => Object.values(row).join(" "))).toEqual([
      "destination  a shop  ",
      "source a api.example.com  api.example.com ",
      "source a PassthroughCluster   ",
      "source s d   ",
      "source a b shop b.shop.svc.cluster.local v1",
    ]);
  });

  it("of Linkerd: outbound names the callee, inbound the caller by its identity", async () => {
    const columns = { Cluster: "east", Namespace: "shop", Service: "linkerd-proxy" };
    const own = { deployment: "a", namespace: "shop", pod: "a-1", tls: "true" };
    await storePoints(test.storage, [
      {
        name: "response_total",
        at: 0,
        value: 1,
        columns,
        attributes: {
          ...own,
          direction: "outbound",
          dst_deployment: "b",
          dst_service: "b-svc",
          dst_namespace: "shop",
          classification: "failure",
        },
      },
      {
        name: "response_latency_ms_bucket",
        at: 1,
        value: 1,
        columns,
        attributes: {
          ...own,
          direction: "inbound",
          client_id: "web.front.serviceaccount.identity.linkerd.cluster.local",
          status_code: "200",
          le: "+Inf",
        },
      },
    ]);
    expect(await points("*", "Timestamp")).toMatchObject([
      {
        Reporter: "source",
        SrcService: "a",
        Instance: "a-1",
        DstService: "b-svc",
        DstWorkload: "b",
        DstNamespace: "shop",
        Code: "5xx",
      },
      {
        Reporter: "destination",
        SrcService: "web",
        SrcNamespace: "front",
        DstService: "a",
        DstCluster: "east",
        Shape: "bucket",
        Code: "200",
      },
    ]);
  });
});

describe("histograms", () => {
  it("keep their buckets; exponential ones become bounds at scale 3 at most, each filled bucket behind the one below", async () => {
    const name = "istio_request_duration_milliseconds";
    await storeDistributions(test.storage, [
      {
        name,
        at: 0,
        value: 0,
        attributes: SIDES,
        columns: { Shape: "histogram", Bounds: [1, 5], Counts: [1, 2, 3], ObservationCount: 6, Sum: 20 },
      },
      {
        name,
        at: 1,
        value: 0,
        attributes: SIDES,
        // Scale 4: indices 0..3 merge in pairs; base is 2^(1/16).
        columns: {
          Shape: "exponential",
          Scale: 4,
          PositiveOffset: 0,
          Counts: [1, 2, 0, 4],
          ZeroCount: 5,
          ObservationCount: 12,
          Sum: 9,
        },
      },
      {
        name,
        at: 2,
        value: 0,
        attributes: SIDES,
        columns: { Shape: "histogram", Bounds: [1, 5], Counts: [1], ObservationCount: 1 },
      },
      { name, at: 3, value: 0, attributes: SIDES, columns: { Shape: "summary", Bounds: [0.5], Values: [1] } },
    ]);
    const rows = await points("Shape, Value, ObservationCount, Bounds, Counts", "Timestamp");
    expect(rows).toHaveLength(3);
    expect(rows[0]).toEqual({
      Shape: "histogram",
      Value: 20,
      ObservationCount: 6,
      Bounds: [1, 5, null],
      Counts: [1, 2, 3],
    });
    expect(rows[1]).toMatchObject({ Value: 9, ObservationCount: 12, Counts: [5, 0, 3, 4] });
    const bounds = rows[1]?.["Bounds"] as number[];
    for (const [i, bound] of [0, 1, 2 ** (1 / 8), 2 ** (2 / 8)].entries()) expect(bounds[i]).toBeCloseTo(bound, 12);
    expect(rows[2]).toMatchObject({ ObservationCount: 1, Bounds: [], Counts: [] });
  });
});

describe("series", () => {
  it("are one for labels in any order and for two Prometheus servers, and many for all else", async () => {
    const name = "istio_requests_total";
    const reversed = Object.fromEntries(Object.entries(SIDES).toReversed());
    const keys: unknown[] = [];
    await storePoints(test.storage, [
      { name, at: 0, value: 1, attributes: SIDES },
      { name, at: 1, value: 1, attributes: reversed },
      { name, at: 2, value: 1, attributes: { ...SIDES, prometheus_replica: "prometheus-1" } },
      { name, at: 3, value: 1, attributes: { ...SIDES, response_code: "201" } },
      { name, at: 4, value: 1, attributes: SIDES, resource: { "service.instance.id": "x" } },
      { name, at: 5, value: 1, attributes: SIDES, kind: "delta" },
      { name, at: 6, value: 1, attributes: SIDES, columns: { Tenant: "other" } },
    ]);
    for (const row of await points("toString(SeriesKey) AS key", "Timestamp")) keys.push(row["key"]);
    expect(keys.slice(0, 3)).toEqual(Array(3).fill(keys[0]));
    expect(new Set(keys).size).toBe(5);
  });
});

describe("inserts", () => {
  it("a repeated insert gives its points once, other inserts give their own", async () => {
    const point = { name: "istio_requests_total", at: 0, value: 1, attributes: SIDES };
    const whole = { ...point, name: "istio_request_bytes", columns: { Shape: "histogram" } };
    for (const token of ["a", "b", "a", "a"]) {
      await storePoints(test.storage, [point], `${token}:numbers`);
      await storeDistributions(test.storage, [whole], `${token}:distributions`);
    }
    expect(await points("Measure")).toEqual(
      ["request_bytes", "request_bytes", "requests", "requests"].map((Measure) => ({ Measure })),
    );
  });

  it("hostile labels and histograms stop none", async () => {
    const hostile = {
      reporter: "x".repeat(10_000),
      le: "not a number",
      response_code: "999999999999",
      cluster_name: "|||||",
      direction: "inbound",
    };
    const names = [...recognisedMetrics()].map(([name]) => name);
    await storePoints(
      test.storage,
      names.map((name, at) => ({ name, at, value: 1e308, attributes: hostile })),
    );
    const odd = [
      { Scale: -2_147_483_648, PositiveOffset: 2_147_483_647, Counts: [1, "18446744073709551615"] },
      {
        Scale: 2_147_483_647,
        PositiveOffset: -2_147_483_648,
        Counts: ["18446744073709551615", 1],
        NegativeCounts: [9],
      },
      { Scale: 0, Counts: [] },
    ];
    await storeDistributions(
      test.storage,
      odd.map((columns, at) => ({
        name: "istio_request_bytes",
        at,
        value: 0,
        attributes: hostile,
        columns: { Shape: "exponential", ...columns, ObservationCount: "18446744073709551615" },
      })),
    );
    const rows = await points("count() AS n", "n");
    expect(Number(rows[0]?.["n"])).toBeGreaterThan(names.length / 2);
  });

  it("a row with one label twice is kept, one without a number is not", async () => {
    const row = meshRow({ name: "istio_requests_total", at: 0, value: 1, attributes: {} });
    const { Attributes: _none, Value: _one, ...columns } = row;
    const names = Object.keys(columns).join(", ");
    const values = Object.values(columns).map((value) =>
      typeof value === "object"
        ? "map()"
        : typeof value === "number"
          ? value
          : `'${(value as string).replace("Z", "")}'`,
    );
    for (const value of ["1", "nan"])
      await test.storage.client.command({
        query: `INSERT INTO metrics_numbers (${names}, Value, Attributes) SELECT ${values.join(", ")}, ${value},
        CAST([('reporter', 'source'), ('reporter', 'destination'), ('source_workload', 'a')], 'Map(LowCardinality(String), String)')`,
      });
    expect(await points("Reporter, SrcService")).toEqual([{ Reporter: "source", SrcService: "a" }]);
  });
});
