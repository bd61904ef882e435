// Who called which operation, from raw spans in a real ClickHouse.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GraphRequest } from "../../storage/graph-reads.ts";
import {
  OPERATION_CALLS_MAX_SECONDS,
  type OperationCallRow,
  readOperationCalls,
} from "../../storage/operation-calls.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const T0 = Date.parse("2026-01-31T14:00:00Z") / 1000;
const REQUEST: GraphRequest = {
  tenant: "default",
  range: { fromSeconds: T0, toSeconds: T0 + 60 },
  detail: "SERVICE",
  limit: 100,
  histograms: true,
  knownAtMs: null,
  mergeClusters: false,
};

interface SpanSeed {
  readonly key: number;
  readonly parent?: number;
  readonly kind: "Server" | "Client" | "Producer" | "Consumer";
  readonly service: string;
  readonly operation?: string;
  readonly at?: number;
  readonly proxy?: 0 | 1;
  readonly more?: Record<string, unknown>;
}

function stored(at: number): string {
  return new Date((T0 + at) * 1000).toISOString().replace("T", " ").replace("Z", "");
}

function spanRow({ key, parent = 0, kind, service, operation = "", at = 10, proxy = 0, more }: SpanSeed) {
  return {
    Timestamp: stored(at),
    SpanKey: key,
    ParentKey: parent,
    LinkKeys: [],
    Kind: kind,
    Proxy: proxy,
    Outcome: "ok",
    ResponseCode: 200,
    Duration: 5_000_000,
    Tenant: "default",
    Cluster: "east",
    Namespace: "shop",
    Service: service,
    Operation: operation,
    Protocol: "http",
    IngestedAt: stored(100),
    ...more,
  };
}

let database: TestStorage;
beforeAll(async () => {
  database = await startTestStorage();
  await database.storage.insertRows(
    "span_edges",
    [
      // A root, and its call of cart with a retry that failed.
      { key: 1, kind: "Server", service: "web", operation: "GET /" },
      { key: 2, parent: 1, kind: "Client", service: "web" },
      { key: 3, parent: 2, kind: "Server", service: "cart", operation: "POST /cart", more: { Outcome: "failed" } },
      { key: 4, parent: 2, kind: "Server", service: "cart", operation: "POST /cart" },
      // Through the callee's proxy: the application knows the route.
      { key: 5, parent: 1, kind: "Client", service: "web" },
      { key: 6, parent: 5, kind: "Server", service: "pay", operation: "pay.shop:80/*", proxy: 1 },
      { key: 7, parent: 6, kind: "Server", service: "pay", operation: "POST /pay/{id}" },
      // The caller's span was lost: nobody knows who it was.
      { key: 8, parent: 999, kind: "Server", service: "cart", operation: "GET /cart" },
      // A message.
      { key: 9, parent: 1, kind: "Producer", service: "web" },
      {
        key: 10,
        parent: 9,
        kind: "Consumer",
        service: "billing",
        operation: "orders process",
        more: { Peer: "orders" },
      },
      // After the range, another tenant, and known only later.
      { key: 11, parent: 2, kind: "Server", service: "cart", operation: "late", at: 60 },
      { key: 12, kind: "Server", service: "theirs", operation: "GET /", more: { Tenant: "somebody-else" } },
      { key: 13, kind: "Server", service: "web", operation: "GET /slow", more: { IngestedAt: stored(500) } },
    ].map((span) => spanRow(span as SpanSeed)),
  );
}, 180_000);
afterAll(() => database?.stop());

async function read(more: Partial<GraphRequest>): Promise<OperationCallRow[]> {
  const rows = await readOperationCalls(database.storage, { ...REQUEST, ...more }, 100);
  if (rows === null) throw new Error("too much to read");
  return rows;
}

describe("readOperationCalls", () => {
  it("pairs calls with the operation that answered", async () => {
    const rows = await read({});
    const lines = rows.map(
      (row) =>
        `${row.FromKind} ${row.FromService} > ${row.AtService} ${row.AtOperation}: ${row.Calls} calls, ${row.Failures} failed`,
    );
    expect(lines.toSorted()).toEqual([
      "messaging orders > billing orders process: 1 calls, 0 failed",
      "service web > cart POST /cart: 2 calls, 1 failed",
      "service web > pay POST /pay/{id}: 1 calls, 0 failed",
      "unknown  > web GET /: 1 calls, 0 failed",
      "unknown  > web GET /slow: 1 calls, 0 failed",
    ]);
    const cart = rows.find((row) => row.AtService === "cart");
    expect(cart).toMatchObject({ Ns: 10_000_000, FromCluster: "east", FromNamespace: "shop", CallProtocol: "http" });
    expect(cart?.Histogram.reduce((sum, count) => sum + count, 0)).toBe(2);
  });

  it("leaves out what was stored later, as known at a time", async () => {
    const rows = await read({ knownAtMs: (T0 + 200) * 1000 });
    expect(rows.map((row) => row.AtOperation)).not.toContain("GET /slow");
    expect(rows).toHaveLength(4);
  });

  it("reads nothing over more than an hour or too many spans, and no more rows than asked for", async () => {
    const range = { fromSeconds: T0, toSeconds: T0 + OPERATION_CALLS_MAX_SECONDS + 10 };
    expect(await readOperationCalls(database.storage, { ...REQUEST, range }, 100)).toBeNull();
    expect(await readOperationCalls(database.storage, REQUEST, 100, 5)).toBeNull();
    expect(await readOperationCalls(database.storage, REQUEST, 2)).toHaveLength(2);
  });

  it("throws what is not about too much", async () => {
    await expect(readOperationCalls(database.storage, REQUEST, Number.NaN)).rejects.toThrow(/limit/i);
  });

  it("merges clusters on request", async () => {
    const rows = await read({ mergeClusters: true });
    expect(new Set(rows.flatMap((row) => [row.FromCluster, row.AtCluster]))).toEqual(new Set([""]));
  });
});
