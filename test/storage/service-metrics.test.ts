// Requests of services from the metrics that applications and Collectors write, in each of their spellings, against numbers done by hand.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  countServiceMetricPoints,
  readServiceCalls,
  readServiceMetrics,
  type ServiceMetricRow,
} from "../../storage/service-metrics.ts";
import { MESH_START, type MeshPoint, storeDistributions, storePoints } from "../fixtures/mesh-metrics.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

let test: TestStorage;
beforeAll(async () => {
  test = await startTestStorage();
});
afterAll(() => test.stop());
beforeEach(async () => {
  for (const table of ["metrics_numbers", "metrics_distributions"]) {
    await test.storage.client.command({ query: `TRUNCATE TABLE ${table}` });
  }
});

const query = (from: number, to: number, lengthSeconds = 600) => ({
  tenant: "default",
  ranges: [{ from: MESH_START + from, to: MESH_START + to }],
  originSeconds: MESH_START,
  lengthSeconds,
});
const of = (service: string) => ({ columns: { Service: service } });
const read = (from = 0, to = 600) => readServiceMetrics(test.storage, query(from, to));
const brief = (rows: readonly ServiceMetricRow[]) =>
  rows.map((r) => [r.service, r.window, r.requests, r.failed, Math.round(r.total_ms)]);

/** A histogram point as ingest stores it; `seconds` is what its observations add up to in its unit. */
function histogram(
  name: string,
  at: number,
  count: number,
  sum: number,
  more: Partial<MeshPoint> & { unit?: string },
): MeshPoint {
  const { unit = "s", columns = {}, ...rest } = more;
  return {
    name,
    at,
    value: 0,
    attributes: {},
    ...rest,
    columns: { Shape: "histogram", ObservationCount: count, Sum: sum, Unit: unit, ...columns },
  };
}

describe("requests, failures and time of a service", () => {
  it("come from OpenTelemetry's server histogram; what fails by status or error type counts as failed", async () => {
    const name = "http.server.request.duration";
    const delta = { kind: "delta" as const, ...of("shop") };
    await storeDistributions(test.storage, [
      histogram(name, 60, 90, 9, { ...delta, attributes: { "http.response.status_code": "200" } }),
      histogram(name, 60, 6, 1.2, {
        ...delta,
        attributes: { "http.response.status_code": "503", "error.type": "503" },
      }),
      histogram(name, 60, 4, 0.4, { ...delta, attributes: { "http.response.status_code": "404" } }),
      histogram(name, 601, 10, 1, { ...delta, attributes: { "error.type": "timeout" } }),
    ]);
    expect(brief(await read(0, 1200))).toEqual([
      ["shop", 0, 100, 6, 10_600],
      ["shop", 1, 10, 10, 1000],
    ]);
  });

  it("come from span metrics: server and consumer spans only, in the unit that the points name", async () => {
    const columns = { Service: "shop", Unit: "ms" };
    const spans = (kind: string, status: string, more: object) => ({
      kind: "delta" as const,
      attributes: { "span.kind": kind, "status.code": status, "span.name": "GET /" },
      ...more,
    });
    await storePoints(test.storage, [
      {
        name: "traces.span.metrics.calls",
        at: 300,
        value: 40,
        ...spans("SPAN_KIND_SERVER", "STATUS_CODE_UNSET", { columns }),
      },
      {
        name: "traces.span.metrics.calls",
        at: 300,
        value: 2,
        ...spans("SPAN_KIND_SERVER", "STATUS_CODE_ERROR", { columns }),
      },
      {
        name: "traces.span.metrics.calls",
        at: 300,
        value: 99,
        ...spans("SPAN_KIND_CLIENT", "STATUS_CODE_ERROR", { columns }),
      },
    ]);
    await storeDistributions(test.storage, [
      histogram("traces.span.metrics.duration", 300, 42, 840, {
        unit: "ms",
        ...spans("SPAN_KIND_SERVER", "STATUS_CODE_UNSET", {}),
        ...of("shop"),
      }),
    ]);
    expect(brief(await read())).toEqual([["shop", 0, 42, 2, 840]]);
  });

  it("come from Prometheus' counters: what they rose by, a new series from nothing, one that began anew from zero", async () => {
    const labels = { service_name: "shop", span_kind: "SPAN_KIND_SERVER" };
    const calls = (at: number, value: number, status: string) => ({
      name: "traces_span_metrics_calls_total",
      at,
      value,
      attributes: { ...labels, status_code: status },
      ...of("collector"),
    });
    const time = (at: number, value: number) => ({
      name: "traces_span_metrics_duration_milliseconds_sum",
      at,
      value,
      attributes: labels,
      ...of("collector"),
    });
    await storePoints(test.storage, [
      calls(-60, 1000, "STATUS_CODE_UNSET"),
      calls(240, 1100, "STATUS_CODE_UNSET"),
      calls(540, 50, "STATUS_CODE_UNSET"),
      calls(540, 7, "STATUS_CODE_ERROR"),
      time(-60, 5000),
      time(240, 7000),
      time(540, 900),
    ]);
    expect(brief(await read())).toEqual([["shop", 0, 157, 7, 2900]]);
  });

  it("are taken from one source, the service's own before the others", async () => {
    await storeDistributions(test.storage, [
      histogram("http.server.request.duration", 60, 10, 1, { kind: "delta", ...of("shop") }),
      histogram("traces_service_graph_request_server", 60, 8, 4, {
        kind: "delta",
        attributes: { client: "shop", server: "db" },
      }),
    ]);
    await storePoints(test.storage, [
      { name: "traces_span_metrics_calls_total", at: 60, value: 12, kind: "delta", attributes: {}, ...of("shop") },
      {
        name: "traces_service_graph_request_total",
        at: 60,
        value: 9,
        kind: "delta",
        attributes: { client: "web", server: "shop" },
      },
      {
        name: "traces_service_graph_request_total",
        at: 60,
        value: 8,
        kind: "delta",
        attributes: { client: "shop", server: "db" },
      },
      {
        name: "traces_service_graph_request_failed_total",
        at: 60,
        value: 3,
        kind: "delta",
        attributes: { client: "shop", server: "db" },
      },
    ]);
    expect(brief(await read())).toEqual([
      ["db", 0, 8, 3, 4000],
      ["shop", 0, 10, 0, 1000],
    ]);
  });

  it("of two ranges leave out what lies between, and what no window of theirs ends with", async () => {
    const point = (at: number, value: number) => ({
      name: "traces_span_metrics_calls_total",
      at,
      value,
      kind: "delta" as const,
      attributes: {},
      ...of("shop"),
    });
    await storePoints(test.storage, [point(0, 1), point(300, 2), point(600, 4), point(900, 8), point(-4000, 16)]);
    const rows = await readServiceMetrics(test.storage, {
      ...query(0, 600),
      ranges: [
        { from: MESH_START - 4200, to: MESH_START - 3600 },
        { from: MESH_START, to: MESH_START + 600 },
      ],
    });
    expect(brief(rows)).toEqual([
      ["shop", -7, 16, 0, 0],
      ["shop", 0, 6, 0, 0],
    ]);
  });
});

