// A small stand-in for the API: the real schema, answers from fixed meshes, and the built console as static files.
// In: a folder of static files and a scene. Out: a server on a free port of this machine.
// Bounds: a test fixture; it checks requests against the schema, so a document that the real API refuses is refused here too.
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSchema, graphql } from "graphql/index.js";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { shopChanges, shopIncidents } from "./incidents.ts";
import { shopCheck, shopStory, shopTrace } from "./story.ts";
import { largeGraph, type MockGraph, shopGraph, silentGraph, unlinkedGraph } from "./mesh.ts";

/** What the mock shows: an open incident, none, no telemetry, none any more, no edges, a thousand services; or it fails. */
export type Scene = "incident" | "quiet" | "empty" | "silent" | "unlinked" | "large" | "down";

/** The running mock. `requests` lists the names of the operations that were asked. */
export interface MockApi {
  readonly url: string;
  readonly requests: string[];
  readonly ranges: { from: string; to: string }[];
  readonly show: (scene: Scene) => void;
  /** Tells subscribers that the open incident changed. */
  readonly push: () => void;
  readonly subscribers: () => number;
  readonly stop: () => Promise<void>;
}

const SCHEMA_FILE = fileURLToPath(new URL("../../../api/schema.graphql", import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Starts the mock; `now` (unix ms) is what the incidents' ages are counted from. */
export async function startMockApi(consoleDir: string, first: Scene, now: number): Promise<MockApi> {
  const schema = buildSchema(await readFile(SCHEMA_FILE, "utf8"));
  const requests: string[] = [];
  const ranges: { from: string; to: string }[] = [];
  const waiting = new Set<() => void>();
  const large = largeGraph(1000);
  let scene = first;
  const graphOf = (level: string): MockGraph => {
    if (scene === "large") return large;
    if (scene === "unlinked") return unlinkedGraph();
    if (scene === "silent") return silentGraph();
    return scene === "empty" ? { nodes: [], edges: [] } : shopGraph(level);
  };
  const incidentsNow = (): Record<string, unknown>[] =>
    scene === "empty" || scene === "silent" || scene === "unlinked" || scene === "large"
      ? []
      : shopIncidents(now, scene === "incident");

  const root = {
    serviceGraph: ({ range, level }: { range: { from: string; to: string }; level: string }) => {
      ranges.push(range);
      return { range, coveredSeconds: 900, truncated: false, partial: false, ...graphOf(level) };
    },
    incidents: ({ first: count }: { first: number }) => ({
      nodes: incidentsNow().slice(0, count),
      pageInfo: { hasNextPage: false, endCursor: null },
    }),
    incident: ({ id }: { id: string }) => {
      const found = incidentsNow().find((incident) => incident["id"] === id);
      return found === undefined ? null : { ...found, ...shopStory(now, found) };
    },
    trace: ({ id }: { id: string }) => shopTrace(id),
    incidentCheck: ({ service, at }: { service: string; at: string }) => shopCheck(service, at),
    changes: () => ({
      nodes: scene === "empty" ? [] : shopChanges(now),
      pageInfo: { hasNextPage: false, endCursor: null },
    }),
    status: () => ({
      version: "0.0.0",
      ingestLagSeconds: scene === "silent" ? 2400 : 4,
      analysisLagSeconds: scene === "silent" ? 2400 : 12,
      lastBucketArrivedAt: scene === "empty" ? new Date(now - 7_200_000).toISOString() : new Date(now).toISOString(),
      lastBucketAnalyzedAt: new Date(now).toISOString(),
      spansLastMinute: 60_000,
    }),
    incidentChanged: async function* () {
      while (true) {
        let wake: () => void = () => {};
        await new Promise<void>((resolve) => {
          wake = resolve;
          waiting.add(wake);
        }).finally(() => waiting.delete(wake));
        yield { incidentChanged: incidentsNow()[0] };
      }
    },
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? "/", "http://mock").pathname;
    if (path === "/graphql" && request.method === "POST") {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { query, variables } = JSON.parse(Buffer.concat(chunks).toString()) as {
        query: string;
        variables: Record<string, unknown>;
      };
      requests.push(/(?:query|mutation)\s+(\w+)/.exec(query)?.[1] ?? "");
      if (scene === "down") {
        response.writeHead(503).end();
        return;
      }
      const result = await graphql({ schema, source: query, rootValue: root, variableValues: variables });
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
      return;
    }
    // Everything that is not a file is a page of the console.
    const file = extname(path) === "" ? "index.html" : normalize(path).replace(/^\/+/, "");
    try {
      const body = await readFile(join(consoleDir, file));
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  };
  const http = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const sockets = new WebSocketServer({ server: http, path: "/graphql" });
  const subscriptions = useServer({ schema, roots: { subscription: root } }, sockets);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    ranges,
    show: (next) => {
      scene = next;
    },
    push: () => {
      for (const wake of waiting) wake();
    },
    subscribers: () => waiting.size,
    stop: async () => {
      for (const wake of waiting) wake();
      await subscriptions.dispose();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
