// Time in proxies beside the paired edges: against a plain reading of the same spans, over every split of time, sampled, and in the API.
// In: random traces (fast-check, fixed seeds) and calls by hand. Out: rows of edge_buckets, and `proxyMs` of an edge.
// Bounds: a tenant a test; the cases that a person reads are in test/golden/time-in-proxies.golden.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeAnalyzed } from "../../storage/buckets.ts";
import { recomputeBuckets } from "../../storage/recompute.ts";
import { proxyShare } from "../../storage/span-ledger.ts";
import { startTestApi } from "../api/server-fixture.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { hexId, insertSpans, type TestSpan } from "../golden/span-rows.ts";
import { expectedProxyTimes } from "./proxy-times-oracle.ts";

const START_SECONDS = Date.UTC(2026, 0, 5, 12) / 1000;
const NS = 1_000_000_000n;
const MS = 1e6;

let db: TestStorage;
beforeAll(async () => {
  db = await startTestStorage();
});
afterAll(() => db.stop());

async function rowsOf<Row>(query: string, tenant: string): Promise<Row[]> {
  const result = await db.storage.client.query({ query, query_params: { tenant }, format: "JSONEachRow" });
  return result.json<Row>();
}

/** ProxyNs by edge between instances and bucket, named as by the oracle. */
async function measuredTimes(tenant: string): Promise<Record<string, number>> {
  const rows = await rowsOf<{ edge: string; ns: number }>(
    `SELECT concat(toString(toUnixTimestamp(Bucket)), ' ', SrcInstance, ' > ', DstInstance, ' ', Protocol) AS edge, sum(ProxyNs) AS ns
     FROM edge_buckets WHERE Tenant = {tenant:String} GROUP BY edge HAVING ns > 0`,
    tenant,
  );
  return Object.fromEntries(rows.map(({ edge, ns }) => [edge, ns]));
}

const EDGE = `(Bucket, ${["Src", "Dst"]
  .flatMap((end) => ["Kind", "Cluster", "Namespace", "Service", "Version", "Instance"].map((part) => `${end}${part}`))
  .join(", ")}, Protocol, Evidence, Source)`;

/** Rows with time in proxies whose edge pairing does not know. */
async function lonelyRows(tenant: string): Promise<string[]> {
  const rows = await rowsOf<{ line: string }>(
    `SELECT toString(${EDGE}) AS line FROM edge_buckets WHERE Tenant = {tenant:String} AND ProxyNs > 0
       AND ${EDGE} NOT IN (SELECT ${EDGE} FROM edge_buckets WHERE Tenant = {tenant:String} AND ProxyNs = 0)`,
    tenant,
  );
  return rows.map(({ line }) => line);
}

// A call's spans in the order in which they hang below each other, then others.
const ROLES = [
  { kind: "Client", proxy: false, isOwn: true },
  { kind: "Client", proxy: true, isOwn: true },
  { kind: "Server", proxy: true, isOwn: false },
  { kind: "Server", proxy: false, isOwn: true },
  { kind: "Internal", proxy: false, isOwn: true },
  { kind: "Producer", proxy: false, isOwn: true },
] as const;
const USUAL = 4;

interface Hop {
  /** Which role; most follow the one above as in a call through two sidecars. */
  readonly role: number;
  readonly isUsual: boolean;
  /** Of the service above where the role has it so, or the other way round. */
  readonly isTold: boolean;
  readonly service: number;
  readonly instance: number;
  readonly above: number;
  readonly afterMs: number;
  readonly durationMs: number;
  readonly protocol: string;
}
interface Trace {
  readonly startMs: number;
  readonly hops: readonly Hop[];
}

const often = fc.nat(5).map((n) => n > 0);
const hop: fc.Arbitrary<Hop> = fc.record({
  role: fc.nat(ROLES.length - 1),
  isUsual: often,
  isTold: often,
  service: fc.nat(2),
  instance: fc.nat(1),
  above: fc.constantFrom(0, 0, 0, 1, 2),
  afterMs: fc.oneof(
    fc.integer({ min: 0, max: 40 }),
    fc.integer({ min: 0, max: 40 }),
    fc.integer({ min: -2_500, max: 12_000 }),
    fc.constantFrom(-1_000, 9_000),
  ),
  durationMs: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 14_000 })),
  protocol: fc.constantFrom("http", "http", "grpc"),
});
const TRACES: fc.Arbitrary<Trace> = fc.record({
  startMs: fc.integer({ min: 20_000, max: 39_900 }),
  hops: fc.array(hop, { minLength: 6, maxLength: 20 }),
});

