// Live incidents over a websocket, and the feed behind it.
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, type Client } from "graphql-ws";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { IncidentFeed } from "../../api/incident-feed.ts";
import { API_DEFAULTS } from "../../api/options.ts";
import { type StoredIncident, writeIncidents } from "../../storage/incidents.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { makeIncident } from "./findings.ts";
import { TENANT } from "./seed.ts";
import { type Json, startTestApi, type TestApi } from "./server-fixture.ts";

let database: TestStorage;
let api: TestApi;
const clients: Client[] = [];

beforeAll(async () => {
  database = await startTestStorage();
  api = await startTestApi(database.storage, {
    options: { limits: { ...API_DEFAULTS.limits, maxSubscribers: 3, maxSockets: 6 } },
  });
}, 180_000);
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  await sleep(50);
});
afterAll(async () => {
  await api?.stop();
  await database?.stop();
});

function socketUrl(): string {
  return `${api.url.replace("http", "ws")}/graphql`;
}

function connect(): Client {
  const client = createClient({ url: socketUrl(), webSocketImpl: WebSocket, retryAttempts: 0, lazy: true });
  clients.push(client);
  return client;
}

function listen(client: Client, query = "subscription { incidentChanged { id title status } }") {
  const events: Json[] = [];
  let failure: Json = null;
  client.subscribe(
    { query },
    {
      next: (value) => events.push(value),
      error: (error) => (failure = error),
      complete: () => {},
    },
  );
  return { events, failure: () => failure };
}

async function eventually(check: () => boolean, withinMs = 5000): Promise<void> {
  const until = Date.now() + withinMs;
  while (!check() && Date.now() < until) await sleep(20);
  expect(check()).toBe(true);
}

const revision = (offsetMs = 0) => `${BigInt(Date.now() + offsetMs) * 1_000_000n}`;

describe("incidentChanged", () => {
  it("tells every subscriber what changes after it came, and nothing of before", async () => {
    await writeIncidents(database.storage, TENANT, [makeIncident({ id: "before", revision: revision() })]);
    const [one, two] = [listen(connect()), listen(connect())];
    await sleep(400);
    await writeIncidents(database.storage, TENANT, [
      makeIncident({ id: "after", title: "first", revision: revision() }),
    ]);
    await eventually(() => one.events.length === 1 && two.events.length === 1);
    await writeIncidents(database.storage, TENANT, [
      makeIncident({
        id: "after",
        title: "second",
        status: "RESOLVED",
        resolvedAt: new Date().toISOString(),
        revision: revision(1),
      }),
      makeIncident({ id: "secret", status: "WITHDRAWN", revision: revision(2) }),
    ]);
    await eventually(() => one.events.length === 2);
    expect(one.events.map((event) => event.data.incidentChanged)).toEqual([
      { id: "after", title: "first", status: "OPEN" },
      { id: "after", title: "second", status: "RESOLVED" },
    ]);
  });

  it("is validated and limited like a query", async () => {
    const unknown = listen(connect(), "subscription { incidentChanged { nothing } }");
    await eventually(() => unknown.failure() !== null);
    expect(unknown.failure()[0].extensions.code).toBe("GRAPHQL_VALIDATION_FAILED");
    const aliases = Array.from({ length: 40 }, (_, i) => `a${i}: title`).join(" ");
    const dear = listen(connect(), `subscription { incidentChanged { ${aliases} } }`);
    await eventually(() => dear.failure() !== null);
    expect(dear.failure()[0].extensions.code).toBe("TOO_EXPENSIVE");
    const peers = `${"peer { ".repeat(20)} id ${"} ".repeat(20)}`;
    const deep = listen(connect(), `subscription { incidentChanged { impact { entity { ${peers} } } } }`);
    await eventually(() => deep.failure() !== null);
  });

  it("has room for as many as configured; one that leaves makes room, also by a cut connection", async () => {
    const client = connect();
    const held = [listen(client), listen(client), listen(client)];
    await sleep(300);
    const refused = listen(client);
    await eventually(() => refused.failure() !== null);
    expect(refused.failure()[0].extensions.code).toBe("TOO_MANY_SUBSCRIBERS");
    expect(held.every((one) => one.failure() === null)).toBe(true);
    client.terminate();
    await sleep(100);
    const next = listen(connect());
    await sleep(300);
    expect(next.failure()).toBeNull();
  });

  it("frees the place of a subscription that another one of the same id has replaced", async () => {
    const socket = new WebSocket(socketUrl(), "graphql-transport-ws");
    await new Promise((resolve) => socket.once("open", resolve));
    const send = (message: object): void => socket.send(JSON.stringify(message));
    send({ type: "connection_init" });
    await new Promise((resolve) => socket.once("message", resolve));
    for (let i = 0; i < 3; i++)
      send({ id: "same", type: "subscribe", payload: { query: "subscription { incidentChanged { id } }" } });
    await sleep(300);
    socket.terminate();
    await sleep(100);
    const rest = [listen(connect()), listen(connect()), listen(connect())];
    await sleep(400);
    expect(rest.map((one) => one.failure())).toEqual([null, null, null]);
  });

  it.each([
    ["another origin", "graphql-transport-ws", { origin: "https://evil.example" }, 403],
    ["another host", "graphql-transport-ws", { host: "evil.example" }, 403],
    ["another protocol", "soap", {}, 400],
  ])("refuses %s", async (_name, protocol, headers, status) => {
    const socket = new WebSocket(socketUrl(), protocol, { headers });
    const answered = await new Promise((resolve) => {
      socket.once("unexpected-response", (_request, response) => resolve(response.statusCode));
      socket.once("error", (error) => resolve(error.message));
      socket.once("open", () => resolve("open"));
    });
    socket.terminate();
    expect(answered).toBe(status);
  });

  it("closes a connection that sends too much at once", async () => {
    const socket = new WebSocket(socketUrl(), "graphql-transport-ws");
    await new Promise((resolve) => socket.once("open", resolve));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.send("x".repeat(API_DEFAULTS.limits.maxBodyBytes + 1));
    expect(await closed).toBe(1009);
    const health = await fetch(`${api.url}/healthz`);
    expect(health.status).toBe(200);
  });
});

