// Which caller's row a callee's row belongs to, when one request reaches the same service more than once.
// In: rows of access_logs of a single request. Out: callers with the calls that each side counts. Bounds: an embedded ClickHouse.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stageAccessLogLedger } from "../../storage/access-log-ledger.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const START = Date.UTC(2026, 10, 22, 10, 0, 0) / 1000;
const SECONDS = 60;

let db: TestStorage;
beforeAll(async () => {
  db = await startTestStorage();
});
afterAll(() => db.stop());

type Row = Record<string, string | number>;

function end(side: "Src" | "Dst", service: string, cluster: string, instance: string): Row {
  const place = { Kind: "service", Cluster: cluster, Namespace: "shop", Service: service, Instance: instance };
  return Object.fromEntries(Object.entries(place).map(([name, value]) => [side + name, value]));
}

function row(atMs: number, ms: number, more: Row): Row {
  const time = new Date(START * 1000 + atMs).toISOString();
  return { Timestamp: time, Tenant: "default", Protocol: "http", Duration: ms * 1e6, RequestId: "r", ...more };
}

/** The caller's row; `pod` is the callee that it names, '' none; Envoy counts `attempts`, -1 where it is not asked to. */
function calls(caller: string, atMs: number, ms: number, attempts: number, pod = ""): Row {
  const sides = { ...end("Src", caller, "west", `${caller}-0`), ...end("Dst", "cart", "west", pod) };
  return row(atMs, ms, { ...sides, Reporter: "source", Direction: "outbound", Attempts: attempts });
}

/** The callee's row; `caller` '' where its caller has no proxy, or lines do not say. */
function takes(caller: string, atMs: number, ms: number, { cluster = "west", pod = "cart-0" } = {}): Row {
  const from = caller === "" ? {} : end("Src", caller, "west", `${caller}-0`);
  const sides = { ...from, ...end("Dst", "cart", cluster, pod) };
  return row(atMs, ms, { ...sides, Reporter: "destination", Direction: "inbound", Attempts: -1 });
}

/** `caller > callee: calls of the caller / of the callee / ms of the callee's`, staged in the pieces that `cuts` give. */
async function matched(rows: readonly Row[], cuts: readonly number[] = [0, SECONDS]): Promise<string[]> {
  const { client } = db.storage;
  for (const table of ["access_logs", "edge_buckets_staging"]) {
    await client.command({ query: `TRUNCATE TABLE ${table}` });
  }
  await db.storage.insertRows("access_logs", rows);
  for (const [i, to] of cuts.slice(1).entries()) {
    await stageAccessLogLedger(db.storage, START + (cuts[i] ?? 0), START + to);
  }
  const query = `SELECT concat(if(SrcService = '', 'unknown', SrcService), ' > ', DstCluster, ' cart: ', toString(sum(CallerCalls)),
      ' / ', toString(sum(CalleeCalls)), ' / ', toString(intDiv(sum(CalleeNs), 1000000)), ' ms') AS line
    FROM edge_buckets_staging GROUP BY SrcService, DstCluster ORDER BY line`;
  const result = await client.query({ query, format: "JSONEachRow" });
  return (await result.json<{ line: string }>()).map(({ line }) => line);
}

