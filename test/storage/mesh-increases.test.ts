// Cumulative series into increases: resets, staleness, duplicates, order, deltas, histograms; and any series at all against the truth.
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readMeshIncreases, readMeshLevels, type MeshRise } from "../../storage/mesh-metrics.ts";
import { MESH_START, type MeshPoint, storeDistributions, storePoints } from "../fixtures/mesh-metrics.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

let test: TestStorage;
beforeAll(async () => {
  test = await startTestStorage();
});
afterAll(() => test.stop());
beforeEach(() => test.storage.client.command({ query: "TRUNCATE TABLE mesh_points" }).then(() => {}));

const EDGE = {
  reporter: "destination",
  source_canonical_service: "a",
  destination_canonical_service: "b",
  request_protocol: "http",
};
const NAME = "istio_requests_total";
type Step = readonly [at: number, value: number, start?: number];

function pointsOf(steps: readonly Step[], more: Partial<MeshPoint> = {}): MeshPoint[] {
  return steps.map(([at, value, start]) => ({
    name: NAME,
    at,
    value,
    attributes: EDGE,
    ...(start === undefined ? {} : { start }),
    ...more,
  }));
}

/** Amounts by bucket (seconds after the start) of [from, to). */
async function amounts(from: number, to: number): Promise<Record<string, number>> {
  const window = { from: MESH_START + from, to: MESH_START + to };
  const rows = await readMeshIncreases(test.storage, "default", window, ["requests"]);
  const sums: Record<string, number> = {};
  for (const { bucket, rises } of rows) {
    const at = String(bucket - MESH_START);
    for (const { amount } of rises) sums[at] = (sums[at] ?? 0) + amount;
  }
  return Object.fromEntries(Object.entries(sums).filter(([, amount]) => amount !== 0));
}

describe("a cumulative series", () => {
  it.each<[string, Step[], Record<string, number>]>([
    [
      "rises between its points, evenly over the time",
      [
        [0, 100],
        [15, 130],
        [30, 145],
      ],
      { 0: 20, 10: 15, 20: 10 },
    ],
    ["starts with nothing known", [[5, 1000]], {}],
    [
      "starts from zero where its start is known",
      [
        [10, 40, 0],
        [20, 50, 0],
      ],
      { 0: 40, 10: 10 },
    ],
    [
      "starts with nothing known where its start is out of reach",
      [
        [20, 50, -400],
        [30, 60, -400],
      ],
      { 20: 10 },
    ],
    [
      "starts with nothing known where its start is its own time",
      [
        [0, 1000, 0],
        [10, 1010, 0],
      ],
      { 0: 10 },
    ],
    [
      "is reset when its value falls",
      [
        [0, 100],
        [10, 130],
        [20, 7],
        [30, 9],
      ],
      { 0: 30, 10: 7, 20: 2 },
    ],
    [
      "is reset when it starts anew, though its value rose",
      [
        [0, 10, -100],
        [10, 12, -100],
        [20, 50, 15],
      ],
      { 0: 2, 10: 50 },
    ],
    [
      "goes on when a receiver sees it for the first time again",
      [
        [0, 1000, 0],
        [10, 1010, 0],
        [20, 1030, 20],
        [30, 1031, 20],
      ],
      { 0: 10, 10: 20, 20: 1 },
    ],
    [
      "is not reset when its start trembles",
      [
        [0, 10, -100],
        [10, 12, -99],
        [20, 15, -101],
      ],
      { 0: 2, 10: 3 },
    ],
    [
      "says nothing of a time without points",
      [
        [0, 10],
        [400, 500],
        [410, 510],
      ],
      { 400: 10 },
    ],
    [
      "counts points of one time once",
      [
        [0, 10],
        [0, 10],
        [10, 20],
        [10, 20],
      ],
      { 0: 10 },
    ],
  ])("%s", async (_, steps, expected) => {
    await storePoints(test.storage, pointsOf(steps));
    expect(await amounts(0, 420)).toEqual(expected);
  });

  it("is the same whenever its points come, and is complete in any part of the window", async () => {
    const steps: Step[] = [
      [-20, 5],
      [-5, 20],
      [10, 50],
      [25, 3],
      [40, 9],
      [55, 12],
    ];
    for (const point of pointsOf(steps).toReversed()) await storePoints(test.storage, [point]);
    const whole = await amounts(0, 60);
    expect(whole).toEqual({ 0: 20, 10: 2, 20: 3, 30: 4, 40: 2, 50: 1 });
    for (const bucket of [0, 10, 20, 30, 40, 50])
      expect(await amounts(bucket, bucket + 10)).toEqual({ [bucket]: whole[bucket] });
  });

  it("of another tenant is not read", async () => {
    await storePoints(
      test.storage,
      pointsOf(
        [
          [0, 1],
          [10, 5],
        ],
        { columns: { Tenant: "other" } },
      ),
    );
    expect(await amounts(0, 20)).toEqual({});
  });

  it("scraped by two Prometheus servers counts once", async () => {
    for (const [i, replica] of ["prometheus-0", "prometheus-1"].entries()) {
      const steps: Step[] = [0, 10, 20, 30].map((at) => [at + i * 3, 2 * (at + i * 3)]);
      await storePoints(test.storage, pointsOf(steps, { attributes: { ...EDGE, prometheus_replica: replica } }));
    }
    expect(await amounts(0, 30)).toEqual({ 0: 20, 10: 20, 20: 20 });
  });
});