describe("IncidentFeed", () => {
  const at = (id: string, number: number, more: Partial<StoredIncident> = {}) =>
    makeIncident({ id, revision: String(number), ...more });

  function feedOver(rows: () => StoredIncident[], maxSubscribers = 10) {
    let reads = 0;
    const feed = new IncidentFeed({
      readSince: (from, limit) => {
        reads += 1;
        const sorted = rows()
          .filter((row) => BigInt(row.revision) >= BigInt(from))
          .toSorted((a, b) => Number(BigInt(a.revision) - BigInt(b.revision)));
        return Promise.resolve(sorted.slice(0, limit));
      },
      now: () => 1000,
      pollIntervalMs: 5,
      maxSubscribers,
    });
    return { feed, reads: () => reads };
  }

  it("polls only while somebody listens, once for all", async () => {
    const { feed, reads } = feedOver(() => []);
    await sleep(30);
    expect(reads()).toBe(0);
    const streams = await Promise.all([feed.subscribe(null), feed.subscribe(null), feed.subscribe(null)]);
    expect(reads()).toBe(1);
    for (const stream of streams) await stream.return?.();
    expect(feed.subscriberCount).toBe(0);
    await sleep(20);
    const after = reads();
    await sleep(40);
    expect(reads()).toBe(after);
    await feed.stop();
  });

  it("keeps the newest state for a slow subscriber, not a queue", async () => {
    let rows: StoredIncident[] = [];
    const { feed } = feedOver(() => rows);
    const stream = await feed.subscribe(null);
    for (let i = 1; i <= 5; i++) {
      rows = [at("x", i, { title: `title ${i}` }), at("y", i)];
      await sleep(15);
    }
    const first = await stream.next();
    const second = await stream.next();
    expect(new Set([first.value.id, second.value.id])).toEqual(new Set(["x", "y"]));
    expect([first.value, second.value].find((one) => one.id === "x")?.title).toBe("title 5");
    rows = [at("y", 9, { status: "WITHDRAWN" }), at("z", 9)];
    expect((await stream.next()).value.id).toBe("z");
    await feed.stop();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("sees a cycle that was written late with an older revision", async () => {
    let rows = [at("new", 900_000_000)];
    const { feed } = feedOver(() => rows);
    const stream = await feed.subscribe(null);
    rows = [...rows, at("late", 800_000_000)];
    expect((await stream.next()).value.id).toBe("late");
    await feed.stop();
  });

  it("goes through more changes than a page holds", async () => {
    let rows: StoredIncident[] = [];
    const { feed } = feedOver(() => rows);
    const stream = await feed.subscribe(null);
    rows = Array.from({ length: 2500 }, (_, i) => at(`i${i}`, 1000 + i));
    const ids = new Set<string>();
    while (ids.size < 2500) ids.add((await stream.next()).value.id);
    expect(ids.size).toBe(2500);
    await feed.stop();
  });

  it("survives a storage that fails for a while, and refuses to begin without one", async () => {
    let isAway = false;
    let rows: StoredIncident[] = [];
    const feed = new IncidentFeed({
      readSince: () => (isAway ? Promise.reject(new Error("away")) : Promise.resolve(rows)),
      now: () => 1000,
      pollIntervalMs: 5,
      maxSubscribers: 2,
    });
    const stream = await feed.subscribe(null);
    isAway = true;
    await sleep(30);
    rows = [at("x", 5)];
    isAway = false;
    expect((await stream.next()).value.id).toBe("x");
    await stream.return?.();
    await sleep(20);
    isAway = true;
    await expect(feed.subscribe(null)).rejects.toMatchObject({ extensions: { code: "STORAGE_UNAVAILABLE" } });
    expect(feed.subscriberCount).toBe(0);
    await feed.stop();
  });

  it("ends a subscription whose client has gone", async () => {
    const { feed } = feedOver(() => []);
    const gone = new AbortController();
    const stream = await feed.subscribe(gone.signal);
    const waiting = stream.next();
    gone.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(feed.subscriberCount).toBe(0);
    await feed.stop();
  });
});