/** Spans of a tenant; no two of a trace begin in the same nanosecond, so which attempt is the last is plain. */
function spansOf(traces: readonly Trace[], tenant: string): TestSpan[] {
  return traces.flatMap(({ startMs, hops }, t) => {
    const made: (TestSpan & { readonly instance: string; readonly role: number })[] = [];
    for (const [i, one] of hops.entries()) {
      const above = made[Math.max(0, i - 1 - one.above)];
      const role = one.isUsual && above !== undefined ? (above.role + 1) % USUAL : one.role;
      const { kind, proxy, isOwn } = ROLES[role]!;
      const isSame = above !== undefined && isOwn === one.isTold;
      const afterNs = BigInt(above === undefined ? startMs : one.afterMs) * 1_000_000n + BigInt(i);
      made.push({
        tenant,
        trace: hexId(`${tenant}/${t}`, 32),
        id: hexId(`${tenant}/${t}/${i}`, 16),
        parent: above?.id ?? "",
        startNs: (above?.startNs ?? BigInt(START_SECONDS) * NS) + afterNs,
        durationNs: one.durationMs * MS,
        role,
        kind,
        proxy,
        service: isSame ? above.service : `s${one.service}`,
        instance: isSame ? above.instance : `s${one.service}-${one.instance}`,
        protocol: one.protocol,
        peer: kind === "Client" ? "s0" : "",
        peerKind: kind === "Client" ? "service" : "",
      });
    }
    return made;
  });
}

interface ShownGraph {
  readonly nodes: readonly {
    readonly entity: { readonly id: string; readonly namespace: string; readonly service: string };
  }[];
  readonly edges: readonly {
    readonly source: string;
    readonly target: string;
    readonly ledger: { readonly proxyMs: number | null };
  }[];
}

/** A call through both sidecars, `attempts` times: 5 ms and 1 ms of it in the proxies. */
function call(tenant: string, number: number, startNs: bigint, attempts: number): TestSpan[] {
  const trace = hexId(`${tenant}/${number}`, 32);
  const id = (name: string): string => hexId(`${number}/${name}`, 16);
  const span = (name: string, parent: string, atMs: number, ms: number, more: Partial<TestSpan>): TestSpan => ({
    tenant,
    trace,
    id: id(name),
    parent: parent === "" ? "" : id(parent),
    startNs: startNs + BigInt(atMs) * 1_000_000n,
    durationNs: ms * MS,
    kind: "Server",
    service: "web",
    instance: `${more.service ?? "web"}-1`,
    protocol: "http",
    ...more,
  });
  const client = { kind: "Client", peer: "cart", peerKind: "service" } as const;
  const tries = Array.from({ length: attempts }, (_, i) => [
    span(`proxy ${i}`, "app", 1 + 20 * i, 10, { ...client, proxy: true }),
    ...(i < attempts - 1 ? [] : [span("entry", `proxy ${i}`, 2 + 20 * i, 6, { service: "cart", proxy: true })]),
  ]);
  return [
    span("root", "", 0, 60, {}),
    span("app", "root", 0, 5 + 10 * attempts, client),
    ...tries.flat(),
    span("answer", "entry", 3 + 20 * (attempts - 1), 5, { service: "cart" }),
  ];
}

describe("against a plain reading of the spans", { timeout: 300_000 }, () => {
  it("is the same by edge and bucket, over random traces, twice sent, computed at once or bucket by bucket", async () => {
    const tenants = [1, 2, 3].map((seed) => ({
      tenant: `random-${seed}`,
      traces: fc.sample(TRACES, { seed, numRuns: 120 }),
    }));
    const spans = tenants.map(({ tenant, traces }) => spansOf(traces, tenant));
    await insertSpans(db.storage, spans.flat());
    await insertSpans(
      db.storage,
      spans.flat().filter((_, i) => i % 3 === 0),
    );
    const [from, to] = [START_SECONDS, START_SECONDS + 180];
    await recomputeBuckets(db.storage, from, to);
    for (const [i, { tenant }] of tenants.entries()) {
      const expected = expectedProxyTimes(spans[i]!);
      expect(Object.keys(expected).length).toBeGreaterThan(40);
      expect(await measuredTimes(tenant)).toEqual(expected);
      expect(await lonelyRows(tenant)).toEqual([]);
    }
    for (let at = to - 10; at >= from; at -= 10) await recomputeBuckets(db.storage, at, at + 10);
    for (const [i, { tenant }] of tenants.entries()) {
      expect(await measuredTimes(tenant)).toEqual(expectedProxyTimes(spans[i]!));
      expect(await lonelyRows(tenant)).toEqual([]);
    }
  });
});

