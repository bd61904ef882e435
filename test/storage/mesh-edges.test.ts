// Edges from mesh metrics: rules by hand-made rows, then Istio's golden labels and Kiali's vectors through a real ClickHouse.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { histogramCount, quantileMs } from "../../model/histogram.ts";
import { foldMeshEdges, type MeshEdge, type MeshPlace } from "../../storage/mesh-edges.ts";
import { type MeshIncrease, type MeshLabels, type MeshRise, readMeshIncreases } from "../../storage/mesh-metrics.ts";
import { MESH_START, type MeshPoint, storePoints } from "../fixtures/mesh-metrics.ts";
import { readPromText } from "../fixtures/remote-write.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const DATA = process.env["FAULTLINE_DATA_DIR"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const SAMPLES = `${DATA}/mesh-samples`;

/** What one report of one measure says: its labels and its figures. */
type Facts = MeshLabels & MeshRise;

function row(more: Partial<Facts>): MeshIncrease {
  const facts: Facts = {
    origin: "istio",
    reporter: "destination",
    proxy: "",
    src_cluster: "east",
    src_namespace: "shop",
    src_service: "a",
    src_workload: "a-v1",
    src_version: "v1",
    dst_cluster: "east",
    dst_namespace: "shop",
    dst_service: "b",
    dst_workload: "b-v1",
    dst_version: "v1",
    dst_host: "b.shop.svc.cluster.local",
    subset: "",
    protocol: "http",
    code: "200",
    grpc_status: "",
    flags: "",
    security: "",
    measure: "requests",
    amount: 10,
    total: 0,
    starts: [],
    bounds: [],
    counts: [],
    ...more,
  };
  return { bucket: MESH_START, labels: facts, rises: [facts] };
}

describe("one view a side", () => {
  it("the callee's is the destination's, the caller's the source's, never their sum", () => {
    const edges = foldMeshEdges([row({}), row({ reporter: "source", amount: 12 })]);
    expect(edges).toMatchObject([
      { evidence: "destination", caller: { calls: 12 }, callee: { calls: 10 }, neverArrived: 0 },
    ]);
  });

  it("where only the source reports, the callee is not known", () => {
    expect(foldMeshEdges([row({ reporter: "source" })])).toMatchObject([
      { evidence: "source", caller: { calls: 10 }, callee: null },
    ]);
  });

  it("a waypoint's replaces the destination's, and ztunnel's connections under it", () => {
    const tcp = { measure: "tcp_connections_opened", protocol: "tcp", proxy: "ztunnel", code: "" } as const;
    const edges = foldMeshEdges([
      row({ reporter: "waypoint", amount: 9 }),
      row({}),
      row(tcp),
      row({ ...tcp, reporter: "source" }),
    ]);
    expect(edges).toMatchObject([{ evidence: "waypoint", protocol: "http", caller: null, callee: { calls: 9 } }]);
  });

  it("without a waypoint ztunnel's connections are the edge; bytes are the caller's requests and the callee's responses", () => {
    const tcp = { protocol: "tcp", proxy: "ztunnel", code: "" } as const;
    const edges = foldMeshEdges([
      row({ ...tcp, measure: "tcp_connections_opened" }),
      row({ ...tcp, measure: "tcp_connections_closed", flags: "CONNECT", amount: 3 }),
      row({ ...tcp, measure: "tcp_request_bytes", amount: 100 }),
      row({ ...tcp, measure: "tcp_response_bytes", amount: 900 }),
    ]);
    expect(edges).toMatchObject([
      {
        evidence: "destination",
        protocol: "tcp",
        callee: { calls: 10, failed: 3, requestBytes: 100, responseBytes: 900, flags: { CONNECT: 3 } },
      },
    ]);
  });

  it("Envoy's statistics count where nothing else knows the edge", () => {
    const envoy = {
      origin: "envoy",
      reporter: "source",
      dst_workload: "",
      dst_version: "",
      protocol: "",
      code: "",
    } as const;
    const stats = [
      row({ ...envoy, measure: "upstream_requests", amount: 50 }),
      row({ ...envoy, measure: "upstream_response_classes", code: "5xx", amount: 5 }),
      row({ ...envoy, measure: "upstream_retries", amount: 4 }),
    ];
    expect(foldMeshEdges(stats)).toMatchObject([
      { evidence: "envoy", caller: { calls: 50, failed: 5, retries: 4 }, callee: null },
    ]);
    // Retries are nobody else's to tell; whichever version they went to.
    expect(foldMeshEdges([...stats, row({ protocol: "grpc" })])).toMatchObject([
      { dst: { version: "" }, protocol: "grpc", caller: { calls: 0, failed: 0, retries: 4 }, callee: null },
      { dst: { version: "v1" }, protocol: "grpc", callee: { calls: 10 }, caller: null },
    ]);
  });

  it("reporters that know only their own cluster speak of one edge, unless the service is in two", () => {
    const rows = [row({ src_cluster: "" }), row({ reporter: "source", dst_cluster: "" })];
    expect(foldMeshEdges(rows)).toMatchObject([
      { src: { cluster: "east" }, dst: { cluster: "east" }, caller: { calls: 10 }, callee: { calls: 10 } },
    ]);
    const two = foldMeshEdges([...rows, row({ dst_cluster: "west", src_cluster: "west" })]);
    expect(two.map((edge) => [edge.src.cluster, edge.dst.cluster])).toEqual([
      ["", "east"],
      ["east", ""],
      ["west", "west"],
    ]);
  });

  it("a cluster that sends no view of its own does not borrow another's", () => {
    const edges = foldMeshEdges([
      row({}),
      row({ reporter: "source" }),
      row({ reporter: "source", dst_cluster: "west", amount: 4 }),
    ]);
    expect(edges.map((edge) => [edge.dst.cluster, edge.evidence, edge.caller?.calls, edge.callee?.calls])).toEqual([
      ["east", "destination", 10, 10],
      ["west", "source", 4, undefined],
    ]);
  });
});

