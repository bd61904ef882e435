// Remote write over HTTP: what is answered for what, bounds before anything is decompressed, and samples through to storage and edges.
import snappy from "snappy";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { EndpointAnswer } from "../../ingest/http-endpoint.ts";
import { createRemoteWrite, REMOTE_WRITE_LIMITS, REMOTE_WRITE_PATH } from "../../ingest/prometheus/remote-write.ts";
import type { Delivery } from "../../ingest/receiver.ts";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { foldMeshEdges } from "../../storage/mesh-edges.ts";
import { readMeshIncreases } from "../../storage/mesh-metrics.ts";
import { posted, type Series, STALE_NAN, writeRequestV1, writeRequestV2 } from "../fixtures/remote-write.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const AT_MS = 1_795_388_900_000;
const GOOD: Series[] = [{ labels: { __name__: "m_total" }, samples: [{ value: 1, timestamp: AT_MS }] }];
const STORED: Delivery = { ok: true, rows: 1, rejected: 0, rejectedReason: null, duplicate: false };

describe("answers", () => {
  let delivered: Uint8Array[] = [];
  let delivery: Delivery = STORED;
  beforeEach(() => {
    delivered = [];
    delivery = STORED;
  });
  const endpoint = createRemoteWrite(
    {
      receive: (_tenant, _signal, _encoding, body) => {
        delivered.push(body);
        return Promise.resolve(delivery);
      },
    },
    { ...REMOTE_WRITE_LIMITS, maxDecodedBytes: 1 << 20 },
  );
  function send(version: 1 | 2, body: Uint8Array, headers: Record<string, string> = {}): Promise<EndpointAnswer> {
    const request = posted(version, body);
    return endpoint.handle({
      tenant: "default",
      query: new URLSearchParams(),
      body: request.body,
      headers: { ...request.headers, ...headers },
    });
  }
  const written = ({ headers }: EndpointAnswer): string[] =>
    ["samples", "histograms", "exemplars"].map((kind) => headers?.[`x-prometheus-remote-write-${kind}-written`] ?? "");

  it("204 with what was written, when all is stored", async () => {
    const series = [
      ...GOOD,
      { labels: { __name__: "h" }, histograms: [{ countInt: 1, schema: 0, timestamp: AT_MS }], exemplars: 3 },
    ];
    const answer = await send(2, writeRequestV2(series));
    expect(answer.status).toBe(204);
    expect(written(answer)).toEqual(["1", "1", "0"]);
    expect((await send(1, writeRequestV1(series))).status).toBe(204);
    expect(delivered).toHaveLength(2);
  });

  it("204 for stale markers alone, which are nothing to store", async () => {
    const answer = await send(
      2,
      writeRequestV2([{ labels: { __name__: "m" }, samples: [{ value: STALE_NAN, timestamp: AT_MS }] }]),
    );
    expect([answer.status, ...written(answer)]).toEqual([204, "1", "0", "0"]);
    expect(delivered).toHaveLength(0);
  });

  it("400 with the number and the reason, when a part can never be stored; the rest is", async () => {
    const answer = await send(
      2,
      writeRequestV2([...GOOD, { labels: { a: "b" }, samples: [{ value: 1, timestamp: AT_MS }] }]),
    );
    expect([answer.status, ...written(answer)]).toEqual([400, "1", "0", "0"]);
    expect(answer.body).toContain("1 without a metric name");
    expect(delivered).toHaveLength(1);
    delivery = { ...STORED, rows: 0, rejected: 1, rejectedReason: "timestamp" };
    const late = await send(2, writeRequestV2(GOOD));
    expect([late.status, ...written(late)]).toEqual([400, "0", "0", "0"]);
  });

  it.each<[string, Delivery, number]>([
    ["too much is waiting", { ok: false, reason: "full", detail: "x", retryable: true }, 429],
    ["storage is away", { ok: false, reason: "late", detail: "x", retryable: true }, 503],
    ["storage refuses", { ok: false, reason: "storage", detail: "x", retryable: false }, 500],
    ["the rows would be too large", { ok: false, reason: "expansion", detail: "x", retryable: false }, 413],
  ])("when %s", async (_, failure, status) => {
    delivery = failure;
    const answer = await send(1, writeRequestV1(GOOD));
    expect([answer.status, ...written(answer)]).toEqual([status, "0", "0", "0"]);
  });

  it.each([
    ["another message", { "content-type": "application/x-protobuf;proto=io.prometheus.write.v3.Request" }, 415],
    ["JSON", { "content-type": "application/json" }, 415],
    ["no snappy", { "content-encoding": "gzip" }, 415],
    ["the message of 1.0 by name", { "content-type": 'application/x-protobuf; proto="prometheus.WriteRequest"' }, 204],
  ])("%s", async (_, headers, status) => {
    expect((await send(1, writeRequestV1(GOOD), headers)).status).toBe(status);
  });

  it("400 for what is no snappy or no protobuf", async () => {
    const raw = (body: Buffer): Promise<EndpointAnswer> =>
      endpoint.handle({ tenant: "default", query: new URLSearchParams(), headers: posted(1, GOOD_BODY).headers, body });
    expect(await raw(Buffer.from([10, 0xff, 1, 2]))).toMatchObject({
      status: 400,
      body: expect.stringContaining("snappy") as string,
    });
    expect((await raw(Buffer.alloc(0))).status).toBe(400);
    expect(await send(1, Buffer.from([0x0a, 0x7f, 1]))).toMatchObject({
      status: 400,
      body: expect.stringContaining("truncated") as string,
    });
  });
  const GOOD_BODY = writeRequestV1(GOOD);

  it("413 by what the block states, before it is decompressed", async () => {
    const bomb = snappy.compressSync(Buffer.alloc(3 << 20));
    expect(bomb.length).toBeLessThan(200_000);
    const before = process.memoryUsage().arrayBuffers;
    const request = { tenant: "default", query: new URLSearchParams(), headers: posted(1, GOOD_BODY).headers };
    expect((await endpoint.handle({ ...request, body: bomb })).status).toBe(413);
    // One that states 4 GB in five bytes.
    expect((await endpoint.handle({ ...request, body: Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]) })).status).toBe(413);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });
});

