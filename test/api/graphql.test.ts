// The promised queries over real rows, executed by graphql-js and compiled by graphql-jit.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_DEFAULTS } from "../../api/options.ts";
import { makeEntity } from "../../model/entity.ts";
import type { LocalizeRequest } from "../../model/localization.ts";
import { writeChanges } from "../../storage/changes.ts";
import { writeIncidents } from "../../storage/incidents.ts";
import { readLocalizations, writeLocalizations } from "../../storage/localizations.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { makeIncident, makeLocalization } from "./findings.ts";
import { seedEdges, seedEntities, seedOperations, seedProgress, TENANT } from "./seed.ts";
import { type Answer, codes, type Json, startTestApi, type TestApi } from "./server-fixture.ts";

const T0 = Date.parse("2026-01-31T14:00:00Z") / 1000;
const at = (seconds: number) => new Date((T0 + seconds) * 1000).toISOString();
const RANGE = { from: at(0), to: at(60) };
const BUCKETS = [0, 10, 20, 30, 40, 50].map((offset) => T0 + offset);

const GRAPH = `query Graph($range: TimeRangeInput!, $level: GraphLevel! = SERVICE, $filter: GraphFilter) {
  serviceGraph(range: $range, level: $level, filter: $filter) {
    range { from to } coveredSeconds truncated partial
    nodes { entity { id kind name cluster namespace service version instance operation runtime isolation }
      requestsPerSecond errorRatio latencyP50Ms latencyP99Ms health }
    edges { id source target protocol evidence confidence requestsPerSecond errorRatio latencyP50Ms latencyP99Ms health }
  }
}`;
const INCIDENT = `fragment Place on Entity { id kind cluster namespace service version peer { id kind service } runtime isolation }
query Incident($id: ID!) { incident(id: $id) {
  id status title startedAt detectedAt resolvedAt
  symptoms { entity { ...Place } indicator observed expected unit since }
  impact { entity { ...Place } affectedRatio }
  localization { id verdict reason onset range { from to } baseline { from to }
    causes { rank confidence faultKind summary codeRegion entity { ...Place } blamePath { ...Place }
      evidence { source summary weight traceIds } change { id at kind summary before after entity { id } }
      remedy { summary patch } }
    rejected { reason entity { id } evidence { source } } } } }`;

let database: TestStorage;

