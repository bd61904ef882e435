// Mesh metrics in the ledger: which rows an edge has, and that they add up to what the counters rose whatever the order and the ranges.
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { histogramCount } from "../../model/histogram.ts";
import { type MeshLedgerRow, stageMeshLedger } from "../../storage/mesh-ledger.ts";
import { type MeshWindow, readMeshDue } from "../../storage/mesh-metrics.ts";
import { MESH_START, type MeshPoint, storeDistributions, storePoints } from "../fixtures/mesh-metrics.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

let test: TestStorage;
beforeAll(async () => {
  test = await startTestStorage();
});
afterAll(() => test.stop());
beforeEach(async () => {
  for (const table of ["mesh_points", "arrivals", "edge_buckets_staging"])
    await test.storage.client.command({ query: `TRUNCATE TABLE ${table}` });
});

type Row = MeshLedgerRow & { readonly Bucket: string };

async function staged(from: number, to: number, tenants = ["default"]): Promise<Row[]> {
  await test.storage.client.command({ query: "TRUNCATE TABLE edge_buckets_staging" });
  await stageMeshLedger(test.storage, tenants, MESH_START + from, MESH_START + to);
  const result = await test.storage.client.query({
    query: "SELECT * FROM edge_buckets_staging ORDER BY ALL",
    format: "JSONEachRow",
  });
  return result.json<Row>();
}

const A_TO_B = {
  source_cluster: "east",
  source_workload_namespace: "shop",
  source_workload: "a-v1",
  source_canonical_service: "a",
  source_canonical_revision: "v1",
  destination_cluster: "east",
  destination_workload_namespace: "shop",
  destination_workload: "b-v1",
  destination_canonical_service: "b",
  destination_canonical_revision: "v1",
  destination_service: "b.shop.svc.cluster.local",
  destination_service_name: "b",
  destination_service_namespace: "shop",
  request_protocol: "http",
  response_code: "200",
  response_flags: "-",
};

/** A counter that rises by `rise` within the first bucket. */
function rising(name: string, rise: number, labels: Record<string, string>): MeshPoint[] {
  return [0, 10].map((at) => ({ name: `istio_${name}`, at, value: 50 + (at / 10) * rise, attributes: labels }));
}

const source = { ...A_TO_B, reporter: "source", connection_security_policy: "unknown" };
const destination = { ...A_TO_B, reporter: "destination", connection_security_policy: "mutual_tls" };

