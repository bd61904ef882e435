// Our edges against those of the Collector's servicegraph connector: every pair of its is one of ours, or is explained by its name below.
// In: the mesh-lab's recordings and generated traces, told to its rule (connectors-rule.ts) and to our ingest, pairing and scrape.
// Out: the differences, one by one.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_DEFAULTS } from "../../api/options.ts";
import { buildServer } from "../../api/server.ts";
import { recomputeBuckets } from "../../storage/recompute.ts";
import { readExposition } from "../api/exposition-rules.ts";
import { hexId, insertSpans, type TestSpan } from "../golden/span-rows.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { CLIENT, CONSUMER, connectorEdges, type ConnectorEdge, type CountedEdge, PRODUCER } from "./connectors-rule.ts";
import { hasRecordings, type PlainSpan, plainSpans, recordedRequests, storeRequests } from "./plain-spans.ts";

let database: TestStorage;
beforeAll(async () => {
  database = await startTestStorage();
});
afterAll(() => database.stop());

const DATABASE = "a database is named by system and server";
const MESSAGE = "a message goes to its destination, a node";
const BROKER = "the broker's destination stands between them";
const SIDECAR = "the sidecar's client span stands between: one call";
const LINK = "a consumer in a trace of its own is paired by its link";
const UNANSWERED = "the call never arrived, or its end was not recorded: its callee is named";

/** The connector's pairs that are no pairs of ours, and why. */
const DIFFERENCES: Readonly<Record<string, readonly string[]>> = {
  "open-a": [
    `cart -> unknown: ${DATABASE}`,
    `catalog -> unknown: ${DATABASE}`,
    `checkout -> unknown: ${MESSAGE}; ${SIDECAR}`,
    `checkout.shop -> unknown: ${UNANSWERED}`,
    `frontend -> unknown: ${SIDECAR}`,
    `frontend.shop -> unknown: ${UNANSWERED}`,
    `inventory -> unknown: ${DATABASE}`,
    `notify -> unknown: ${SIDECAR}`,
    `pricing -> unknown: ${SIDECAR}`,
    `pricing.shop -> unknown: ${UNANSWERED}`,
    `shipping.shop -> unknown: ${UNANSWERED}`,
    `user -> notify: ${LINK}`,
  ],
  "open-b": [
    `cart -> unknown: ${DATABASE}`,
    `catalog -> unknown: ${DATABASE}`,
    `frontend -> unknown: ${UNANSWERED}; ${SIDECAR}`,
    `frontend.shop -> unknown: ${UNANSWERED}`,
    `inventory -> unknown: ${DATABASE}`,
    `notify -> unknown: ${UNANSWERED}; ${SIDECAR}`,
    `notify.shop -> unknown: ${UNANSWERED}`,
    `pricing -> unknown: ${UNANSWERED}; ${SIDECAR}`,
    `pricing.shop -> unknown: ${UNANSWERED}`,
    `shipping.shop -> unknown: ${UNANSWERED}`,
    `user -> notify: ${LINK}`,
  ],
};
/** Pairs of ours that the connector does not have. */
const MORE: readonly string[] = [
  // Spans by today's conventions have no db.name, the only thing by which the connector knows a database.
  "cart -> redis:redis",
  "catalog -> postgresql:postgres",
  "inventory -> postgresql:postgres",
  // A producer in one trace, its consumer in another: joined by the link at the destination.
  "checkout -> redis:orders",
  "redis:orders -> notify",
  // The gateway's server span is the parent of the next proxy's server span: no client span in between.
  "gateway -> frontend",
];
/** What is different of generated pairs by the connector's connection_type; other pairs are the same. */
const WHY_BY_TYPE: Readonly<Record<string, string>> = {
  database: DATABASE,
  messaging_system: BROKER,
};

type Infer<A> = A extends fc.Arbitrary<infer Value> ? Value : never;

interface OurEdge extends ConnectorEdge {
  readonly calls: number;
}

/** Pairs what is stored of [fromS, toS), unix seconds. */
async function pair(fromS: number, toS: number): Promise<void> {
  const [from, to] = [Math.floor(fromS / 10) * 10, Math.ceil(toS / 10) * 10];
  for (let at = from; at < to; at += 120) await recomputeBuckets(database.storage, at, Math.min(to, at + 120));
}

/** Scrapes as the tenant, when all up to `toS` is settled. */
async function scrapeEdges(tenant: string, toS: number): Promise<OurEdge[]> {
  const app = await buildServer({
    storage: database.storage,
    localize: null,
    checks: {},
    version: "0",
    now: () => (toS + 1200) * 1000,
    options: { ...API_DEFAULTS, tenant },
  });
  const answer = await app.inject({ url: "/metrics/graph", headers: { host: "localhost" } });
  await app.close();
  const edges = new Map<string, OurEdge>();
  for (const { name, labels, value } of readExposition(answer.body, false).flatMap((family) => family.samples)) {
    if (name !== "traces_service_graph_request_total") continue;
    const { client = "", server = "", connection_type: type = "" } = labels;
    const key = `${client} -> ${server} ${type}`;
    const calls = value + (edges.get(key)?.calls ?? 0);
    edges.set(key, { client, server, type: type as ConnectorEdge["type"], calls });
  }
  return [...edges.values()];
}