describe("a delta series", () => {
  it("counts as it is, over its own time", async () => {
    await storePoints(
      test.storage,
      pointsOf(
        [
          [10, 30, 0],
          [20, 4, 10],
          [20, 4, 10],
          [25, 1],
        ],
        { kind: "delta" },
      ),
    );
    expect(await amounts(0, 60)).toEqual({ 0: 30, 10: 4, 20: 1 });
  });
});

describe("histograms", () => {
  const window = { from: MESH_START, to: MESH_START + 10 };
  const read = async (): Promise<MeshRise[]> =>
    (await readMeshIncreases(test.storage, "default", window, ["request_duration_ms"])).flatMap(({ rises }) => rises);
  const family = "istio_request_duration_milliseconds";

  it("of series by bound become observations a bucket, with their sum and number", async () => {
    const values: Record<string, [number, number]> = { 1: [10, 11], 5: [12, 18], "+Inf": [12, 20] };
    await storePoints(test.storage, [
      ...Object.entries(values).flatMap(([le, pair]) =>
        pair.map((value, i) => ({ name: `${family}_bucket`, at: i * 10, value, attributes: { ...EDGE, le } })),
      ),
      ...[50, 99].map((value, i) => ({ name: `${family}_sum`, at: i * 10, value, attributes: EDGE })),
      ...[12, 20].map((value, i) => ({ name: `${family}_count`, at: i * 10, value, attributes: EDGE })),
    ]);
    expect(await read()).toMatchObject([
      { amount: 8, total: 49, bounds: [1, 5, null], counts: [1, 5, 2], starts: [0, 1, 5] },
    ]);
  });

  it("of several proxies of one edge add up", async () => {
    const values: Record<string, [number, number]> = { 1: [10, 11], 5: [12, 18], "+Inf": [12, 20] };
    await storePoints(
      test.storage,
      ["b-1", "b-2", "b-3"].flatMap((pod) =>
        Object.entries(values).flatMap(([le, pair]) =>
          pair.map((value, i) => ({ name: `${family}_bucket`, at: i * 10, value, attributes: { ...EDGE, le, pod } })),
        ),
      ),
    );
    await storePoints(
      test.storage,
      [12, 20].map((value, i) => ({ name: `${family}_count`, at: i * 10, value, attributes: { ...EDGE, pod: "b-1" } })),
    );
    expect(await read()).toMatchObject([{ amount: 8, starts: [0, 1, 5], bounds: [1, 5, null], counts: [3, 15, 6] }]);
  });

  it("that are whole give the same", async () => {
    const shape = (Counts: number[], Sum: number) => ({
      Shape: "histogram",
      Bounds: [1, 5],
      Counts,
      Sum,
      ObservationCount: Counts.reduce((a, b) => a + b),
    });
    await storeDistributions(test.storage, [
      { name: family, at: 0, value: 0, attributes: EDGE, columns: shape([10, 2, 0], 50) },
      { name: family, at: 10, value: 0, attributes: EDGE, columns: shape([11, 7, 2], 99) },
    ]);
    expect(await read()).toMatchObject([
      { amount: 8, total: 49, bounds: [1, 5, null], counts: [1, 5, 2], starts: [0, 1, 5] },
    ]);
  });

  it("that are exponential keep their counts while range and resolution change", async () => {
    const shape = (Scale: number, PositiveOffset: number, Counts: number[]) => ({
      Shape: "exponential",
      Scale,
      PositiveOffset,
      Counts,
      ObservationCount: Counts.reduce((a, b) => a + b),
    });
    await storeDistributions(test.storage, [
      { name: family, at: 0, value: 0, attributes: EDGE, columns: shape(1, 0, [3, 4]) },
      // Halved: (1, 2] holds 3 + 4 + 2 more, (4, 8] is new.
      { name: family, at: 10, value: 0, attributes: EDGE, columns: shape(0, 0, [9, 0, 5]) },
    ]);
    expect(await read()).toMatchObject([{ amount: 7, starts: [1, 4], bounds: [2, 8], counts: [2, 5] }]);
  });

  it("count whole after a reset", async () => {
    const shape = (Counts: number[]) => ({
      Shape: "histogram",
      Bounds: [1],
      Counts,
      ObservationCount: Counts.reduce((a, b) => a + b),
    });
    await storeDistributions(test.storage, [
      { name: family, at: 0, value: 0, attributes: EDGE, columns: shape([100, 50]) },
      { name: family, at: 10, value: 0, attributes: EDGE, columns: shape([2, 3]) },
    ]);
    expect(await read()).toMatchObject([{ amount: 5, counts: [2, 3] }]);
  });
});

