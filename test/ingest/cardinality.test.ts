// Limits on names: what is known stays, what is too much is told under one name and counted, nothing grows without bound.
import { afterEach, describe, expect, it } from "vitest";
import { Cardinality } from "../../ingest/cardinality.ts";
import { CARDINALITY_LIMITS, type CardinalityLimits } from "../../ingest/cardinality-limits.ts";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { ResourceMemory } from "../../ingest/otlp/resource-memory.ts";
import { TraceBlock } from "../../ingest/otlp/traces.ts";
import { setLogSink } from "../../model/events.ts";
import { OVERFLOW_NAME } from "../../model/names.ts";
import { rowsOf, SAMPLES_AT_MS } from "../fixtures/otlp-blocks.ts";
import { encodeOtlp } from "../fixtures/otlp-oracle.ts";

const HOUR_MS = 3_600_000;
const PARTS = { cluster: "east", namespace: "shop", service: "cart", version: "v1", instance: "cart-1", node: "n1" };

interface Told {
  readonly fields: Record<string, unknown>;
  readonly text: string;
}

function make(limits: Partial<CardinalityLimits>): {
  cardinality: Cardinality;
  advance(ms: number): void;
  told: Told[];
} {
  let nowMs = 1_000_000;
  const told: Told[] = [];
  setLogSink((_level, event, text, fields) => void (event === "ingest.overflow" && told.push({ fields, text })));
  const cardinality = new Cardinality({ ...CARDINALITY_LIMITS, ...limits }, 7, () => nowMs);
  return { cardinality, advance: (ms) => void (nowMs += ms), told };
}

afterEach(() => setLogSink(() => {}));

describe("limits on names", () => {
  it.each([
    ["clusters", "cluster"],
    ["namespaces", "namespace"],
    ["services", "service"],
    ["nodes", "node"],
    ["instances", "instance"],
    ["instancesPerService", "instance"],
    ["versionsPerService", "version"],
  ] as const)("%s: what was admitted stays, the rest is %s overflow", (limit, part) => {
    const { cardinality } = make({ [limit]: 3 });
    const names = Array.from({ length: 10 }, (_, i) => `name-${i}`);
    const met = (): string[] => names.map((name) => cardinality.tenant("a").limit({ ...PARTS, [part]: name })[part]);
    const first = met();
    expect(first).toEqual([...names.slice(0, 3), ...Array<string>(7).fill(OVERFLOW_NAME)]);
    // A flood of others changes nothing for those that are known, and their order does not matter.
    names.reverse();
    expect(met().toReversed()).toEqual(first);
    expect(cardinality.tenant("b").limit({ ...PARTS, [part]: "name-9" })[part]).toBe("name-9");
  });

  it("of operations hold for each service and for all of a tenant", () => {
    const { cardinality } = make({ operationsPerService: 2, operations: 3 });
    const cart = cardinality.tenant("a").limit(PARTS).names;
    const price = cardinality.tenant("a").limit({ ...PARTS, service: "price" }).names;
    expect(["x", "y", "z", "x"].map((name) => cart.admit("operation", name))).toEqual(["x", "y", OVERFLOW_NAME, "x"]);
    expect(["x", "y"].map((name) => price.admit("operation", name))).toEqual(["x", OVERFLOW_NAME]);
  });

  it("leave no room for versions and instances of services that have none themselves", () => {
    const { cardinality } = make({ services: 1 });
    cardinality.tenant("a").limit(PARTS);
    const over = cardinality.tenant("a").limit({ ...PARTS, service: "other" });
    expect(over).toMatchObject({ service: OVERFLOW_NAME, version: "", instance: "", node: "n1" });
    expect(cardinality.tenant("a").limit({ ...PARTS, service: "third" }).names).toBe(over.names);
  });

  it("do not count what is unknown", () => {
    const { cardinality } = make({ versionsPerService: 1, clusters: 1 });
    const unknown = { ...PARTS, version: "", cluster: "" };
    expect(cardinality.tenant("a").limit(unknown)).toMatchObject({ version: "", cluster: "" });
    expect(cardinality.tenant("a").limit(PARTS)).toMatchObject({ version: "v1", cluster: "east" });
  });

  it("forget what was not seen for a window, and only that", () => {
    const { cardinality, advance } = make({ services: 2, windowHours: 24 });
    const names = (...services: string[]): string[] =>
      services.map((service) => cardinality.tenant("a").limit({ ...PARTS, service }).service);
    expect(names("old", "kept", "new")).toEqual(["old", "kept", OVERFLOW_NAME]);
    for (let hours = 0; hours < 47; hours += 1) {
      advance(HOUR_MS);
      expect(names("kept")).toEqual(["kept"]);
    }
    advance(HOUR_MS);
    expect(names("kept", "new", "old")).toEqual(["kept", "new", OVERFLOW_NAME]);
  });

  it("bound the memory of all tenants together, and give back what is forgotten", () => {
    const { cardinality, advance } = make({ namesInMemory: 20 });
    const admitted = (): number => {
      let count = 0;
      for (let tenant = 0; tenant < 10; tenant++)
        for (let i = 0; i < 10; i++)
          if (cardinality.tenant(`t${tenant}`).admit("peer", `peer-${i}`) !== OVERFLOW_NAME) count++;
      return count;
    };
    expect(admitted()).toBe(20);
    advance(25 * HOUR_MS);
    cardinality.tenant("t0");
    advance(25 * HOUR_MS);
    expect(admitted()).toBe(20);
  });

  it("hold a hundred thousand hostile names in little memory", () => {
    const { cardinality } = make({});
    for (let i = 0; i < 100_000; i++)
      cardinality.tenant("a").limit({ ...PARTS, service: `evil-${i}`, instance: `pod-${i}` });
    expect(cardinality.tenant("a").limit({ ...PARTS, service: "evil-3" }).service).toBe("evil-3");
    expect(cardinality.tenant("a").limit({ ...PARTS, service: "evil-99999" }).service).toBe(OVERFLOW_NAME);
  }, 30_000);

  it("are told once a minute for each tenant and dimension, with whose name it was", () => {
    const { cardinality, advance, told } = make({ operationsPerService: 1, peers: 1 });
    const { names } = cardinality.tenant("a").limit(PARTS);
    names.admit("operation", "GET /");
    for (let i = 0; i < 100; i++) names.admit("operation", `GET /${i}`);
    expect(told).toHaveLength(1);
    expect(told[0]?.fields).toEqual({ tenant: "a", dimension: "operation" });
    expect(told[0]?.text).toContain("operation of service cart, such as GET /0");
    cardinality.tenant("a").admit("peer", "x");
    cardinality.tenant("a").admit("peer", "y");
    expect(told).toHaveLength(2);
    advance(60_000);
    names.admit("operation", "GET /again");
    expect(told).toHaveLength(3);
  });
});

