// The whole way: Kiali's mock vectors by remote write, scrape by scrape with a cycle of the analyzer after each, and the graph by GraphQL.
// In: the mesh samples, in place. Out: nodes, edges, rates and error ratios of the API against Kiali's expected versionedApp graph.
// Bounds: what the mapping absorbs is listed in kiali.test.ts; there the figures of the ledger are compared in full.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ANALYZER_DEFAULTS } from "../../analyzer/options.ts";
import { startAnalyzer } from "../../analyzer/role.ts";
import { REMOTE_WRITE_PATH } from "../../ingest/prometheus/remote-write.ts";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { startTestApi, type TestApi } from "../api/server-fixture.ts";
import { posted, writeRequestV1 } from "../fixtures/remote-write.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import {
  HAS_KIALI_SAMPLES,
  type KialiEdge,
  nameOfNode,
  placeName,
  readExpected,
  readVectors,
  realNodes,
  scrapesOf,
} from "./kiali-graph.ts";

const SECONDS = 120;
const QUERY = `query ($range: TimeRangeInput!) {
  serviceGraph(range: $range, level: VERSION) {
    coveredSeconds
    nodes { entity { id kind name cluster namespace service version } }
    edges { source target protocol evidence requestsPerSecond errorRatio mtls { state } bytes { request }
      ledger { basis samplingRatio neverArrived caller { degraded } callee { degraded } } }
  }
}`;

interface Graph {
  readonly coveredSeconds: number;
  readonly nodes: {
    readonly entity: Readonly<
      Record<"id" | "kind" | "name" | "cluster" | "namespace" | "service" | "version", string | null>
    >;
  }[];
  readonly edges: {
    readonly source: string;
    readonly target: string;
    readonly protocol: string;
    readonly evidence: string[];
    readonly requestsPerSecond: number | null;
    readonly errorRatio: number | null;
    readonly bytes: { readonly request: number } | null;
    readonly mtls: { readonly state: string };
    readonly ledger: { readonly basis: string | null; readonly samplingRatio: number | null };
  }[];
}

describe.skipIf(!HAS_KIALI_SAMPLES)("Kiali's versionedApp graph by GraphQL", () => {
  let test: TestStorage;
  let api: TestApi;
  let graph: Graph;
  beforeAll(async () => {
    test = await startTestStorage();
    const { storage } = test;
    const ingest = await startIngest({ storage, options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0 } });
    const analyzer = await startAnalyzer({ storage, options: { ...ANALYZER_DEFAULTS, intervalSeconds: 3_600 } });
    api = await startTestApi(storage);
    const from = Math.floor(Date.now() / 60_000) * 60 - 600;
    const vectors = readVectors("mockNamespaceGraph", "mockNamespaceRatesGraph");
    for (const series of scrapesOf(vectors, from, SECONDS / 15 + 1)) {
      const answer = await fetch(`${ingest.httpUrl}${REMOTE_WRITE_PATH}`, posted(1, writeRequestV1(series)));
      if (answer.status !== 204) throw new Error(await answer.text());
      await analyzer.runCycle();
    }
    await analyzer.runCycle(true);
    const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
    const answer = await api.ask(QUERY, { range: { from: at(from), to: at(from + SECONDS) } });
    if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
    graph = (answer.data as { serviceGraph: Graph }).serviceGraph;
    await analyzer.stop();
    await ingest.stop();
  }, 240_000);
  afterAll(async () => {
    await api.stop();
    await test.stop();
  });

  function nameOf(id: string, isCaller: boolean): string {
    const entity = graph.nodes.find((node) => node.entity.id === id)?.entity;
    if (entity === undefined) throw new Error(`no node ${id}`);
    if (entity.kind === "UNKNOWN") return isCaller ? "unknown caller" : "unknown callee";
    return placeName(entity.cluster ?? "", entity.namespace ?? "", entity.service ?? "", entity.version ?? "");
  }

  it("has its nodes and edges, with their rates, bytes and errors", () => {
    const expected = readExpected("test_versioned_app_graph");
    const names = new Map(expected.nodes.map((node) => [node.id, nameOfNode(node)]));
    const keyOf = ({ source, target, traffic }: KialiEdge): string =>
      `${names.get(source) ?? "?"} > ${names.get(target) ?? "?"} ${traffic.protocol}`;
    const ours = new Map(
      graph.edges.map((edge) => [
        `${nameOf(edge.source, true)} > ${nameOf(edge.target, false)} ${edge.protocol}`,
        edge,
      ]),
    );
    expect(ours.size).toBe(graph.edges.length);
    expect([...ours.keys()].toSorted()).toEqual(expected.edges.map(keyOf).toSorted());
    const inEdges = new Set([...ours.keys()].flatMap((key) => key.replace(/ \w+$/, "").split(" > ")));
    expect([...inEdges].toSorted()).toEqual(realNodes(expected).map(nameOfNode).toSorted());
    expect(graph.coveredSeconds).toBe(SECONDS);
    for (const one of expected.edges) {
      const { traffic } = one;
      const key = keyOf(one);
      const edge = ours.get(key);
      const wanted = (figure: string): number => Number(traffic.rates[`${traffic.protocol}${figure}`] ?? 0);
      if (traffic.protocol === "tcp") {
        expect((edge?.bytes?.request ?? 0) / SECONDS, key).toBeCloseTo(wanted(""), 2);
        continue;
      }
      expect(edge?.requestsPerSecond, key).toBeCloseTo(wanted(""), 2);
      expect(edge?.errorRatio, key).toBeCloseTo(wanted("5xx") / wanted(""), 2);
      expect(edge?.ledger, key).toMatchObject({ basis: "METRICS", samplingRatio: null });
    }
  });
});