/** Why a pair of the connector is not a pair of ours; null where it is one, MISSING where nothing explains it. */
function difference({ edge, spans }: CountedEdge, all: SpanIndex, ours: readonly OurEdge[]): string | null {
  const [client, server] = [plainName(edge.client), plainName(edge.server)];
  const has = (from: string, to: string): boolean => ours.some((one) => one.client === from && one.server === to);
  // These are other nodes with us, also where the same two services call each other directly.
  if (edge.type === "database" && has(client, `postgresql:${server}`)) return DATABASE;
  if (edge.type === "messaging_system") {
    const brokers = ours.filter((one) => one.client === client && one.type === "messaging_system");
    return brokers.some((broker) => has(broker.server, server)) ? BROKER : "MISSING";
  }
  if (has(client, server)) return null;
  if (client === server) return "a sidecar and its application are one service";
  if (edge.type !== "virtual_node") return "MISSING";
  const reasons = spans.map((span) => reasonForVirtual(span, all, ours));
  return [...new Set(reasons)].toSorted(byText).join("; ");
}

/** What a span that the connector could not pair is to us. */
function reasonForVirtual(span: PlainSpan, all: SpanIndex, ours: readonly OurEdge[]): string {
  const own = ours.filter((one) => one.client === plainName(span.service));
  if (span.kind === CONSUMER)
    return span.links > 0 &&
      ours.some((one) => one.type === "messaging_system" && one.server === plainName(span.service))
      ? LINK
      : "MISSING";
  if (span.kind === PRODUCER) return own.some((one) => one.type === "messaging_system") ? MESSAGE : "MISSING";
  if (span.attributes.has("db.system") || span.attributes.has("db.system.name"))
    return own.some((one) => one.type === "database") ? DATABASE : "MISSING";
  if (span.kind !== CLIENT) return own.length > 0 ? "its caller is known" : "MISSING";
  if (all.children(span).some((child) => child.kind === CLIENT && plainName(child.service) === plainName(span.service)))
    return SIDECAR;
  // A proxy names whom it called by its cluster, an application by the host.
  const cluster = /\|([a-z]+)\./.exec(span.attributes.get("upstream_cluster") ?? "")?.[1];
  const host = cluster ?? span.attributes.get("server.address")?.split(".")[0] ?? "";
  return own.some((one) => one.server === host) ? UNANSWERED : "MISSING";
}

/** Spans by their parents. */
interface SpanIndex {
  children(span: PlainSpan): readonly PlainSpan[];
}

function indexOf(spans: readonly PlainSpan[]): SpanIndex {
  const byParent = new Map<string, PlainSpan[]>();
  for (const span of spans) {
    const key = `${span.traceId} ${span.parentSpanId}`;
    byParent.set(key, [...(byParent.get(key) ?? []), span]);
  }
  return { children: (span) => byParent.get(`${span.traceId} ${span.spanId}`) ?? [] };
}

