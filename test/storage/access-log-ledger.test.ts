// The edges that access logs tell of, from lines through ingest's decoder to the real ClickHouse and back.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeBlock } from "../fixtures/otlp-blocks.ts";
import {
  istioLine,
  type IstioFields,
  lineRecord,
  logsPayload,
  REQUEST,
  ZTUNNEL_LINES,
} from "../fixtures/access-log-samples.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { stageAccessLogLedger } from "../../storage/access-log-ledger.ts";
import { bucketOf, histogramCount } from "../../model/histogram.ts";

const START_SECONDS = Date.UTC(2026, 10, 22, 10, 0, 0) / 1000;

let db: TestStorage;
beforeAll(async () => {
  db = await startTestStorage();
});
afterAll(() => db.stop());

interface Line {
  readonly pod: Readonly<Record<string, string>>;
  readonly line: string;
}

function pod(service: string, version: string, cluster = "east"): Record<string, string> {
  return {
    "k8s.cluster.name": cluster,
    "k8s.namespace.name": "shop",
    "k8s.pod.name": `${service}-${version}`,
    "service.name": service,
    "service.version": version,
  };
}

/** A sidecar's or gateway's line, `atMs` after the start. */
function line(resource: Record<string, string>, atMs: number, fields: IstioFields): Line {
  const time = new Date(START_SECONDS * 1000 + atMs).toISOString();
  return { pod: resource, line: istioLine({ ...REQUEST, ...fields, start_time: time }) };
}

const to = (service: string, subset = ""): IstioFields => ({
  upstream_cluster: `outbound|80|${subset}|${service}.shop.svc.cluster.local`,
});
const INBOUND: IstioFields = { upstream_cluster: "inbound|8080||" };

async function store(tenant: string, lines: readonly Line[], token: string): Promise<void> {
  const block = makeBlock("logs");
  for (const { pod: resource, line: text } of lines) {
    const outcome = block.decode(logsPayload([lineRecord(text)], resource), Date.UTC(2026, 10, 23), tenant);
    expect(outcome).toMatchObject({ ok: true, rows: 1 });
  }
  expect(block.inserts().map(({ table }) => table)).toEqual(["access_logs"]);
  for (const insert of block.inserts())
    await db.storage.insertNative(insert.table, insert.columns, insert.chunks, token);
}

interface LedgerEdge {
  readonly bucket: number;
  readonly src: string;
  readonly dst: string;
  readonly Protocol: string;
  readonly Evidence: string;
  readonly caller: readonly number[];
  readonly callee: readonly number[];
  readonly extras: Readonly<Record<string, number>>;
  readonly Flags: Readonly<Record<string, number>>;
  readonly CallerHist: readonly number[];
  readonly CalleeHist: readonly number[];
}

const PLACE = (side: string): string =>
  `concat(if(${side}Kind = 'service', '', concat(toString(${side}Kind), ':')), ${side}Service, if(${side}Version = '', '', concat(' ', ${side}Version)),
    if(${side}Cluster = '', '', concat('@', ${side}Cluster)), if(${side}Instance = '', '', concat('/', ${side}Instance)))`;
const SIDE = (side: string): string => `[${side}Calls, ${side}Failed, ${side}Degraded, ${side}Cancelled, ${side}Ns]`;
const READ = `SELECT toUnixTimestamp(Bucket) - ${START_SECONDS} AS bucket, ${PLACE("Src")} AS src, ${PLACE("Dst")} AS dst, Protocol, Evidence,
  ${SIDE("Caller")} AS caller, ${SIDE("Callee")} AS callee, Flags, CallerHist, CalleeHist,
  map('never arrived', NeverArrived, 'failed here', OriginFailed, 'retries', Retries, 'gap us', intDiv(GapNs, 1000),
    'bytes out', RequestBytes, 'bytes back', ResponseBytes, 'secured', SecuredCalls, 'plain', PlainCalls) AS extras
FROM edge_buckets_staging
WHERE Tenant = {tenant:String} AND Source = 'access_logs'
ORDER BY Bucket, SrcService, DstService, SrcVersion, DstVersion, SrcInstance, DstInstance, Protocol, Evidence`;

/** The rows that staging a range gives, for one tenant; the range may be cut into pieces. */
async function stage(tenant: string, cuts: readonly number[] = [0, 60]): Promise<LedgerEdge[]> {
  await db.storage.client.command({ query: "TRUNCATE TABLE edge_buckets_staging" });
  for (const [i, to] of cuts.slice(1).entries())
    await stageAccessLogLedger(db.storage, START_SECONDS + (cuts[i] ?? 0), START_SECONDS + to);
  const result = await db.storage.client.query({ query: READ, query_params: { tenant }, format: "JSONEachRow" });
  return result.json<LedgerEdge>();
}

