// The outbox against a real ClickHouse and a local HTTP server that fails in all the ways that targets do.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDispatcher, type Dispatcher } from "../../../api/alerts/dispatcher.ts";
import { ALERTS_DEFAULTS, type AlertOptions, type AlertTarget } from "../../../api/alerts/options.ts";
import { startAlerts } from "../../../api/alerts/role.ts";
import { readDeliveries, registerTarget, writeDeliveries } from "../../../storage/alert-deliveries.ts";
import { type StoredIncident, writeIncidents } from "../../../storage/incidents.ts";
import { writeLocalizations } from "../../../storage/localizations.ts";
import { startTestStorage, type TestStorage } from "../../fixtures/storage.ts";
import { makeIncident, makeLocalization } from "../findings.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const T0 = Date.parse("2026-01-31T14:04:00Z");

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let database: TestStorage;
let received: Received[] = [];
let reply: (response: ServerResponse, request: Received) => void = (response) => response.end("ok");
const listener = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => (body += chunk));
  request.on("end", () => {
    const one = { path: request.url ?? "", headers: request.headers, body };
    received.push(one);
    reply(response, one);
  });
});
let base = "";

// Every test has a tenant of its own, so that one database serves all.
let tenant = "";
let tenants = 0;
let nowMs = T0;

beforeAll(async () => {
  database = await startTestStorage();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
}, 180_000);
afterAll(async () => {
  listener.closeAllConnections();
  listener.close();
  await database?.stop();
});
beforeEach(() => {
  tenant = `tenant-${++tenants}`;
  nowMs = T0;
  received = [];
  reply = (response) => response.end("ok");
});
afterEach(() => listener.closeAllConnections());

function dispatcher(target: Partial<AlertTarget> = {}, options: Partial<AlertOptions> = {}): Dispatcher {
  return createDispatcher({
    storage: database.storage,
    target: { name: "chat", kind: "webhook", url: `${base}/hook`, ...target },
    options: {
      ...ALERTS_DEFAULTS,
      tenant,
      settleMs: 0,
      timeoutMs: 1000,
      baseUrl: "https://faultline.example",
      ...options,
    },
    now: () => nowMs,
    random: () => 0,
    pause: () => Promise.resolve(),
  });
}

async function put(more: Partial<StoredIncident> = {}, atMs = nowMs): Promise<void> {
  const incident = makeIncident({ revision: `${atMs}000000`, ...more });
  await writeIncidents(database.storage, tenant, [incident]);
  await writeLocalizations(database.storage, tenant, "1", [makeLocalization()]);
}

async function delivery(transition: string, target = "chat", id = "0123456789abcdef") {
  return (await readDeliveries(database.storage, tenant, [`${id}:${transition}:${target}`]))[0];
}

const kinds = () => received.map((one) => (JSON.parse(one.body) as { type: string }).type.split(".")[3]);