describe("levels", () => {
  it("are the last and the highest of a bucket; a circuit breaker is open when any is", async () => {
    const cluster = (host: string) => ({ cluster_name: `outbound|80||${host}.shop.svc.cluster.local` });
    const gauge = (name: string, at: number, value: number, host = "b"): MeshPoint => ({
      name,
      at,
      value,
      kind: "gauge",
      attributes: cluster(host),
      columns: { Service: "a", Instance: "a-1" },
    });
    await storePoints(test.storage, [
      gauge("envoy_cluster_upstream_cx_active", 1, 9),
      gauge("envoy_cluster_upstream_cx_active", 6, 4),
      gauge("envoy_cluster_circuit_breakers_default_rq_open", 2, 1),
      gauge("envoy_cluster_circuit_breakers_default_cx_open", 2, 1),
      gauge("envoy_cluster_circuit_breakers_default_cx_open", 12, 0),
    ]);
    const window = { from: MESH_START, to: MESH_START + 20 };
    const rows = await readMeshLevels(test.storage, "default", window, [
      "upstream_connections_active",
      "circuit_breaker_open",
    ]);
    expect(rows.map((row) => [row.bucket - MESH_START, row.measure, row.dst_service, row.last, row.highest])).toEqual([
      [0, "circuit_breaker_open", "b", 1, 1],
      [0, "upstream_connections_active", "b", 4, 9],
      [10, "circuit_breaker_open", "b", 0, 0],
    ]);
  });
});

