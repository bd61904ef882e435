// The server around GraphQL: health, who may call, what errors tell, limits, and the console's files.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_DEFAULTS } from "../../api/options.ts";
import { parse } from "graphql/index.js";
import { createStorage } from "../../storage/client.ts";
import { writeIncidents } from "../../storage/incidents.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { makeIncident } from "./findings.ts";
import { seedProgress, TENANT } from "./seed.ts";
import { codes, startTestApi, type TestApi } from "./server-fixture.ts";

let database: TestStorage;
let api: TestApi;
let consoleDir = "";

beforeAll(async () => {
  database = await startTestStorage();
  consoleDir = mkdtempSync(join(tmpdir(), "faultline-console-"));
  mkdirSync(join(consoleDir, "assets"));
  writeFileSync(join(consoleDir, "index.html"), "<!doctype html><title>console</title>");
  writeFileSync(join(consoleDir, "assets", "main-1a2b3c.js"), "export {};");
  api = await startTestApi(database.storage, {
    options: { consoleDir, allowedOrigins: ["https://grafana.example"] },
  });
}, 180_000);
afterAll(async () => {
  await api?.stop();
  await database?.stop();
  rmSync(consoleDir, { recursive: true, force: true });
});

// fetch does not let a test choose Host and other forbidden headers.
function raw(path: string, headers: Record<string, string>, body?: string) {
  const { hostname, port } = new URL(api.url);
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const request = httpRequest(
      { hostname, port, path, headers, method: body === undefined ? "GET" : "POST" },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

describe("health", () => {
  it("lives", async () => {
    const response = await fetch(`${api.url}/healthz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ alive: true });
  });

  it("is ready when storage answers and its tables are there; the age of the analysis is told", async () => {
    expect(await (await fetch(`${api.url}/readyz`)).json()).toMatchObject({
      ready: true,
      checks: {
        storage: { ok: true },
        migrations: { ok: true },
        analyzer: { ok: true, detail: "nothing analysed yet" },
      },
    });
    const bucket = Math.floor(Date.now() / 10_000) * 10 - 100;
    await seedProgress(database.storage, [bucket], 5, 5);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const later = (await (await fetch(`${api.url}/readyz`)).json()) as { checks: { analyzer: { detail: string } } };
    expect(later.checks.analyzer.detail).toMatch(/newest analysed bucket is 1\d\d s old/);
  });

  it("is not ready without tables, or when another part is not; one that hangs counts as failed", async () => {
    const empty = await startTestStorage({ migrate: false });
    const unready = await startTestApi(empty.storage, {
      checks: {
        writer: () => Promise.resolve({ ok: false, detail: "full" }),
        broken: () => Promise.reject(new Error("boom")),
        hanging: () => new Promise(() => {}),
      },
    });
    const response = await fetch(`${unready.url}/readyz`);
    expect(response.status).toBe(503);
    const { checks } = (await response.json()) as { checks: Record<string, { ok: boolean; detail: string }> };
    expect(checks["migrations"]?.detail).toContain("faultline migrate");
    expect(checks["writer"]).toEqual({ ok: false, detail: "full" });
    expect(checks["broken"]).toEqual({ ok: false, detail: "boom" });
    expect(checks["hanging"]?.detail).toContain("no answer");
    await unready.stop();
    await empty.stop();
  });
});

describe("storage that is away", () => {
  it("is told as such, without its address, while the process lives on", async () => {
    const away = createStorage({
      url: "http://127.0.0.1:1",
      user: "u",
      password: "p",
      database: "d",
      requestTimeoutMs: 1000,
    });
    const lonely = await startTestApi(away);
    const answer = await lonely.ask("{ clusters { name } }");
    expect(codes(answer)).toEqual(["STORAGE_UNAVAILABLE"]);
    expect(JSON.stringify(answer)).not.toMatch(/127\.0\.0\.1|ECONN|password/);
    expect((await fetch(`${lonely.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${lonely.url}/healthz`)).status).toBe(200);
    await lonely.stop();
    await away.close();
  });
});

describe("errors", () => {
  it("of ours are masked: a code and a request id, nothing of the inside", async () => {
    await writeIncidents(database.storage, TENANT, [makeIncident({ id: "damaged", localizationId: "damaged" })]);
    await database.storage.insertRows("localizations", [
      {
        Tenant: TENANT,
        Id: "damaged",
        Verdict: "FOUND",
        Reason: "",
        RangeFrom: 0,
        RangeTo: 0,
        BaselineFrom: 0,
        BaselineTo: 0,
        Onset: null,
        CausesJson: "{secret",
        RejectedJson: "[]",
        Revision: 1,
      },
    ]);
    const answer = await api.ask(`{ incident(id: "damaged") { id localization { id } } }`);
    expect(codes(answer)).toEqual(["INTERNAL"]);
    expect(answer.data).toEqual({ incident: { id: "damaged", localization: null } });
    expect(JSON.stringify(answer)).not.toMatch(/secret|JSON|SyntaxError/);
    expect(answer.errors?.[0]?.extensions.requestId).toBe(answer.headers.get("x-request-id"));
  });

  it("say that there is no analyzer here", async () => {
    const range = `range: {from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:01:00Z"}`;
    const answer = await api.ask(`mutation { localize(input: {${range}}) { id } }`);
    expect(codes(answer)).toEqual(["ANALYZER_UNAVAILABLE"]);
  });

  it.each([
    ["text/plain", "{}"],
    ["application/json", "{"],
    ["application/json", "null"],
    ["application/json", "[]"],
    ["application/json", '{"query": 5}'],
    ["application/json", JSON.stringify({ query: JSON.stringify(parse("{ clusters { name } }")) })],
    ["application/json", JSON.stringify({ query: ' { "kind": "Document" }' })],
    ["application/json", '{"query": "{ clusters { name } }", "variables": "x"}'],
    ["application/json", "{}"],
  ])("of the request (%s %s) are 4xx with a code", async (type, body) => {
    const response = await fetch(`${api.url}/graphql`, { method: "POST", headers: { "content-type": type }, body });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    const answer = (await response.json()) as { errors: { extensions: { code: string } }[] };
    expect(["BAD_REQUEST", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"]).toContain(
      answer.errors[0]?.extensions.code,
    );
  });

  it("of GET: queries are answered, mutations refused", async () => {
    const get = (query: string) => fetch(`${api.url}/graphql?query=${encodeURIComponent(query)}`);
    expect((await get("{ clusters { name } }")).status).toBe(200);
    for (let i = 0; i < 3; i++) {
      const refused = await get(
        `mutation { localize(input: {range: {from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:01:00Z"}}) { id } }`,
      );
      expect(refused.status).toBe(405);
    }
  });
});

describe("limits of an operation", () => {
  const deep = `{ incident(id: "x") { localization { causes { blamePath { ${"peer { ".repeat(14)} id ${"} ".repeat(14)} } } } } }`;
  const wide = `{ status { ${Array.from({ length: 1100 }, () => "version").join(" ")} } }`;
  const aliased = `{ status { ${Array.from({ length: 40 }, (_, i) => `a${i}: version`).join(" ")} } }`;
  const graph = `serviceGraph(range: {from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:01:00Z"}) { partial }`;
  const dear = `{ ${Array.from({ length: 6 }, (_, i) => `g${i}: ${graph}`).join(" ")} }`;
  const hidden = `query { ...A } fragment A on Query { ...B ...B ...B } fragment B on Query { ...C ...C } fragment C on Query { ${graph} }`;
  const bomb = `query { ...F0 } ${Array.from({ length: 25 }, (_, i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`).join(" ")} fragment F25 on Query { status { version } }`;
  const loop = `query { ...A } fragment A on Query { ...B } fragment B on Query { ...A status { version } }`;
  it.each([
    ["depth", deep, "TOO_EXPENSIVE"],
    ["fields", wide, "TOO_EXPENSIVE"],
    ["aliases", aliased, "TOO_EXPENSIVE"],
    ["cost", dear, "TOO_EXPENSIVE"],
    ["cost in fragments", hidden, "TOO_EXPENSIVE"],
    ["fragments that double", bomb, "TOO_EXPENSIVE"],
    ["fragments in a circle", loop, "GRAPHQL_VALIDATION_FAILED"],
    ["tokens", `{ status { ${"version ".repeat(11_000)} } }`, "GRAPHQL_PARSE_FAILED"],
  ])("%s", async (_name, query, code) => {
    const started = performance.now();
    const answer = await api.ask(query);
    expect(codes(answer)).toContain(code);
    expect(answer.data).toBeNull();
    expect(performance.now() - started).toBeLessThan(3000);
  });

  it("body", async () => {
    const body = JSON.stringify({ query: `{ clusters { name } } #${"x".repeat(API_DEFAULTS.limits.maxBodyBytes)}` });
    const response = await fetch(`${api.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect(response.status).toBe(413);
  });

  it("localizations at once", async () => {
    let finish = (): void => {};
    const gate = new Promise<void>((resolve) => (finish = resolve));
    const busy = await startTestApi(database.storage, {
      localize: () => gate.then(() => Promise.reject(new Error("not needed"))),
      options: { limits: { ...API_DEFAULTS.limits, maxConcurrentLocalizations: 1 } },
    });
    const ask = () =>
      busy.ask(
        `mutation { localize(input: {range: {from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:01:00Z"}}) { id } }`,
      );
    const first = ask();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(codes(await ask())).toEqual(["BUSY"]);
    finish();
    expect(codes(await first)).toEqual(["INTERNAL"]);
    await busy.stop();
  });
});

describe("who may call", () => {
  const query = JSON.stringify({ query: "{ clusters { name } }" });
  const json = { "content-type": "application/json" };
  const own = () => new URL(api.url).host;

  it.each([
    ["our own name", {}, 200],
    ["localhost", { host: "localhost:3300" }, 200],
    ["any case", { host: "LocalHost" }, 200],
    ["IPv6", { host: "[::1]:3300" }, 200],
    ["a rebound name", { host: "evil.example" }, 403],
    ["a name that begins like ours", { host: "localhost.evil.example" }, 403],
    ["credentials in the name", { host: "localhost@evil.example" }, 403],
    ["the same origin", { origin: "own" }, 200],
    ["another origin", { origin: "https://evil.example" }, 403],
    ["no origin at all", { origin: "null" }, 403],
    ["an allowed origin", { origin: "https://grafana.example" }, 200],
    ["a page of another site", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, 403],
  ])("%s: %j", async (_name, headers: Record<string, string>, status) => {
    const origin = headers["origin"] === "own" ? { origin: `http://${own()}` } : {};
    const sent = { host: own(), ...json, ...headers, ...origin };
    const answer = await raw("/graphql", sent, query);
    expect(answer.status).toBe(status);
    const allowed = headers["origin"] === "https://grafana.example";
    expect(answer.headers["access-control-allow-origin"]).toBe(allowed ? "https://grafana.example" : undefined);
  });

  it("answers probes by any name, and preflights of allowed origins only", async () => {
    expect((await raw("/healthz", { host: "10.1.2.3:3300" })).status).toBe(200);
    const preflight = (origin: string) =>
      fetch(`${api.url}/graphql`, { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } });
    const allowed = await preflight("https://grafana.example");
    expect([allowed.status, allowed.headers.get("access-control-allow-methods")]).toEqual([204, "GET, POST, OPTIONS"]);
    expect((await preflight("https://evil.example")).status).toBe(403);
  });
});

describe("the console", () => {
  const html = { accept: "text/html,application/xhtml+xml" };

  it.each(["/", "/incidents/0123456789abcdef", "/incidents/with.dot", "/graph?from=x"])(
    "serves the page at %s",
    async (path) => {
      const response = await fetch(`${api.url}${path}`, { headers: html });
      expect(response.status).toBe(200);
      expect(await response.text()).toContain("<title>console</title>");
      expect(response.headers.get("content-security-policy")).toContain("script-src 'self'");
      expect(response.headers.get("cache-control")).toBe("no-cache");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    },
  );

  it("serves hashed assets for a year, and never a page in their place", async () => {
    const asset = await fetch(`${api.url}/assets/main-1a2b3c.js`);
    expect(asset.headers.get("content-type")).toMatch(/javascript/);
    expect(asset.headers.get("cache-control")).toContain("immutable");
    for (const path of ["/assets/gone.js", "/assets/../index.htm", "/..%2f..%2fpackage.json", "/.env"]) {
      const response = await fetch(`${api.url}${path}`, { headers: html });
      expect([response.status, path]).toEqual([404, path]);
    }
    expect((await fetch(`${api.url}/incidents/x`, { method: "POST" })).status).toBe(404);
  });

  it("tells how to build it when it is not built", async () => {
    const bare = await startTestApi(database.storage, { options: { consoleDir: join(consoleDir, "nowhere") } });
    const response = await fetch(`${bare.url}/incidents/x`, { headers: html });
    expect(await response.text()).toContain("npm run build");
    await bare.stop();
  });
});

describe("starting", () => {
  it("fails with EADDRINUSE on a taken port", async () => {
    const port = Number(new URL(api.url).port);
    await expect(startTestApi(database.storage, { options: { port } })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