/** `catalog.shop` of a sidecar and `catalog` of its application are one service. */
function plainName(name: string): string {
  return name.replace(/\.shop$/, "");
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** One line a pair of the connector that is not one of ours as it stands, in order. */
function differences(spans: readonly PlainSpan[], ours: readonly OurEdge[]): string[] {
  const all = indexOf(spans);
  return connectorEdges(spans)
    .flatMap((counted) => {
      const why = difference(counted, all, ours);
      const { client, server } = counted.edge;
      return why === null ? [] : [`${client} -> ${server}: ${why}`];
    })
    .toSorted(byText);
}

describe.skipIf(!hasRecordings)("the mesh-lab", () => {
  it.each(Object.keys(DIFFERENCES))("%s: every pair is ours or explained", { timeout: 300_000 }, async (name) => {
    const requests = await recordedRequests(name, 100);
    const spans = requests.flatMap(plainSpans);
    await storeRequests(database.storage, requests, name);
    const starts = spans.map((span) => Number(span.startNs / 1_000_000_000n));
    const toS = Math.max(...starts) + 1;
    await pair(Math.min(...starts), toS);
    const ours = await scrapeEdges(name, toS);
    expect(differences(spans, ours)).toEqual(DIFFERENCES[name]);
    // No pair of ours is a stranger: the connector has it too, or has only "unknown" or nothing where we have a name.
    const theirs = connectorEdges(spans).map(({ edge }) => `${plainName(edge.client)} -> ${plainName(edge.server)}`);
    const more = ours.map((one) => `${one.client} -> ${one.server}`).filter((pair) => !theirs.includes(pair));
    expect(more.toSorted(byText)).toEqual(MORE.toSorted(byText));
  });
});

const START_MS = Date.UTC(2026, 2, 1, 9);
const callArbitrary = fc.record({
  /** Whose child: the root, or the callee of an earlier call. */
  under: fc.nat({ max: 5 }),
  to: fc.constantFrom("a", "b", "c", "d"),
  way: fc.constantFrom("call", "call", "call", "message", "database"),
  afterMs: fc.integer({ min: 0, max: 4000 }),
  isError: fc.boolean(),
  /** Which of its spans never came. */
  lost: fc.constantFrom("", "", "", "", "client", "server"),
});
const traceArbitrary = fc.record({
  root: fc.constantFrom("a", "b"),
  startMs: fc.integer({ min: 0, max: 100_000 }),
  calls: fc.array(callArbitrary, { maxLength: 6 }),
});

interface Made {
  readonly plain: PlainSpan;
  readonly row: TestSpan;
}

const KINDS = { Server: 2, Client: CLIENT, Producer: PRODUCER, Consumer: CONSUMER } as const;

function makeSpans(tenant: string, traces: readonly Infer<typeof traceArbitrary>[]): Made[] {
  return traces.flatMap((trace, t) => {
    const traceId = hexId(`${tenant} ${t}`, 32);
    const make = (
      name: string,
      parent: string,
      kind: keyof typeof KINDS,
      service: string,
      atMs: number,
      more: Partial<TestSpan> = {},
    ): Made => {
      const startNs = BigInt(START_MS + trace.startMs + atMs) * 1_000_000n;
      const [id, parentId] = [hexId(name, 16), parent === "" ? "" : hexId(parent, 16)];
      const row: TestSpan = {
        tenant,
        trace: traceId,
        id,
        parent: parentId,
        startNs,
        durationNs: 9_000_000,
        kind,
        service,
        ...more,
      };
      const isDatabase = more.peerKind === "database";
      const plain: PlainSpan = {
        traceId,
        spanId: id,
        parentSpanId: parentId,
        service,
        name,
        kind: KINDS[kind],
        startNs,
        endNs: startNs + 9_000_000n,
        isError: false,
        links: 0,
        attributes: new Map(
          isDatabase
            ? [
                ["db.name", (more.peer ?? "").replace(/^.*:/, "")],
                ["db.system", "postgresql"],
              ]
            : [],
        ),
      };
      return { plain, row };
    };
    const made = [make("root", "", "Server", trace.root, 0)];
    const callees: { name: string; service: string; atMs: number }[] = [{ name: "root", service: trace.root, atMs: 0 }];
    for (const [c, call] of trace.calls.entries()) {
      const caller = callees[call.under % callees.length]!;
      const atMs = caller.atMs + call.afterMs;
      if (call.way === "database") {
        made.push(
          make(`client ${c}`, caller.name, "Client", caller.service, atMs, {
            peer: "postgresql:main",
            peerKind: "database",
            protocol: "db",
          }),
        );
        continue;
      }
      const [kind, other] = call.way === "call" ? (["Client", "Server"] as const) : (["Producer", "Consumer"] as const);
      const peer: Partial<TestSpan> =
        call.way === "call" ? {} : { peer: "kafka:orders", peerKind: "messaging", protocol: "messaging" };
      if (call.lost !== "client") made.push(make(`client ${c}`, caller.name, kind, caller.service, atMs, peer));
      if (call.lost !== "server") made.push(make(`server ${c}`, `client ${c}`, other, call.to, atMs + 1, peer));
      callees.push({ name: `server ${c}`, service: call.to, atMs: atMs + 2 });
    }
    return made;
  });
}

describe("generated traces", () => {
  const seed = Date.now() % 1_000_000;
  it(
    `have every pair of the connector's, as often as it counts them (seed ${seed})`,
    { timeout: 300_000 },
    async () => {
      const worlds = fc.sample(fc.array(traceArbitrary, { minLength: 5, maxLength: 60 }), { numRuns: 15, seed });
      const made = worlds.map((traces, w) => makeSpans(`generated-${w}`, traces));
      // Whatever the order of arrival, half of it with the graph already drawn.
      const order = (row: TestSpan): string => hexId(`${seed} ${row.tenant} ${row.trace} ${row.id}`, 16);
      const rows = made
        .flat()
        .map((one) => one.row)
        .sort((a, b) => (order(a) < order(b) ? -1 : 1));
      const [fromS, toS] = [START_MS / 1000, START_MS / 1000 + 160];
      await insertSpans(database.storage, rows.slice(0, rows.length / 2));
      await pair(fromS, toS);
      await insertSpans(database.storage, rows.slice(rows.length / 2));
      await pair(fromS, toS);
      for (const [w, spans] of made.entries()) {
        const plain = spans.map((one) => one.plain);
        const ours = await scrapeEdges(`generated-${w}`, toS);
        const all = indexOf(plain);
        const expected = connectorEdges(plain).filter(({ edge }) => edge.type !== "virtual_node");
        expect(expected.length).toBeGreaterThan(0);
        for (const counted of expected) {
          const { client, server, type } = counted.edge;
          const where = `world ${w}: ${client} -> ${server} ${type}`;
          expect([where, difference(counted, all, ours)]).toEqual([where, WHY_BY_TYPE[type] ?? null]);
          const calls = ours.find((edge) => edge.client === client && edge.server === server)?.calls ?? 0;
          // A call whose other end was lost is a call too.
          if (type === "") expect([where, Math.max(calls, counted.calls)]).toEqual([where, calls]);
        }
      }
    },
  );
});
