// The access log ledger against calls that are known: each reporter's rows, whatever order they come in, however the range is cut.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { stageAccessLogLedger } from "../../storage/access-log-ledger.ts";
import { queryText } from "../../storage/query-files.ts";
import { readEdgeBuckets, readEdgeWindow, readOperationWindow, readServiceBuckets } from "../../storage/buckets.ts";
import { History } from "../../analyzer/history.ts";

const START = Date.UTC(2026, 10, 22, 10, 0, 0) / 1000;
const SECONDS = 120;

let db: TestStorage;
beforeAll(async () => {
  db = await startTestStorage();
});
afterAll(() => db.stop());

type Row = Record<string, string | number | Record<string, string>>;

interface Call {
  readonly from: string;
  readonly to: string;
  readonly atMs: number;
  readonly ms: number;
  readonly failed: boolean;
  readonly attempts: number;
}

/** A row of one proxy; `places` names the two ends. */
function row(atMs: number, more: Row): Row {
  return {
    Timestamp: new Date(START * 1000 + atMs).toISOString(),
    Tenant: "default",
    Protocol: "http",
    Duration: 1_000_000,
    Attempts: -1,
    GrpcStatus: -1,
    ResponseCode: 200,
    BytesReceived: 10,
    BytesSent: 20,
    UpstreamServiceTime: -1,
    ...more,
  };
}

const end = (side: "Src" | "Dst", service: string, instance: string): Row => ({
  [`${side}Kind`]: "service",
  [`${side}Cluster`]: "east",
  [`${side}Namespace`]: "shop",
  [`${side}Service`]: service,
  [`${side}Version`]: instance === "" ? "" : "v1",
  [`${side}Instance`]: instance,
});

// A small generator, so that a failure can be repeated.
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const PAIRS = [
  ["frontend", "cart"],
  ["frontend", "catalog"],
  ["checkout", "cart"],
  ["checkout", "payment"],
  ["cart", "stock"],
] as const;

function makeCalls(count: number, random: () => number): Call[] {
  return Array.from({ length: count }, () => {
    const [from, to] = PAIRS[Math.floor(random() * PAIRS.length)]!;
    const failed = random() < 0.05;
    return {
      from,
      to,
      atMs: Math.floor(random() * SECONDS * 1000),
      ms: 5 + Math.floor(random() * 40),
      failed,
      attempts: failed && random() < 0.5 ? 3 : 1,
    };
  });
}

/** What both sidecars write of a call: the caller one row, the callee one an attempt. */
function logRows(call: Call, id: string, random: () => number): Row[] {
  const outcome = { Outcome: call.failed ? "failed" : "ok", RequestId: id };
  const source = row(call.atMs, {
    ...end("Src", call.from, `${call.from}-${Math.floor(random() * 2)}`),
    ...end("Dst", call.to, ""),
    ...outcome,
    Reporter: "source",
    Direction: "outbound",
    Duration: call.ms * 1e6,
    Attempts: call.attempts,
  });
  const attempts = Array.from({ length: call.attempts }, (_, i) =>
    row(call.atMs + 1 + i * 10, {
      ...end("Dst", call.to, `${call.to}-${Math.floor(random() * 2)}`),
      ...outcome,
      Reporter: "destination",
      Direction: "inbound",
      Duration: (call.ms - 2) * 1e6,
    }),
  );
  return [source, ...attempts];
}

async function reset(): Promise<void> {
  for (const table of ["access_logs", "edge_buckets", "edge_buckets_staging", "operation_buckets", "entities"])
    await db.storage.client.command({ query: `TRUNCATE TABLE ${table}` });
}

const SUMS = `SELECT toUnixTimestamp(Bucket) AS at, SrcKind, SrcCluster, SrcService, SrcInstance, DstService, DstVersion, DstInstance, Protocol, Evidence,
  sum(CallerCalls) AS caller, sum(CallerFailed) AS callerFailed, sum(CalleeCalls) AS callee, sum(CalleeFailed) AS calleeFailed, sum(Retries) AS retries,
  sum(OriginFailed) AS origin, sum(GapNs) AS gap, sum(CallerNs) AS ns, sum(RequestBytes) AS bytes, sum(SecuredCalls) AS secured, sum(PlainCalls) AS plain,
  sumForEach(CallerHist) AS hist
FROM edge_buckets_staging GROUP BY ALL ORDER BY ALL`;