describe("the outbox", () => {
  it("tells an opened and a resolved incident once each, in order, signed", async () => {
    const alerts = dispatcher({ secret: SECRET });
    expect(await alerts.runRound()).toBe(0);
    nowMs += 1000;
    await put();
    expect(await alerts.runRound()).toBe(1);
    expect(await alerts.runRound()).toBe(0);
    nowMs += 60_000;
    await put({ status: "RESOLVED", resolvedAt: "2026-01-31T14:21:00.000Z" });
    expect(await alerts.runRound()).toBe(1);
    expect(await alerts.runRound()).toBe(0);
    expect(kinds()).toEqual(["opened", "resolved"]);
    expect(await delivery("opened")).toMatchObject({ status: "DELIVERED", attempts: 1, lastError: "" });

    const [first] = received;
    const body = JSON.parse(first!.body) as { data: { sentence: string; url: string } };
    expect(body.data.sentence).toBe("checkout is slow since 14:03 UTC; likely pricing v2 (rollout), confidence 0.82");
    expect(body.data.url).toBe("https://faultline.example/incidents/0123456789abcdef");
    // The signature is over the bytes sent; the time is that of our clock, so the receiver's tolerance is not asked.
    const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature } = first!.headers;
    const expected = new Webhook(SECRET).sign(String(id), new Date(Number(timestamp) * 1000), first!.body);
    expect(signature).toBe(expected);
    expect(id).toMatch(/^msg_[\w-]{27}$/);
  });

  it("tells an incident that opened and resolved between two rounds, opening first", async () => {
    const alerts = dispatcher();
    await alerts.runRound();
    await put({ status: "RESOLVED", resolvedAt: "2026-01-31T14:03:50.000Z" });
    for (let i = 0; i < 3; i++) await alerts.runRound();
    expect(kinds()).toEqual(["opened", "resolved"]);
  });

  it("tells nothing of a replayed incident twice, whatever its revision", async () => {
    const alerts = dispatcher();
    await alerts.runRound();
    await put();
    await alerts.runRound();
    nowMs += 5000;
    await put({ title: "checkout is very slow" });
    await alerts.runRound();
    await dispatcher().runRound();
    expect(received).toHaveLength(1);
  });

  it("does not flood a new target with the past, nor tell what is older than a day", async () => {
    await put({ id: "past-1" }, nowMs - 1000);
    const alerts = dispatcher();
    await alerts.runRound();
    await put({ id: "new-1" }, nowMs + 1);
    nowMs += 25 * 3_600_000;
    await put({ id: "new-2" });
    await alerts.runRound();
    expect(received.map((one) => (JSON.parse(one.body) as { data: { incidentId: string } }).data.incidentId)).toEqual([
      "new-2",
    ]);
  });

  it("keeps tenants apart", async () => {
    await registerTarget(database.storage, tenant, "chat", nowMs);
    await writeIncidents(database.storage, "another-tenant", [makeIncident({ revision: `${nowMs + 5}000000` })]);
    await dispatcher().runRound();
    expect(received).toEqual([]);
  });
});

describe("failures of the target", () => {
  async function openedWith(
    target: Partial<AlertTarget> = {},
    options: Partial<AlertOptions> = {},
  ): Promise<Dispatcher> {
    const alerts = dispatcher(target, options);
    await alerts.runRound();
    await put();
    await alerts.runRound();
    return alerts;
  }

  it("500: tried again after each pause, with the same id, then delivered", async () => {
    let failures = 2;
    reply = (response) => {
      response.statusCode = failures-- > 0 ? 500 : 200;
      response.end("oops");
    };
    const alerts = await openedWith({}, { backoffMs: [5000, 30_000] });
    expect(await delivery("opened")).toMatchObject({ status: "PENDING", attempts: 1, lastError: "HTTP 500: oops" });
    nowMs += 4999;
    expect(await alerts.runRound()).toBe(0);
    nowMs += 1;
    expect(await alerts.runRound()).toBe(1);
    nowMs += 29_999;
    expect(await alerts.runRound()).toBe(0);
    nowMs += 1;
    expect(await alerts.runRound()).toBe(1);
    expect(await delivery("opened")).toMatchObject({ status: "DELIVERED", attempts: 3 });
    expect(new Set(received.map((one) => one.headers["webhook-id"])).size).toBe(1);
  });

  it("500 for ever: given up when the pauses are used up; what follows is still told", async () => {
    reply = (response) => {
      response.statusCode = 500;
      response.end();
    };
    const alerts = await openedWith({}, { backoffMs: [1000] });
    await put({ status: "RESOLVED", resolvedAt: "2026-01-31T14:21:00.000Z" }, nowMs + 1);
    expect(await alerts.runRound()).toBe(0);
    nowMs += 1000;
    await alerts.runRound();
    expect(await delivery("opened")).toMatchObject({ status: "GIVEN_UP", attempts: 2, lastError: "HTTP 500" });
    reply = (response) => response.end();
    await alerts.runRound();
    expect(await delivery("resolved")).toMatchObject({ status: "DELIVERED" });
    expect(kinds()).toEqual(["opened", "opened", "resolved"]);
  });

  it("429: waits as long as the target asks", async () => {
    reply = (response) => {
      response.writeHead(429, { "retry-after": "90" });
      response.end();
    };
    const alerts = await openedWith({ kind: "slack" });
    nowMs += 89_000;
    expect(await alerts.runRound()).toBe(0);
    nowMs += 1000;
    reply = (response) => response.end("ok");
    expect(await alerts.runRound()).toBe(1);
    expect(await delivery("opened")).toMatchObject({ status: "DELIVERED" });
  });

  it("HTTP 200 with an error in the body: not delivered", async () => {
    reply = (response) => response.end('{"code":11232,"msg":"frequency limited"}');
    const alerts = await openedWith({ kind: "feishu", secret: "s" });
    expect((await delivery("opened"))?.lastError).toContain("code 11232");
    expect(await delivery("opened")).toMatchObject({ status: "PENDING" });
    reply = (response) => response.end('{"code":0}');
    nowMs += 5000;
    await alerts.runRound();
    expect(await delivery("opened")).toMatchObject({ status: "DELIVERED", attempts: 2 });
  });

  it("400, 410 and redirects: refused for good, and no redirect is followed", async () => {
    for (const status of [400, 410, 307]) {
      tenant = `tenant-${++tenants}`;
      received = [];
      reply = (response) => {
        response.writeHead(status, { location: `${base}/elsewhere` });
        response.end();
      };
      const alerts = await openedWith();
      nowMs += 86_000_000;
      await alerts.runRound();
      expect(await delivery("opened")).toMatchObject({ status: "GIVEN_UP", attempts: 1 });
      expect(received.map((one) => one.path)).toEqual(["/hook"]);
    }
  });

  it("no answer, a closed port, an endless body: tried again, and the URL is in no message", async () => {
    reply = () => {};
    await openedWith({}, { timeoutMs: 150 });
    expect(await delivery("opened")).toMatchObject({ status: "PENDING", lastError: "no answer in time" });

    tenant = `tenant-${++tenants}`;
    await openedWith({ url: "http://127.0.0.1:1/secret-path" });
    expect((await delivery("opened"))?.lastError).toMatch(/^connection failed/);
    expect((await delivery("opened"))?.lastError).not.toContain("secret-path");

    tenant = `tenant-${++tenants}`;
    reply = (response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
        if (!response.destroyed) response.once("drain", pour);
      };
      pour();
    };
    await openedWith();
    expect(await delivery("opened")).toMatchObject({ status: "DELIVERED" });
  });
});

