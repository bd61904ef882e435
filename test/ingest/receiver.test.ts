// The receiver: retries of the same body are one body, answers come in time, JSON and protobuf go the same way.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { BodyWindow, fingerprintOf } from "../../ingest/body-window.ts";
import { createReceiver, type Receiver, RECEIVER_LIMITS, type ReceiverLimits } from "../../ingest/receiver.ts";
import type { Receipt, Writer } from "../../ingest/writer.ts";

const STORED: Receipt = { ok: true, rows: 1, rejected: 0, rejectedReason: null };

interface Setup {
  readonly receiver: Receiver;
  readonly written: Uint8Array[];
  readonly settle: ((receipt: Receipt) => void)[];
  nowMs: number;
}

function setup(limits: Partial<ReceiverLimits> = {}): Setup {
  const written: Uint8Array[] = [];
  const settle: ((receipt: Receipt) => void)[] = [];
  const writer: Writer = {
    write: (payload) => {
      written.push(payload);
      return new Promise((resolve) => settle.push(resolve));
    },
    stop: async () => {},
  };
  const it: Setup = { written, settle, nowMs: 1_000, receiver: undefined as never };
  const receiver = createReceiver(
    { traces: writer, logs: writer, metrics: writer },
    { ...RECEIVER_LIMITS, ...limits },
    () => it.nowMs,
  );
  return Object.assign(it, { receiver });
}

const body = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a client's retry", () => {
  it("of a body under way awaits the first insert", async () => {
    const { receiver, written, settle } = setup();
    const both = [
      receiver.receive("default", "traces", "protobuf", body("a")),
      receiver.receive("default", "traces", "protobuf", body("a")),
    ];
    settle[0]?.(STORED);
    expect(await Promise.all(both)).toEqual([
      { ...STORED, duplicate: false },
      { ...STORED, duplicate: true },
    ]);
    expect(written.length).toBe(1);
  });

  it("of a stored body is acknowledged without another insert, until the window ends", async () => {
    const it = setup({ windowMs: 5_000 });
    const first = it.receiver.receive("default", "traces", "protobuf", body("a"));
    it.settle[0]?.(STORED);
    await first;
    it.nowMs += 4_999;
    expect(await it.receiver.receive("default", "traces", "protobuf", body("a"))).toEqual({
      ...STORED,
      duplicate: true,
    });
    it.nowMs += 1;
    const late = it.receiver.receive("default", "traces", "protobuf", body("a"));
    it.settle[1]?.(STORED);
    expect(await late).toEqual({ ...STORED, duplicate: false });
  });

  it("after a late answer finds the block that was stored meanwhile", async () => {
    const { receiver, written, settle } = setup({ ackDeadlineMs: 10 });
    expect(await receiver.receive("default", "traces", "protobuf", body("a"))).toMatchObject({
      ok: false,
      reason: "late",
      retryable: true,
    });
    settle[0]?.(STORED);
    await sleep(1);
    expect(await receiver.receive("default", "traces", "protobuf", body("a"))).toEqual({ ...STORED, duplicate: true });
    expect(written.length).toBe(1);
  });

  it("of a body that was not stored is a new body", async () => {
    const { receiver, written, settle } = setup();
    const first = receiver.receive("default", "traces", "protobuf", body("a"));
    settle[0]?.({ ok: false, reason: "full", retryable: true });
    expect(await first).toMatchObject({ ok: false, reason: "full", retryable: true });
    void receiver.receive("default", "traces", "protobuf", body("a"));
    expect(written.length).toBe(2);
  });

  it("is not mistaken for the same body of another signal", async () => {
    const { receiver, written } = setup();
    void receiver.receive("default", "traces", "protobuf", body("a"));
    void receiver.receive("default", "logs", "protobuf", body("a"));
    expect(written.length).toBe(2);
  });
});

describe("the window", () => {
  it("keeps a bounded number of bodies, the oldest goes first", async () => {
    const window = new BodyWindow<number>(1_000, 3, () => 0);
    for (let n = 0; n < 10; n++) window.track(String(n), Promise.resolve(n), () => true);
    await sleep(1);
    expect(window.size).toBe(3);
    expect(window.find("6")).toBeNull();
    expect(window.find("9")).toEqual({ state: "stored", answer: 9 });
  });

  it("tells apart bodies that differ in one bit, at every position", () => {
    const bytes = new Uint8Array(67).fill(7);
    const seen = new Set([fingerprintOf("", bytes)]);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      seen.add(fingerprintOf("", changed));
    }
    expect(seen.size).toBe(bytes.length * 8 + 1);
  });

  it("has no collisions among many short bodies", () => {
    const seen = new Set<string>();
    for (let n = 0; n < 50_000; n++) seen.add(fingerprintOf("", Uint8Array.of(n & 255, (n >> 8) & 255, n >> 16, 1)));
    expect(seen.size).toBe(50_000);
  });
});

it("says why JSON is refused, without asking the writer", async () => {
  const { receiver, written } = setup();
  expect(await receiver.receive("default", "traces", "json", body("{"))).toMatchObject({
    ok: false,
    reason: "json_syntax",
    retryable: false,
  });
  expect(await receiver.receive("default", "logs", "json", body('{"resourceLogs":{}}'))).toMatchObject({
    ok: false,
    reason: "json_shape",
  });
  expect(written.length).toBe(0);
});