async function staged(cuts: readonly number[] = [0, SECONDS]): Promise<Record<string, unknown>[]> {
  await db.storage.client.command({ query: "TRUNCATE TABLE edge_buckets_staging" });
  for (const [i, to] of cuts.slice(1).entries())
    await stageAccessLogLedger(db.storage, START + (cuts[i] ?? 0), START + to);
  return (await db.storage.client.query({ query: SUMS, format: "JSONEachRow" })).json();
}

async function keep(): Promise<void> {
  await stageAccessLogLedger(db.storage, START, START + SECONDS);
  await db.storage.client.command({ query: "INSERT INTO edge_buckets SELECT * FROM edge_buckets_staging" });
}

/** Rows of edge_buckets as another source would have written them: one a call. */
function bucketRow(source: string, call: Call, more: Row = {}): Row {
  const isCaller = more["CallerCalls"] !== 0;
  return {
    Tenant: "default",
    Bucket: START + Math.floor(call.atMs / 10_000) * 10,
    ...end("Src", call.from, `${call.from}-0`),
    ...end("Dst", call.to, `${call.to}-0`),
    Protocol: "http",
    Evidence: "span-pair",
    Source: source,
    CallerCalls: 1,
    CallerFailed: isCaller && call.failed ? 1 : 0,
    CalleeCalls: 1,
    CalleeFailed: call.failed ? 1 : 0,
    CallerNs: call.ms * 1e6,
    CalleeNs: call.ms * 1e6,
    CallerHist: histOf(call.ms) as unknown as string,
    CalleeHist: histOf(call.ms) as unknown as string,
    ...more,
  };
}

function histOf(ms: number): number[] {
  const index = Math.floor(Math.log(ms / 0.2) / Math.log(1.144)) + 1;
  return Array.from({ length: 96 }, (_, i) => (i === index ? 1 : 0));
}

/** Calls and failures of each edge over the range, as the analyzer reads them. */
async function judged(): Promise<Map<string, { calls: number; failed: number; callee: number }>> {
  const sums = new Map<string, { calls: number; failed: number; callee: number }>();
  for (const edge of await readEdgeBuckets(db.storage, "default", START, START + SECONDS)) {
    const key = `${edge.src_service} ${edge.dst_service}`;
    const sum = sums.get(key) ?? { calls: 0, failed: 0, callee: 0 };
    sum.calls += edge.caller_calls;
    sum.failed += edge.caller_failed;
    sum.callee += edge.callee_calls;
    sums.set(key, sum);
  }
  return sums;
}

function truthOf(calls: readonly Call[]): Map<string, { calls: number; failed: number }> {
  const truth = new Map<string, { calls: number; failed: number }>();
  for (const { from, to, failed } of calls) {
    const sum = truth.get(`${from} ${to}`) ?? { calls: 0, failed: 0 };
    sum.calls++;
    if (failed) sum.failed++;
    truth.set(`${from} ${to}`, sum);
  }
  return truth;
}