describe("crashes", () => {
  it("between the row and the attempt: told by the next process, once", async () => {
    await registerTarget(database.storage, tenant, "chat", nowMs);
    await put();
    // What a process leaves that died right after it had written the row.
    await writeDeliveries(database.storage, tenant, [
      {
        key: "0123456789abcdef:opened:chat",
        incidentId: "0123456789abcdef",
        transition: "opened",
        target: "chat",
        status: "PENDING",
        attempts: 0,
        nextAttemptAtMs: nowMs,
        lastError: "",
        createdAtMs: nowMs,
        revision: "1",
      },
    ]);
    const alerts = dispatcher();
    expect(await alerts.runRound()).toBe(1);
    expect(await dispatcher().runRound()).toBe(0);
    expect(received).toHaveLength(1);
  });

  it("within an attempt: sent again with the same id after the claim has run out", async () => {
    const alerts = dispatcher();
    await alerts.runRound();
    await put();
    await alerts.runRound();
    const told = await delivery("opened");
    // What a process leaves that died between the target's answer and its row: the claim is the newest revision.
    await writeDeliveries(database.storage, tenant, [
      { ...told!, status: "PENDING", nextAttemptAtMs: nowMs + 60_000, revision: String(BigInt(told!.revision) + 5n) },
    ]);
    const next = dispatcher();
    expect(await next.runRound()).toBe(0);
    nowMs += 60_000;
    expect(await next.runRound()).toBe(1);
    expect(await delivery("opened")).toMatchObject({ status: "DELIVERED", attempts: 2 });
    expect(new Set(received.map((one) => one.headers["webhook-id"])).size).toBe(1);
    expect(received).toHaveLength(2);
  });

  it("several processes at once: one of them tells", async () => {
    await registerTarget(database.storage, tenant, "chat", nowMs);
    for (let i = 0; i < 5; i++) await put({ id: `incident-${i}` });
    const processes = [0, 1, 2, 3].map((n) =>
      createDispatcher({
        storage: database.storage,
        target: { name: "chat", kind: "webhook", url: `${base}/hook` },
        options: { ...ALERTS_DEFAULTS, tenant, settleMs: 300 },
        now: () => nowMs,
        random: () => (n + 1) / 10,
        pause: (ms) => sleep(ms),
      }),
    );
    await Promise.all(processes.map((one) => one.runRound()));
    await Promise.all(processes.map((one) => one.runRound()));
    expect(received).toHaveLength(5);
    expect(new Set(received.map((one) => one.headers["webhook-id"])).size).toBe(5);
  });
});