describe("what never arrived", () => {
  const gone = {
    reporter: "source",
    dst_workload: "",
    dst_version: "",
    dst_service: "b-svc",
    code: "503",
    flags: "UF,URX",
  } as const;

  it("is the caller's alone, and the service's that answers for the host", () => {
    const edges = foldMeshEdges([row({}), row({ ...gone, amount: 3 })]);
    expect(edges).toMatchObject([
      { dst: { service: "b", version: "v1" }, callee: { calls: 10, failed: 0 }, caller: null },
      {
        dst: { service: "b", version: "" },
        callee: null,
        caller: { calls: 3, failed: 3, flags: { UF: 3, URX: 3 } },
        neverArrived: 3,
      },
    ]);
  });

  it("keeps the host's name where two services answer for it, or none", () => {
    const other = row({ dst_service: "c", dst_workload: "c-v1" });
    expect(foldMeshEdges([row({}), other, row(gone)]).at(-1)?.dst.service).toBe("b-svc");
    expect(foldMeshEdges([row(gone)])[0]?.dst.service).toBe("b-svc");
  });

  it("is not a call that some workload answered, nor one without telemetry of the callee", () => {
    const edges = foldMeshEdges([
      row({ reporter: "source", flags: "UF", code: "503" }),
      row({ ...gone, flags: "", code: "200", dst_service: "x", dst_host: "x" }),
    ]);
    expect(edges.map((edge) => edge.neverArrived)).toEqual([0, 0]);
  });
});

describe("outcomes", () => {
  it.each<[string, Partial<Facts>, string]>([
    ["2xx", { code: "204" }, ""],
    ["4xx", { code: "404" }, "degraded"],
    ["5xx", { code: "503" }, "failed"],
    ["no status", { code: "0" }, "failed"],
    ["a caller that left", { code: "0", flags: "DC" }, "cancelled"],
    ["gRPC by its own status", { protocol: "grpc", grpc_status: "14" }, "failed"],
    ["gRPC caller errors", { protocol: "grpc", grpc_status: "5" }, "degraded"],
    ["a gRPC status that is none", { protocol: "grpc", grpc_status: "4294967295" }, ""],
    ["a gRPC label of an HTTP call", { grpc_status: "14" }, ""],
    ["a class", { code: "5xx" }, "failed"],
  ])("%s", (_, facts, outcome) => {
    const side = foldMeshEdges([row(facts)])[0]?.callee;
    expect(
      ["failed", "degraded", "cancelled"]
        .filter((name) => (side as unknown as Record<string, number>)[name] === 10)
        .join(),
    ).toBe(outcome);
  });
});

