// Kiali's mock vectors and the graphs it expects of them, read in place, and both graphs in one form.
// In: prom_vectors.json and *.expected of the mesh samples. Out: samples for remote write; edges `caller > callee protocol` with rates a second.
// Mapping of Kiali's nodes to ours, by kind:
//   app (versionedApp) and workload    a service at one version; a workload without app is a service of the workload's name without version
//   service, injected                  not a node of ours: it stands between callers and versions of one service, so the edge into it is the sum of
//                                      our edges over versions, and the edge out of it their sum over callers
//   service "unknown"                  our unknown callee
//   unknown                            our unknown caller
//   box                                our service, where it has several versions
// "unknown" and a missing label are ''.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { GraphEdgeRow } from "../../storage/graph-reads.ts";
import type { Series } from "../fixtures/remote-write.ts";

const DATA = process.env["FAULTLINE_DATA_DIR"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const SAMPLES = `${DATA}/mesh-samples/kiali`;

/** False where the samples are not there; tests that need them are skipped by name. */
export const HAS_KIALI_SAMPLES = existsSync(SAMPLES);

/** One mock vector: a series and its rate a second. */
export interface Vector {
  readonly family: string;
  readonly reporter: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The vectors of Kiali's tests by the name of the function that mocks them. */
export function readVectors(...names: readonly string[]): Vector[] {
  const file = JSON.parse(readFileSync(`${SAMPLES}/prom_vectors.json`, "utf8")) as {
    vectors: Record<string, Vector[]>;
  };
  return names.flatMap((name) => file.vectors[name] ?? []);
}

/** Scrapes every 15 s from `fromSeconds`, counters that rise by each vector's rate. */
export function scrapesOf(vectors: readonly Vector[], fromSeconds: number, count: number): Series[][] {
  return Array.from({ length: count }, (_, i) =>
    vectors.map(({ family, reporter, labels, value }, series) => ({
      labels: { __name__: family, ...labels, reporter },
      samples: [{ value: 1_000 + 7 * series + value * 15 * i, timestamp: (fromSeconds + 15 * i) * 1000 }],
    })),
  );
}

/** A node of Kiali's graph, as written. */
export interface KialiNode {
  readonly id: string;
  readonly nodeType: "app" | "workload" | "service" | "unknown" | "box";
  readonly cluster: string;
  readonly namespace: string;
  readonly app?: string;
  readonly workload?: string;
  readonly service?: string;
  readonly version?: string;
  readonly isInjected?: boolean;
  readonly isRoot?: boolean;
  readonly traffic?: readonly { readonly protocol: string; readonly rates: Readonly<Record<string, string>> }[];
}

/** An edge of Kiali's graph, as written. */
export interface KialiEdge {
  readonly source: string;
  readonly target: string;
  readonly traffic: {
    readonly protocol: string;
    readonly rates: Readonly<Record<string, string>>;
    readonly responses: Readonly<Record<string, { readonly flags: Readonly<Record<string, string>> }>>;
  };
}

/** An expected graph. */
export interface KialiGraph {
  readonly nodes: readonly KialiNode[];
  readonly edges: readonly KialiEdge[];
}

/** Reads NAME.expected. */
export function readExpected(name: string): KialiGraph {
  const { elements } = JSON.parse(readFileSync(`${SAMPLES}/${name}.expected`, "utf8")) as {
    elements: { nodes: { data: KialiNode }[]; edges: { data: KialiEdge }[] };
  };
  return { nodes: elements.nodes.map(({ data }) => data), edges: elements.edges.map(({ data }) => data) };
}

/** The nodes that ours have: boxes and injected services stand for several. */
export function realNodes({ nodes }: KialiGraph): KialiNode[] {
  return nodes.filter(({ nodeType, isInjected }) => nodeType !== "box" && !isInjected);
}

const known = (label: string | undefined): string => (label === undefined || label === "unknown" ? "" : label);

/** A place in words; the same for both graphs. */
export function placeName(cluster: string, namespace: string, service: string, version: string): string {
  return `${cluster}/${namespace}/${service}@${version}`;
}

/** What a node of Kiali's is among ours; an injected service is all versions of a service, a box too. */
export function nameOfNode({ nodeType, cluster, namespace, app, workload, service, version }: KialiNode): string {
  if (nodeType === "unknown") return "unknown caller";
  if (nodeType === "service" && known(service) === "") return "unknown callee";
  const isWhole = nodeType === "service" || nodeType === "box";
  const name = nodeType === "service" ? service : (app ?? workload);
  return placeName(known(cluster), known(namespace), known(name), isWhole ? "*" : known(version));
}

/** An edge of ours: rates a second of the side that Kiali reads (the callee's where it reports), bytes of the caller's requests. */
export interface OurEdge {
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly evidence: readonly string[];
  readonly rate: number;
  readonly failed: number;
  readonly degraded: number;
  readonly cancelled: number;
  readonly bytes: number;
  readonly secured: number;
  readonly plain: number;
  readonly flags: Readonly<Record<string, number>>;
}

/** The edges that were read at level VERSION, over `seconds`. */
export function ourEdges(rows: readonly GraphEdgeRow[], seconds: number): OurEdge[] {
  const per = (figure: number): number => figure / seconds;
  return rows.map((row) => {
    const isTold = row.CalleeRequests > 0;
    return {
      from:
        row.FromKind === "unknown"
          ? "unknown caller"
          : placeName(row.FromCluster, row.FromNamespace, row.FromService, row.FromVersion),
      to:
        row.ToKind === "unknown"
          ? "unknown callee"
          : placeName(row.ToCluster, row.ToNamespace, row.ToService, row.ToVersion),
      protocol: row.EdgeProtocol,
      evidence: row.EvidenceWords.toSorted(),
      rate: per(isTold ? row.CalleeRequests : row.CallerRequests),
      failed: per(isTold ? row.CalleeFailures : row.CallerFailures),
      degraded: per(isTold ? row.CalleeDegradations : row.CallerDegradations),
      cancelled: per(isTold ? row.CalleeCancelled : row.CallerCancelled),
      bytes: per(row.RequestBytes),
      secured: per(row.SecuredCalls),
      plain: per(row.PlainCalls),
      flags: Object.fromEntries(Object.entries(row.Flags).map(([flag, calls]) => [flag, per(calls)])),
    };
  });
}