it("calls come from the service graph, also such that only exist", async () => {
  const edge = (client: string, server: string, value: number, kind: "delta" | "cumulative") => ({
    name: "traces_service_graph_request_total",
    at: 60,
    value,
    kind,
    attributes: { client, server },
  });
  await storePoints(test.storage, [
    edge("web", "shop", 5, "delta"),
    edge("shop", "db", 0, "cumulative"),
    edge("", "web", 5, "delta"),
  ]);
  expect(await readServiceCalls(test.storage, query(0, 600))).toEqual([
    { client: "shop", server: "db", calls: 0 },
    { client: "web", server: "shop", calls: 5 },
  ]);
});

it("points are counted as they are read: by name, range and tenant", async () => {
  const point = (name: string, at: number, Tenant: string) => ({
    name,
    at,
    value: 1,
    kind: "delta" as const,
    attributes: {},
    columns: { Tenant },
  });
  await storePoints(test.storage, [
    point("traces_span_metrics_calls_total", 0, "default"),
    point("traces_span_metrics_calls_total", 300, "default"),
    point("traces_span_metrics_calls_total", 600, "default"),
    point("traces_span_metrics_calls_total", 600, "other"),
    point("something_else_total", 600, "default"),
  ]);
  await storeDistributions(test.storage, [
    histogram("http.server.request.duration", 300, 10, 1, { kind: "delta", ...of("shop") }),
  ]);
  const range = { from: MESH_START, to: MESH_START + 600 };
  expect(await countServiceMetricPoints(test.storage, "default", range)).toBe(3);
});

it("another tenant's metrics are not read", async () => {
  await storePoints(test.storage, [
    {
      name: "traces_span_metrics_calls_total",
      at: 60,
      value: 5,
      kind: "delta",
      attributes: {},
      columns: { Service: "shop", Tenant: "other" },
    },
  ]);
  expect(await read()).toEqual([]);
});