describe("both sidecars", { timeout: 120_000 }, () => {
  const random = randomOf(7);
  const calls = makeCalls(3000, random);
  const rows = calls.flatMap((call, i) => logRows(call, `r${i}`, random));

  it("tell every call once on each side, its retries, its caller and its callee's instance", async () => {
    await reset();
    await db.storage.insertRows("access_logs", rows);
    const edges = (await staged()) as Record<string, number | string>[];
    const sum = (name: string, of = edges): number => of.reduce((total, edge) => total + Number(edge[name]), 0);
    const attempts = calls.reduce((total, call) => total + call.attempts, 0);
    expect([sum("caller"), sum("callee"), sum("retries")]).toEqual([3000, attempts, attempts - 3000]);
    expect(sum("callerFailed")).toBe(calls.filter((call) => call.failed).length);
    expect(sum("origin")).toBe(0);
    expect(sum("bytes")).toBe(30_000);
    expect(edges.filter((edge) => edge["SrcKind"] !== "service" || edge["DstInstance"] === "")).toEqual([]);
    for (const [key, truth] of truthOf(calls)) {
      const own = edges.filter((edge) => [edge["SrcService"], edge["DstService"]].join(" ") === key);
      expect([sum("caller", own), sum("callerFailed", own)]).toEqual([truth.calls, truth.failed]);
    }
  });

  it("whatever the order of arrival and wherever the range is cut", async () => {
    const whole = await staged();
    expect(await staged([0, 10, 70, 80, SECONDS])).toEqual(whole);
    await reset();
    const shuffled = rows.map((r) => [random(), r] as const).toSorted(([a], [b]) => a - b);
    const half = shuffled.length / 2;
    await db.storage.insertRows(
      "access_logs",
      shuffled.slice(half).map(([, r]) => r),
    );
    expect(await staged()).not.toEqual(whole);
    await db.storage.insertRows(
      "access_logs",
      shuffled.slice(0, half).map(([, r]) => r),
    );
    expect(await staged()).toEqual(whole);
  });

  it("as known at a time: rows that came later are not seen", async () => {
    await reset();
    const early = rows.slice(0, 1000).map((r) => ({ ...r, IngestedAt: "2026-11-22T11:00:00.000Z" }));
    const late = rows.slice(1000).map((r) => ({ ...r, IngestedAt: "2026-11-22T12:00:00.000Z" }));
    await db.storage.insertRows("access_logs", early);
    const before = await staged();
    await db.storage.insertRows("access_logs", late);
    const knownAt = async (time: string): Promise<unknown> => {
      const result = await db.storage.client.query({
        query: SUMS.replace("FROM edge_buckets_staging", `FROM (${queryText("access_log_ledger_rows")})`),
        query_params: { from: START, to: START + SECONDS, known_at: time },
        format: "JSONEachRow",
      });
      return result.json();
    };
    expect(await knownAt("2026-11-22 11:30:00")).toEqual(before);
    expect(await knownAt("2026-11-22 12:30:00")).toEqual(await staged());
  });

  it("a row that comes twice counts twice: only ingest can tell", async () => {
    await reset();
    await db.storage.insertRows("access_logs", rows.slice(0, 2), "one");
    await db.storage.insertRows("access_logs", rows.slice(0, 2), "one");
    const once = (await staged()) as { caller: number }[];
    expect(once.map((edge) => edge.caller)).toEqual([1]);
    await db.storage.insertRows("access_logs", rows.slice(0, 2), "two");
    const twice = (await staged()) as { caller: number }[];
    expect(twice.reduce((sum, edge) => sum + edge.caller, 0)).toBe(2);
  });
});

