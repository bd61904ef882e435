// Who is let in, by token and time: new tokens, revoked ones, storage that is away, and how often it is asked.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ACCESS_TIMES, type Access, createTokenAccess } from "../../ingest/access.ts";
import { hashOfToken, type LiveToken } from "../../storage/tokens.ts";

interface World {
  readonly access: Access;
  readonly tokens: LiveToken[];
  reads: number;
  nowMs: number;
  isAway: boolean;
  /** While set, reads do not come back. */
  hang: Promise<void> | null;
}

function makeWorld(requireToken = false): World {
  const world: Omit<World, "access"> = { tokens: [], reads: 0, nowMs: 10_000, isAway: false, hang: null };
  const readTokens = async (): Promise<LiveToken[]> => {
    world.reads++;
    await world.hang;
    if (world.isAway) throw new Error("away");
    return [...world.tokens];
  };
  const access = createTokenAccess(
    { readTokens, clock: () => world.nowMs },
    { tenant: "own", requireToken, ...ACCESS_TIMES, waitMs: 30 },
  );
  return Object.assign(world, { access });
}

const token = (text: string, tenant: string, scopes = ["ingest"]): LiveToken => ({
  hash: hashOfToken(text),
  tenant,
  scopes,
});

describe("without a token", () => {
  it("everything belongs to the configured tenant, and storage is not asked", async () => {
    const world = makeWorld();
    expect(await world.access.admit(undefined)).toEqual({ ok: true, tenant: "own" });
    expect(world.reads).toBe(0);
  });

  it("nobody is let in where one is required, but those who sign", async () => {
    const { access } = makeWorld(true);
    expect(await access.admit(undefined)).toMatchObject({ ok: false, reason: "token" });
    expect(await access.admit(undefined, true)).toEqual({ ok: true, tenant: "own" });
    expect(await access.admit("Signature abc", true)).toEqual({ ok: true, tenant: "own" });
  });
});

describe("a token", () => {
  it("gives its tenant, if it is for ingest", async () => {
    const world = makeWorld(true);
    world.tokens.push(token("one", "a"), token("two", "b", ["read"]), token("three", "c", ["read", "ingest"]));
    expect(await world.access.admit("Bearer one")).toEqual({ ok: true, tenant: "a" });
    expect(await world.access.admit("bearer  three ")).toEqual({ ok: true, tenant: "c" });
    expect(await world.access.admit("Bearer two")).toMatchObject({ ok: false, reason: "scope" });
    expect(await world.access.admit("Bearer one", true)).toEqual({ ok: true, tenant: "a" });
    expect(world.reads).toBe(1);
  });

  it.each(["Bearer", "Bearer ", "Basic one", "one", "Bearer a b", `Bearer ${"x".repeat(2_000)}`])(
    "in a header like %j is refused, without a word of it",
    async (header) => {
      const world = makeWorld();
      world.tokens.push(token("one", "a"));
      const admission = await world.access.admit(header);
      expect(admission).toMatchObject({ ok: false, reason: "token" });
      expect(JSON.stringify(admission)).not.toContain("one");
    },
  );

  it("that was made a moment ago is known within a second, without waiting for the next refresh", async () => {
    const world = makeWorld();
    expect(await world.access.admit("Bearer new")).toMatchObject({ reason: "token" });
    world.tokens.push(token("new", "a"));
    world.nowMs += ACCESS_TIMES.minRefreshMs + 1;
    expect(await world.access.admit("Bearer new")).toEqual({ ok: true, tenant: "a" });
  });

  it("that was revoked is refused after the refresh, also after a long silence", async () => {
    const world = makeWorld();
    world.tokens.push(token("one", "a"));
    expect(await world.access.admit("Bearer one")).toMatchObject({ ok: true });
    world.tokens.length = 0;
    world.nowMs += ACCESS_TIMES.refreshMs;
    expect(await world.access.admit("Bearer one")).toMatchObject({ ok: true });
    world.nowMs += 1;
    expect(await world.access.admit("Bearer one")).toMatchObject({ ok: false, reason: "token" });
  });
});

describe("storage", () => {
  it("is asked once however many unknown tokens come at once, and at most twice a second", async () => {
    const world = makeWorld();
    const all = Array.from({ length: 200 }, (_, n) => world.access.admit(`Bearer guess-${n}`));
    expect((await Promise.all(all)).every((admission) => !admission.ok && admission.reason === "token")).toBe(true);
    for (let n = 0; n < 100; n++) {
      world.nowMs += 50;
      await world.access.admit(`Bearer other-${n}`);
    }
    expect(world.reads).toBeLessThanOrEqual(11);
  });

  it("that is away keeps the known tokens, and makes no unknown one of a good one", async () => {
    const world = makeWorld();
    world.tokens.push(token("one", "a"), token("two", "a"));
    await world.access.admit("Bearer one");
    world.isAway = true;
    world.nowMs += 3_600_000;
    expect(await world.access.admit("Bearer one")).toEqual({ ok: true, tenant: "a" });
    expect(await world.access.admit("Bearer three")).toMatchObject({ ok: false, reason: "unchecked" });
    world.isAway = false;
    world.nowMs += 1_000;
    expect(await world.access.admit("Bearer three")).toMatchObject({ ok: false, reason: "token" });
  });

  it("that does not answer is waited for by the first requests alone", async () => {
    const world = makeWorld();
    world.tokens.push(token("one", "a"));
    await world.access.admit("Bearer one");
    let answer = (): void => {};
    world.hang = new Promise((resolve) => (answer = resolve));
    world.nowMs += 10_000;
    expect(await world.access.admit("Bearer one")).toEqual({ ok: true, tenant: "a" });
    world.nowMs += 31;
    const startedAt = performance.now();
    for (let n = 0; n < 20; n++) expect(await world.access.admit("Bearer one")).toEqual({ ok: true, tenant: "a" });
    expect(performance.now() - startedAt).toBeLessThan(30);
    expect(world.reads).toBe(2);
    world.tokens.length = 0;
    world.hang = null;
    answer();
    await sleep(1);
    expect(await world.access.admit("Bearer one")).toMatchObject({ ok: false, reason: "token" });
  });
});
