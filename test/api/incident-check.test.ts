// "Why (not) an incident?" by GraphQL and on the command line: the request reaches the analyzer's function, its answer comes back whole.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startApi } from "../../api/role.ts";
import { API_DEFAULTS } from "../../api/options.ts";
import type { IncidentCheck, IncidentCheckRequest } from "../../model/incident-check.ts";
import { makeEntity } from "../../model/entity.ts";
import { linesOf } from "../../service/commands/explain-incident.ts";
import { askRunningCheck } from "../../service/remote-localize.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { codes, startTestApi, type TestApi } from "./server-fixture.ts";

const ANSWER: IncidentCheck = {
  range: { from: "2026-01-05T10:00:00.000Z", to: "2026-01-05T10:00:10.000Z" },
  incidentId: null,
  sentence: "No incident: no indicator of cart deviates enough.",
  checks: [
    {
      entity: makeEntity("SERVICE", { namespace: "shop", service: "cart" }),
      indicator: "LATENCY",
      verdict: "NORMAL",
      observed: 12,
      expected: 11,
      effect: 1,
      unit: "ms",
      pValue: null,
      threshold: 1e-6,
      requests: 80,
      minimumRequests: 15,
      windowSeconds: 10,
      baselineBuckets: 30,
      sentence: "p99 latency 12 ms, before 11 ms: the effect is too small, a rise to 2× and by 40 ms is needed.",
    },
  ],
};
const REQUEST: IncidentCheckRequest = {
  tenant: "default",
  service: "cart",
  namespace: null,
  cluster: "east",
  at: "2026-01-05T10:00:03.000Z",
};

let db: TestStorage;
let without: TestApi;
let api: { url: string; stop(): Promise<void> };
const asked: IncidentCheckRequest[] = [];
beforeAll(async () => {
  db = await startTestStorage();
  without = await startTestApi(db.storage);
  api = await startApi({
    storage: db.storage,
    localize: null,
    explainDetection: (request) => {
      asked.push(request);
      return Promise.resolve(ANSWER);
    },
    options: { ...API_DEFAULTS, port: 0 },
    checks: {},
  });
});
afterAll(async () => {
  await without.stop();
  await api.stop();
  await db.stop();
});

test("a running Faultline answers the command line with what the analyzer says", async () => {
  expect(await askRunningCheck(api.url, REQUEST)).toEqual(ANSWER);
  expect(asked).toEqual([REQUEST]);
});
test("a time that has not come, and no service, are refused before the analyzer is asked", async () => {
  const before = asked.length;
  const refused = async (variables: Partial<IncidentCheckRequest>): Promise<unknown> =>
    await askRunningCheck(api.url, { ...REQUEST, ...variables }).catch((error: Error) => error.message);
  const future = new Date(Date.now() + 3_600_000).toISOString();
  expect(await refused({ at: future })).toBe(`at is ${future}, which has not come yet.`);
  expect(await refused({ service: "" })).toBe("service is empty; name the service to explain.");
  expect(asked).toHaveLength(before);
  // A client whose clock is a little ahead is no mistake.
  expect(await refused({ at: new Date(Date.now() + 5_000).toISOString() })).toEqual(ANSWER);
});
test("nobody there: null, and the command asks the storage itself", async () => {
  expect(await askRunningCheck("http://127.0.0.1:1", REQUEST)).toBeNull();
});
test("a process without the analyzer refuses", async () => {
  const answer = await without.ask(`{ incidentCheck(service: "cart", at: "2026-01-05T10:00:03Z") { sentence } }`);
  expect(codes(answer)).toEqual(["ANALYZER_UNAVAILABLE"]);
});
test("in words: the bucket, the verdict, a line an indicator", () => {
  const lines = linesOf(ANSWER);
  expect(lines).toHaveLength(3);
  expect(lines[2]).toMatch(/NORMAL +LATENCY +cart: p99 latency .* \[80 requests in 10 s, baseline of 30 buckets\]/);
});
