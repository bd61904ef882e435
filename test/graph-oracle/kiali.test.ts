// Kiali as the oracle: its mock vectors, sent as Istio's metrics by remote write, must give the graphs it expects of them.
// In: the mesh samples, in place. Equal: the same nodes and edges by the mapping of kiali-graph.ts, rates, error rates and shares to 1e-2.
// What the mapping absorbs, and why:
//   responses by code    the ledger keeps classes: 5xx = failed, 4xx = degraded, no answer = cancelled or failed; 2xx and 3xx are one
//   hosts, destServices  the ledger keeps the service that answered, not the names it was called by (they served to find it)
//   isOutside, isInaccessible   say what a user of Kiali may see; here tokens do
//   healthData           null in both graphs
//   request and response messages   not in the ledger
//   waypoint nodes       a waypoint is evidence of an edge, not a node; Kiali draws it with its connections
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REMOTE_WRITE_PATH } from "../../ingest/prometheus/remote-write.ts";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { readGraphEdges } from "../../storage/graph-reads.ts";
import { stageMeshLedger } from "../../storage/mesh-ledger.ts";
import { posted, writeRequestV2 } from "../fixtures/remote-write.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import {
  HAS_KIALI_SAMPLES,
  type KialiEdge,
  type KialiGraph,
  nameOfNode,
  type OurEdge,
  ourEdges,
  readExpected,
  readVectors,
  realNodes,
  scrapesOf,
  type Vector,
} from "./kiali-graph.ts";

const SECONDS = 60;

