// Names past their limits, as the API tells them: those of the asking tenant, of the last day, nothing of others.
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { startTestApi, type TestApi } from "./server-fixture.ts";

let database: TestStorage;
let api: TestApi;

beforeAll(async () => {
  database = await startTestStorage();
  const hour = Math.floor(Date.now() / 3_600_000) * 3_600;
  const row = { Dimension: "operation", Service: "cart", Sample: "GET /x", LastSeen: hour };
  await database.storage.insertRows("cardinality_overflows", [
    { Tenant: "default", Hour: hour, RowCount: 3, ...row },
    { Tenant: "default", Hour: hour - 3_600, RowCount: 4, ...row },
    { Tenant: "default", Hour: hour - 30 * 3_600, RowCount: 100, ...row },
    { Tenant: "default", Hour: hour, RowCount: 1, Dimension: "service", Service: "", Sample: "", LastSeen: hour },
    { Tenant: "other", Hour: hour, RowCount: 50, ...row },
  ]);
  api = await startTestApi(database.storage);
});

afterAll(async () => {
  await api.stop();
  await database.stop();
});

it("are summed by dimension and service, the most rows first", async () => {
  const answer = await api.ask("{ status { nameOverflows { dimension service rowCount sample lastSeenAt } } }");
  expect(answer.errors).toBeUndefined();
  expect(answer.data.status.nameOverflows).toMatchObject([
    { dimension: "operation", service: "cart", rowCount: 7, sample: "GET /x" },
    { dimension: "service", service: null, rowCount: 1, sample: null },
  ]);
  expect(answer.data.status.nameOverflows[0].lastSeenAt).toMatch(/:00:00(\.000)?Z$/);
});