describe("other reporters", { timeout: 120_000 }, () => {
  const ids = { RequestId: "q" };
  const source = { ...end("Src", "frontend", "frontend-0"), ...end("Dst", "cart", ""), ...ids, Reporter: "source" };
  const inbound = { ...end("Dst", "cart", "cart-0"), ...ids, Reporter: "destination", Direction: "inbound" };
  const find = async (rows: Row[]) => {
    await reset();
    await db.storage.insertRows("access_logs", rows);
    const edges = (await staged()) as Record<string, string | number>[];
    return edges.map((e) =>
      [
        e["SrcService"] || e["SrcKind"],
        e["DstService"],
        e["Evidence"],
        e["caller"],
        e["callee"],
        e["secured"],
        e["plain"],
      ].join(" "),
    );
  };

  it("clocks of two clusters may differ by seconds where only one caller is in question", async () => {
    expect(await find([row(5000, source), row(2000, inbound)])).toEqual(["frontend cart access-log 1 1 0 0"]);
    expect(await find([row(50_000, source), row(5000, inbound)])).toEqual([
      "unknown cart access-log 0 1 0 0",
      "frontend cart access-log 1 0 0 0",
    ]);
  });

  it("a call whose callee row is lost goes to the cluster where all of that name are", async () => {
    const cluster = async (): Promise<unknown[]> => {
      const query =
        "SELECT DstCluster AS at, sum(CallerCalls) AS n FROM edge_buckets_staging WHERE CallerCalls > 0 GROUP BY at ORDER BY at";
      return (await db.storage.client.query({ query, format: "JSONEachRow" })).json();
    };
    const lost = { ...source, RequestId: "lost" };
    const west = { ...inbound, DstCluster: "west" };
    await find([row(0, source), row(1, west), row(2, lost)]);
    expect(await cluster()).toEqual([{ at: "west", n: 2 }]);
    await find([row(0, source), row(1, west), row(2, lost), row(3, { ...inbound, RequestId: "z" })]);
    expect(await cluster()).toEqual([
      { at: "east", n: 1 },
      { at: "west", n: 1 },
    ]);
  });

  it("a constant request id pairs nothing, and costs nothing", async () => {
    const rows = Array.from({ length: 200 }, (_, i) => [row(i * 10, source), row(i * 10 + 1, inbound)]).flat();
    expect(await find(rows)).toEqual(["unknown cart access-log 0 200 0 0", "frontend cart access-log 200 0 0 0"]);
  });

  it("security is told by the server name, by a label, by HBONE", async () => {
    const sni = { ...inbound, Attributes: { requested_server_name: "outbound_.80_._.cart.shop.svc.cluster.local" } };
    expect(await find([row(0, source), row(1, sni)])).toEqual(["frontend cart access-log 1 1 1 0"]);
    const plain = { ...inbound, Attributes: { connection_security_policy: "none" } };
    expect(await find([row(0, plain)])).toEqual(["unknown cart access-log 0 1 0 1"]);
  });

  const zout = {
    ...end("Src", "client", "client-7656cf8794-6lsm4"),
    ...end("Dst", "cart", ""),
    Protocol: "tcp",
    Reporter: "ztunnel",
    Direction: "outbound",
    Attributes: { "src.addr": "10.0.0.9:4000", "dst.hbone_addr": "10.0.0.7:80" },
  };
  const zin = { ...zout, Direction: "inbound", ...end("Dst", "cart", "cart-0") };
  const waypoint = {
    ...end("Dst", "cart", ""),
    Reporter: "waypoint",
    Direction: "inbound",
    RequestId: "w",
    DownstreamAddress: "10.0.0.9:5555",
  };

  it("ztunnel alone tells both sides; a waypoint replaces it and takes the caller's name from it", async () => {
    expect(await find([row(0, zout), row(1, zin)])).toEqual([
      "client cart ztunnel 1 0 1 0",
      "client cart ztunnel 0 1 0 0",
    ]);
    expect(await find([row(0, zout), row(1, waypoint), row(2, { ...waypoint, RequestId: "w2" })])).toEqual([
      "client cart waypoint 0 2 0 0",
    ]);
    expect(
      await find([row(0, zout), row(1, waypoint), row(2, { ...waypoint, DownstreamAddress: "10.0.0.1:1" })]),
    ).toEqual(["unknown cart waypoint 0 1 0 0", "client cart waypoint 0 1 0 0"]);
  });

  it("a waypoint gives way to the sidecar behind it, ztunnel to the sidecar before it, also a minute apart", async () => {
    expect(await find([row(0, waypoint), row(61_000, inbound)])).toEqual(["unknown cart access-log 0 1 0 0"]);
    const client = { ...source, ...end("Src", "client", "client-0") };
    expect(await find([row(0, client), row(61_000, zout), row(62_000, zin)])).toEqual([
      "client cart access-log 1 0 0 0",
    ]);
  });
});

