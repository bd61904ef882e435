// Every SQL of the dashboard on the real ClickHouse, macros expanded as the plugin does, with All and with chosen services.
// Seeded: frontend → catalog → database and queue → worker, an unknown caller, a service that nobody calls, one open incident.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDashboard } from "../../dashboards/grafana/dashboard.ts";
import {
  CLUSTER_VALUES,
  NAMESPACE_VALUES,
  quantileMsSql,
  SERVICE_VALUES,
  TENANT_VALUES,
} from "../../dashboards/grafana/sql.ts";
import { bucketOf, HISTOGRAM_BUCKETS, quantileMs } from "../../model/histogram.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { expandMacros, type GrafanaContext } from "./macros.ts";
import { seedDashboard, SEED } from "./seed.ts";

type Row = Record<string, unknown>;

const ALL = "$__all";
const RANGE = { fromSeconds: SEED.fromSeconds, toSeconds: SEED.toSeconds, stepSeconds: 15 };
const BASE: GrafanaContext = {
  ...RANGE,
  variables: { tenant: "default", cluster: [ALL], namespace: [ALL], service: [ALL] },
  allValues: { service: SEED.services, cluster: ["east"], namespace: ["shop"] },
};
const SELECTIONS: readonly (readonly [string, GrafanaContext])[] = [
  ["All", BASE],
  ["several services", { ...BASE, variables: { ...BASE.variables, service: ["frontend", "catalog"] } }],
  ["a name with a quote", { ...BASE, variables: { ...BASE.variables, service: ["o'brien"] } }],
];

