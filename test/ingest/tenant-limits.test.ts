// What one tenant may take: a part of each room, some bytes a second; the others find room, however many take all they can.
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { setLogSink } from "../../model/events.ts";
import { flushFrequentEvents } from "../../ingest/frequent-events.ts";
import { createTenantGuard, Room, TENANT_LIMITS } from "../../ingest/tenant-limits.ts";
import { TenantQueue } from "../../ingest/tenant-queue.ts";

afterEach(() => {
  setLogSink(() => {});
  flushFrequentEvents();
});

/** Takes one after the other until nothing more is given; how many that were. */
function takeAll(room: Room, tenant: string): number {
  let taken = 0;
  while (room.take(tenant, 1) === null) taken++;
  return taken;
}

describe("a room", () => {
  it("gives one tenant four fifths, and each further one four fifths of what is left of it all", () => {
    const room = new Room(900, 4);
    expect(takeAll(room, "a")).toBe(720);
    expect(takeAll(room, "b")).toBe(144);
    expect(takeAll(room, "c")).toBe(28);
    expect(room.take("a", 1)).toBe("share");
    expect(room.take("d", 20)).toBe("full");
    expect(room.take("d", 8)).toBeNull();
  });

  it("gives all to one tenant where that is wanted", () => {
    const room = new Room(100, 0);
    expect(takeAll(room, "a")).toBe(100);
    expect(room.take("b", 1)).toBe("full");
  });

  it("takes one that is alone whatever its size, also in parts", () => {
    const room = new Room(10, 4);
    expect(room.take("a", 6, 0)).toBeNull();
    expect(room.take("a", 60, 6)).toBeNull();
    expect(room.take("b", 1)).toBe("full");
    room.give("a", 66);
    expect(room.take("b", 1)).toBeNull();
  });

  it("is never overfull while more than one is in it, and empty when all is given back", () => {
    const action = fc.record({ tenant: fc.constantFrom("a", "b", "c"), amount: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.constantFrom(0, 1, 4), (actions, timesFree) => {
        const room = new Room(100, timesFree);
        const held: { tenant: string; amount: number }[] = [];
        for (const [i, { tenant, amount }] of actions.entries()) {
          if (room.take(tenant, amount) === null) held.push({ tenant, amount });
          const total = held.reduce((sum, one) => sum + one.amount, 0);
          if (held.length > 1) expect(total).toBeLessThanOrEqual(100);
          const first = i % 5 === 4 ? held.shift() : undefined;
          if (first !== undefined) room.give(first.tenant, first.amount);
        }
        for (const { tenant, amount } of held) room.give(tenant, amount);
        expect(room.take("z", 100)).toBeNull();
      }),
    );
  });
});

describe("a rate", () => {
  it("lets a burst through, then makes the tenant wait as long as it overdrew, and nobody else", () => {
    let nowMs = 0;
    const guard = createTenantGuard({ timesFree: 4, bytesPerSecond: 1_000, burstSeconds: 2 }, () => nowMs);
    guard.spend("a", 1_999);
    expect(guard.waitSeconds("a")).toBe(0);
    guard.spend("a", 5_001);
    expect(guard.waitSeconds("a")).toBe(5);
    expect(guard.waitSeconds("b")).toBe(0);
    nowMs = 4_900;
    expect(guard.waitSeconds("a")).toBe(1);
    nowMs = 5_001;
    expect(guard.waitSeconds("a")).toBe(0);
    nowMs = 1_000_000;
    guard.spend("a", 2_001);
    expect(guard.waitSeconds("a")).toBe(1);
  });

  it("is unlimited by default", () => {
    const guard = createTenantGuard(TENANT_LIMITS, () => 0);
    guard.spend("a", 2 ** 50);
    expect(guard.waitSeconds("a")).toBe(0);
  });
});

it("throttled senders are counted by tenant, under a bounded number of labels", () => {
  const seen = new Set<string>();
  setLogSink((_level, _event, _text, fields) => seen.add(String(fields["tenant"])));
  const guard = createTenantGuard(TENANT_LIMITS, () => 0);
  for (let n = 0; n < 5_000; n++) guard.throttled("http", "share", `tenant-${n}`);
  guard.throttled("http", "share", "tenant-7");
  expect(seen.size).toBe(101);
  expect(seen.has("tenant-7")).toBe(true);
  expect(seen.has("tenant-4999")).toBe(false);
});

it("what happens by the thousand is counted to the last, and logged once a second", () => {
  const lines: string[] = [];
  setLogSink((_level, _event, text) => void lines.push(text));
  const guard = createTenantGuard(TENANT_LIMITS, () => 0);
  for (let n = 0; n < 1_000; n++) guard.throttled("grpc", "rate", "busy", "slower please");
  expect(lines).toEqual(["a sender was told to slow down: slower please"]);
  flushFrequentEvents();
  expect(lines[1]).toBe("a sender was told to slow down: slower please, 999 more within a second");
  flushFrequentEvents();
  expect(lines.length).toBe(2);
});

it("what waits comes out in turn, and in order for each tenant", () => {
  const queue = new TenantQueue<string>();
  for (const item of ["a1", "a2", "a3", "b1", "c1", "c2"]) queue.push(item[0] ?? "", item);
  expect(queue.length).toBe(6);
  const out: (string | undefined)[] = [queue.shift(), queue.shift()];
  queue.push("b", "b2");
  while (queue.length > 0) out.push(queue.shift());
  expect(out).toEqual(["a1", "b1", "c1", "a2", "b2", "c2", "a3"]);
  expect(queue.shift()).toBeUndefined();
});