describe("the rows of an edge", () => {
  it("are one a view: the caller's figures by the source, the callee's by the destination, who knows of TLS", async () => {
    const refused = {
      ...source,
      destination_workload: "unknown",
      destination_canonical_service: "unknown",
      destination_canonical_revision: "unknown",
      response_code: "503",
      response_flags: "UF,URX",
    };
    await storePoints(test.storage, [
      ...rising("requests_total", 12, source),
      ...rising("requests_total", 3, refused),
      ...rising("requests_total", 9, destination),
      ...rising("requests_total", 3, { ...destination, connection_security_policy: "none", response_code: "500" }),
      ...rising("request_bytes_sum", 1_000, source),
      ...rising("request_bytes_sum", 900, destination),
      ...rising("response_bytes_sum", 5_000, destination),
    ]);
    expect(await staged(0, 10)).toMatchObject([
      {
        DstVersion: "",
        Evidence: "source-reporter",
        CallerCalls: 3,
        CallerFailed: 3,
        NeverArrived: 3,
        OriginFailed: 3,
        Flags: { UF: 3, URX: 3 },
        DstService: "b",
      },
      {
        Evidence: "destination-reporter",
        CallerCalls: 0,
        CalleeCalls: 12,
        CalleeFailed: 3,
        SecuredCalls: 9,
        PlainCalls: 3,
        RequestBytes: 900,
        ResponseBytes: 5_000,
      },
      {
        Evidence: "source-reporter",
        Source: "metrics",
        SrcKind: "service",
        SrcCluster: "east",
        SrcNamespace: "shop",
        SrcService: "a",
        SrcVersion: "v1",
        SrcInstance: "",
        DstKind: "service",
        DstVersion: "v1",
        Protocol: "http",
        CallerCalls: 12,
        CalleeCalls: 0,
        SecuredCalls: 0,
        RequestBytes: 0,
        OffsetCalls: 0,
      },
    ]);
  });

  it("name a waypoint and the ztunnel under it; its own connections are no edges", async () => {
    const tunnel = (from: string, to: string, reporter: string) => ({
      ...A_TO_B,
      app: "ztunnel",
      reporter,
      source_workload: from,
      source_canonical_service: from,
      destination_workload: to,
      destination_canonical_service: to,
      request_protocol: "tcp",
    });
    await storePoints(test.storage, [
      ...rising("requests_total", 10, { ...destination, reporter: "waypoint" }),
      ...rising("tcp_connections_opened_total", 2, tunnel("a", "waypoint", "source")),
      ...rising("tcp_connections_opened_total", 2, tunnel("waypoint", "b", "destination")),
    ]);
    const rows = await staged(0, 10);
    expect(rows.map((row) => [row.SrcService, row.DstService, row.Protocol, row.Evidence, row.CalleeCalls])).toEqual([
      ["a", "b", "http", "waypoint", 10],
      ["a", "b", "http", "ztunnel", 0],
    ]);
  });

  it("of connections have bytes both ways, also while none is opened", async () => {
    const tcp = { ...destination, request_protocol: "tcp", response_code: "" };
    await storePoints(test.storage, [
      ...rising("tcp_received_bytes_total", 100, tcp),
      ...rising("tcp_sent_bytes_total", 900, tcp),
    ]);
    expect(await staged(0, 10)).toMatchObject([
      { Protocol: "tcp", CalleeCalls: 0, RequestBytes: 100, ResponseBytes: 900 },
    ]);
  });

  it.each<[string, Record<string, string>, object]>([
    [
      "an unknown caller",
      { reporter: "destination", source_canonical_service: "unknown", source_workload: "unknown" },
      { SrcKind: "unknown", SrcService: "", SrcNamespace: "", SrcCluster: "" },
    ],
    [
      "an unknown callee",
      unknownCallee("unknown", "unknown"),
      { DstKind: "unknown", DstService: "", DstNamespace: "" },
    ],
    [
      "PassthroughCluster",
      unknownCallee("10.1.2.3:80", "PassthroughCluster"),
      { DstKind: "external", DstService: "PassthroughCluster", DstCluster: "" },
    ],
    [
      "BlackHoleCluster",
      unknownCallee("BlackHoleCluster", "BlackHoleCluster"),
      { DstKind: "external", DstService: "BlackHoleCluster" },
    ],
    [
      "an outside host",
      unknownCallee("api.example.com:443", "api.example.com:443"),
      { DstKind: "external", DstService: "api.example.com", DstNamespace: "" },
    ],
    [
      "a gateway by its host",
      unknownCallee("out.istio-system.svc.cluster.local", "out.istio-system.svc.cluster.local"),
      { DstKind: "service", DstService: "out", DstNamespace: "istio-system" },
    ],
    [
      "gRPC by its own status",
      { ...source, request_protocol: "grpc", grpc_response_status: "14" },
      { Protocol: "grpc", CallerFailed: 7 },
    ],
  ])("of %s", async (_, labels, expected) => {
    await storePoints(test.storage, rising("requests_total", 7, { ...A_TO_B, ...labels }));
    expect(await staged(0, 10)).toMatchObject([expected]);
  });

  it("are only those of the tenant, and none where nothing rose", async () => {
    const other = { Tenant: "other" };
    await storePoints(test.storage, [
      ...rising("requests_total", 0, source),
      ...rising("requests_total", 5, source).map((point) => ({ ...point, columns: other })),
    ]);
    expect(await staged(0, 10)).toEqual([]);
    expect(await staged(0, 10, ["default", "other"])).toMatchObject([{ Tenant: "other", CallerCalls: 5 }]);
  });
});

function unknownCallee(host: string, name: string): Record<string, string> {
  const nobody = [
    "workload",
    "canonical_service",
    "canonical_revision",
    "workload_namespace",
    "service_namespace",
    "cluster",
  ];
  return {
    reporter: "source",
    ...Object.fromEntries(nobody.map((key) => [`destination_${key}`, "unknown"])),
    destination_service: host,
    destination_service_name: name,
  };
}

describe("histograms", () => {
  it("have as many observations as there were, in every bucket, and lose no tail over time", async () => {
    // 29 fast and one slow call a scrape of 30 s: a third of a slow call a bucket.
    const scrapes = Array.from({ length: 11 }, (_, i) => i);
    await storeDistributions(
      test.storage,
      scrapes.map((i) => ({
        name: "istio_request_duration_milliseconds",
        at: i * 30,
        value: 0,
        attributes: destination,
        columns: { Shape: "histogram", Bounds: [5, 2_000], Counts: [29 * i, 0, i], ObservationCount: 30 * i, Sum: 1 },
      })),
    );
    const requests = scrapes.map((i) => ({
      name: "istio_requests_total",
      at: i * 30,
      value: 30 * i,
      attributes: destination,
    }));
    await storePoints(test.storage, requests);
    const rows = await staged(0, 300);
    expect(rows).toHaveLength(30);
    for (const row of rows) expect(histogramCount(row.CalleeHist)).toBe(row.CalleeCalls);
    const slow = rows.reduce((sum, row) => sum + histogramCount(row.CalleeHist.slice(60)), 0);
    expect(slow).toBeGreaterThanOrEqual(9);
    expect(slow).toBeLessThanOrEqual(11);
  });
});