describe("any series", () => {
  /** What happens between two scrapes: so many calls, perhaps a restart first, of which the calls before it are lost. */
  interface Gap {
    readonly seconds: number;
    readonly calls: number;
    readonly restarts: boolean;
  }
  interface Life {
    readonly first: number;
    readonly hasStart: boolean;
    readonly gaps: readonly Gap[];
  }
  const life: fc.Arbitrary<Life> = fc.record({
    first: fc.integer({ min: 0, max: 5_000 }),
    hasStart: fc.boolean(),
    gaps: fc.array(
      fc.record({
        seconds: fc.integer({ min: 1, max: 60 }),
        calls: fc.integer({ min: 0, max: 2_000 }),
        restarts: fc.boolean().map((value) => value),
      }),
      { minLength: 1, maxLength: 12 },
    ),
  });

  /** The points of a life and, independently, what it should come to by second. */
  function live(
    { first, hasStart, gaps }: Life,
    series: string,
  ): { points: MeshPoint[]; truth: [from: number, to: number, calls: number][] } {
    const attributes = { ...EDGE, destination_service: series };
    let at = 0;
    let value = first;
    let start = hasStart ? -1_000 : undefined;
    const point = (): MeshPoint => ({ name: NAME, at, value, attributes, ...(start === undefined ? {} : { start }) });
    const points = [point()];
    const truth: [number, number, number][] = [];
    for (const { seconds, calls, restarts } of gaps) {
      const from = at;
      at += seconds;
      // Without a start time only a value that falls shows a restart.
      const isReset = restarts && (hasStart || calls < value);
      if (isReset && hasStart) start = from + seconds / 2;
      value = isReset ? calls : value + calls;
      points.push(point());
      truth.push([isReset && hasStart ? from + seconds / 2 : from, at, calls]);
    }
    return { points, truth };
  }

  it(
    "shuffled, repeated and split into requests comes to the truth in every bucket, and exactly so in sum",
    { timeout: 120_000 },
    async () => {
      const runs = Number(process.env["FAULTLINE_SERIES_RUNS"] ?? 6);
      await fc.assert(
        fc.asyncProperty(
          fc.array(life, { minLength: 20, maxLength: 60 }),
          fc.array(fc.nat(), { minLength: 7, maxLength: 7 }),
          fc.integer({ min: 1, max: 9 }),
          async (lives, order, requests) => {
            await test.storage.client.command({ query: "TRUNCATE TABLE mesh_points" });
            const all = lives.map((one, i) => live(one, `s${i}`));
            const points = all.flatMap((one) => one.points);
            const hash = (i: number, salt: number): number =>
              (Math.imul(i + 1, 2_654_435_761) ^ Math.imul((order[salt] ?? 0) + salt, 40_503)) >>> 0;
            // Every third point comes twice.
            const sent = [...points, ...points.filter((_, i) => hash(i, 0) % 3 === 0)]
              .map((point, i) => ({ point, key: hash(i, 1) }))
              .toSorted((a, b) => a.key - b.key)
              .map(({ point }) => point);
            for (let i = 0; i < requests; i++) {
              const part = sent.filter((_, at) => at % requests === i);
              if (part.length > 0) await storePoints(test.storage, part);
            }
            const window = { from: MESH_START, to: MESH_START + 730 };
            const rows = await readMeshIncreases(test.storage, "default", window, ["requests"]);
            const got = new Map(
              rows.map(({ bucket, labels, rises }) => [`${labels.dst_host} ${bucket - MESH_START}`, rises[0]?.amount]),
            );
            for (const [i, { truth }] of all.entries()) {
              let sum = 0;
              for (let bucket = 0; bucket < 730; bucket += 10) {
                let wanted = 0;
                let parts = 0;
                for (const [from, to, calls] of truth) {
                  const overlap = Math.min(to, bucket + 10) - Math.max(from, bucket);
                  if (overlap > 0) wanted += (calls * overlap) / (to - from);
                  if (overlap > 0 && overlap < to - from) parts++;
                }
                // Whole calls: each scrape that lies in two buckets may put one of its calls into the other.
                const found = got.get(`s${i} ${bucket}`) ?? 0;
                expect(Number.isInteger(found)).toBe(true);
                expect(Math.abs(found - wanted), `s${i} ${bucket}`).toBeLessThanOrEqual(parts + 1e-6);
                sum += found;
              }
              expect(sum, `s${i}`).toBe(truth.reduce((calls, [, , more]) => calls + more, 0));
            }
          },
        ),
        { numRuns: runs, endOnFailure: true },
      );
    },
  );
});
