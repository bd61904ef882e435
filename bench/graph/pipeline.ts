// The whole product around generated traffic: ingest by HTTP, cycles of the analyzer, the graph by GraphQL, on a clock of its own.
// In: an empty migrated database, deliveries. Out: the graph as a user gets it.
// Bounds: one process, free ports; the clock runs from the time of the last delivery; the analyzer runs only when it is told.
import { setTimeout as sleep } from "node:timers/promises";
import { ANALYZER_DEFAULTS } from "../../analyzer/options.ts";
import { type Analyzer, startAnalyzer } from "../../analyzer/role.ts";
import { API_DEFAULTS } from "../../api/options.ts";
import { startApi } from "../../api/role.ts";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import type { Storage } from "../../storage/client.ts";
import { type DrawnEdge, type DrawnEnd, type DrawnSide, drawnKey } from "./compare.ts";
import type { Delivery } from "./harms.ts";
import { encodeLogs, encodeSpans } from "./sent.ts";

/** A running product. */
export interface Pipeline {
  readonly analyzer: Analyzer;
  /** Sends one delivery; all of it is stored when this resolves. */
  deliver(delivery: Delivery): Promise<void>;
  /** Sets the clock, unix microseconds. */
  setClock(atUs: number): void;
  /** The services' graph of [fromSeconds, toSeconds). */
  drawGraph(fromSeconds: number, toSeconds: number): Promise<DrawnGraph>;
  stop(): Promise<void>;
}

/** The API's answer. */
export interface DrawnGraph {
  readonly edges: readonly DrawnEdge[];
  readonly nodes: readonly DrawnEnd[];
  readonly coveredSeconds: number;
}

const SPANS_A_PAYLOAD = 4_000;
const NEVER_SECONDS = 1e6;
const MAX_TRIES = 10;
const RETRY_MS = 500;
const QUERY = `query Truth($range: TimeRangeInput!) {
  serviceGraph(range: $range, level: SERVICE) {
    coveredSeconds truncated
    nodes { entity { id kind cluster namespace service } }
    edges {
      source target protocol evidence requestsPerSecond
      ledger {
        caller { calls failed degraded cancelled } callee { calls failed degraded cancelled }
        neverArrived originFailed retries { factor } flags { flag count owner }
      }
    }
  }
}`;

interface Answer {
  readonly data?: null | {
    readonly serviceGraph: {
      readonly coveredSeconds: number;
      readonly truncated: boolean;
      readonly nodes: readonly { readonly entity: DrawnEnd & { readonly id: string } }[];
      readonly edges: readonly {
        readonly source: string;
        readonly target: string;
        readonly protocol: string;
        readonly evidence: readonly string[];
        readonly requestsPerSecond: number | null;
        readonly ledger: {
          readonly caller: DrawnSide | null;
          readonly callee: DrawnSide | null;
          readonly neverArrived: number;
          readonly originFailed: number;
          readonly retries: { readonly factor: number | null };
          readonly flags: DrawnEdge["flags"];
        };
      }[];
    };
  };
  readonly errors?: readonly { readonly message: string }[];
}

/** A read has ten seconds, which a crowded machine may need more than once; what stays wrong is told. */
async function askUntilAnswered(url: string, range: object): Promise<NonNullable<Answer["data"]>["serviceGraph"]> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: QUERY, variables: { range } }),
    });
    const answer = (await response.json()) as Answer;
    const serviceGraph = answer.data?.serviceGraph;
    if (serviceGraph !== undefined) return serviceGraph;
    if (tries === MAX_TRIES) throw new Error(answer.errors?.map(({ message }) => message).join("; "));
    await sleep(RETRY_MS);
  }
}

/** Starts the roles; `atUs` is what the clock shows. */
export async function startPipeline(storage: Storage, atUs: number): Promise<Pipeline> {
  let [nowMs, sinceMs] = [atUs / 1_000, performance.now()];
  // It runs on between two deliveries: whoever waits for it to pass would wait for ever.
  const clock = (): number => Math.floor(nowMs + performance.now() - sinceMs);
  // Never back: a clock that does would make the writer wait for a time that has passed.
  const setClock = (us: number): void => {
    [nowMs, sinceMs] = [Math.max(clock(), us / 1_000), performance.now()];
  };
  const ingest = await startIngest({
    storage,
    options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0 },
    clock,
  });
  const analyzer = await startAnalyzer({
    storage,
    options: { ...ANALYZER_DEFAULTS, intervalSeconds: NEVER_SECONDS },
    now: clock,
  });
  const limits = { ...API_DEFAULTS.limits, maxGraphNodes: 20_000, maxGraphEdges: 50_000 };
  const options = { ...API_DEFAULTS, port: 0, limits };
  const api = await startApi({ storage, localize: null, options, checks: {} });

  const post = async (path: string, body: Uint8Array): Promise<void> => {
    const headers = { "content-type": "application/x-protobuf" };
    const request = { method: "POST", headers, body: Uint8Array.from(body) };
    for (let tries = 1; ; tries++) {
      const response = await fetch(`${ingest.httpUrl}${path}`, request);
      const text = await response.text();
      if (response.status === 200) return;
      // A busy machine: the same body is recognised when it comes again.
      if (tries === MAX_TRIES || response.status !== 503)
        throw new Error(`ingest answered ${response.status}: ${text}`);
    }
  };

  return {
    analyzer,
    setClock,
    async deliver({ atUs: us, spans, logs }) {
      setClock(us);
      for (let i = 0; i < spans.length; i += SPANS_A_PAYLOAD) {
        await post("/v1/traces", encodeSpans(spans.slice(i, i + SPANS_A_PAYLOAD)));
      }
      for (let i = 0; i < logs.length; i += SPANS_A_PAYLOAD) {
        await post("/v1/logs", encodeLogs(logs.slice(i, i + SPANS_A_PAYLOAD)));
      }
    },
    async drawGraph(fromSeconds, toSeconds) {
      const range = { from: new Date(fromSeconds * 1_000), to: new Date(toSeconds * 1_000) };
      const serviceGraph = await askUntilAnswered(`${api.url}/graphql`, range);
      if (serviceGraph.truncated) throw new Error("the graph is cut");
      const ends = new Map(serviceGraph.nodes.map(({ entity }) => [entity.id, entity]));
      const edges = serviceGraph.edges.map((edge): DrawnEdge => {
        const [source, target] = [ends.get(edge.source), ends.get(edge.target)];
        if (source === undefined || target === undefined) throw new Error(`no node ${edge.source} or ${edge.target}`);
        const calls = Math.round((edge.requestsPerSecond ?? 0) * serviceGraph.coveredSeconds);
        const { evidence, protocol, ledger } = edge;
        const { retries, ...told } = ledger;
        const key = drawnKey(source, target, protocol);
        return { key, evidence, calls, ...told, retryFactor: retries.factor };
      });
      return { edges, nodes: [...ends.values()], coveredSeconds: serviceGraph.coveredSeconds };
    },
    async stop() {
      await api.stop();
      await analyzer.stop();
      await ingest.stop();
    },
  };
}