describe("many calls", { timeout: 120_000 }, () => {
  it("are measured one in two, four, eight ... of a bucket", () => {
    expect([0, 1, 4_096, 4_097, 8_192, 8_193, 1_000_000].map(proxyShare)).toEqual([1, 1, 1, 2, 2, 4, 256]);
  });

  it("keep their mean, and their sum over any split of time; attempts of one call stay together", async () => {
    // Twice as many in the first ten seconds: shares of 4 and 2. Calls lie astride the border.
    const from = START_SECONDS + 600;
    const tenant = "busy";
    const starts = Array.from({ length: 3_000 }, (_, i) => (i < 2_000 ? i * 5 : 10_000 + (i - 2_000) * 10) - 15);
    const spans = starts.flatMap((ms, i) => call(tenant, i, BigInt(from) * NS + BigInt(ms) * 1_000_000n, 2));
    await insertSpans(db.storage, spans);
    await recomputeBuckets(db.storage, from - 10, from + 20);
    const whole = await measuredTimes(tenant);
    const [first = 0, second = 0] = [from, from + 10].map((at) => whole[`${at} web-1 > cart-1 http`]);
    const calls = await rowsOf<{ at: number; calls: number }>(
      `SELECT toUnixTimestamp(Bucket) AS at, sum(CallerCalls) AS calls FROM edge_buckets
       WHERE Tenant = {tenant:String} AND SrcService = 'web' AND Evidence = 'span-pair' AND CallerCalls > 0 GROUP BY at ORDER BY at`,
      tenant,
    );
    expect(calls.map(({ at }) => at - from)).toEqual([0, 10]);
    const exact = expectedProxyTimes(spans);
    for (const [found, at] of [
      [first, from],
      [second, from + 10],
    ] as const) {
      const all = exact[`${at} web-1 > cart-1 http`]!;
      expect(found).not.toBe(all);
      expect(Math.abs(found / all - 1)).toBeLessThan(0.1);
    }
    expect(first % (4 * MS)).toBe(0);
    for (let at = from + 10; at >= from - 10; at -= 10) await recomputeBuckets(db.storage, at, at + 10);
    expect(await measuredTimes(tenant)).toEqual(whole);
  });
});

describe("nothing to measure", () => {
  it("is no row, where proxies or applications alone send spans", async () => {
    const from = START_SECONDS + 1_200;
    const at = BigInt(from + 1) * NS;
    const spans = call("proxies", 1, at, 1);
    await insertSpans(
      db.storage,
      spans.filter((span) => span.proxy === true),
    );
    await insertSpans(
      db.storage,
      spans.filter((span) => span.proxy !== true).map((span) => ({ ...span, tenant: "applications" })),
    );
    await recomputeBuckets(db.storage, from, from + 10);
    expect(await measuredTimes("proxies")).toEqual({});
    expect(await measuredTimes("applications")).toEqual({});
    const edges = await rowsOf("SELECT 1 FROM edge_buckets WHERE Tenant = {tenant:String}", "proxies");
    expect(edges.length).toBeGreaterThan(0);
  });
});

describe("proxyMs of an edge", { timeout: 120_000 }, () => {
  it("is the mean of a call through both sidecars; null where no proxy is beside an application, and as known at a time", async () => {
    const tenant = "default";
    const from = START_SECONDS + 1_800;
    const spans = Array.from({ length: 10 }, (_, i) => call(tenant, i, BigInt(from + i) * NS, 1)).flat();
    const plain = spans.map((span) => ({ ...span, trace: hexId(`plain ${span.trace}`, 32), namespace: "plain" }));
    await insertSpans(db.storage, [...spans, ...plain.filter((span) => span.proxy !== true)]);
    await recomputeBuckets(db.storage, from, from + 20);
    const used = { analyzed: spans.length, paired: { spans: 2 * spans.length, logs: 0, points: 0 } };
    await writeAnalyzed(
      db.storage,
      [from, from + 10].map((bucket) => ({ tenant, bucket, ...used })),
      1n,
    );
    const api = await startTestApi(db.storage);
    try {
      const ask = async (knownAt: string): Promise<Record<string, number | null>> => {
        const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();
        const { data, errors } = await api.ask(
          `{ serviceGraph(range: { from: "${iso(from)}", to: "${iso(from + 20)}" }${knownAt}) {
               nodes { entity { id namespace service } } edges { source target ledger { proxyMs } } } }`,
        );
        expect(errors).toBeUndefined();
        const graph = data.serviceGraph as ShownGraph;
        const name = (id: string): string => {
          const entity = graph.nodes.find((node) => node.entity.id === id)?.entity;
          return `${entity?.namespace ?? ""}/${entity?.service ?? ""}`;
        };
        const calls = graph.edges.map(({ source, target, ledger }) => [
          `${name(source)} > ${name(target)}`,
          ledger.proxyMs,
        ]);
        return Object.fromEntries(calls.filter(([edge]) => String(edge).includes("/web >")));
      };
      expect(await ask("")).toEqual({ "shop/web > shop/cart": 6, "plain/web > plain/cart": null });
      const now = new Date().toISOString();
      expect(await ask(`, knownAt: "${now}"`)).toEqual({
        "shop/web > shop/cart": null,
        "plain/web > plain/cart": null,
      });
    } finally {
      await api.stop();
    }
  });
});