describe("withdrawn incidents", () => {
  it("are told where their opening was told, and nowhere else", async () => {
    const alerts = dispatcher();
    await alerts.runRound();
    await put();
    await alerts.runRound();
    await put({ status: "WITHDRAWN" }, nowMs + 1);
    await put({ id: "never-told", status: "WITHDRAWN" }, nowMs + 1);
    for (let i = 0; i < 2; i++) await alerts.runRound();
    expect(kinds()).toEqual(["opened", "withdrawn"]);
  });

  it("are not opened in chat when they are gone before the first attempt succeeds", async () => {
    reply = (response) => {
      response.statusCode = 503;
      response.end();
    };
    const alerts = dispatcher();
    await alerts.runRound();
    await put();
    await alerts.runRound();
    await put({ status: "WITHDRAWN" }, nowMs + 1);
    nowMs += 10_000;
    await alerts.runRound();
    expect(await delivery("opened")).toMatchObject({ status: "GIVEN_UP" });
    expect((await delivery("opened"))?.lastError).toContain("withdrawn");
    expect(received).toHaveLength(1);
  });
});

describe("limits", () => {
  it("sends no faster than the target takes", async () => {
    const alerts = dispatcher({ kind: "slack" }, { timeoutMs: 1000, claimMs: 60_000 });
    await alerts.runRound();
    for (let i = 0; i < 6; i++) await put({ id: `incident-${i}` });
    expect(await alerts.runRound()).toBe(3);
    expect(await alerts.runRound()).toBe(0);
    nowMs += 1000;
    expect(await alerts.runRound()).toBe(1);
    nowMs += 10_000;
    expect(await alerts.runRound()).toBe(2);
  });

  it.each([
    [{ url: "ftp://x" }, "http or https"],
    [{ url: "not a url" }, "http or https"],
    [{ name: "a b" }, "needs a name"],
    [{ secret: "whsec_%%%" }, "base64"],
  ])("refuses the target %j", async (wrong, reason) => {
    const target = { name: "chat", kind: "webhook" as const, url: `${base}/hook`, ...wrong };
    const start = startAlerts({
      storage: database.storage,
      options: { ...ALERTS_DEFAULTS, tenant, targets: [target] },
    });
    await expect(start).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(start).rejects.toThrow(reason);
  });

  it("a slow target delays no other, and stopping ends the loops", async () => {
    reply = (response, { path }) => {
      if (path === "/fast") response.end("ok");
    };
    const target = (name: string): AlertTarget => ({ name, kind: "slack", url: `${base}/${name}` });
    await registerTarget(database.storage, tenant, "slow", 0);
    await registerTarget(database.storage, tenant, "fast", 0);
    await put({}, Date.now());
    const alerts = await startAlerts({
      storage: database.storage,
      options: {
        ...ALERTS_DEFAULTS,
        tenant,
        targets: [target("slow"), target("fast")],
        pollIntervalMs: 20,
        settleMs: 0,
        timeoutMs: 3000,
      },
    });
    const until = Date.now() + 2500;
    while ((await delivery("opened", "fast"))?.status !== "DELIVERED" && Date.now() < until) await sleep(20);
    expect(await delivery("opened", "fast")).toMatchObject({ status: "DELIVERED" });
    expect(await delivery("opened", "slow")).toMatchObject({ status: "PENDING", attempts: 1 });
    await alerts.stop();
    expect((await delivery("opened", "slow"))?.lastError).toBe("no answer in time");
    const count = received.length;
    await sleep(100);
    expect(received).toHaveLength(count);
  });
});