describe("one request, several calls of one service", { timeout: 120_000 }, () => {
  it("a row that names nobody is not of the caller that another row names, before it, after it, in another cluster", async () => {
    const named = [calls("checkout", 1000, 8, 1), takes("checkout", 1001, 7)];
    const expected = ["checkout > west cart: 1 / 1 / 7 ms", "unknown > west cart: 0 / 1 / 5 ms"];
    expect(await matched([...named, takes("", 900, 5)])).toEqual(expected);
    expect(await matched([...named, takes("", 1014, 5)])).toEqual(expected);
    expect(await matched([...named, takes("", 700, 5, { cluster: "edge", pod: "cart-9" })])).toEqual([
      "checkout > west cart: 1 / 1 / 7 ms",
      "unknown > edge cart: 0 / 1 / 5 ms",
    ]);
  });

  it("a call of itself that never arrives does not answer with the request it was made for", async () => {
    const asked = takes("", 1000, 30);
    expect(await matched([asked, calls("cart", 1005, 8, 1)])).toEqual([
      "cart > west cart: 1 / 0 / 0 ms",
      "unknown > west cart: 0 / 1 / 30 ms",
    ]);
    // A clock that is behind does not part a call from its answer.
    expect(await matched([takes("", 1000, 5), calls("cart", 1005, 8, 1)])).toEqual(["cart > west cart: 1 / 1 / 5 ms"]);
  });

  it("where no row names anybody, no more of them have a caller than attempts were made: those that fit it best", async () => {
    const once = calls("checkout", 1000, 30, 1);
    const expected = ["checkout > west cart: 1 / 1 / 20 ms", "unknown > west cart: 0 / 1 / 5 ms"];
    expect(await matched([once, takes("", 995, 5), takes("", 1002, 20)])).toEqual(expected);
    // Both within the call: what the callee itself went on to call comes later.
    expect(await matched([once, takes("", 1002, 20), takes("", 1010, 5)])).toEqual(expected);
    // Begun within the call, but longer than it.
    const expectedShort = ["checkout > west cart: 1 / 1 / 10 ms", "unknown > west cart: 0 / 1 / 90 ms"];
    expect(await matched([once, takes("", 1001, 90), takes("", 1015, 10)])).toEqual(expectedShort);
    // The caller names the pod that answered.
    const toPod = calls("checkout", 1000, 30, 1, "cart-1");
    const two = [takes("", 1002, 20, { pod: "cart-0" }), takes("", 1010, 5, { pod: "cart-1" })];
    expect(await matched([toPod, ...two])).toEqual([
      "checkout > west cart: 1 / 1 / 5 ms",
      "unknown > west cart: 0 / 1 / 20 ms",
    ]);
  });

  it("attempts that were made, parallel calls, and callers that do not count attempts keep all of their rows", async () => {
    const two = [takes("", 1002, 5), takes("", 1010, 6)];
    const all = ["checkout > west cart: 1 / 2 / 11 ms"];
    expect(await matched([calls("checkout", 1000, 30, 2), ...two])).toEqual(all);
    expect(await matched([calls("checkout", 1000, 30, -1), ...two])).toEqual(all);
    const fanOut = Array.from({ length: 8 }, (_, i) => [
      calls("checkout", 1000 + i / 10, 30, 1),
      takes("", 1003 + i, 5),
    ]);
    expect(await matched(fanOut.flat())).toEqual(["checkout > west cart: 8 / 8 / 40 ms"]);
  });

  it("an attempt that no instance took, as its flag says, has no row of the callee that names nobody", async () => {
    const unknown = "unknown > west cart: 0 / 1 / 5 ms";
    const open = (attempts: number): Row => ({ ...calls("checkout", 1000, 2, attempts), ResponseFlags: "UO" });
    for (const attempts of [1, -1]) {
      expect(await matched([open(attempts), takes("", 1001, 5)])).toEqual([
        "checkout > west cart: 1 / 0 / 0 ms",
        unknown,
      ]);
      expect(
        await matched([open(attempts), takes("", 1001, 5), calls("web", 1020, 9, 1), takes("web", 1021, 7)]),
      ).toEqual(["checkout > west cart: 1 / 0 / 0 ms", unknown, "web > west cart: 1 / 1 / 7 ms"]);
    }
    // The first attempt was answered, the second never was.
    const retried = { ...calls("checkout", 1000, 20, 2), ResponseFlags: "UO,URX" };
    expect(await matched([retried, takes("", 1001, 5)])).toEqual(["checkout > west cart: 1 / 1 / 5 ms"]);
    expect(await matched([retried, takes("", 1001, 5), takes("", 1010, 5)])).toEqual([
      "checkout > west cart: 1 / 1 / 5 ms",
      unknown,
    ]);
  });

  it("wherever the range is cut", async () => {
    const rows = [
      calls("checkout", 9_998, 30, 1),
      takes("", 10_001, 20),
      takes("", 9_990, 5),
      calls("web", 19_999, 8, 1),
      takes("web", 20_001, 7),
      takes("", 19_995, 6),
    ];
    const whole = await matched(rows);
    expect(whole).toEqual([
      "checkout > west cart: 1 / 1 / 20 ms",
      "unknown > west cart: 0 / 2 / 11 ms",
      "web > west cart: 1 / 1 / 7 ms",
    ]);
    expect(await matched(rows, [0, 10, 20, SECONDS])).toEqual(whole);
  });
});
