// docs/api.md: every example is run as it is written, and its table of codes is the one in the code.
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REFUSAL_CODES } from "../../api/refusal.ts";
import { writeIncidents } from "../../storage/incidents.ts";
import { writeLocalizations } from "../../storage/localizations.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { makeIncident, makeLocalization } from "./findings.ts";
import { seedEdges, seedProgress, TENANT } from "./seed.ts";
import { startTestApi, type TestApi } from "./server-fixture.ts";

const run = promisify(execFile);
const text = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
const examples = [...text.matchAll(/```sh\n([\s\S]*?)```/g)]
  .map((match) => match[1] ?? "")
  .flatMap((block) => block.split(/\n(?=curl )/))
  .filter((block) => block.startsWith("curl "));

// Slim containers have none; continuous integration must.
const isRunnable = process.env["CI"] === "true" || spawnSync("curl", ["--version"]).status === 0;

let database: TestStorage;
let api: TestApi;
beforeAll(async () => {
  database = await startTestStorage();
  const { storage } = database;
  const bucket = Date.parse("2026-01-31T14:00:00Z") / 1000;
  await seedEdges(storage, bucket, [
    { from: "east/shop/web", to: "east/shop/cart", caller: { calls: 10, ms: 5 }, callee: { calls: 10, ms: 4 } },
  ]);
  await seedEdges(storage, bucket + 30, [
    { from: "east/shop/web", to: "east/shop/cart", caller: { calls: 10, ms: 5 }, callee: { calls: 10, ms: 4 } },
  ]);
  await seedProgress(storage, [bucket, bucket + 30], 20, 20);
  await writeIncidents(storage, TENANT, [makeIncident()]);
  await writeLocalizations(storage, TENANT, "1", [makeLocalization()]);
  api = await startTestApi(storage, { localize: ({ range }) => Promise.resolve(makeLocalization({ range })) });
}, 180_000);
afterAll(async () => {
  await api?.stop();
  await database?.stop();
});

describe.skipIf(!isRunnable)("docs/api.md (needs curl)", () => {
  it("has examples", () => {
    expect(examples.length).toBeGreaterThanOrEqual(9);
  });

  it.each(examples.map((example) => [example.split("\n")[0], example]))("%s", async (_line, example) => {
    const { stdout } = await run("sh", ["-c", example], { env: { ...process.env, FAULTLINE: api.url } });
    const answer = JSON.parse(stdout) as {
      data?: Record<string, unknown>;
      errors?: unknown;
      alive?: boolean;
      ready?: boolean;
    };
    expect(answer.errors).toBeUndefined();
    expect(answer.alive ?? answer.ready ?? Object.values(answer.data ?? {})[0]).toBeTruthy();
  });

  it("shows what the examples promise", async () => {
    const graph = examples.find((example) => example.includes("serviceGraph"));
    const { stdout } = await run("sh", ["-c", graph ?? ""], { env: { ...process.env, FAULTLINE: api.url } });
    const { data } = JSON.parse(stdout) as { data: { serviceGraph: { edges: { target: string }[] } } };
    expect(data.serviceGraph.edges[0]?.target).toBe("service:east/shop/cart");
  });

  it("lists every code of the API", () => {
    const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| (.+) \|$/gm)].map((match) => [match[1], match[2]]);
    expect(Object.fromEntries(rows)).toEqual(REFUSAL_CODES);
  });
});
