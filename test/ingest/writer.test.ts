// The writer: acknowledged only after the insert, coalesced, bounded, retried with the same token, never mixed up.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { RowBlock, TableInsert } from "../../ingest/otlp/block.ts";
import type { DecodeOutcome } from "../../ingest/otlp/limits.ts";
import { createTenantGuard, TENANT_LIMITS } from "../../ingest/tenant-limits.ts";
import { createWriter, type Writer, WRITER_LIMITS, type WriterLimits } from "../../ingest/writer.ts";

/** A block whose rows are the bytes of its payloads; a payload that begins with 0 is bad. */
class ByteBlock implements RowBlock {
  private kept: number[] = [];
  readonly isCrowded = false;

  get rows(): number {
    return this.kept.length;
  }

  get bytes(): number {
    return this.kept.length;
  }

  decode(payload: Uint8Array): DecodeOutcome {
    if (payload[0] === 0) return { ok: false, reason: "truncated" };
    this.kept.push(...payload);
    return { ok: true, rows: payload.length, rejected: 0, rejectedReason: null, truncated: 0 };
  }

  inserts(): readonly TableInsert[] {
    return [{ table: "bytes", columns: ["Byte"], rows: this.rows, chunks: [Uint8Array.from(this.kept)] }];
  }

  clear(): void {
    this.kept = [];
  }
}

interface Attempt {
  readonly rows: number[];
  readonly token: string;
  readonly finish: (error?: Error) => void;
}

class Outage extends Error {}

/** A sink whose inserts end when the test says so. */
function makeSink(
  limits: Partial<WriterLimits> = {},
  timesFree = 0,
): {
  writer: Writer;
  attempts: Attempt[];
  next: () => Promise<Attempt>;
} {
  const attempts: Attempt[] = [];
  let taken = 0;
  const writer = createWriter(
    {
      signal: "traces",
      makeBlock: () => new ByteBlock(),
      insert: ({ chunks }, token) =>
        new Promise((resolve, reject) => {
          const rows = chunks.flatMap((chunk) => [...chunk]);
          attempts.push({ rows, token, finish: (error) => (error === undefined ? resolve() : reject(error)) });
        }),
      isUnavailable: (error) => error instanceof Outage,
      tenants: createTenantGuard({ ...TENANT_LIMITS, timesFree }, Date.now),
      writerId: "w",
      clock: Date.now,
    },
    { ...WRITER_LIMITS, lingerMs: 30, quietMs: 5, retryMinMs: 1, retryMaxMs: 2, closeTimeoutMs: 50, ...limits },
  );
  const next = async (): Promise<Attempt> => {
    while (attempts[taken] === undefined) await sleep(1);
    return attempts[taken++]!;
  };
  return { writer, attempts, next };
}

const state = async (promise: Promise<unknown>): Promise<string> =>
  Promise.race([promise.then(() => "settled"), sleep(15).then(() => "waiting")]);

describe("acknowledgement", () => {
  it("comes after the insert and not before", async () => {
    const { writer, next } = makeSink();
    const receipt = writer.write(Uint8Array.of(1, 2), "default");
    const attempt = await next();
    expect(await state(receipt)).toBe("waiting");
    attempt.finish();
    expect(await receipt).toEqual({ ok: true, rows: 2, rejected: 0, rejectedReason: null });
  });

  it("says at once that a payload is bad, and keeps it out of the block", async () => {
    const { writer, next } = makeSink();
    const good = writer.write(Uint8Array.of(1), "default");
    expect(await writer.write(Uint8Array.of(0, 9), "default")).toEqual({
      ok: false,
      reason: "truncated",
      retryable: false,
    });
    const attempt = await next();
    expect(attempt.rows).toEqual([1]);
    attempt.finish();
    expect(await good).toMatchObject({ ok: true });
  });

  it("is not owed an insert by a payload without rows", async () => {
    const { writer, attempts } = makeSink();
    expect(await writer.write(new Uint8Array(0), "default")).toMatchObject({ ok: true, rows: 0 });
    await sleep(50);
    expect(attempts).toEqual([]);
  });
});

describe("blocks", () => {
  it("coalesce what comes while another is being sent, in order", async () => {
    const { writer, next, attempts } = makeSink();
    const receipts = [writer.write(Uint8Array.of(1), "default")];
    const first = await next();
    for (let n = 2; n <= 6; n++) receipts.push(writer.write(Uint8Array.of(n), "default"));
    await sleep(60);
    expect(attempts.length).toBe(1);
    first.finish();
    const second = await next();
    expect(second.rows).toEqual([2, 3, 4, 5, 6]);
    expect(second.token).not.toBe(first.token);
    second.finish();
    expect((await Promise.all(receipts)).every(({ ok }) => ok)).toBe(true);
  });

  it("are sent when full, without waiting", async () => {
    const { writer, next } = makeSink({ targetRows: 3, lingerMs: 60_000, quietMs: 60_000 });
    void writer.write(Uint8Array.of(1, 1), "default");
    void writer.write(Uint8Array.of(2, 2), "default");
    const attempt = await next();
    expect(attempt.rows).toEqual([1, 1, 2, 2]);
    attempt.finish();
  });

  it("are sent after the linger time although payloads keep coming", async () => {
    const { writer, next } = makeSink({ lingerMs: 40, quietMs: 20 });
    const startMs = Date.now();
    const feeding = setInterval(() => void writer.write(Uint8Array.of(1), "default"), 4);
    const attempt = await next();
    clearInterval(feeding);
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(35);
    expect(attempt.rows.length).toBeGreaterThan(1);
    attempt.finish();
  });
});

