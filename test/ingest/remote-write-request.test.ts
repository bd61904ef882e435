// Remote write requests of both versions become OTLP: kinds, resources, times, histograms; what is refused, dropped and bounded.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { transcodeWriteRequest, type WriteRequest } from "../../ingest/prometheus/write-request.ts";
import { makeBlock, rowsOf } from "../fixtures/otlp-blocks.ts";
import { expectedRows, type Row } from "../fixtures/otlp-oracle.ts";
import { encodeMessage, type Series, STALE_NAN, writeRequestV1, writeRequestV2 } from "../fixtures/remote-write.ts";

const AT_MS = 1_795_388_900_000;
const MAX_BYTES = 8 << 20;
const VERSIONS = [1, 2] as const;

function transcode(version: 1 | 2, series: readonly Series[], maxBytes = MAX_BYTES): WriteRequest {
  return transcodeWriteRequest(version, (version === 1 ? writeRequestV1 : writeRequestV2)(series), maxBytes);
}

/** Rows that the OTLP form stands for, read by the slow decoder; numbers and distributions. */
function rowsOfRequest(request: WriteRequest): Row[] {
  if (!request.ok) throw new Error(request.reason);
  const tables = expectedRows("metrics", request.bytes);
  return [...(tables["metrics_numbers"] ?? []), ...(tables["metrics_distributions"] ?? [])];
}

function pairs(row: Row | undefined, column: string): Record<string, string> {
  return Object.fromEntries((row?.[column] ?? []) as [string, string][]);
}

const bits = (value: number): string => {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleLE(value);
  return buffer.readBigUInt64LE().toString();
};

const sample = (value: number, timestamp = AT_MS) => [{ value, timestamp }];