function spans(count: number, of: (i: number) => object): Uint8Array {
  const T = "1795388900000000000";
  return encodeOtlp("traces", {
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "cart" } }] },
        scopeSpans: [
          {
            spans: Array.from({ length: count }, (_, i) => ({
              traceId: Buffer.alloc(16, 1),
              spanId: Buffer.alloc(8, 1),
              kind: 2,
              startTimeUnixNano: T,
              ...of(i),
            })),
          },
        ],
      },
    ],
  });
}

function block(limits: Partial<CardinalityLimits>): TraceBlock {
  const cardinality = new Cardinality({ ...CARDINALITY_LIMITS, ...limits }, 7, () => 0);
  return new TraceBlock(DECODE_LIMITS, new ResourceMemory(42, { cardinality, aliases: new Map([["old", "new"]]) }));
}

function text(key: string, value: string): object {
  return { key, value: { stringValue: value } };
}

describe("a block of spans", () => {
  it("keeps every row, its raw name and attributes, past the limit too", () => {
    const traces = block({ operationsPerService: 5 });
    expect(
      traces.decode(
        spans(50, (i) => ({ name: `job ${"abcdefghij".charAt(i % 10)}${i}` })),
        SAMPLES_AT_MS,
        "a",
      ),
    ).toMatchObject({ ok: true, rows: 50 });
    const rows = rowsOf(traces)["spans"] ?? [];
    expect(rows.filter((row) => row["Operation"] === OVERFLOW_NAME)).toHaveLength(45);
    expect(new Set(rows.map((row) => row["Operation"])).size).toBe(6);
    expect(new Set(rows.map((row) => row["SpanName"])).size).toBe(50);
  });

  it("ends where the messages say, whatever the limits and whatever was learned", () => {
    const payload = spans(33_000, (i) => ({ name: `job x${i}y` }));
    const crowded = [1, 1_000_000].map((operationsPerService) => {
      const traces = block({ operationsPerService, operations: 1_000_000 });
      traces.decode(payload, SAMPLES_AT_MS, "a");
      return [traces.rows, traces.isCrowded, traces.bytes];
    });
    expect(crowded[0]).toEqual(crowded[1]);
    expect(crowded[0]?.[1]).toBe(true);
  }, 30_000);

  it("is the same after a payload was taken back", () => {
    const good = spans(20, (i) => ({ name: `job x${i % 7}y` }));
    const bad = spans(20, (i) => ({ name: `bad x${i}y` }));
    const [plain, disturbed] = [block({}), block({})];
    for (const traces of [plain, disturbed]) {
      traces.decode(good, SAMPLES_AT_MS, "a");
      if (traces === disturbed) traces.decode(bad.subarray(0, bad.length - 3), SAMPLES_AT_MS, "a");
      traces.decode(good, SAMPLES_AT_MS, "a");
    }
    expect(rowsOf(disturbed)).toEqual(rowsOf(plain));
  });

  it("names a proxy's path by the route that the application declared, whichever comes first in later blocks", () => {
    const traces = block({});
    const app = { name: "GET", attributes: [text("http.method", "GET"), text("http.route", "/cart/{user}")] };
    const proxy = (path: string): object => ({
      name: "ingress",
      attributes: [text("component", "proxy"), text("http.method", "GET"), text("http.url", `http://cart${path}`)],
    });
    const operations = (...all: object[]): unknown[] => {
      traces.clear();
      traces.decode(
        spans(all.length, (i) => all[i] ?? {}),
        SAMPLES_AT_MS,
        "a",
      );
      return (rowsOf(traces)["spans"] ?? []).map((row) => row["Operation"]);
    };
    expect(operations(proxy("/cart/u54"))).toEqual(["GET /cart/{id}"]);
    expect(operations(app, proxy("/cart/u54"))).toEqual(["GET /cart/{user}", "GET /cart/{user}"]);
    expect(operations(proxy("/cart/u54"), proxy("/cart/jane"), proxy("/cart/jane/items"))).toEqual([
      "GET /cart/{user}",
      "GET /cart/{user}",
      "GET /cart/jane/items",
    ]);
    // Another service has routes of its own.
    expect(
      block({}).decode(
        spans(1, () => proxy("/cart/u54")),
        SAMPLES_AT_MS,
        "a",
      ),
    ).toMatchObject({ ok: true });
  });

  it("compares a path with few routes, however many there are, and takes the most literal", () => {
    const traces = block({ operationsPerService: 10_000 });
    const served = (route: string): object => ({
      name: "GET",
      attributes: [text("http.method", "GET"), text("http.route", route)],
    });
    const seen = (path: string): object => ({
      name: "ingress",
      attributes: [text("component", "proxy"), text("http.method", "GET"), text("http.url", `http://cart${path}`)],
    });
    const routes = ["/{page}", "/shop/{item}", "/shop/{item}/{part}", "/shop/new/{part}"];
    for (let i = 0; i < 400; i++) routes.push(`/r${"x".repeat(i % 9)}q/{a}/{b}/${"y".repeat(i % 7)}z${i}w`);
    const paths = ["/about", "/shop/shoes", "/shop/shoes/laces", "/shop/new/laces", "/shop/a/b/c"];
    const flood = Array.from(
      { length: 5_000 },
      (_, i) => `/rxq/${"abcdefghij".charAt(i % 10)}/n${i}m/nothing${"k".repeat(i % 50)}`,
    );
    const all = [...routes.map(served), ...[...paths, ...flood].map(seen)];
    const payload = spans(all.length, (i) => all[i] ?? {});
    const before = process.cpuUsage();
    traces.decode(payload, SAMPLES_AT_MS, "a");
    expect(process.cpuUsage(before).user).toBeLessThan(1_500_000);
    const rows = rowsOf(traces)["spans"] ?? [];
    expect(rows.slice(routes.length, routes.length + paths.length).map((row) => row["Operation"])).toEqual([
      "GET /{page}",
      "GET /shop/{item}",
      "GET /shop/{item}/{part}",
      "GET /shop/new/{part}",
      "GET /shop/a/b/c",
    ]);
  }, 30_000);

  it("knows a callee by its alias, and by nothing when its name is junk", () => {
    const traces = block({ peers: 3 });
    const hosts = [
      "old",
      "Api.Example.com.",
      "203.0.113.9:41000",
      "203.0.113.9:41001",
      "[2001:db8::1]:443",
      "10.0.0.7:8080",
      "${HOST}",
      "<script>.example.com",
      "four.example.com",
    ];
    const payload = spans(hosts.length, (i) => ({
      kind: 3,
      name: "call",
      attributes: [text("server.address", hosts[i] ?? "")],
    }));
    traces.decode(payload, SAMPLES_AT_MS, "a");
    expect((rowsOf(traces)["spans"] ?? []).map((row) => row["Peer"])).toEqual([
      "new",
      "api.example.com",
      "203.0.113.9",
      "203.0.113.9",
      OVERFLOW_NAME,
      "",
      "unknown",
      "unknown",
      OVERFLOW_NAME,
    ]);
  });
});