async function seed(): Promise<void> {
  const { storage } = database;
  for (const bucket of BUCKETS) {
    await seedEdges(storage, bucket, [
      { from: "", to: "east/shop/web/v1/web-1", callee: { calls: 100, failed: 10, ms: 40 } },
      {
        from: "east/shop/web/v1/web-1",
        to: "east/shop/cart/v1/cart-1",
        caller: { calls: 60, ms: 30 },
        callee: { calls: 60, ms: 20 },
      },
      {
        from: "east/shop/web/v1/web-1",
        to: "east/shop/cart/v2/cart-2",
        caller: { calls: 40, failed: 20, ms: 300 },
        callee: { calls: 20, ms: 250 },
      },
      {
        from: "east/shop/cart/v1/cart-1",
        to: "east/shop/cart-db",
        toKind: "database",
        protocol: "postgresql",
        evidence: "inferred",
        caller: { calls: 80, degraded: 8, ms: 2 },
      },
      { from: "east/shop/web/v1/web-1", to: "west/pay/pay/v1/pay-1", protocol: "grpc", callee: { calls: 5, ms: 1 } },
      { from: "east/secret/other", to: "east/secret/tenant", callee: { calls: 9 }, tenant: "somebody-else" },
    ]);
    await seedOperations(storage, bucket, [
      { at: "east/shop/web/v1/web-1", operation: "GET /", requests: 100, failed: 10, ms: 40 },
      { at: "east/shop/cart/v1/cart-1", operation: "GET /cart", requests: 60, ms: 20 },
      { at: "east/shop/cart/v2/cart-2", operation: "GET /cart", requests: 15, ms: 250 },
      { at: "east/shop/cart/v2/cart-2", operation: "POST /cart", requests: 5, ms: 250 },
      { at: "west/pay/pay/v1/pay-1", operation: "pay.Pay/Charge", requests: 5, ms: 1 },
    ]);
  }
  await seedEntities(storage, T0 + 60, [
    { at: "east/shop/web/v1/web-1" },
    { at: "east/shop/cart/v1/cart-1", runtime: "RUNC" },
    { at: "east/shop/cart/v2/cart-2", runtime: "KATA", isolation: "KATA" },
    { at: "west/pay/pay/v1/pay-1", runtime: "FAAS", isolation: "GVISOR" },
    { at: "west/pay/lonely/v1/lonely-1", runtime: "VM" },
  ]);
  await seedEntities(storage, T0 - 3 * 24 * 3600, [{ at: "east/shop/forgotten/v1/x" }]);
  await seedProgress(storage, BUCKETS, 300, 300);
  // Later: one bucket that waits for analysis, one that grew after it, one in order.
  await seedProgress(storage, [T0 + 100], 10, null);
  await seedProgress(storage, [T0 + 110], 10, 4);
  await seedProgress(storage, [T0 + 120], 10, 10);

  await writeIncidents(storage, TENANT, [
    makeIncident({ id: "open-1", startedAt: at(30), detectedAt: at(50) }),
    makeIncident({ id: "old-1", status: "RESOLVED", startedAt: at(-600), resolvedAt: at(-300), localizationId: null }),
    makeIncident({ id: "old-2", status: "RESOLVED", startedAt: at(-600), resolvedAt: at(-200), symptoms: [] }),
    makeIncident({ id: "gone-1", status: "WITHDRAWN", startedAt: at(10) }),
  ]);
  // A second revision replaces the first.
  await writeIncidents(storage, TENANT, [
    makeIncident({ id: "open-1", startedAt: at(30), title: "newest title", revision: "1769868220000000001" }),
  ]);
  await writeIncidents(storage, "somebody-else", [makeIncident({ id: "theirs-1", startedAt: at(30) })]);
  await writeLocalizations(storage, TENANT, "1", [makeLocalization()]);
  await writeChanges(
    storage,
    TENANT,
    "k8s",
    [1, 2, 3, 4, 5].map((n) => ({
      id: `change-${n}`,
      // Two at the same instant: the page must go on within it.
      at: at(n === 3 ? 20 : n * 10),
      kind: "rollout",
      entity: makeEntity("SERVICE", { cluster: "east", service: "cart" }),
      summary: `cart rollout ${n}`,
      before: n === 1 ? null : `v${n - 1}`,
      after: `v${n}`,
    })),
  );
}

beforeAll(async () => {
  database = await startTestStorage();
  await seed();
}, 180_000);
afterAll(() => database?.stop());