describe.each(VERSIONS)("version %i", (version) => {
  it("makes a counter of what ends like one and a gauge of the rest, with time, value and attributes", () => {
    const request = transcode(version, [
      { labels: { __name__: "http_requests_total", code: "200", path: "/é" }, samples: sample(7) },
      {
        labels: { __name__: "temperature", room: "1", empty: "" },
        samples: [...sample(-2.5), ...sample(3, AT_MS + 1)],
      },
      { labels: { __name__: "latency_bucket", le: "+Inf" }, samples: sample(4) },
    ]);
    expect(request).toMatchObject({ ok: true, samples: 4, histograms: 0, stale: 0 });
    const rows = rowsOfRequest(request);
    expect(rows).toMatchObject([
      { MetricName: "http_requests_total", Kind: "cumulative", Monotonic: 1, Value: bits(7), StartTimestamp: "0" },
      { MetricName: "temperature", Kind: "gauge", Monotonic: 0, Value: bits(-2.5), Timestamp: `${AT_MS}000000` },
      { MetricName: "temperature", Kind: "gauge", Value: bits(3), Timestamp: `${AT_MS + 1}000000` },
      { MetricName: "latency_bucket", Kind: "cumulative", Monotonic: 1 },
    ]);
    expect(pairs(rows[0], "Attributes")).toEqual({ code: "200", path: "/é" });
    expect(pairs(rows[1], "Attributes")).toEqual({ room: "1" });
  });

  it("knows counters without an ending by their names", () => {
    const names = [
      "envoy_cluster_upstream_rq_retry",
      "envoy_cluster_upstream_cx_connect_fail",
      "envoy_cluster_upstream_cx_active",
    ];
    const rows = rowsOfRequest(
      transcode(
        version,
        names.map((name) => ({ labels: { __name__: name }, samples: sample(1) })),
      ),
    );
    expect(rows.map((row) => row["Kind"])).toEqual(["cumulative", "cumulative", "gauge"]);
  });

  it.each<[string, Record<string, string>, Record<string, string>, Record<string, string>]>([
    [
      "job and instance name the service",
      { job: "shop/cart", instance: "10.0.0.7:8080", cluster: "east" },
      {
        "k8s.cluster.name": "east",
        "service.instance.id": "10.0.0.7:8080",
        "service.namespace": "shop",
        "service.name": "cart",
      },
      {},
    ],
    [
      "the name of a scrape configuration is no service; the pod's labels say it",
      { job: "kubernetes-pods", namespace: "shop", pod: "cart-1", app: "cart", version: "v2", node: "n1", code: "1" },
      {
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "cart-1",
        "k8s.node.name": "n1",
        "k8s.pod.label.app": "cart",
        "k8s.pod.label.version": "v2",
      },
      { job: "kubernetes-pods", code: "1" },
    ],
    ["without a pod, version is the metric's own", { version: "1.2" }, {}, { version: "1.2" }],
    [
      "what is exported wins over the exporter's own",
      { namespace: "monitoring", exported_namespace: "shop", exported_pod: "cart-1", pod: "ksm-0" },
      { "k8s.namespace.name": "shop", "k8s.pod.name": "cart-1" },
      { namespace: "monitoring", pod: "ksm-0" },
    ],
  ])("%s", (_, labels, resource, attributes) => {
    const [row] = rowsOfRequest(transcode(version, [{ labels: { __name__: "m", ...labels }, samples: sample(1) }]));
    expect(pairs(row, "ResourceAttributes")).toEqual(resource);
    expect(pairs(row, "Attributes")).toEqual(attributes);
  });

  it("leaves job and instance of an exporter that speaks of others with the point", () => {
    const labels = {
      job: "kube-state-metrics",
      instance: "10.0.0.9:8080",
      namespace: "shop",
      pod: "cart-1",
      container: "app",
    };
    const [row] = rowsOfRequest(
      transcode(version, [
        { labels: { __name__: "kube_pod_container_status_restarts_total", ...labels }, samples: sample(2) },
      ]),
    );
    expect(row).toMatchObject({ Namespace: "shop", Instance: "cart-1", Service: "", Kind: "cumulative" });
    expect(pairs(row, "Attributes")).toEqual({ job: "kube-state-metrics", instance: "10.0.0.9:8080" });
  });

  it("counts stale markers and exemplars and keeps neither", () => {
    const request = transcode(version, [
      { labels: { __name__: "m" }, samples: [...sample(1), ...sample(STALE_NAN, AT_MS + 5)], exemplars: 2 },
      { labels: { __name__: "h" }, histograms: [{ sum: STALE_NAN, timestamp: AT_MS }] },
      { labels: { __name__: "n" }, samples: sample(Number.NaN) },
    ]);
    expect(request).toMatchObject({ ok: true, samples: 3, histograms: 1, stale: 2, exemplars: 2 });
    expect(rowsOfRequest(request).map((row) => row["MetricName"])).toEqual(["m", "n"]);
  });

  it("refuses what cannot be kept series by series", () => {
    const many = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`l${i}`, "x"]));
    const request = transcode(version, [
      { labels: { nameless: "x" }, samples: [...sample(1), ...sample(2)] },
      { labels: { __name__: "m", ...many }, samples: sample(1) },
      { labels: { __name__: "m" }, samples: [...sample(1, -5), ...sample(2), ...sample(3, 9.3e12)] },
      { labels: { __name__: "h" }, histograms: [{ countInt: 1, schema: 9, timestamp: AT_MS }] },
    ]);
    expect(request).toMatchObject({ ok: true, samples: 1, histograms: 0 });
    expect(request.ok && Object.fromEntries(request.refused)).toEqual({
      name: 2,
      labels: 1,
      timestamp: 2,
      histogram: 1,
    });
    expect(rowsOfRequest(request)).toHaveLength(1);
  });

  it("puts the series of one sender under one resource", () => {
    const request = transcode(
      version,
      Array.from({ length: 40 }, (_, i) => ({
        labels: { __name__: `m${i}`, job: `j${i % 2}`, i: `${i}` },
        samples: sample(i),
      })),
    );
    const text = request.ok ? Buffer.from(request.bytes).toString("latin1") : "";
    expect(text.split("service.name").length - 1).toBe(2);
    const services = rowsOfRequest(request).map((row) => row["Service"]);
    expect(services.filter((service) => service === "j0")).toHaveLength(20);
    expect(services.filter((service) => service === "j1")).toHaveLength(20);
  });

  it("refuses a request whose OTLP form is too large", () => {
    const labels = { __name__: "m", long: "x".repeat(10_000) };
    const series = Array.from({ length: 100 }, () => ({ labels, samples: sample(1) }));
    expect(transcode(version, series, 500_000)).toMatchObject({ ok: false, reason: "expansion" });
    expect(transcode(version, series.slice(0, 10), 500_000)).toMatchObject({ ok: true, samples: 10 });
  });

  it("turns native histograms into exponential ones, one bucket lower", () => {
    // Buckets 3, 4, 7 with 2, 1, 4 observations; -1 with 5.
    const histogram = {
      countInt: 15,
      sum: 42.5,
      schema: 2,
      zeroThreshold: 1e-9,
      zeroCountInt: 3,
      negativeSpans: [{ offset: -1, length: 1 }],
      negativeDeltas: [5],
      positiveSpans: [
        { offset: 3, length: 2 },
        { offset: 2, length: 1 },
      ],
      positiveDeltas: [2, -1, 3],
      timestamp: AT_MS,
    };
    const [row] = rowsOfRequest(transcode(version, [{ labels: { __name__: "h", a: "b" }, histograms: [histogram] }]));
    expect(row).toMatchObject({
      Shape: "exponential",
      Kind: "cumulative",
      ObservationCount: "15",
      Sum: bits(42.5),
      Scale: 2,
      ZeroCount: "3",
      PositiveOffset: 2,
      Counts: ["2", "1", "0", "0", "4"],
      NegativeOffset: -2,
      NegativeCounts: ["5"],
      Attributes: [["a", "b"]],
    });
  });

  it("keeps a float gauge histogram and one of custom buckets", () => {
    const floats = {
      countFloat: 3.5,
      sum: 1,
      schema: -4,
      positiveSpans: [{ offset: 0, length: 2 }],
      positiveCounts: [1.5, 2],
      resetHint: 3,
      timestamp: AT_MS,
    };
    const custom = {
      countInt: 6,
      sum: 9,
      schema: -53,
      customValues: [1, 5, 10],
      positiveSpans: [
        { offset: 0, length: 1 },
        { offset: 2, length: 1 },
      ],
      positiveDeltas: [4, -2],
      timestamp: AT_MS,
    };
    const rows = rowsOfRequest(transcode(version, [{ labels: { __name__: "h" }, histograms: [floats, custom] }]));
    expect(rows).toMatchObject([
      { Shape: "exponential", Kind: "gauge", ObservationCount: "4", Scale: -4, PositiveOffset: -1, Counts: ["2", "2"] },
      {
        Shape: "histogram",
        Kind: "cumulative",
        Bounds: [1, 5, 10].map(bits),
        Counts: ["4", "0", "0", "2"],
        Sum: bits(9),
      },
    ]);
  });

  it("halves the resolution of a histogram that is too wide, and refuses spans that do not fit their counts", () => {
    const wide = {
      countInt: 3,
      schema: 8,
      positiveSpans: [
        { offset: -5_000, length: 1 },
        { offset: 9_999, length: 1 },
      ],
      positiveDeltas: [1, 1],
      timestamp: AT_MS,
    };
    const broken = {
      countInt: 3,
      schema: 1,
      positiveSpans: [{ offset: 0, length: 4_000_000 }],
      positiveDeltas: [1],
      timestamp: AT_MS,
    };
    const request = transcode(version, [{ labels: { __name__: "h" }, histograms: [wide, broken] }]);
    expect(request).toMatchObject({ ok: true, histograms: 1 });
    const [row] = rowsOfRequest(request);
    expect(row).toMatchObject({ Scale: 5, PositiveOffset: -5_001 >> 3 });
    const counts = (row?.["Counts"] ?? []) as string[];
    expect(counts.filter((count) => count !== "0")).toEqual(["1", "2"]);
    expect(counts.length).toBe((4_999 >> 3) - (-5_001 >> 3) + 1);
  });
});