describe("when storage is away", () => {
  it("the same block is tried again with the same token until it is stored", async () => {
    const { writer, next } = makeSink();
    const receipt = writer.write(Uint8Array.of(1), "default");
    const tokens: string[] = [];
    for (let n = 0; n < 4; n++) {
      const attempt = await next();
      tokens.push(attempt.token);
      expect(attempt.rows).toEqual([1]);
      attempt.finish(new Outage());
    }
    expect(await state(receipt)).toBe("waiting");
    (await next()).finish();
    expect(await receipt).toMatchObject({ ok: true });
    expect(new Set(tokens).size).toBe(1);
  });

  it("what neither block has room for waits, and past the limit is refused at once as retryable", async () => {
    const { writer, next, attempts } = makeSink({ targetRows: 2, maxWaitingBytes: 4 });
    const sent = writer.write(Uint8Array.of(1, 1), "default");
    const first = await next();
    const filled = writer.write(Uint8Array.of(2, 2), "default");
    const waiting = [writer.write(Uint8Array.of(3, 3), "default"), writer.write(Uint8Array.of(4, 4), "default")];
    expect(await writer.write(Uint8Array.of(5), "default")).toEqual({ ok: false, reason: "full", retryable: true });
    expect(await state(Promise.race(waiting))).toBe("waiting");
    first.finish();
    for (let n = 0; n < 3; n++) (await next()).finish();
    expect((await Promise.all([sent, filled, ...waiting])).every(({ ok }) => ok)).toBe(true);
    expect(attempts.flatMap(({ rows }) => rows)).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
  });

  it("a tenant that sends much leaves room for others, and what waits is taken tenant by tenant", async () => {
    const { writer, next, attempts } = makeSink({ targetRows: 2, maxWaitingBytes: 20 }, 4);
    const receipts = [writer.write(Uint8Array.of(1, 1), "much")];
    const first = await next();
    receipts.push(writer.write(Uint8Array.of(2, 2), "much"));
    for (let n = 0; n < 8; n++) receipts.push(writer.write(Uint8Array.of(3, n), "much"));
    expect(await writer.write(Uint8Array.of(3, 9), "much")).toEqual({ ok: false, reason: "share", retryable: true });
    for (const tenant of ["a", "b"]) receipts.push(writer.write(Uint8Array.of(tenant.charCodeAt(0)), tenant));
    first.finish();
    (await next()).finish();
    (await next()).finish();
    (await next()).finish();
    expect(attempts[2]?.rows).toEqual([3, 0]);
    expect(attempts[3]?.rows).toEqual([97, 98]);
    const rest = setInterval(() => attempts.at(-1)?.finish(), 1);
    expect((await Promise.all(receipts)).every(({ ok }) => ok)).toBe(true);
    clearInterval(rest);
  });

  it("an error that no retry can mend is told to every sender of the block, and the next block goes on", async () => {
    const { writer, next } = makeSink();
    const receipts = [writer.write(Uint8Array.of(1), "default"), writer.write(Uint8Array.of(2), "default")];
    (await next()).finish(new Error("type mismatch"));
    expect(await Promise.all(receipts)).toEqual([
      { ok: false, reason: "storage", retryable: false },
      { ok: false, reason: "storage", retryable: false },
    ]);
    const later = writer.write(Uint8Array.of(3), "default");
    const attempt = await next();
    expect(attempt.rows).toEqual([3]);
    attempt.finish();
    expect(await later).toMatchObject({ ok: true });
  });
});

it("a block that cannot be written is told to its senders as retryable", async () => {
  const writer = createWriter(
    {
      signal: "logs",
      makeBlock: () =>
        Object.assign(new ByteBlock(), {
          inserts: () => {
            throw new RangeError("Array buffer allocation failed");
          },
        }),
      insert: async () => {},
      isUnavailable: () => false,
      tenants: createTenantGuard(TENANT_LIMITS, Date.now),
      writerId: "w",
      clock: Date.now,
    },
    { ...WRITER_LIMITS, quietMs: 1 },
  );
  expect(await writer.write(Uint8Array.of(1), "default")).toEqual({ ok: false, reason: "storage", retryable: true });
});

describe("stop", () => {
  it("sends what is there and takes nothing more", async () => {
    const { writer, next } = makeSink({ lingerMs: 60_000, quietMs: 60_000, closeTimeoutMs: 5_000 });
    const receipt = writer.write(Uint8Array.of(1), "default");
    const stopped = writer.stop();
    expect(await writer.write(Uint8Array.of(2), "default")).toEqual({ ok: false, reason: "stopped", retryable: true });
    (await next()).finish();
    await stopped;
    expect(await receipt).toMatchObject({ ok: true });
  });

  it("answers as retryable what storage does not take in time", async () => {
    const { writer, next } = makeSink({ targetRows: 1, closeTimeoutMs: 40 });
    const receipts = [1, 2, 3].map((n) => writer.write(Uint8Array.of(n), "default"));
    (await next()).finish(new Outage());
    await writer.stop();
    expect(await Promise.all(receipts)).toEqual(Array(3).fill({ ok: false, reason: "stopped", retryable: true }));
  });
});
