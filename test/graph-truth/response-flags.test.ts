// Every response flag of Envoy and ztunnel, from the wire to the API: who is told to answer for it, and what each side is charged with.
// In: a table of what proxies send for each flag, by Envoy's access log documentation and ztunnel's log. Out: the ledger of that caller's edge.
// Bounds: four calls a flag, three of them flagged, by spans and by access logs; one embedded ClickHouse, one cycle. ztunnel makes no spans.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRandom } from "../../bench/ingest/random.ts";
import type { DrawnEdge } from "../../bench/graph/compare.ts";
import { startPipeline } from "../../bench/graph/pipeline.ts";
import { startBefore } from "../../bench/graph/scenario.ts";
import type { SentLog, SentSpan } from "../../bench/graph/sent.ts";
import { appAttributes, destinationLog, proxyAttributes, sourceLog } from "../../bench/graph/telling.ts";
import { lonePod } from "../../bench/graph/lone-pod.ts";
import { flagMeaning } from "../../model/response-flags.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

/** Who has to do something about it, seen from the proxy that sets the flag. */
type Owner = "destination" | "edge" | "caller" | "local" | "none";

interface FlaggedCall {
  readonly flag: string;
  readonly owner: Owner;
  /** What the caller gets; 0: no answer. */
  readonly status: number;
  /** What the callee's proxy answers with; null: the call never reaches it. */
  readonly arrived: number | null;
  /** Whose proxy sets the flag. */
  readonly by: "caller" | "callee";
  readonly charged: { readonly caller: Charge; readonly callee: Charge; readonly neverArrived: boolean };
}

type Charge = "failed" | "degraded" | "cancelled" | "nothing";

const lost = { arrived: null, by: "caller" } as const;
const charge = (caller: Charge, callee: Charge, neverArrived = false) => ({ caller, callee, neverArrived });
const FAILS_ON_THE_WAY = charge("failed", "nothing", true);
const REFUSED_ON_THE_WAY = charge("degraded", "nothing", true);
const FAILS_IN_CALLEE = charge("failed", "failed");
const FAILS_THOUGH_ANSWERED = charge("failed", "nothing");
const CALLER_LEFT = charge("cancelled", "cancelled");

const ENVOY: readonly FlaggedCall[] = [
  // The destination is down, dies or is slow.
  { flag: "UH", owner: "destination", status: 503, ...lost, charged: FAILS_ON_THE_WAY },
  { flag: "UF", owner: "destination", status: 503, ...lost, charged: FAILS_ON_THE_WAY },
  { flag: "UF,URX", owner: "destination", status: 503, ...lost, charged: FAILS_ON_THE_WAY },
  { flag: "UC", owner: "destination", status: 503, arrived: 503, by: "caller", charged: FAILS_IN_CALLEE },
  { flag: "UR", owner: "destination", status: 503, arrived: 500, by: "caller", charged: FAILS_IN_CALLEE },
  { flag: "URX", owner: "destination", status: 503, arrived: 503, by: "caller", charged: FAILS_IN_CALLEE },
  { flag: "UPE", owner: "destination", status: 502, arrived: 502, by: "caller", charged: FAILS_IN_CALLEE },
  { flag: "LH", owner: "destination", status: 503, arrived: 503, by: "callee", charged: FAILS_IN_CALLEE },
  { flag: "UT", owner: "destination", status: 504, arrived: 200, by: "caller", charged: FAILS_THOUGH_ANSWERED },
  { flag: "UMSDR", owner: "destination", status: 504, arrived: 200, by: "caller", charged: FAILS_THOUGH_ANSWERED },
  // The way there: names, routes, policies of the mesh, drills.
  { flag: "DF", owner: "edge", status: 503, ...lost, charged: FAILS_ON_THE_WAY },
  { flag: "UO", owner: "edge", status: 503, ...lost, charged: FAILS_ON_THE_WAY },
  { flag: "NC", owner: "edge", status: 503, ...lost, charged: FAILS_ON_THE_WAY },
  { flag: "NFCF", owner: "edge", status: 500, ...lost, charged: FAILS_ON_THE_WAY },
  { flag: "RLSE", owner: "edge", status: 500, ...lost, charged: FAILS_ON_THE_WAY },
  { flag: "FI", owner: "edge", status: 503, ...lost, charged: FAILS_ON_THE_WAY },
  { flag: "NR", owner: "edge", status: 404, ...lost, charged: REFUSED_ON_THE_WAY },
  { flag: "RL", owner: "edge", status: 429, ...lost, charged: REFUSED_ON_THE_WAY },
  { flag: "UAEX", owner: "edge", status: 403, ...lost, charged: REFUSED_ON_THE_WAY },
  { flag: "DT", owner: "edge", status: 504, arrived: 200, by: "caller", charged: FAILS_THOUGH_ANSWERED },
  { flag: "SI", owner: "edge", status: 408, arrived: 200, by: "caller", charged: charge("degraded", "nothing") },
  { flag: "DI", owner: "edge", status: 200, arrived: 200, by: "caller", charged: charge("nothing", "nothing") },
  // The caller: it left, or asked what cannot be answered. No failure of anybody else.
  { flag: "DC", owner: "caller", status: 0, arrived: 0, by: "caller", charged: CALLER_LEFT },
  { flag: "DR", owner: "caller", status: 0, arrived: 0, by: "caller", charged: CALLER_LEFT },
  { flag: "DPE", owner: "caller", status: 400, arrived: 400, by: "callee", charged: charge("degraded", "cancelled") },
  { flag: "IH", owner: "caller", status: 400, arrived: 400, by: "callee", charged: charge("degraded", "degraded") },
  // The proxy itself.
  { flag: "LR", owner: "local", status: 503, arrived: 200, by: "caller", charged: FAILS_THOUGH_ANSWERED },
  { flag: "OM", owner: "local", status: 503, ...lost, charged: FAILS_ON_THE_WAY },
  // Answered from a cache: nobody's fault, and nothing is lost.
  { flag: "RFCF", owner: "none", status: 200, ...lost, charged: charge("nothing", "nothing") },
];