/** One edge in a line: `caller → callee protocol evidence | caller's side | callee's side | more`. */
function textOf({ bucket, src, dst, Protocol, Evidence, caller, callee, extras, Flags }: LedgerEdge): string {
  const side = ([calls = 0, failed, degraded, cancelled, ns = 0]: readonly number[]): string =>
    calls === 0
      ? "-"
      : [calls, "calls", failed, "failed", degraded, "degraded", cancelled, "cancelled", ns / 1e6, "ms"].join(" ");
  const flags = Object.entries(Flags).toSorted(([a], [b]) => a.localeCompare(b));
  const more = [...Object.entries(extras), ...flags].filter(([, count]) => count > 0);
  const tail = more.map(([name, count]) => `${name} ${count}`).join(", ");
  return `${bucket}s ${src} → ${dst} ${Protocol} ${Evidence} | ${side(caller)} | ${side(callee)}${tail === "" ? "" : ` | ${tail}`}`;
}

async function edges(tenant: string): Promise<string[]> {
  return (await stage(tenant)).map(textOf);
}

describe("edges", { timeout: 120_000 }, () => {
  it("pair both sidecars by request id, over versions, clusters and parallel callers", async () => {
    const frontend = pod("frontend", "v1");
    const checkout = pod("checkout", "v1");
    const cart = pod("cart", "v3", "west");
    await store(
      "pairs",
      [
        // Two callers of one service within one request: each callee row takes the caller that began last before it.
        line(frontend, 1000, { ...to("cart"), request_id: "r1", duration: "30" }),
        line(cart, 1002, { ...INBOUND, request_id: "r1", duration: "20" }),
        line(checkout, 1100, { ...to("cart"), request_id: "r1", duration: "40" }),
        // The callee's clock is 15 ms behind.
        line(cart, 1085, { ...INBOUND, request_id: "r1", duration: "5", response_code: "503" }),
        // A retried call: two attempts arrive.
        line(frontend, 2000, { ...to("cart"), request_id: "r2", duration: "50" }),
        line(cart, 2001, { ...INBOUND, request_id: "r2", duration: "10", response_code: "500" }),
        line(cart, 2020, { ...INBOUND, request_id: "r2", duration: "11" }),
        // The next bucket.
        line(frontend, 11_000, { ...to("cart", "v3"), request_id: "r3", duration: "8" }),
      ],
      "pairs",
    );
    expect(await edges("pairs")).toEqual([
      "0s checkout v1@east/checkout-v1 → cart v3@west/cart-v3 http access-log | 1 calls 0 failed 0 degraded 0 cancelled 40 ms | 1 calls 1 failed 0 degraded 0 cancelled 5 ms | gap us 35000, bytes back 135",
      "0s frontend v1@east/frontend-v1 → cart v3@west/cart-v3 http access-log | 2 calls 0 failed 0 degraded 0 cancelled 80 ms | 3 calls 1 failed 0 degraded 0 cancelled 41 ms | gap us 49000, bytes back 270",
      "10s frontend v1@east/frontend-v1 → cart v3@west http access-log | 1 calls 0 failed 0 degraded 0 cancelled 8 ms | - | bytes back 135",
    ]);
  });

  it("keep failures that never arrived, their flags, external and unknown places, and a gateway's own callers", async () => {
    const gateway = {
      ...pod("istio-ingressgateway", "1"),
      node_name: "router~10.0.0.1~gw-1.shop~shop.svc.cluster.local",
    };
    const frontend = pod("frontend", "v1");
    await store(
      "failures",
      [
        line(gateway, 0, { ...to("frontend"), request_id: "a", duration: "12" }),
        line(frontend, 1, { ...INBOUND, request_id: "a", duration: "10" }),
        line(frontend, 2, {
          ...to("cart"),
          request_id: "a",
          response_code: "503",
          response_flags: "UF,URX",
          duration: "5",
        }),
        line(frontend, 3, { ...to("cart"), request_id: "b", response_code: "0", response_flags: "DC", duration: "7" }),
        line(frontend, 4, { upstream_cluster: "outbound|443||api.stripe.com", request_id: "c", response_code: "404" }),
        line(frontend, 5, {
          upstream_cluster: "BlackHoleCluster",
          request_id: "d",
          method: "-",
          path: "-",
          protocol: "-",
          response_code: "0",
          response_flags: "UH",
        }),
        line(frontend, 6, { ...INBOUND, request_id: "e", response_code: "403", duration: "-" }),
      ],
      "failures",
    );
    expect(await edges("failures")).toEqual([
      "0s unknown: → frontend v1@east/frontend-v1 http access-log | - | 1 calls 0 failed 1 degraded 0 cancelled 0 ms | bytes back 135",
      "0s unknown: → istio-ingressgateway 1@east/istio-ingressgateway-1 http access-log | - | 1 calls 0 failed 0 degraded 0 cancelled 12 ms",
      "0s frontend v1@east/frontend-v1 → external:BlackHoleCluster tcp access-log | 1 calls 1 failed 0 degraded 0 cancelled 25 ms | - | never arrived 1, failed here 1, bytes back 135, UH 1",
      "0s frontend v1@east/frontend-v1 → external:api.stripe.com http access-log | 1 calls 0 failed 1 degraded 0 cancelled 25 ms | - | bytes back 135",
      "0s frontend v1@east/frontend-v1 → cart@east http access-log | 2 calls 1 failed 0 degraded 1 cancelled 12 ms | - | never arrived 1, failed here 1, bytes back 270, DC 1, UF 1, URX 1",
      "0s istio-ingressgateway 1@east/istio-ingressgateway-1 → frontend v1@east/frontend-v1 http access-log | 1 calls 0 failed 0 degraded 0 cancelled 12 ms | 1 calls 0 failed 0 degraded 0 cancelled 10 ms | gap us 2000, bytes back 135",
    ]);
  });

  it("count a callee by its best reporter: ztunnel only where nobody else reports, a waypoint only without sidecars", async () => {
    const node = { "k8s.cluster.name": "east", "k8s.pod.name": "ztunnel-abcde" };
    const at = (text: string): string => text.replace(/2026-11-22T[\d:.]+Z/, "2026-11-22T10:00:03.000Z");
    const outbound = at(ZTUNNEL_LINES[0] ?? "");
    const inbound = outbound.replace('direction="outbound"', 'direction="inbound"');
    const waypoint = (service: string): IstioFields => ({
      upstream_cluster: `inbound-vip|80|http|${service}.shop.svc.cluster.local`,
    });
    const proxied = outbound.replaceAll("details", "probe").replaceAll("bookinfo", "shop");
    await store(
      "ambient",
      [
        { pod: node, line: outbound },
        { pod: node, line: inbound },
        { pod: node, line: proxied },
        line({ "k8s.cluster.name": "east", "k8s.namespace.name": "shop" }, 3000, {
          ...waypoint("probe"),
          request_id: "p1",
        }),
        line({ "k8s.cluster.name": "east", "k8s.namespace.name": "shop" }, 3000, {
          ...waypoint("cart"),
          request_id: "p2",
        }),
        line(pod("cart", "v1"), 3001, { ...INBOUND, request_id: "p2" }),
      ],
      "ambient",
    );
    // What is known of a pod otherwise names its service and version.
    await db.storage.insertRows("entities", [
      {
        Tenant: "ambient",
        Cluster: "east",
        Namespace: "bookinfo",
        Service: "productpage",
        Version: "v1",
        Instance: "productpage-v1-57ffb6658c-vmb6z",
        LastSeen: "2026-11-22T09:00:00Z",
      },
    ]);
    expect(await edges("ambient")).toEqual([
      "0s unknown: → cart v1@east/cart-v1 http access-log | - | 1 calls 0 failed 0 degraded 0 cancelled 25 ms | bytes back 135",
      "0s unknown: → probe@east http waypoint | - | 1 calls 0 failed 0 degraded 0 cancelled 25 ms | bytes back 135",
      "0s productpage v1@east/productpage-v1-57ffb6658c-vmb6z → details@east/details-v1-6cd6d9df6b-mddv2 tcp ztunnel | 1 calls 0 failed 0 degraded 0 cancelled 2 ms | 1 calls 0 failed 0 degraded 0 cancelled 2 ms | bytes out 283, bytes back 358, secured 1",
    ]);
  });

  it("come with histograms that add up", async () => {
    const row = (await stage("pairs")).find(({ src, bucket }) => src.startsWith("frontend") && bucket === 0);
    expect(row?.CallerHist).toHaveLength(96);
    expect(histogramCount(row?.CallerHist ?? [])).toBe(2);
    expect(histogramCount(row?.CalleeHist ?? [])).toBe(3);
    expect([30, 50].map((ms) => row?.CallerHist[bucketOf(ms * 1e6)])).toEqual([1, 1]);
  });

  it("belong to one tenant, and a chunk stored again changes nothing", async () => {
    const lines = [line(pod("frontend", "v1"), 0, { ...to("cart"), request_id: "x" })];
    await store("one", lines, "same");
    await store("one", lines, "same");
    expect(await edges("one")).toHaveLength(1);
    expect(await edges("nobody")).toEqual([]);
    const arrivals = await db.storage.client.query({
      query:
        "SELECT Tenant, toUInt32(sum(RowCount)) AS n FROM arrivals WHERE Signal = 'access_logs' AND Tenant = 'one' GROUP BY Tenant",
      format: "JSONEachRow",
    });
    expect(await arrivals.json()).toEqual([{ Tenant: "one", n: 1 }]);
  });
});