describe("durations", () => {
  it("keep their number and their quantiles within a bucket of the source", () => {
    const bounds = [1, 5, 10, 25, 50, null];
    const starts = [0, 1, 5, 10, 25, 50];
    const histogram = {
      measure: "request_duration_ms",
      amount: 100,
      total: 900,
      bounds,
      counts: [0, 50, 0, 0, 50, 0],
      starts,
    };
    const side = foldMeshEdges([row(histogram)])[0]?.callee;
    expect(side).toMatchObject({ timed: 100, durationMs: 900, calls: 0 });
    expect(histogramCount(side?.histogram ?? [])).toBeCloseTo(100, 6);
    expect(quantileMs(side?.histogram ?? [], 0.25)).toBeGreaterThan(1.9);
    expect(quantileMs(side?.histogram ?? [], 0.25)).toBeLessThan(2.6);
    expect(quantileMs(side?.histogram ?? [], 0.75)).toBeGreaterThan(33);
    expect(quantileMs(side?.histogram ?? [], 0.75)).toBeLessThan(38);
  });

  it("beyond the last bound lie at that bound", () => {
    const histogram = {
      measure: "request_duration_ms",
      amount: 4,
      bounds: [null],
      counts: [4],
      starts: [10_000],
    };
    const counts = foldMeshEdges([row(histogram)])[0]?.callee?.histogram ?? [];
    expect(quantileMs(counts, 0.5)).toBeGreaterThan(9_300);
    expect(quantileMs(counts, 0.5)).toBeLessThan(11_500);
  });
});