describe("version 2", () => {
  it("takes kind and unit from metadata, and start times of series and samples", () => {
    const rows = rowsOfRequest(
      transcode(2, [
        { labels: { __name__: "odd" }, samples: sample(1), type: 1, unit: "s", createdMs: AT_MS - 1000 },
        { labels: { __name__: "size_total" }, samples: sample(1), type: 2 },
        {
          labels: { __name__: "h_count" },
          samples: [{ value: 1, timestamp: AT_MS, startTimestamp: AT_MS - 500 }],
          type: 3,
        },
        { labels: { __name__: "s", quantile: "0.5" }, samples: sample(1), type: 5 },
      ]),
    );
    expect(rows).toMatchObject([
      { Kind: "cumulative", Unit: "s", StartTimestamp: `${AT_MS - 1000}000000` },
      { Kind: "gauge", Unit: "" },
      { Kind: "cumulative", StartTimestamp: `${AT_MS - 500}000000` },
      { Kind: "gauge", MetricName: "s" },
    ]);
  });

  it("refuses a series whose reference is not in the table, and one with half a pair", () => {
    const timeseries = [
      [1, 9],
      [1, 2, 1],
    ].map((labelsRefs) => ({ labelsRefs, samples: sample(1) }));
    const body = encodeMessage("rw.Request", { symbols: ["", "__name__", "m"], timeseries });
    const request = transcodeWriteRequest(2, body, MAX_BYTES);
    expect(request).toMatchObject({ ok: true, samples: 0 });
    expect(request.ok && Object.fromEntries(request.refused)).toEqual({ symbol: 2 });
  });
});