/** Title and refId → the columns that Grafana gets, in order. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  "Open incidents A": ["Id", "Title", "StartedAt", "DetectedAt", "Cause", "Confidence"],
  "Analysis lag A": ["LagSeconds"],
  "Service graph nodes": [
    "id",
    "title",
    "subtitle",
    "mainstat",
    "secondarystat",
    "arc__ok",
    "arc__failed",
    "arc__unknown",
    "detail__kind",
  ],
  "Service graph edges": ["id", "source", "target", "mainstat", "secondarystat", "thickness", "color"],
  "Request rate A": ["time", "Service", "RequestsPerSecond"],
  "Error ratio A": ["time", "Service", "ErrorRatio"],
  "Latency, 99th percentile A": ["time", "Service", "LatencyP99Ms"],
  "Services A": ["Cluster", "Namespace", "Service", "RequestsPerSecond", "ErrorRatio", "LatencyP50Ms", "LatencyP99Ms"],
  "Edges A": [
    "Caller",
    "Callee",
    "Protocol",
    "CallerRequestsPerSecond",
    "CalleeRequestsPerSecond",
    "CallerErrorRatio",
    "CalleeErrorRatio",
    "CallerLatencyP99Ms",
    "CalleeLatencyP99Ms",
  ],
  "Ingest rate A": ["time", "Signal", "RowsPerSecond"],
  "Ingest delay, 95th percentile A": ["time", "DelayP95Seconds"],
  "Dead letters A": ["Source", "Reason", "Letters", "LastAt", "LastOrigin", "LastDetail"],
};

const targets = buildDashboard().panels.flatMap(({ title, targets: queries }) =>
  queries.map(({ refId, rawSql }) => [`${title} ${refId}`, rawSql] as const),
);

describe("panels on ClickHouse", { timeout: 30_000 }, () => {
  let database: TestStorage;

  beforeAll(async () => {
    database = await startTestStorage();
    await seedDashboard(database.storage);
  }, 120_000);
  afterAll(async () => {
    await database?.stop();
  });

  async function run(sql: string): Promise<{ columns: string[]; rows: Row[] }> {
    const result = await database.storage.client.query({ query: sql, format: "JSON" });
    const { meta, data } = await result.json<Row>();
    return { columns: (meta ?? []).map(({ name }) => name), rows: data };
  }

  async function panel(name: string, context: GrafanaContext): Promise<Row[]> {
    const sql = targets.find(([title]) => title === name)?.[1] ?? "";
    return (await run(expandMacros(sql, context))).rows;
  }

  it("covers every query of every panel", () => {
    expect(targets.map(([name]) => name).toSorted()).toEqual(Object.keys(COLUMNS).toSorted());
  });

  describe.each(SELECTIONS)("with %s", (_, context) => {
    it.each(targets)("%s runs and has its columns", async (name, sql) => {
      const expanded = expandMacros(sql, context);
      expect(expanded).not.toMatch(/\$_?_?\w|\$\{/);
      const { columns } = await run(expanded);
      expect(columns).toEqual(COLUMNS[name]);
    });

    it("the graph has unique ids, every end of an edge among its nodes, and arcs that add up to 1", async () => {
      const nodes = await panel("Service graph nodes", context);
      const edges = await panel("Service graph edges", context);
      const ids = nodes.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(new Set(edges.map(({ id }) => id)).size).toBe(edges.length);
      expect(edges.flatMap(({ source, target }) => [source, target]).filter((id) => !ids.includes(id))).toEqual([]);
      expect(ids.every((id) => typeof id === "string")).toBe(true);
      for (const node of nodes) {
        expect(Number(node["arc__ok"]) + Number(node["arc__failed"]) + Number(node["arc__unknown"])).toBeCloseTo(1);
      }
    });
  });

  it("draws virtual nodes, unknown callers and services that nobody calls", async () => {
    const nodes = await panel("Service graph nodes", BASE);
    expect(nodes.map(({ id, mainstat }) => [id, mainstat])).toEqual([
      ["database/east//products", 5],
      ["messaging/east//orders", 5],
      ["service/east/shop/catalog", 10],
      ["service/east/shop/cron", null],
      ["service/east/shop/frontend", 10],
      ["service/east/shop/worker", 5],
      ["unknown///", null],
    ]);
    const edges = await panel("Service graph edges", BASE);
    expect(edges).toHaveLength(5);
    expect(edges.filter(({ color }) => color === "red").map(({ target }) => target)).toEqual([
      "service/east/shop/catalog",
    ]);
  });

  it("narrows to the chosen services and their neighbours", async () => {
    const chosen: GrafanaContext = { ...BASE, variables: { ...BASE.variables, service: ["catalog"] } };
    expect((await panel("Services A", chosen)).map(({ Service }) => Service)).toEqual(["catalog"]);
    const edges = await panel("Edges A", chosen);
    expect(edges.map(({ Caller, Callee }) => `${String(Caller)} > ${String(Callee)}`).toSorted()).toEqual([
      "catalog > orders",
      "catalog > products",
      "frontend > catalog",
    ]);
  });

  it("shows only the tenant's data", async () => {
    const other: GrafanaContext = { ...BASE, variables: { ...BASE.variables, tenant: "other" } };
    for (const [name] of targets.filter(([title]) => title !== "Analysis lag A")) {
      expect(await panel(name, other)).toEqual([]);
    }
  });

  it("computes rate, errors and duration from the buckets", async () => {
    const [catalog] = (await panel("Services A", BASE)).filter(({ Service }) => Service === "catalog");
    expect(catalog).toMatchObject({ RequestsPerSecond: 10, ErrorRatio: 0.2 });
    // All of the seeded requests took 40 ms.
    expect(catalog?.["LatencyP99Ms"]).toBeGreaterThan(40 / 1.144);
    expect(catalog?.["LatencyP99Ms"]).toBeLessThan(40 * 1.144);
    const rates = await panel("Request rate A", BASE);
    // A step of 15 s is widened to whole buckets, so the rate is even.
    expect(
      new Set(rates.filter(({ Service }) => Service === "catalog").map((row) => row["RequestsPerSecond"])),
    ).toEqual(new Set([10]));
    const [edge] = (await panel("Edges A", BASE)).filter(({ Caller }) => Caller === "frontend");
    expect(edge).toMatchObject({ CallerRequestsPerSecond: 12, CalleeRequestsPerSecond: 10, CallerErrorRatio: 0.25 });
  });

  it("lists the open incident with its cause, and leaves out the resolved one", async () => {
    expect(await panel("Open incidents A", BASE)).toMatchObject([
      { Id: "open-1", Title: "catalog fails", Cause: "catalog v2 answers with 500", Confidence: 0.8 },
    ]);
  });

  it("shows how the ingest does", async () => {
    const rates = await panel("Ingest rate A", BASE);
    expect(new Set(rates.map(({ Signal }) => Signal))).toEqual(new Set(["spans", "logs", "metrics"]));
    expect(await panel("Analysis lag A", BASE)).toEqual([{ LagSeconds: 30 }]);
    const delays = (await panel("Ingest delay, 95th percentile A", BASE)).map((row) => Number(row["DelayP95Seconds"]));
    expect(delays.every((delay) => delay > 1.9 && delay < 2.1)).toBe(true);
    expect(await panel("Dead letters A", BASE)).toMatchObject([
      { Source: "kafka", Reason: "malformed", Letters: 2, LastOrigin: "otlp_spans/0/9" },
    ]);
  });

  it.each([
    ["tenant", TENANT_VALUES, ["default"]],
    ["cluster", CLUSTER_VALUES, ["east"]],
    ["namespace", NAMESPACE_VALUES, ["shop"]],
    ["service", SERVICE_VALUES, ["catalog", "frontend"]],
  ])("variable %s lists its values", async (_, sql, wanted) => {
    const { rows } = await run(expandMacros(sql, BASE));
    expect(rows.flatMap((row) => Object.values(row))).toEqual(wanted);
  });

  it.each([0.5, 0.95, 0.99])("the %d quantile in SQL is that of model/histogram.ts", async (q) => {
    const samples = [[], [3], [0, 0, 10], [5, 1, 0, 7, 2]].map((counts) => [...counts]);
    const spread = Array.from({ length: HISTOGRAM_BUCKETS }, () => 0);
    for (const ms of [0.1, 1, 7, 7, 7, 30, 400, 90_000]) spread[bucketOf(ms * 1e6)]! += 1;
    for (const counts of [...samples, spread]) {
      const { rows } = await run(
        `SELECT ${quantileMsSql(`CAST(${JSON.stringify(counts)}, 'Array(UInt64)')`, q)} AS value`,
      );
      const wanted = quantileMs(counts, q);
      expect(rows[0]?.["value"] === null).toBe(wanted === null);
      expect(Number(rows[0]?.["value"] ?? 0)).toBeCloseTo(wanted ?? 0, 6);
    }
  });
});

describe("macro expander", () => {
  it("expands conditionals, lists and nested calls, and leaves what it does not know", () => {
    const context = { ...BASE, variables: { ...BASE.variables, service: ["a", "b'c"] } };
    const sql = "$__conditionalAll(S IN (${service:singlequote}), $service) AND $__timeFilter(f(x)) AND $__unknown(y)";
    expect(expandMacros(sql, context)).toBe(
      `S IN ('a','b\\'c') AND f(x) >= toDateTime(${RANGE.fromSeconds}) AND f(x) <= toDateTime(${RANGE.toSeconds}) AND $__unknown(y)`,
    );
    expect(expandMacros("$__conditionalAll(S IN (${service:singlequote}), $service)", BASE)).toBe("1=1");
  });
});