describe("any points", () => {
  interface Target {
    readonly phase: number;
    readonly interval: number;
    readonly calls: readonly number[];
    readonly reporter: "source" | "destination";
    readonly from: string;
    readonly to: string;
  }
  const target: fc.Arbitrary<Target> = fc.record({
    phase: fc.integer({ min: 0, max: 29 }),
    interval: fc.constantFrom(10, 15, 30, 60),
    calls: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 4 }),
    reporter: fc.constantFrom("source", "destination"),
    from: fc.constantFrom("a", "b"),
    to: fc.constantFrom("c", "d"),
  });

  const pointsOf = ({ phase, interval, calls, reporter, from, to }: Target, pod: number): MeshPoint[] => {
    let value = 100 + pod;
    return [0, ...calls].map((more, i) => ({
      name: "istio_requests_total",
      at: phase + i * interval,
      value: (value += more),
      attributes: {
        reporter,
        pod: `pod-${pod}`,
        source_canonical_service: from,
        destination_canonical_service: to,
        destination_workload: to,
        request_protocol: "http",
      },
    }));
  };

  /** Rows by bucket, kept as the analyzer keeps them: what is due by arrivals is computed anew, all else stays. */
  async function keepUp(rows: Map<number, Row[]>, seen: Map<number, number>): Promise<void> {
    const result = await test.storage.client.query({
      query: `SELECT toUnixTimestamp(Bucket) AS bucket, toUInt32(sum(RowCount)) AS n FROM arrivals
        WHERE Tenant = 'default' AND Signal = 'mesh_points' GROUP BY bucket ORDER BY bucket`,
      format: "JSONEachRow",
    });
    const changed = (await result.json<{ bucket: number; n: number }>()).filter(
      ({ bucket, n }) => seen.get(bucket) !== n,
    );
    for (const range of rangesOf(changed.map(({ bucket }) => bucket))) {
      const due = await readMeshDue(test.storage, "default", range);
      const found = await staged(due.from - MESH_START, due.to - MESH_START);
      for (let at = due.from; at < due.to; at += 10) {
        rows.set(
          at,
          found.filter((row) => Date.parse(row.Bucket) / 1000 === at),
        );
      }
    }
    for (const { bucket, n } of changed) seen.set(bucket, n);
  }

  /** Neighbouring buckets as one range. */
  function rangesOf(buckets: readonly number[]): MeshWindow[] {
    const ranges: { from: number; to: number }[] = [];
    for (const from of buckets) {
      const last = ranges.at(-1);
      if (last?.to === from) last.to += 10;
      else ranges.push({ from, to: from + 10 });
    }
    return ranges;
  }

  it(
    "in any order and any number of requests come to the same rows, and to every call",
    { timeout: 240_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(target, { minLength: 2, maxLength: 5 }),
          fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
          fc.integer({ min: 1, max: 3 }),
          async (targets, order, requests) => {
            for (const table of ["mesh_points", "arrivals"])
              await test.storage.client.command({ query: `TRUNCATE TABLE ${table}` });
            const points = targets
              .flatMap(pointsOf)
              .map((point, i) => ({ point, key: (order[i] ?? 0) * 61 + i }))
              .toSorted((a, b) => a.key - b.key)
              .map(({ point }) => point);
            const rows = new Map<number, Row[]>();
            const seen = new Map<number, number>();
            for (let i = 0; i < requests; i++) {
              const part = points.filter((_, at) => at % requests === i);
              if (part.length === 0) continue;
              await storePoints(test.storage, part);
              await keepUp(rows, seen);
            }
            const whole = await staged(0, 290);
            const kept = [...rows].toSorted(([a], [b]) => a - b).flatMap(([, some]) => some);
            expect(kept).toEqual(whole.toSorted((a, b) => (a.Bucket < b.Bucket ? -1 : a.Bucket > b.Bucket ? 1 : 0)));
            for (const side of ["source", "destination"] as const) {
              const wanted = targets
                .filter(({ reporter }) => reporter === side)
                .reduce((sum, { calls }) => sum + calls.reduce((a, b) => a + b, 0), 0);
              const found = whole.reduce(
                (sum, row) => sum + (side === "source" ? row.CallerCalls : row.CalleeCalls),
                0,
              );
              expect(found, side).toBe(wanted);
            }
          },
        ),
        { numRuns: Number(process.env["FAULTLINE_SERIES_RUNS"] ?? 3), endOnFailure: true },
      );
    },
  );
});