describe("hostile bytes", () => {
  const good: Series[] = Array.from({ length: 20 }, (_, i) => ({
    labels: { __name__: `m${i % 3}_total`, job: `a/b${i % 4}`, pod: `p${i % 2}`, app: "x", le: `${i}` },
    samples: sample(i, AT_MS + i),
    histograms:
      i % 5 === 0
        ? [
            {
              countInt: 3,
              schema: 3,
              positiveSpans: [{ offset: 1, length: 3 }],
              positiveDeltas: [1, 0, 0],
              timestamp: AT_MS,
            },
          ]
        : [],
    type: i % 6,
    unit: "s",
  }));
  const runs = Number(process.env["FAULTLINE_FUZZ_RUNS"] ?? 2_000);

  it.each(VERSIONS)("version %i is refused with a reason or gives OTLP that the decoder takes whole", (version) => {
    const body = version === 1 ? writeRequestV1(good) : writeRequestV2(good);
    let refused = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(body.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0x80, 0xff, 0x7f, 0))), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.nat(body.length),
        fc.boolean(),
        (edits, cut, isCut) => {
          const bytes = Buffer.from(isCut ? body.subarray(0, cut) : body);
          for (const [at, byte] of edits) if (at < bytes.length) bytes[at] = byte;
          const startMs = performance.now();
          const request = transcodeWriteRequest(version, bytes, 1 << 20);
          expect(performance.now() - startMs).toBeLessThan(500);
          if (!request.ok) {
            refused++;
            expect(request.reason).toMatch(/^(truncated|overrun|bad_varint|bad_tag|bad_wire_type|expansion)$/);
            return;
          }
          const block = makeBlock("metrics");
          const outcome = block.decode(request.bytes, AT_MS, "default");
          expect(outcome).toMatchObject({ ok: true });
          if (!outcome.ok) return;
          expect(outcome.rows + outcome.rejected).toBe(request.samples + request.histograms - request.stale);
        },
      ),
      { numRuns: runs },
    );
    expect(refused).toBeGreaterThan(runs / 20);
  });

  it("the fast decoder and the slow one read the same of it", () => {
    const request = transcode(2, good);
    const block = makeBlock("metrics");
    if (request.ok) block.decode(request.bytes, AT_MS, "default");
    expect(rowsOf(block)["metrics_numbers"]?.map((row) => row["MetricName"])).toEqual(
      rowsOfRequest(request)
        .filter((row) => "Value" in row)
        .map((row) => row["MetricName"]),
    );
  });
});