describe("beside spans", { timeout: 120_000 }, () => {
  const random = randomOf(11);
  const calls = makeCalls(4000, random);
  const store = async (spans: readonly Call[], logs: readonly Call[]) => {
    await reset();
    await db.storage.insertRows(
      "edge_buckets",
      spans.map((call) => bucketRow("spans", call)),
    );
    await db.storage.insertRows(
      "access_logs",
      logs.flatMap((call, i) => logRows({ ...call, attempts: 1 }, `s${i}`, random)),
    );
    await keep();
  };

  it.each([
    ["half of the spans lost", 0.5],
    ["a tenth sampled", 0.1],
    ["a hundredth sampled", 0.01],
    ["none lost", 1],
  ])("%s: one call in a hundred off at most, at every edge", async (_, share) => {
    await store(
      calls.filter(() => random() < share),
      calls,
    );
    const found = await judged();
    expect([...found.keys()].toSorted()).toEqual([...truthOf(calls).keys()].toSorted());
    for (const [edge, truth] of truthOf(calls)) {
      const got = found.get(edge) ?? { calls: 0, failed: 0, callee: 0 };
      expect(Math.abs(got.calls - truth.calls)).toBeLessThanOrEqual(0.01 * truth.calls);
      expect(Math.abs(got.callee - truth.calls)).toBeLessThanOrEqual(0.01 * truth.calls);
      expect(got.failed).toBe(truth.failed);
    }
  });

  it("logs of errors alone beside all spans change nothing; beside a sample, failures stay below calls", async () => {
    await store(
      calls,
      calls.filter((call) => call.failed),
    );
    const full = await judged();
    for (const [edge, truth] of truthOf(calls)) expect(full.get(edge)).toMatchObject(truth);
    await store(
      calls.filter((_, i) => i % 10 === 0),
      calls.filter((call) => call.failed),
    );
    for (const { calls: seen, failed } of (await judged()).values()) expect(failed).toBeLessThan(0.5 * seen);
  });

  it("an inbound log that does not name callers makes no second edge where spans do", async () => {
    await reset();
    await db.storage.insertRows(
      "edge_buckets",
      calls.map((call) => bucketRow("spans", call)),
    );
    const inbound = calls.flatMap((call, i) => logRows({ ...call, attempts: 1 }, `s${i}`, random).slice(1));
    await db.storage.insertRows("access_logs", inbound);
    await keep();
    expect([...(await judged()).keys()].some((edge) => edge.startsWith(" "))).toBe(false);
    await db.storage.client.command({ query: "DELETE FROM edge_buckets WHERE Source = 'spans'" });
    expect((await judged()).get(" cart")?.callee).toBe(calls.filter((call) => call.to === "cart").length);
  });
});

describe("without any span", { timeout: 120_000 }, () => {
  const random = randomOf(13);
  const calls = makeCalls(3000, random);
  const windows = {
    fault: Array.from({ length: 6 }, (_, i) => START + 60 + i * 10),
    baseline: Array.from({ length: 6 }, (_, i) => START + i * 10),
  };

  it("services are judged by what came in over their edges, instance by instance", async () => {
    await reset();
    await db.storage.insertRows(
      "access_logs",
      calls.flatMap((call, i) => logRows({ ...call, attempts: 1 }, `n${i}`, random)),
    );
    await keep();
    const range = [db.storage, "default", START, START + SECONDS] as const;
    const history = new History(100, 10);
    history.replace(START, START + SECONDS, await readServiceBuckets(...range), await readEdgeBuckets(...range));
    const cart = history.series.get("service service|east|shop|cart");
    const points = [...(cart?.points.values() ?? [])];
    const ofCart = calls.filter((call) => call.to === "cart");
    expect(points.reduce((sum, point) => sum + point.calls, 0)).toBe(ofCart.length);
    expect(points.reduce((sum, point) => sum + point.failed, 0)).toBe(ofCart.filter((call) => call.failed).length);

    const operations = await readOperationWindow(db.storage, "default", windows);
    const inFault = ofCart.filter((call) => call.atMs >= 60_000);
    const rows = operations.filter((row) => row.service === "cart" && row.side === 1);
    expect(rows.map((row) => row.instance).toSorted()).toEqual(["cart-0", "cart-1"]);
    expect(rows.reduce((sum, row) => sum + row.requests, 0)).toBeGreaterThan(0.98 * inFault.length);
    const passed = calls
      .filter((call) => call.from === "cart" && call.atMs >= 60_000)
      .reduce((sum, call) => sum + call.ms, 0);
    const came = rows.reduce((sum, row) => sum + row.total_ns, 0);
    const own = rows.reduce((sum, row) => sum + row.self_ns, 0);
    expect(Math.abs(came - own - passed * 1e6)).toBeLessThan(0.1 * came);
    expect(operations.filter((row) => row.service === "stock").every((row) => row.self_hist.length === 96)).toBe(true);
  });

  it("a source without versions makes no edge beside the fine ones", async () => {
    const coarse = {
      SrcVersion: "",
      SrcInstance: "",
      DstVersion: "",
      DstInstance: "",
      Evidence: "destination-reporter",
    };
    await db.storage.insertRows(
      "edge_buckets",
      calls.map((call) => bucketRow("metrics", call, coarse)),
    );
    const edges = await readEdgeWindow(db.storage, "default", windows);
    expect(edges.filter((edge) => edge.dst_version !== "v1")).toEqual([]);
    const total = edges.reduce((sum, edge) => sum + edge.caller_calls, 0);
    expect(total).toBe(calls.length);
  });
});