describe("from samples, through storage", () => {
  let test: TestStorage;
  beforeAll(async () => {
    test = await startTestStorage();
  });
  afterAll(() => test.stop());
  beforeEach(() => test.storage.client.command({ query: "TRUNCATE TABLE mesh_points" }).then(() => {}));

  /** Each series rises by its rate for a minute. */
  async function edgesOfRates(
    series: readonly { readonly name: string; readonly labels: Record<string, string>; readonly rate: number }[],
  ): Promise<MeshEdge[]> {
    const points = series.flatMap(({ name, labels, rate }): MeshPoint[] =>
      [0, 15, 30, 45, 60].map((at) => ({ name, at, value: 1_000 + rate * at, attributes: labels })),
    );
    await storePoints(test.storage, points);
    const window = { from: MESH_START, to: MESH_START + 60 };
    return foldMeshEdges(await readMeshIncreases(test.storage, "default", window));
  }

  /** Calls a second by edge, of the view that is believed. */
  function rates(edges: readonly MeshEdge[], name: (edge: MeshEdge) => string): Record<string, number> {
    const sums = new Map<string, number>();
    for (const edge of edges) {
      const side = edge.callee ?? edge.caller;
      if (side === null || edge.protocol === "tcp") continue;
      sums.set(name(edge), (sums.get(name(edge)) ?? 0) + side.calls / 60);
    }
    return Object.fromEntries([...sums].map(([key, rate]) => [key, Number(rate.toFixed(6))]));
  }

  interface Vector {
    readonly family: string;
    readonly reporter: string;
    readonly labels: Record<string, string>;
    readonly value: number;
  }
  const vectors = (name: string): Vector[] => {
    const file = JSON.parse(readFileSync(`${SAMPLES}/kiali/prom_vectors.json`, "utf8")) as {
      vectors: Record<string, Vector[]>;
    };
    return file.vectors[name] ?? [];
  };

  it.skipIf(!existsSync(`${SAMPLES}/istio-proxy/rendered.prom`))("Istio's golden labels", async () => {
    const lines = readPromText(readFileSync(`${SAMPLES}/istio-proxy/rendered.prom`, "utf8"));
    expect(lines.length).toBe(7);
    const edges = await edgesOfRates(
      lines.map(({ labels: { __name__: name = "", ...labels }, value }) => ({ name, labels, rate: value })),
    );
    const place = ({ cluster, namespace, service, version }: MeshPlace): string =>
      `${cluster}/${namespace}/${service}@${version}`;
    const seen = edges
      .filter((edge) => edge.bucket === MESH_START)
      .map(({ evidence, protocol, src, dst, caller, callee }) => [
        `${place(src)} > ${place(dst)}`,
        `${protocol} by ${evidence}`,
        caller?.calls,
        callee?.calls,
        caller?.responseBytes,
      ]);
    const client = "client-cluster/default/productpage-v1@version-1";
    expect(seen.toSorted((a, b) => (a.join() < b.join() ? -1 : 1))).toEqual([
      [
        "client-cluster/default/productpage-v1@latest > ratings-cluster/default/ratings@version-1",
        "tcp by waypoint",
        undefined,
        100,
        undefined,
      ],
      [`${client} > ratings-cluster/default/ratings@version-1`, "http by waypoint", 100, 100, 0],
      [`${client} > server-cluster/default/ratings@version-1`, "http by destination", 100, 100, 0],
      [`${client} > server-cluster/default/ratings@version-1`, "tcp by source", 100, undefined, 1200],
    ]);
  });

  it.skipIf(!existsSync(`${SAMPLES}/kiali`))("Kiali's multi-cluster vectors give its graph's rates", async () => {
    const edges = await edgesOfRates(
      vectors("TestMultiClusterSourceGraph").map(({ family, reporter, labels, value }) => ({
        name: family,
        labels: { ...labels, reporter },
        rate: value,
      })),
    );
    expect(
      rates(
        edges,
        (edge) =>
          `${edge.src.cluster}/${edge.src.service} > ${edge.dst.cluster}/${edge.dst.service}@${edge.dst.version}`,
      ),
    ).toEqual({
      "kukulcan/istio-ingressgateway > kukulcan/productpage@v1": 100,
      "kukulcan/productpage > kukulcan/reviews@v1": 100,
      "kukulcan/productpage > kukulcan/reviews@v2": 100,
      "kukulcan/productpage > tzotz/reviews@v2": 100,
      "kukulcan/productpage > tzotz/reviews@v3": 100,
      "kukulcan/productpage > kukulcan/details@v1": 100,
      "kukulcan/reviews > tzotz/ratings@v1": 100,
      "tzotz/kiali#4488-source > tzotz/kiali#4488-dest@v1": 100,
    });
  });

  it.skipIf(!existsSync(`${SAMPLES}/kiali`))(
    "Kiali's namespace vectors give the rates and errors of its versioned graph",
    async () => {
      const edges = await edgesOfRates(
        vectors("mockNamespaceGraph").map(({ family, reporter, labels, value }) => ({
          name: family,
          labels: { ...labels, reporter },
          rate: value,
        })),
      );
      const found = rates(
        edges,
        (edge) => `${edge.src.service}@${edge.src.version} > ${edge.dst.service}@${edge.dst.version} ${edge.protocol}`,
      );
      const graph = JSON.parse(readFileSync(`${SAMPLES}/kiali/test_versioned_app_graph.expected`, "utf8")) as {
        elements: {
          nodes: { data: { id: string; nodeType: string; app?: string; service?: string; version?: string } }[];
          edges: {
            data: { source: string; target: string; traffic: { protocol: string; rates: Record<string, string> } };
          }[];
        };
      };
      const nodes = new Map(graph.elements.nodes.map(({ data }) => [data.id, data]));
      const nameOf = (id: string): string => {
        const node = nodes.get(id);
        const name = node?.app ?? node?.service ?? "";
        return name === "unknown" ? "@" : `${name}@${node?.version ?? ""}`;
      };
      const wanted = graph.elements.edges
        .filter(({ data }) => data.traffic.protocol !== "tcp" && nameOf(data.target) !== "@")
        .map(({ data }) => {
          const { protocol, rates: said } = data.traffic;
          return [`${nameOf(data.source)} > ${nameOf(data.target)} ${protocol}`, Number(said[protocol])] as const;
        });
      expect(wanted.length).toBeGreaterThan(12);
      for (const [edge, rate] of wanted) expect(found[edge], edge).toBeCloseTo(rate, 4);
      const failed = edges
        .filter((edge) => edge.src.service === "productpage" && edge.dst.service === "details")
        .reduce((sum, edge) => sum + ((edge.callee ?? edge.caller)?.failed ?? 0), 0);
      expect(failed / 60).toBeCloseTo(20, 4);
    },
  );
});
