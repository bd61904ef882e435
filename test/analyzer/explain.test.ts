// "Why (not) an incident?" over the real ClickHouse: each indicator says what it saw and which condition decided, for any stored time.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CycleContext, runCycle } from "../../analyzer/cycle.ts";
import { explainDetection } from "../../analyzer/explain.ts";
import { ANALYZER_DEFAULTS } from "../../analyzer/options.ts";
import type { Indicator } from "../../model/localization.ts";
import { readIncidentPage } from "../../storage/incidents.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { insertSpans } from "../golden/span-rows.ts";
import { parseScenario } from "../scenarios/language.ts";
import { generateTraffic } from "../scenarios/traffic.ts";

const START = Date.UTC(2026, 0, 5, 10, 0, 0) / 1000;
const TENANT = "why";
const SCENARIO = `
service frontend takes 4ms calls cart, ads?
service cart takes 6ms
service ads takes 5ms
service seldom takes 5ms
users call frontend 12/s
users call seldom 0.3/s
inject 100s to 120s: service cart fails 50%
expect 1 incident`;

describe("explainDetection", () => {
  let db: TestStorage;
  beforeAll(async () => {
    db = await startTestStorage();
    const spans = generateTraffic(parseScenario(TENANT, SCENARIO), START, 180).map(({ span }) => span);
    await insertSpans(db.storage, spans);
    const now = () => (START + 200) * 1000;
    const context: CycleContext = { storage: db.storage, options: ANALYZER_DEFAULTS, memories: new Map(), now };
    await runCycle(context, true);
  });
  afterAll(() => db.stop());
  const ask = (service: string, second: number, namespace: string | null = null) => {
    const at = new Date((START + second) * 1000).toISOString();
    return explainDetection(db.storage, { tenant: TENANT, service, namespace, cluster: null, at }, ANALYZER_DEFAULTS);
  };
  const checkOf = async (service: string, second: number, indicator: Indicator) =>
    (await ask(service, second)).checks.find(
      (check) => check.indicator === indicator && check.entity.kind === "SERVICE",
    );

  test("a fault: the p-value passes the threshold, and the incident is named", async () => {
    const [incident] = await readIncidentPage(db.storage, {
      tenant: TENANT,
      range: null,
      status: null,
      limit: 5,
      after: null,
    });
    const answer = await ask("cart", 105);
    expect(answer.incidentId).toBe(incident!.id);
    expect(answer.range.from).toBe(new Date((START + 100) * 1000).toISOString());
    const errors = await checkOf("cart", 105, "ERRORS");
    expect(errors).toMatchObject({ verdict: "OPENS", unit: "ratio", windowSeconds: 10 });
    expect(errors!.pValue!).toBeLessThan(errors!.threshold);
    expect(errors!.observed!).toBeGreaterThan(0.3);
    expect(errors!.baselineBuckets).toBe(10);
  });
  test("a fault in a later bucket is compared with what was clean before it", async () => {
    expect(await checkOf("cart", 115, "ERRORS")).toMatchObject({ verdict: "OPENS", baselineBuckets: 10 });
  });
  test("an edge that deviates is told of as well", async () => {
    const { checks } = await ask("cart", 105);
    expect(checks.filter((check) => check.entity.kind === "EDGE").map((check) => check.indicator)).toContain("ERRORS");
  });
  test("a service that was fine: each indicator says by how little it deviated", async () => {
    const answer = await ask("ads", 105);
    expect(answer.incidentId).toBeNull();
    expect(answer.sentence).toMatch(/^No incident/);
    expect(answer.checks.map(({ indicator, verdict }) => `${indicator} ${verdict}`)).toEqual([
      "ERRORS NORMAL",
      "LATENCY NORMAL",
      "TRAFFIC NOT_JUDGED",
      "SATURATION NORMAL",
    ]);
    expect(answer.checks[1]!.sentence).toMatch(/latency .* before .* effect is too small/);
  });
  test("after two minutes its rate is judged too", async () => {
    expect(await checkOf("ads", 165, "TRAFFIC")).toMatchObject({ verdict: "NORMAL", windowSeconds: 10 });
  });
  test("a quiet service says how many requests there were and how many a bucket needs", async () => {
    const check = await checkOf("seldom", 165, "ERRORS");
    expect(check).toMatchObject({ minimumRequests: 15 });
    expect(check!.requests).toBeLessThan(15);
    expect(check!.sentence).toMatch(/too few for one bucket|No request of it/);
  });
  test("at the start too little is known", async () => {
    const check = await checkOf("cart", 5, "LATENCY");
    expect(check).toMatchObject({ verdict: "NOT_JUDGED", pValue: null, baselineBuckets: 0 });
    expect(check!.sentence).toMatch(/Too little is known/);
  });
  test.each([
    { name: "nobody", service: "nobody", second: 105, namespace: null },
    { name: "another namespace", service: "cart", second: 105, namespace: "elsewhere" },
    { name: "a time of which nothing is stored", service: "cart", second: -7200, namespace: null },
  ])("$name: nothing is known, and that is said", async ({ service, second, namespace }) => {
    const { checks, sentence } = await ask(service, second, namespace);
    expect([checks, sentence.startsWith("Nothing of")]).toEqual([[], true]);
  });
});