describe.each([
  ["graphql-js", false],
  ["graphql-jit", true],
])("%s", (_name, jit) => {
  let api: TestApi;
  const asked: LocalizeRequest[] = [];
  beforeAll(async () => {
    api = await startTestApi(database.storage, {
      options: { jit },
      localize: async (request) => {
        asked.push(request);
        const answer = makeLocalization({ id: "on-demand-1", range: request.range });
        await writeLocalizations(database.storage, request.tenant, "2", [answer]);
        return answer;
      },
    });
  });
  afterAll(() => api?.stop());

  // The second time is the compiled one, the third shows that it can be used again.
  async function thrice(query: string, variables: Record<string, unknown>): Promise<Answer> {
    const first = await api.ask(query, variables);
    const second = await api.ask(query, variables);
    const third = await api.ask(query, variables);
    expect({ data: second.data, codes: codes(second) }).toEqual({ data: first.data, codes: codes(first) });
    expect({ data: third.data, codes: codes(third) }).toEqual({ data: first.data, codes: codes(first) });
    return second;
  }

  it("draws the service graph with rates, failures, latencies and health", async () => {
    const { data, errors } = await thrice(GRAPH, { range: RANGE });
    expect(errors).toBeUndefined();
    const graph = data.serviceGraph;
    expect(graph).toMatchObject({ range: RANGE, coveredSeconds: 60, truncated: false, partial: false });
    const node = (service: string) => graph.nodes.find((one: Json) => one.entity.service === service);
    expect(graph.nodes.map((one: Json) => one.entity.id).toSorted()).toEqual([
      "database:east/shop/cart-db",
      "service:east/shop/cart",
      "service:east/shop/web",
      "service:west/pay/lonely",
      "service:west/pay/pay",
      "unknown://clients",
    ]);
    expect(node("web")).toMatchObject({ requestsPerSecond: 10, errorRatio: 0.1, health: "FAILING" });
    expect(node("web").entity).toMatchObject({ runtime: "RUNC", isolation: null, version: null, name: "web" });
    expect(node("cart")).toMatchObject({ requestsPerSecond: 8, errorRatio: 0, health: "HEALTHY" });
    expect(node("cart").entity.runtime).toBe("UNKNOWN");
    expect(node("pay").entity).toMatchObject({ runtime: "FAAS", isolation: "GVISOR" });
    expect(node("lonely")).toMatchObject({ requestsPerSecond: 0, errorRatio: null, health: "IDLE" });
    expect(node("clients")).toMatchObject({ requestsPerSecond: null, latencyP99Ms: null, health: "UNKNOWN" });
    expect(node("cart-db")).toMatchObject({ health: "DEGRADED" });
    expect(node("cart-db").requestsPerSecond).toBeCloseTo(8);

    const cart = graph.edges.find((one: Json) => one.target === node("cart").entity.id);
    expect(cart).toMatchObject({ requestsPerSecond: 8, errorRatio: 0.2, protocol: "http", evidence: ["span-pair"] });
    // 60 of 80 arrived ones took 20 ms, the others 250 ms; a bucket is 14 % wide.
    expect(cart.latencyP50Ms).toBeGreaterThan(17);
    expect(cart.latencyP50Ms).toBeLessThan(23);
    expect(cart.latencyP99Ms).toBeGreaterThan(215);
    expect(cart.latencyP99Ms).toBeLessThan(290);
  });

  it.each([
    ["CLUSTER", 5, ["CLUSTER east", "CLUSTER west", "DATABASE cart-db", "UNKNOWN clients"]],
    ["NAMESPACE", 5, ["DATABASE cart-db", "NAMESPACE pay", "NAMESPACE shop", "UNKNOWN clients"]],
    [
      "VERSION",
      5,
      [
        "DATABASE cart-db",
        "UNKNOWN clients",
        "VERSION cart v1",
        "VERSION cart v2",
        "VERSION lonely v1",
        "VERSION pay v1",
        "VERSION web v1",
      ],
    ],
    [
      "INSTANCE",
      5,
      [
        "DATABASE cart-db",
        "INSTANCE cart-1",
        "INSTANCE cart-2",
        "INSTANCE lonely-1",
        "INSTANCE pay-1",
        "INSTANCE web-1",
        "UNKNOWN clients",
      ],
    ],
  ])("has the level %s", async (level, _edges, expected) => {
    const { data } = await thrice(GRAPH, { range: RANGE, level });
    const names = data.serviceGraph.nodes.map(({ entity }: Json) => {
      const parts: Record<string, string> = {
        CLUSTER: entity.cluster,
        NAMESPACE: entity.namespace,
        VERSION: `${entity.service} ${entity.version}`,
        INSTANCE: entity.instance,
      };
      return `${entity.kind} ${parts[entity.kind] ?? entity.service}`;
    });
    expect(names.toSorted()).toEqual(expected);
    const ids = new Set(data.serviceGraph.nodes.map((one: Json) => one.entity.id));
    for (const edge of data.serviceGraph.edges) expect(ids.has(edge.source) && ids.has(edge.target)).toBe(true);
    const link = data.serviceGraph.edges.find(
      (one: Json) => one.source === "cluster:east" && one.target === "cluster:west",
    );
    expect(link !== undefined).toBe(level === "CLUSTER");
  });

  it("has operations beside services, and filters", async () => {
    const { data } = await thrice(GRAPH, {
      range: RANGE,
      level: "OPERATION",
      filter: { services: ["cart"], depth: 0 },
    });
    const operations = data.serviceGraph.nodes.map((one: Json) => [
      one.entity.kind,
      one.entity.operation,
      one.requestsPerSecond,
    ]);
    expect(operations).toEqual([
      ["SERVICE", null, 8],
      ["OPERATION", "GET /cart", 7.5],
      ["OPERATION", "POST /cart", 0.5],
    ]);
    // Nothing tells who calls them (there are no spans here), so they hang on their service.
    expect(data.serviceGraph.edges.map((one: Json) => [one.source, one.evidence, one.requestsPerSecond])).toEqual([
      ["service:east/shop/cart", ["inferred"], 7.5],
      ["service:east/shop/cart", ["inferred"], 0.5],
    ]);
    const refused = await thrice(GRAPH, { range: RANGE, level: "CLUSTER", filter: { services: ["cart"] } });
    expect(codes(refused)).toEqual(["BAD_ARGUMENT"]);
  });

  it("says when a range is not covered", async () => {
    const { data } = await thrice(GRAPH, { range: { from: at(-60), to: at(60) } });
    expect(data.serviceGraph).toMatchObject({ coveredSeconds: 60, partial: true });
    const waiting = await thrice(GRAPH, { range: { from: at(100), to: at(130) } });
    expect(waiting.data.serviceGraph).toMatchObject({ coveredSeconds: 20, partial: true });
    const grown = await thrice(GRAPH, { range: { from: at(110), to: at(130) } });
    expect(grown.data.serviceGraph).toMatchObject({ coveredSeconds: 20, partial: true });
    const done = await thrice(GRAPH, { range: { from: at(120), to: at(130) } });
    // All of it is there, but both clusters have told of no call for a minute.
    expect(done.data.serviceGraph).toMatchObject({ coveredSeconds: 10, partial: true });
    const later = await thrice(GRAPH, { range: { from: at(600), to: at(660) } });
    expect(later.data.serviceGraph).toMatchObject({ coveredSeconds: 0, partial: true, edges: [] });
    expect(later.data.serviceGraph.nodes.every((one: Json) => one.requestsPerSecond === null)).toBe(true);
  });

  it("tells an incident with its cause, evidence and change", async () => {
    const { data, errors } = await thrice(INCIDENT, { id: "open-1" });
    expect(errors).toBeUndefined();
    expect(data.incident).toMatchObject({
      id: "open-1",
      status: "OPEN",
      title: "newest title",
      startedAt: at(30),
      resolvedAt: null,
      symptoms: [{ indicator: "LATENCY", observed: 4100, expected: 200, unit: "ms", entity: { service: "checkout" } }],
      impact: [{ affectedRatio: 0.31 }, { affectedRatio: null }],
      localization: {
        verdict: "FOUND",
        reason: null,
        causes: [
          {
            rank: 1,
            confidence: 0.82,
            faultKind: "BAD_RELEASE",
            entity: { id: "version:east/shop/pricing/v2", runtime: "RUNC", isolation: null, peer: null },
            change: { id: "change-1", before: "v1", after: "v2" },
            remedy: { patch: null },
            codeRegion: null,
          },
        ],
        rejected: [{ reason: "waits for pricing", evidence: [] }],
      },
    });
    expect(data.incident.localization.causes[0].evidence.map((one: Json) => one.weight)).toEqual([0.9, 3.2, -0.4]);
    expect(data.incident.localization.causes[0].evidence[1].traceIds).toEqual(["t1", "t2"]);
    expect(data.incident.localization.causes[0].blamePath[1].peer).toMatchObject({ service: "pricing" });
  });

  it("hides withdrawn incidents and those of other tenants", async () => {
    for (const id of ["gone-1", "theirs-1", "nobody"]) {
      expect((await thrice(INCIDENT, { id })).data).toEqual({ incident: null });
    }
    const { data } = await thrice(`{ localization(id: "loc-9") { id } }`, {});
    expect(data).toEqual({ localization: null });
  });

  it("pages incidents and changes without gaps or repeats, also within one instant", async () => {
    const walk = async (query: string, pick: string) => {
      const ids: string[] = [];
      let after: string | null = null;
      for (let i = 0; i < 10; i++) {
        const { data } = await thrice(query, { after, range: { from: at(-3600), to: at(3600) } });
        ids.push(...data[pick].nodes.map((one: Json) => one.id));
        after = data[pick].pageInfo.endCursor;
        if (!data[pick].pageInfo.hasNextPage) break;
      }
      return ids;
    };
    const list = (name: string, size: number) =>
      `query Walk($range: TimeRangeInput!, $after: String) { ${name}(range: $range, first: ${size}, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }`;
    expect(await walk(list("incidents", 1), "incidents")).toEqual(["open-1", "old-2", "old-1"]);
    expect(await walk(list("changes", 2), "changes")).toEqual([
      "change-5",
      "change-4",
      "change-3",
      "change-2",
      "change-1",
    ]);
  });

  it("filters incidents by status and by overlap with a range", async () => {
    const query = `query L($range: TimeRangeInput, $status: IncidentStatus) { incidents(range: $range, status: $status, first: 100) { nodes { id localization { id } } } }`;
    const ids = async (variables: Record<string, unknown>) =>
      (await thrice(query, variables)).data.incidents.nodes.map((one: Json) => one.id);
    expect(await ids({})).toEqual(["open-1", "old-2", "old-1"]);
    expect(await ids({ status: "OPEN" })).toEqual(["open-1"]);
    expect(await ids({ status: "RESOLVED", range: { from: at(-250), to: at(0) } })).toEqual(["old-2"]);
    expect(await ids({ range: { from: at(-700), to: at(-601) } })).toEqual([]);
    // An open incident lasts until now.
    expect(await ids({ range: { from: at(86_400), to: at(86_401) } })).toEqual(["open-1"]);
    const { data } = await thrice(query, {});
    expect(data.incidents.nodes.map((one: Json) => one.localization?.id ?? null)).toEqual(["loc-1", "loc-1", null]);
  });

  it("localizes on demand with the defaults of the contract, and stores the answer", async () => {
    asked.length = 0;
    const { data, errors } = await api.ask(
      `mutation Why($input: LocalizeInput!) { localize(input: $input) { id verdict range { from } causes { rank } } }`,
      { input: { range: { from: "2026-01-31T14:00:00.000000001Z", to: at(60) }, service: "web", indicator: "ERRORS" } },
    );
    expect(errors).toBeUndefined();
    expect(data.localize).toMatchObject({
      id: "on-demand-1",
      verdict: "FOUND",
      range: { from: "2026-01-31T14:00:00.000000001Z" },
    });
    expect(asked).toEqual([
      {
        tenant: TENANT,
        range: { from: "2026-01-31T14:00:00.000000001Z", to: at(60) },
        baseline: null,
        cluster: null,
        namespace: null,
        service: "web",
        operation: null,
        indicator: "ERRORS",
        maxCauses: 5,
      },
    ]);
    expect((await readLocalizations(database.storage, TENANT, ["on-demand-1"])).has("on-demand-1")).toBe(true);
    const again = await api.ask(`{ localization(id: "on-demand-1") { id causes { entity { service } } } }`);
    expect(again.data.localization.causes[0].entity.service).toBe("pricing");
  });

  it.each([
    ["swapped ends", { from: at(60), to: at(0) }, ["BAD_RANGE"]],
    ["an empty range", { from: at(0), to: at(0) }, ["BAD_RANGE"]],
    ["six weeks", { from: at(0), to: at(42 * 24 * 3600) }, ["BAD_RANGE"]],
    ["no time", { from: "yesterday", to: at(0) }, ["BAD_ARGUMENT"]],
    ["another time zone", { from: "2026-01-31T14:00:00+08:00", to: at(0) }, ["BAD_ARGUMENT"]],
    ["a number", { from: 5, to: at(0) }, ["BAD_ARGUMENT"]],
    ["a missing end", { from: at(0) }, ["GRAPHQL_VALIDATION_FAILED"]],
    ["a list", [], ["GRAPHQL_VALIDATION_FAILED"]],
    ["nothing", null, ["GRAPHQL_VALIDATION_FAILED"]],
  ])("refuses %s with a code", async (_name, range, expected) => {
    const graph = await thrice(GRAPH, { range });
    expect(codes(graph)).toEqual(expected);
    expect(graph.data).toBeNull();
    for (const error of graph.errors ?? []) {
      expect(error.extensions.requestId).toMatch(/^[0-9a-f-]{36}$/);
      expect(error.message).not.toMatch(/ at \/|node_modules|ClickHouse/);
    }
  });

  it.each([
    [`{ incident(id: "") { id } }`, "BAD_ID"],
    [`{ incident(id: "a b") { id } }`, "BAD_ID"],
    [`{ localization(id: "\\u0000") { id } }`, "BAD_ID"],
    [`{ incidents(first: 0) { nodes { id } } }`, "BAD_ARGUMENT"],
    [`{ incidents(first: 101) { nodes { id } } }`, "BAD_ARGUMENT"],
    [`{ incidents(first: 5, after: "nope") { nodes { id } } }`, "BAD_CURSOR"],
    [`{ incidents { nodes { id } } }`, "GRAPHQL_VALIDATION_FAILED"],
    [`{ nothing }`, "GRAPHQL_VALIDATION_FAILED"],
    [`{ serviceGraph(range: {from: "x", to: "y"}) { partial } }`, "BAD_ARGUMENT"],
    [`{ incidents(`, "GRAPHQL_PARSE_FAILED"],
    [`mutation { localize(input: {range: {from: "${at(60)}", to: "${at(0)}"}}) { id } }`, "BAD_RANGE"],
    [`mutation { localize(input: {range: {from: "${at(0)}", to: "${at(60)}"}, maxCauses: 0}) { id } }`, "BAD_ARGUMENT"],
  ])("refuses %s with %s", async (query, code) => {
    const answer = await thrice(query, {});
    expect(codes(answer)[0]).toBe(code);
  });

  it("tells its progress and clusters", async () => {
    const { data } = await thrice(
      `{ status { version lastBucketArrivedAt lastBucketAnalyzedAt spansLastMinute } clusters { name serviceCount instanceCount } }`,
      {},
    );
    expect(data.clusters).toEqual([
      { name: "east", serviceCount: 3, instanceCount: 4 },
      { name: "west", serviceCount: 2, instanceCount: 2 },
    ]);
    expect(data.status).toMatchObject({
      lastBucketArrivedAt: at(120),
      lastBucketAnalyzedAt: at(120),
      spansLastMinute: 0,
    });
    expect(data.status.version).toMatch(/^\d+\.\d+\.\d+/);
    const lag = (await api.ask("{ status { ingestLagSeconds analysisLagSeconds } }")).data.status;
    expect(lag.ingestLagSeconds).toBeCloseTo(Date.now() / 1000 - (T0 + 120), -1);
    expect(lag.analysisLagSeconds).toBeCloseTo(lag.ingestLagSeconds);
  });

  it("runs the operation that was sent, and one only", async () => {
    const two = `query A { clusters { name } } mutation B { localize(input: {range: {from: "x", to: "y"}}) { id } }`;
    expect(codes(await thrice(two, {}))).toContain("TOO_EXPENSIVE");
  });

  it("knows @skip, @include, aliases and __typename", async () => {
    const query = `query Q($yes: Boolean!, $no: Boolean = false) {
      a: clusters { __typename name @include(if: $no) serviceCount @skip(if: $yes) instanceCount }
      incidents(first: 1) @include(if: $yes) { nodes { ... on Incident { title @skip(if: $no) } } } }`;
    const { data } = await thrice(query, { yes: true });
    expect(data).toEqual({
      a: [
        { __typename: "Cluster", instanceCount: 4 },
        { __typename: "Cluster", instanceCount: 2 },
      ],
      incidents: { nodes: [{ title: "newest title" }] },
    });
  });

  it("serves introspection within its own limits", async () => {
    const { getIntrospectionQuery } = await import("graphql/index.js");
    const { data, errors } = await api.ask(getIntrospectionQuery());
    expect(errors).toBeUndefined();
    expect(data.__schema.queryType.name).toBe("Query");
  });
});

describe("a graph that is too large", () => {
  it("is cut to the busiest, and says so", async () => {
    const api = await startTestApi(database.storage, {
      options: { limits: { ...API_DEFAULTS.limits, maxGraphNodes: 4, maxGraphEdges: 2 } },
    });
    const { data } = await api.ask(GRAPH, { range: RANGE });
    const { nodes, edges, truncated } = data.serviceGraph;
    expect(truncated).toBe(true);
    expect([nodes.length, edges.length]).toEqual([4, 2]);
    const ids = new Set(nodes.map((one: Json) => one.entity.id));
    for (const edge of edges) expect(ids.has(edge.source) && ids.has(edge.target)).toBe(true);
    await api.stop();
  });
});