/** What ztunnel's log says in words is told by the flags of its metrics. */
const ZTUNNEL = [
  {
    flag: "DENY",
    owner: "edge",
    error: "connection closed due to policy rejection: allow policies exist, but none allowed",
  },
  {
    flag: "CONNECT",
    owner: "destination",
    error: "connection failed: Connection refused (os error 111)",
  },
] as const;

const CALLS = 4;
const FLAGGED = 3;
const FROM_SECONDS = startBefore(Date.now());
const random = createRandom(5);

const pod = (name: string) => lonePod(name, { hasSidecar: true, hasLogs: true });

const named = (way: string, flag: string) => flag.toLowerCase().replace(",", "-and-") + `-by-${way}`;

/** One call as both proxies and both applications tell it; the last of four is well. */
function tell(way: "spans" | "logs", call: FlaggedCall, i: number): { spans: SentSpan[]; logs: SentLog[] } {
  const isWell = i >= FLAGGED;
  const [status, arrived] = isWell ? [200, 200] : [call.status, call.arrived];
  const flagOf = (side: "caller" | "callee") => {
    // Both proxies tell of a caller that left.
    const isTold = call.by === side || (call.owner === "caller" && call.status === 0);
    return !isWell && isTold ? call.flag : "";
  };
  const name = named(way, call.flag);
  const [from, to] = [pod(`from-${name}`), pod(`to-${name}`)];
  const startUs = (FROM_SECONDS + 15) * 1e6 + i * 100_000;
  const trace = random.hex(32);
  const cluster = `outbound|8080||to-${name}.shop.svc.cluster.local`;
  if (way === "logs") {
    const told = { request: `${name}-${i}`, durationUs: 20_000, isGrpc: false, attempts: 1, cluster };
    const source = sourceLog(from, to, { ...told, status, flag: flagOf("caller"), hasArrived: arrived !== null });
    const logs = [{ pod: from, startUs, fields: source }];
    if (arrived === null) return { spans: [], logs };
    const answered = { ...told, status: arrived, flag: flagOf("callee"), durationUs: 10_000 };
    return {
      spans: [],
      logs: [...logs, { pod: to, startUs: startUs + 2_000, fields: destinationLog(to, from, answered) }],
    };
  }
  const ids = [random.hex(16), random.hex(16), random.hex(16), random.hex(16)] as const;
  const shared = { trace, links: [] };
  const outbound = { cluster, status, flag: flagOf("caller"), isGrpc: false };
  const spans: SentSpan[] = [
    {
      ...shared,
      pod: from,
      isProxy: false,
      id: ids[0],
      parent: "",
      kind: 3,
      name: "GET",
      startUs,
      durationUs: 22_000,
      attributes: appAttributes(to.place.service, "client", status),
    },
    {
      ...shared,
      pod: from,
      isProxy: true,
      id: ids[1],
      parent: ids[0],
      kind: 3,
      name: "outbound",
      startUs: startUs + 1_000,
      durationUs: 20_000,
      attributes: proxyAttributes(from, outbound),
    },
  ];
  if (arrived === null) return { spans, logs: [] };
  const inbound = { cluster: "inbound|8080||", status: arrived, flag: flagOf("callee"), isGrpc: false };
  spans.push({
    ...shared,
    pod: to,
    isProxy: true,
    id: ids[2],
    parent: ids[1],
    kind: 2,
    name: "inbound",
    startUs: startUs + 2_000,
    durationUs: 10_000,
    attributes: proxyAttributes(to, inbound),
  });
  // What the callee's proxy refuses does not reach its application.
  if (call.by === "caller" || isWell) {
    const attributes = appAttributes(to.place.service, "server", arrived);
    const below = { id: ids[3], parent: ids[2], kind: 2, name: "GET /", attributes };
    spans.push({ ...shared, ...below, pod: to, isProxy: false, startUs: startUs + 3_000, durationUs: 8_000 });
  }
  return { spans, logs: [] };
}