describe("through to storage", () => {
  let test: TestStorage;
  let ingest: Awaited<ReturnType<typeof startIngest>>;
  beforeAll(async () => {
    test = await startTestStorage();
  });
  afterAll(() => test.stop());
  beforeEach(async () => {
    ingest = await startIngest({ storage: test.storage, options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0 } });
  });
  afterEach(() => ingest.stop());
  const post = (version: 1 | 2, body: Uint8Array): Promise<Response> =>
    fetch(`${ingest.httpUrl}${REMOTE_WRITE_PATH}`, posted(version, body));

  /** Two proxies' views of one edge, scraped every 15 s. */
  function scrape(second: number, calls: number): Series[] {
    const labels = {
      __name__: "istio_requests_total",
      job: "kubernetes-pods",
      namespace: "shop",
      source_canonical_service: "web",
      source_workload: "web-v1",
      source_workload_namespace: "shop",
      destination_canonical_service: "cart",
      destination_canonical_revision: "v2",
      destination_workload: "cart-v2",
      destination_workload_namespace: "shop",
      destination_service: "cart.shop.svc.cluster.local",
      request_protocol: "http",
      response_flags: "-",
      cluster: "east",
    };
    const samples = [{ value: calls, timestamp: AT_MS + second * 1000 }];
    return [
      { labels: { ...labels, reporter: "source", response_code: "200", pod: "web-1", app: "web" }, samples },
      { labels: { ...labels, reporter: "destination", response_code: "200", pod: "cart-1", app: "cart" }, samples },
      {
        labels: { ...labels, reporter: "destination", response_code: "503", pod: "cart-1", app: "cart" },
        samples: samples.map((sample) => ({ ...sample, value: calls / 10 })),
      },
    ];
  }

  it.each([1, 2] as const)(
    "Istio's counters by version %i become an edge; a request sent again counts once",
    async (version) => {
      await test.storage.client.command({ query: "TRUNCATE TABLE mesh_points" });
      const write = version === 1 ? writeRequestV1 : writeRequestV2;
      for (const [second, calls] of [
        [0, 1_000],
        [15, 1_300],
        [30, 1_600],
      ] as const) {
        const body = write(scrape(second, calls));
        for (const answer of [await post(version, body), await post(version, body)]) {
          expect(answer.status, await answer.text()).toBe(204);
          expect(answer.headers.get("x-prometheus-remote-write-samples-written")).toBe("3");
        }
      }
      const from = AT_MS / 1000;
      const edges = foldMeshEdges(await readMeshIncreases(test.storage, "default", { from, to: from + 30 }));
      expect(edges).toHaveLength(3);
      for (const edge of edges) {
        expect(edge).toMatchObject({
          src: { cluster: "east", namespace: "shop", service: "web" },
          dst: { cluster: "east", namespace: "shop", service: "cart", version: "v2" },
          evidence: "destination",
        });
        expect(edge.callee?.calls).toBeCloseTo(220, 6);
        expect(edge.callee?.failed).toBeCloseTo(20, 6);
        expect(edge.caller?.calls).toBeCloseTo(200, 6);
      }
    },
  );

  it("says who sent them as OTLP would", async () => {
    const labels = {
      __name__: "up",
      job: "shop/cart",
      instance: "cart-1:80",
      namespace: "shop",
      pod: "cart-1",
      node: "n1",
      cluster: "east",
    };
    expect((await post(2, writeRequestV2([{ labels, samples: [{ value: 1, timestamp: AT_MS }] }]))).status).toBe(204);
    const result = await test.storage.client.query({
      query:
        "SELECT Cluster, Namespace, Service, Instance, Node, Kind, Value FROM metrics_numbers WHERE MetricName = 'up'",
      format: "JSONEachRow",
    });
    expect(await result.json()).toEqual([
      { Cluster: "east", Namespace: "shop", Service: "cart", Instance: "cart-1", Node: "n1", Kind: "gauge", Value: 1 },
    ]);
  });

  it("asks for snappy and for POST", async () => {
    const request = posted(1, writeRequestV1(GOOD));
    const url = `${ingest.httpUrl}${REMOTE_WRITE_PATH}`;
    const zstd = await fetch(url, { ...request, headers: { ...request.headers, "content-encoding": "zstd" } });
    expect(zstd.status).toBe(415);
    expect((await fetch(url)).status).toBe(405);
  });
});
