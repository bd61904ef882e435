// An incident's story over the API: what led to it, where it went, what users met, and when it was like this before.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { similarIncidents } from "../../api/similar-incidents.ts";
import { makeEntity } from "../../model/entity.ts";
import { writeAnomalies } from "../../storage/anomalies.ts";
import { writeIncidents } from "../../storage/incidents.ts";
import { writeLocalizations } from "../../storage/localizations.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { makeIncident, makeLocalization } from "./findings.ts";
import { seedEdges, seedOperations, TENANT } from "./seed.ts";
import { type Answer, type Json, startTestApi, type TestApi } from "./server-fixture.ts";

// The onset of the made incident lies three seconds into a bucket.
const T0 = Date.parse("2026-01-31T14:03:00Z") / 1000;
const at = (seconds: number) => new Date((T0 + seconds) * 1000).toISOString();
const place = (service: string) => makeEntity("SERVICE", { cluster: "east", namespace: "shop", service });

const STORY = `query Story($id: ID!, $first: Int) { incident(id: $id) {
  timeline { at kind summary entity { service } }
  entryImpact { entity { kind service operation } requests affectedRequests affectedRatio }
  similar(first: $first) { similarity reason incident { id } }
  localization { causes { normalTraceIds } } } }`;

let database: TestStorage;
let api: TestApi;

function span(trace: string, seconds: number, ms: number, outcome = "ok") {
  return {
    Tenant: TENANT,
    Timestamp: at(seconds),
    TraceId: trace,
    SpanId: trace,
    SpanKind: "Server",
    Service: "pricing",
    Version: "v2",
    Duration: ms * 1e6,
    Outcome: outcome,
  };
}

async function seed(): Promise<void> {
  const { storage } = database;
  const symptom = (service: string) => ({
    entity: place(service),
    indicator: "LATENCY" as const,
    observed: 4100,
    expected: 200,
    unit: "ms",
    since: at(3),
  });
  const symptoms = [symptom("pricing"), symptom("checkout"), symptom("web")];
  await writeIncidents(storage, TENANT, [
    makeIncident({ id: "now", startedAt: at(3), detectedAt: at(24), resolvedAt: at(60), status: "RESOLVED", symptoms }),
    makeIncident({ id: "alike", startedAt: at(-86_400), resolvedAt: at(-86_000), status: "RESOLVED", symptoms }),
    makeIncident({
      id: "other",
      startedAt: at(-7200),
      resolvedAt: at(-7000),
      symptoms: [symptom("billing")],
      localizationId: null,
    }),
  ]);
  await writeLocalizations(storage, TENANT, "1", [makeLocalization()]);
  const anomaly = (service: string) => ({ ...symptom(service), log10P: -9 });
  await writeAnomalies(storage, TENANT, T0, [anomaly("pricing")], "1");
  await writeAnomalies(storage, TENANT, T0 + 10, [anomaly("pricing"), anomaly("checkout")], "1");
  await writeAnomalies(storage, TENANT, T0 + 20, [anomaly("pricing"), anomaly("checkout"), anomaly("web")], "1");
  // Before it: deviations of another incident do not count.
  await writeAnomalies(storage, TENANT, T0 - 600, [anomaly("web")], "1");
  for (const bucket of [T0 - 300, T0 + 10]) {
    const isFault = bucket > T0;
    await seedEdges(storage, bucket, [{ from: "", to: "east/shop/web/v1/web-1", callee: { calls: 200, ms: 40 } }]);
    await seedOperations(storage, bucket, [
      {
        at: "east/shop/web/v1/web-1",
        operation: "POST /buy",
        requests: 100,
        failed: isFault ? 30 : 0,
        ms: isFault ? 4000 : 40,
      },
      { at: "east/shop/web/v1/web-1", operation: "GET /", requests: 100, ms: 40 },
      { at: "east/shop/pricing/v2/p-1", operation: "GET /price", requests: 50, ms: 4000 },
    ]);
  }
  const before = [1, 2, 3, 4, 5].map((n) => span(`usual-${n}`, -400 + n, 10 * n));
  await storage.insertRows("spans", [...before, span("failed", -390, 30, "failed"), span("slow", 5, 4000)]);
}

beforeAll(async () => {
  database = await startTestStorage();
  await seed();
  api = await startTestApi(database.storage);
}, 180_000);
afterAll(async () => {
  await api?.stop();
  await database?.stop();
});

const ask = (variables: Json): Promise<Answer> => api.ask(STORY, variables);

describe("an incident's story", () => {
  let incident: Json;
  beforeAll(async () => {
    const answer = await ask({ id: "now" });
    incident = answer.data.incident;
  });
  it("goes from the change over onset and spread to detection and resolution", () => {
    const told = incident.timeline.map((e: Json) => [e.kind, e.entity?.service ?? null, Date.parse(e.at) / 1000 - T0]);
    expect(told).toEqual([
      ["CHANGE", "pricing", -40],
      ["ONSET", "pricing", 3],
      ["SPREAD", "pricing", 3],
      ["SPREAD", "checkout", 10],
      ["SPREAD", "web", 20],
      ["DETECTION", null, 24],
      ["RESOLUTION", null, 60],
    ]);
    expect(incident.timeline[3].summary).toBe("checkout: latency rises");
  });
  it("says what users met, by the operations that they call", () => {
    expect(incident.entryImpact).toEqual([
      {
        entity: { kind: "OPERATION", service: "web", operation: "POST /buy" },
        requests: 100,
        affectedRequests: 100,
        affectedRatio: 1,
      },
      {
        entity: { kind: "OPERATION", service: "web", operation: "GET /" },
        requests: 100,
        affectedRequests: 0,
        affectedRatio: 0,
      },
    ]);
  });
  it("names the incident that was alike, and no other", () => {
    expect(incident.similar.map((one: Json) => one.incident.id)).toEqual(["alike"]);
    expect(incident.similar[0].similarity).toBe(1);
    expect(incident.similar[0].reason).toContain("so is the cause: pricing v2");
  });
  it("gives usual traces to compare with: the middle ones, never a failed one", () => {
    expect(incident.localization.causes[0].normalTraceIds).toEqual(["usual-3", "usual-2", "usual-4"]);
  });
  it("refuses a number of similar incidents out of range in one sentence", async () => {
    const answer = await ask({ id: "now", first: 99 });
    expect(answer.errors?.[0]?.message).toContain("similar(first:) is 99; it may be 1 to 10.");
  });
});

describe("similarity", () => {
  const base = makeIncident({ id: "a", startedAt: at(0) });
  it("survives a new version of the same service", () => {
    const cause = makeLocalization().causes[0]!;
    const newer = { ...cause, entity: { ...cause.entity, version: "v3" } };
    const answers = new Map([
      ["loc-1", makeLocalization()],
      ["loc-2", makeLocalization({ id: "loc-2", causes: [newer] })],
    ]);
    const earlier = makeIncident({ id: "b", startedAt: at(-100), localizationId: "loc-2" });
    const [one] = similarIncidents(base, [earlier], answers, 3);
    expect(one!.similarity).toBeCloseTo(0.9);
  });
  it("never names what came later, nor the incident itself", () => {
    expect(similarIncidents(base, [base, makeIncident({ id: "c", startedAt: at(100) })], new Map(), 3)).toEqual([]);
  });
});