/** A connection as the caller's ztunnel logs it. */
function ztunnelLog({ flag, error }: (typeof ZTUNNEL)[number], i: number): SentLog {
  const name = named("logs", flag);
  const [from, to] = [pod(`from-${name}`), pod(`to-${name}`)];
  const fields = {
    "src.addr": "10.0.0.1:40978",
    "src.workload": `from-${name}-7bbf596dd9-4rgdc`,
    "src.namespace": "shop",
    "dst.addr": "10.0.0.2:15008",
    "dst.hbone_addr": "10.0.0.2:8080",
    "dst.service": `to-${name}.shop.svc.cluster.local`,
    "dst.workload": `to-${name}-6cd6d9df6b-mddv2`,
    "dst.namespace": "shop",
    direction: "outbound",
    bytes_sent: i < FLAGGED ? "0" : "283",
    bytes_recv: i < FLAGGED ? "0" : "358",
    duration: "2ms",
    cluster: to.place.cluster,
    ...(i < FLAGGED ? { error } : {}),
  };
  return { pod: from, startUs: (FROM_SECONDS + 15) * 1e6 + i * 100_000, fields };
}

let db: TestStorage;
let edges: readonly DrawnEdge[];
beforeAll(async () => {
  db = await startTestStorage();
  const pipeline = await startPipeline(db.storage, (FROM_SECONDS + 20) * 1e6);
  try {
    const numbers = Array.from({ length: CALLS }, (_, i) => i);
    const told = ENVOY.flatMap((call) =>
      (["spans", "logs"] as const).flatMap((way) => numbers.map((i) => tell(way, call, i))),
    );
    const ambient = ZTUNNEL.flatMap((call) => numbers.map((i) => ztunnelLog(call, i)));
    await pipeline.deliver({
      atUs: (FROM_SECONDS + 20) * 1e6,
      spans: told.flatMap(({ spans }) => spans),
      logs: [...told.flatMap(({ logs }) => logs), ...ambient],
    });
    await pipeline.analyzer.runCycle(true);
    edges = (await pipeline.drawGraph(FROM_SECONDS, FROM_SECONDS + 60)).edges;
  } finally {
    await pipeline.stop();
  }
}, 120_000);
afterAll(() => db.stop());

/** The one edge between the pair of services that stands for a flag. */
function edgeOf(way: "spans" | "logs", flag: string): DrawnEdge {
  const [from, to] = [`/from-${named(way, flag)} `, `/to-${named(way, flag)} `];
  const found = edges.filter(({ key }) => key.includes(from) && key.includes(to));
  expect(found.map(({ key }) => key)).toHaveLength(1);
  return found[0]!;
}

const count = (charged: Charge, word: Charge) => (charged === word ? FLAGGED : 0);
const sideOf = (calls: number, charged: Charge) => ({
  calls,
  failed: count(charged, "failed"),
  degraded: count(charged, "degraded"),
  cancelled: count(charged, "cancelled"),
});

describe.each(["spans", "logs"] as const)("by %s", (way) => {
  test.each(ENVOY.map((call) => [call.flag, call.owner, call] as const))("%s is of %s", (flag, owner, call) => {
    const { caller, callee, neverArrived } = call.charged;
    const edge = edgeOf(way, flag);
    expect(edge).toMatchObject({
      caller: sideOf(CALLS, caller),
      callee: sideOf(call.arrived === null ? CALLS - FLAGGED : CALLS, callee),
      neverArrived: neverArrived ? FLAGGED : 0,
      // Failures that began on the way or at the caller: the callee has none of them.
      originFailed: caller === "failed" && callee !== "failed" ? FLAGGED : 0,
    });
    expect(edge.flags.toSorted((a, b) => (a.flag < b.flag ? -1 : 1))).toEqual(
      flag.split(",").map((one) => ({ flag: one, count: FLAGGED, owner })),
    );
  });
});

test.each(ZTUNNEL.map((call) => [call.flag, call.owner] as const))("ztunnel's %s is of %s", (flag, owner) => {
  const edge = edgeOf("logs", flag);
  expect(edge).toMatchObject({
    caller: sideOf(CALLS, "failed"),
    neverArrived: FLAGGED,
    originFailed: FLAGGED,
    flags: [{ flag, count: FLAGGED, owner }],
  });
});

test("a flag that nobody documents is of unknown owner", () => {
  expect(flagMeaning("XYZ").owner).toBe("unknown");
});
