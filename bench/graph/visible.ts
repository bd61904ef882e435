// How long it takes until a call that arrived is an edge on the map, with the product's default settings.
// In: how often to try. Out: milliseconds from when a call is sent to the first answer of the API that shows its edge.
// Bounds: real time, roles in this process on free ports; steady traffic beside; each try is another service and falls on another part of
// the analyzer's cycle. One reader looks for all of them, so that looking costs next to nothing.
import { setTimeout as sleep } from "node:timers/promises";
import { ANALYZER_DEFAULTS } from "../../analyzer/options.ts";
import { startAnalyzer } from "../../analyzer/role.ts";
import { API_DEFAULTS } from "../../api/options.ts";
import { startApi } from "../../api/role.ts";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { createRandom } from "../ingest/random.ts";
import { startMeasuredEngine } from "./engine.ts";
import { encodeSpans, type SentSpan } from "./sent.ts";
import { appAttributes } from "./telling.ts";
import { lonePod } from "./lone-pod.ts";

const POLL_MS = 250;
const EVERY_MS = 3_700;
const GIVE_UP_MS = 60_000;
const QUERY = `query Visible($range: TimeRangeInput!) {
  serviceGraph(range: $range) { edges { source target } }
}`;

/** Tries so often; a try that is not seen in a minute counts as that minute. `intervalSeconds` null: the analyzer's default. */
export async function measureVisible(tries: number, intervalSeconds: number | null): Promise<number[]> {
  const engine = await startMeasuredEngine("running");
  const { storage } = engine;
  const ingest = await startIngest({ storage, options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0 } });
  const interval = intervalSeconds === null ? {} : { intervalSeconds };
  const analyzer = await startAnalyzer({ storage, options: { ...ANALYZER_DEFAULTS, ...interval } });
  const api = await startApi({ storage, localize: null, options: { ...API_DEFAULTS, port: 0 }, checks: {} });
  const random = createRandom(1);
  const send = async (callee: string): Promise<void> => {
    const response = await fetch(`${ingest.httpUrl}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/x-protobuf" },
      body: Uint8Array.from(encodeSpans(oneCall(random.hex(32), random.hex(16), callee, Date.now()))),
    });
    if (response.status !== 200) throw new Error(`ingest answered ${response.status}`);
  };
  const drawnCallees = async (): Promise<Set<string>> => {
    const now = Date.now();
    const range = { from: new Date(now - 120_000), to: new Date(now + 10_000) };
    const response = await fetch(`${api.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: QUERY, variables: { range } }),
    });
    const answer = (await response.json()) as {
      data?: { serviceGraph: { edges: { source: string; target: string }[] } };
    };
    return new Set(answer.data?.serviceGraph.edges.map(({ target }) => target.split("/").at(-1) ?? ""));
  };
  const sentAt = new Map<string, number>();
  const seenAfter = new Map<string, number>();
  /** Looks until `isDone`; what is not seen in time counts as that time. */
  const look = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) {
      const drawn = await drawnCallees();
      for (const [callee, at] of sentAt) {
        const waited = performance.now() - at;
        if (!seenAfter.has(callee) && (drawn.has(callee) || waited >= GIVE_UP_MS)) seenAfter.set(callee, waited);
      }
      await sleep(POLL_MS);
    }
  };
  const stopped = new AbortController();
  const background = (async () => {
    while (!stopped.signal.aborted) {
      await send("steady");
      await sleep(500);
    }
  })();
  try {
    const looking = look(() => seenAfter.size === tries);
    for (let i = 0; i < tries; i++) {
      const callee = `callee-${i}`;
      sentAt.set(callee, performance.now());
      await send(callee);
      if (i < tries - 1) await sleep(EVERY_MS);
    }
    await looking;
    return [...seenAfter.values()];
  } finally {
    stopped.abort();
    await background;
    await api.stop();
    await analyzer.stop();
    await ingest.stop();
    await engine.stop();
  }
}

/** A client's and a server's span of one call that has just ended. */
function oneCall(trace: string, id: string, callee: string, nowMs: number): SentSpan[] {
  const [from, to] = [pod("caller"), pod(callee)];
  const startUs = (nowMs - 50) * 1_000;
  const client = appAttributes(to.place.service, "client", 200);
  const server = appAttributes(to.place.service, "server", 200);
  const shared = { isProxy: false, trace, links: [] };
  const below = { id: id.replace(/^./, "f"), parent: id, kind: 2, name: "GET /", startUs: startUs + 1_000 };
  return [
    { ...shared, pod: from, id, parent: "", kind: 3, name: "GET", startUs, durationUs: 20_000, attributes: client },
    { ...shared, ...below, pod: to, durationUs: 15_000, attributes: server },
  ];
}

const pod = (name: string) => lonePod(name, { hasSidecar: false, hasLogs: false });