describe.skipIf(!HAS_KIALI_SAMPLES)("Kiali's graphs from Istio's metrics", () => {
  let test: TestStorage;
  let ingest: Awaited<ReturnType<typeof startIngest>>;
  beforeAll(async () => {
    test = await startTestStorage();
    ingest = await startIngest({ storage: test.storage, options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0 } });
  });
  afterAll(async () => {
    await ingest.stop();
    await test.stop();
  });

  // Each graph has a time of its own, so that none sees another's points.
  let nextFrom = Math.floor(Date.now() / 60_000) * 60 - 18_000;
  async function graphOf(vectors: readonly Vector[]): Promise<OurEdge[]> {
    const from = nextFrom;
    nextFrom += 600;
    for (const series of scrapesOf(vectors, from, SECONDS / 15 + 1)) {
      const answer = await fetch(`${ingest.httpUrl}${REMOTE_WRITE_PATH}`, posted(2, writeRequestV2(series)));
      expect(answer.status, await answer.text()).toBe(204);
    }
    const { storage } = test;
    await storage.client.command({ query: "TRUNCATE TABLE edge_buckets_staging" });
    await stageMeshLedger(storage, ["default"], from, from + SECONDS);
    await storage.client.command({ query: "INSERT INTO edge_buckets SELECT * FROM edge_buckets_staging" });
    const range = { fromSeconds: from, toSeconds: from + SECONDS };
    const request = { tenant: "default", range, detail: "VERSION", limit: 1_000 } as const;
    const rows = await readGraphEdges(storage, {
      ...request,
      histograms: false,
      knownAtMs: null,
      mergeClusters: false,
    });
    return ourEdges(rows, SECONDS);
  }

  /** Our edges that one edge of Kiali's stands for: an injected service is the callee of all of them. */
  function behind(edges: readonly OurEdge[], graph: KialiGraph, { source, target, traffic }: KialiEdge): OurEdge[] {
    const from = graph.nodes.find(({ id }) => id === source);
    const to = graph.nodes.find(({ id }) => id === target);
    if (from === undefined || to === undefined) throw new Error("an edge without its nodes");
    const isOf = (edge: OurEdge): boolean => {
      const called = nameOfNode(to);
      const fits = to.isInjected ? edge.to.startsWith(called.replace("*", "")) : edge.to === called;
      return edge.protocol === traffic.protocol && fits && (from.isInjected || edge.from === nameOfNode(from));
    };
    return edges.filter(isOf);
  }

  const sum = (edges: readonly OurEdge[], figure: (edge: OurEdge) => number): number =>
    edges.reduce((total, edge) => total + figure(edge), 0);
  const load = ({ protocol, rate, bytes }: OurEdge): number => (protocol === "tcp" ? bytes : rate);

  function expectSameGraph(edges: readonly OurEdge[], graph: KialiGraph): void {
    const real = realNodes(graph);
    const ours = new Set(edges.flatMap(({ from, to }) => [from, to]));
    expect([...ours].toSorted()).toEqual(real.map(nameOfNode).toSorted());

    // Boxes stand around the services with several versions.
    const services = [...ours].filter((name) => name.includes("@")).map((name) => name.split("@")[0] ?? "");
    const several = services.filter((name, i) => services.indexOf(name) === i && services.lastIndexOf(name) !== i);
    const boxes = graph.nodes.filter(({ nodeType }) => nodeType === "box").map((box) => nameOfNode(box).split("@")[0]);
    expect(new Set(several)).toEqual(new Set(boxes));
    expect(several.length).toBe(boxes.length);

    const explained = new Set<OurEdge>();
    for (const edge of graph.edges) {
      const { protocol, rates, responses } = edge.traffic;
      const found = behind(edges, graph, edge);
      const said = `${found.map(({ from, to }) => `${from} > ${to}`).join()} ${protocol}`;
      expect(found.length, said).toBeGreaterThan(0);
      for (const one of found) explained.add(one);
      const total = sum(found, load);
      expect(total, said).toBeCloseTo(Number(rates[protocol]), 2);
      expect(
        sum(found, ({ failed }) => failed),
        said,
      ).toBeCloseTo(Number(rates[`${protocol}5xx`] ?? 0), 2);
      expect(
        sum(found, ({ degraded }) => degraded),
        said,
      ).toBeCloseTo(Number(rates[`${protocol}4xx`] ?? 0), 2);
      const wrong = sum(found, ({ failed, degraded, cancelled }) => failed + degraded + cancelled);
      expect((100 * wrong) / total, said).toBeCloseTo(Number(rates[`${protocol}PercentErr`] ?? 0), 1);
      if (rates[`${protocol}PercentReq`] !== undefined) {
        const sourceNode = graph.nodes.find(({ id }) => id === edge.source);
        const whole = sourceNode?.isInjected
          ? edges.filter(({ to }) => to.startsWith(nameOfNode(sourceNode).replace("*", "")))
          : edges.filter(({ from }) => from === found[0]?.from);
        const all = sum(
          whole.filter((one) => one.protocol === protocol),
          load,
        );
        expect((100 * total) / all, said).toBeCloseTo(Number(rates[`${protocol}PercentReq`]), 1);
      }
      const flags = Object.values(responses).flatMap(({ flags: some }) => Object.keys(some));
      const ourFlags = found.flatMap((one) => Object.keys(one.flags));
      expect([...new Set(ourFlags)].toSorted(), said).toEqual([...new Set(flags.filter((flag) => flag !== "-"))]);
    }
    expect(edges.filter((edge) => !explained.has(edge))).toEqual([]);

    for (const node of real) {
      const name = nameOfNode(node);
      const into = edges.filter(({ to }) => to === name);
      expect(into.length === 0, name).toBe(node.isRoot ?? false);
      for (const { protocol, rates } of node.traffic ?? []) {
        const speaks = (some: readonly OurEdge[]): OurEdge[] => some.filter((edge) => edge.protocol === protocol);
        const outOf = speaks(edges.filter(({ from }) => from === name));
        const figures = {
          In: sum(speaks(into), load),
          Out: sum(outOf, load),
          In5xx: sum(speaks(into), ({ failed }) => failed),
          In4xx: sum(speaks(into), ({ degraded }) => degraded),
        };
        for (const [figure, rate] of Object.entries(figures))
          expect(rate, `${name} ${protocol}${figure}`).toBeCloseTo(Number(rates[`${protocol}${figure}`] ?? 0), 2);
      }
    }
  }

  it("multi-cluster: one service in two clusters, calls between clusters, a callee behind PassthroughCluster", async () => {
    const edges = await graphOf(readVectors("TestMultiClusterSourceGraph"));
    expect(edges.length).toBe(8);
    expectSameGraph(edges, readExpected("test_mc_source_graph"));
  });

  it("versionedApp: HTTP, gRPC and TCP, errors, a workload without app, unknown callers, a call that no route took", async () => {
    const edges = await graphOf(readVectors("mockNamespaceGraph", "mockNamespaceRatesGraph"));
    expect(edges.length).toBe(18);
    expectSameGraph(edges, readExpected("test_versioned_app_graph"));
  });

  it("mTLS: known where the callee reports, unknown where only the caller does", async () => {
    const secure = ({ reporter, labels }: Vector): string => {
      if (reporter === "source") return "unknown";
      return labels["source_workload"] === "unknown" ? "none" : "mutual_tls";
    };
    const edges = await graphOf(
      readVectors("mockNamespaceGraph").map((vector) => ({
        ...vector,
        labels: { ...vector.labels, connection_security_policy: secure(vector) },
      })),
    );
    const requests = edges.filter(({ protocol }) => protocol !== "tcp");
    expect(requests.length).toBeGreaterThan(12);
    for (const { from, to, rate, secured, plain, evidence } of requests) {
      const isTold = evidence.includes("destination-reporter");
      const isUnknown = from === "unknown caller";
      expect([secured, plain], `${from} > ${to}`).toEqual([isTold && !isUnknown ? rate : 0, isUnknown ? rate : 0]);
    }
    expect(requests.filter(({ secured, plain }) => secured + plain === 0).length).toBe(3);
  });

  // Of these two Kiali's samples have no graph beside them; the expectation is each vector by the rules of its metrics.
  it("ambient: the waypoint's view, its ztunnel's connections under it, and no edge to or from the waypoint", async () => {
    const vectors = readVectors("ambientMockGraph").map((vector) => ({
      ...vector,
      // A mock answers two queries by one vector; a proxy reports by one word.
      reporter: vector.family === "istio_requests_total" ? "waypoint" : vector.reporter.replace("waypoint|", ""),
    }));
    const once = vectors.filter(
      (vector, i) => vectors.findIndex((other) => JSON.stringify(other) === JSON.stringify(vector)) === i,
    );
    const edges = await graphOf(once);
    const seen = edges.map(({ from, to, protocol, rate, evidence }) =>
      [from, to, protocol, rate, evidence.join()].join(" "),
    );
    const productpage = "Kubernetes/bookinfo/productpage@v1";
    expect(seen.toSorted()).toEqual([
      `${productpage} Kubernetes/bookinfo/details@v1 http 10 waypoint,ztunnel`,
      `${productpage} Kubernetes/bookinfo/reviews@v1 http 10 waypoint,ztunnel`,
    ]);
  });

  it("egress gateway stitched, outside hosts, callers that left, callers that nobody knows", async () => {
    const edges = await graphOf(readVectors("TestComplexGraph"));
    const customer = "cluster-tutorial/tutorial/customer@v1";
    const gateway = "cluster-cp/istio-system/istio-egressgateway@latest";
    const productpage = "cluster-bookinfo/bookinfo/productpage@v1";
    expect(
      edges
        .map(({ from, to, protocol, rate, failed, cancelled }) =>
          [from, to, protocol, rate, failed, cancelled].join(" "),
        )
        .toSorted(),
    ).toEqual(
      [
        // Kiali leaves out the bare address; it is an outside host here, with and without a port.
        `${customer} //10.20.30.40@ http 300 0 0`,
        `${customer} //app.example.com@ http 300 0 0`,
        `${customer} ${gateway} http 900 0 500`,
        `${customer} ${gateway} grpc 600 0 600`,
        `${gateway} //app.example-2.com@ http 400 0 0`,
        `${customer} ${productpage} http 50 0 0`,
        `${customer} /bookinfo/reviews@v1 http 700 0 0`,
        // A namespace without a workload (Kiali leaves it out) is an unknown caller.
        `unknown caller ${customer} grpc 100 0 0`,
        `unknown caller ${productpage} http 50 0 0`,
        "cluster-tutorial/outsider/outsider-ingress@latest /bookinfo/reviews@latest http 50 50 0",
      ].toSorted(),
    );
  });
});
