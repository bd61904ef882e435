// The one way of rows into storage: payloads are decoded into a block, the block is inserted, its senders are told.
// In: payloads of one signal, of any tenant (from HTTP, gRPC and other endpoints). Out: a receipt per payload, after the insert of its block and not before.
// Bounds: one block is filled while one is sent; payloads for which neither has room wait up to `maxWaitingBytes`, past that they are refused
// at once as retryable, those of a tenant that takes too much of that before the others; they come out in turn, tenant by tenant. An unavailable storage is retried for as long as it lasts, with the same token, so nothing is stored twice.
import { setTimeout as sleep } from "node:timers/promises";
import { type Context, context, SpanStatusCode, trace } from "@opentelemetry/api";
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import type { RowBlock, TableInsert } from "./otlp/block.ts";
import type { PayloadFailure, RowFailure } from "./otlp/limits.ts";
import type { Signal } from "./signal.ts";
import { type NoRoom, Room, type TenantGuard } from "./tenant-limits.ts";
import { TenantQueue } from "./tenant-queue.ts";

/** Limits of one writer; times in milliseconds. */
export interface WriterLimits {
  /** A block is sent when it has this many rows, */
  readonly targetRows: number;
  /** or this many bytes, */
  readonly targetBytes: number;
  /** or when its first payload is this old, or waits this long for more after the block before, */
  readonly lingerMs: number;
  /** or when nothing came for this long. */
  readonly quietMs: number;
  readonly maxWaitingBytes: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** How long `stop` waits for storage. */
  readonly closeTimeoutMs: number;
}

/** Limits by the measured sweet spot of ClickHouse: 8k to 64k rows an insert. */
export const WRITER_LIMITS: WriterLimits = {
  targetRows: 16_384,
  targetBytes: 24 << 20,
  lingerMs: 200,
  quietMs: 10,
  maxWaitingBytes: 32 << 20,
  retryMinMs: 100,
  retryMaxMs: 2_000,
  closeTimeoutMs: 10_000,
};

/** How a payload ended. `rows` were stored, `rejected` left out for `rejectedReason`. */
export type Receipt =
  | { readonly ok: true; readonly rows: number; readonly rejected: number; readonly rejectedReason: RowFailure | null }
  | { readonly ok: false; readonly reason: PayloadFailure; readonly retryable: false }
  | { readonly ok: false; readonly reason: NoRoom | "stopped" | "storage"; readonly retryable: boolean };

/** What a writer needs from outside. */
export interface WriterParts {
  readonly signal: Signal;
  readonly makeBlock: () => RowBlock;
  /** Inserts one table's rows; the token is the same for every attempt. */
  readonly insert: (insert: TableInsert, token: string) => Promise<void>;
  /** True when the same insert may succeed later. */
  readonly isUnavailable: (error: unknown) => boolean;
  readonly tenants: TenantGuard;
  /** Unique per process start: tokens must not meet those of an earlier life. */
  readonly writerId: string;
  readonly clock: () => number;
}

/** Takes payloads of one signal. */
export interface Writer {
  /** Resolves when the payload's rows are stored, or will never be. */
  write(payload: Uint8Array, tenant: string): Promise<Receipt>;
  /** Sends what is there and waits for it; what storage does not take in time is answered as retryable. */
  stop(): Promise<void>;
}

interface Waiter {
  readonly receipt: Receipt;
  readonly resolve: (receipt: Receipt) => void;
}

interface Slot {
  readonly block: RowBlock;
  waiters: Waiter[];
  firstMs: number;
  lastMs: number;
}

interface Waiting {
  readonly payload: Uint8Array;
  readonly tenant: string;
  readonly resolve: (receipt: Receipt) => void;
}

const tracer = trace.getTracer("faultline");
const BROKEN_BLOCK = { ok: false, reason: "storage", retryable: true } as const;

/** Makes the writer of one signal. */
export function createWriter(parts: WriterParts, limits: WriterLimits): Writer {
  const { signal, clock, tenants } = parts;
  let filling: Slot = makeSlot();
  let spare: Slot = makeSlot();
  let sending: Promise<void> | null = null;
  let inFlight: Slot | null = null;
  let timer: NodeJS.Timeout | null = null;
  let sequence = 0;
  /** When the last block's senders were told. */
  let toldMs = 0;
  /** How many of them have not sent again since. */
  let expected = 0;
  const queue = new TenantQueue<Waiting>();
  const room = new Room(limits.maxWaitingBytes, tenants.limits.timesFree);
  let isStopping = false;
  const closing = new AbortController();

  function makeSlot(): Slot {
    return { block: parts.makeBlock(), waiters: [], firstMs: 0, lastMs: 0 };
  }

  function isFull(block: RowBlock): boolean {
    return block.rows >= limits.targetRows || block.bytes >= limits.targetBytes || block.isCrowded;
  }

  function append({ payload, tenant, resolve }: Waiting): void {
    const nowMs = clock();
    const outcome = filling.block.decode(payload, nowMs, tenant);
    if (!outcome.ok) {
      emitEvent("ingest.refused", { signal, reason: outcome.reason });
      resolve({ ok: false, reason: outcome.reason, retryable: false });
      return;
    }
    if (outcome.truncated > 0) emitEvent("ingest.truncated", { signal }, undefined, outcome.truncated);
    if (outcome.rejected > 0) {
      emitEvent(
        "ingest.refused",
        { signal, reason: outcome.rejectedReason ?? "ids" },
        `${outcome.rejected} rows`,
        outcome.rejected,
      );
    }
    const { rows, rejected, rejectedReason } = outcome;
    const receipt: Receipt = { ok: true, rows, rejected, rejectedReason };
    if (rows === 0) {
      resolve(receipt);
      return;
    }
    if (filling.waiters.length === 0) filling.firstMs = nowMs;
    filling.lastMs = nowMs;
    filling.waiters.push({ receipt, resolve });
  }

  /** Sends the filling block if it is time, else sees to it that it is looked at again. */
  function schedule(): void {
    if (sending !== null || filling.waiters.length === 0) return;
    const nowMs = clock();
    // Senders that were told a moment ago are about to send more: without waiting for them they would fall into two crowds whose
    // blocks take turns, one large and one small.
    const quietMs = expected > 0 ? toldMs + limits.lingerMs : Math.max(filling.lastMs, toldMs) + limits.quietMs;
    const dueMs = Math.min(Math.max(filling.firstMs, toldMs) + limits.lingerMs, quietMs) - nowMs;
    if (dueMs <= 0 || isFull(filling.block)) rotate();
    else timer ??= setTimeout(wake, dueMs);
  }

  function wake(): void {
    timer = null;
    schedule();
  }

  function rotate(): void {
    const slot = filling;
    filling = spare;
    spare = slot;
    inFlight = slot;
    sending = send(slot).finally(() => {
      toldMs = clock();
      expected = slot.waiters.length;
      slot.block.clear();
      slot.waiters = [];
      sending = null;
      inFlight = null;
      admit();
      schedule();
    });
    admit();
  }

  /** Takes waiting payloads while there is room. */
  function admit(): void {
    while (queue.length > 0 && !isFull(filling.block)) {
      const next = queue.shift();
      if (next === undefined) return;
      room.give(next.tenant, next.payload.length);
      append(next);
    }
  }

  async function send(slot: Slot): Promise<void> {
    const { block } = slot;
    const token = `${parts.writerId}:${signal}:${sequence++}`;
    const decoding = tracer.startSpan(`ingest/otlp/${signal}`, {
      startTime: slot.firstMs,
      attributes: { "faultline.rows": block.rows, "faultline.payloads": slot.waiters.length },
    });
    decoding.end(slot.lastMs);
    const parent = trace.setSpan(context.active(), decoding);
    const inserts = encode(block, parent);
    const writing = tracer.startSpan("ingest/writer", { attributes: { "faultline.bytes": block.bytes } }, parent);
    const failure = inserts === null ? BROKEN_BLOCK : await store(inserts, token);
    if (failure === null) {
      emitEvent("ingest.accepted", { signal }, undefined, slot.waiters.length);
      emitEvent("ingest.inserted", { signal }, undefined, block.rows);
    } else writing.setStatus({ code: SpanStatusCode.ERROR, message: failure.reason });
    writing.end();
    for (const { receipt, resolve } of slot.waiters) resolve(failure ?? receipt);
  }

  /** The block's inserts; null when they cannot be written (no memory), which the senders must hear. */
  function encode(block: RowBlock, parent: Context): readonly TableInsert[] | null {
    const encoding = tracer.startSpan("ingest/otlp/native-block", {}, parent);
    try {
      return block.inserts();
    } catch (error) {
      emitEvent("ingest.insert_failed", { signal, reason: "block" }, reasonOf(error));
      return null;
    } finally {
      encoding.end();
    }
  }

  /** Inserts every table of a block, however long storage is away; null when all are stored. */
  async function store(
    inserts: readonly TableInsert[],
    token: string,
  ): Promise<Extract<Receipt, { ok: false }> | null> {
    const left = [...inserts];
    for (let delayMs = limits.retryMinMs; ; delayMs = Math.min(delayMs * 2, limits.retryMaxMs)) {
      try {
        for (let next = left[0]; next !== undefined; next = left[0]) {
          await parts.insert(next, `${token}:${next.table}`);
          left.shift();
        }
        return null;
      } catch (error) {
        const retryable = parts.isUnavailable(error);
        emitEvent("ingest.insert_failed", { signal, reason: retryable ? "unavailable" : "refused" }, reasonOf(error));
        if (!retryable) return { ok: false, reason: "storage", retryable: false };
      }
      if (closing.signal.aborted) return { ok: false, reason: "stopped", retryable: true };
      await sleep(delayMs, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  return {
    write(payload, tenant) {
      return new Promise((resolve) => {
        const next = { payload, tenant, resolve };
        expected--;
        if (isStopping) {
          resolve({ ok: false, reason: "stopped", retryable: true });
        } else if (queue.length === 0 && !isFull(filling.block)) {
          append(next);
          schedule();
        } else {
          const reason = room.take(tenant, payload.length);
          if (reason === null) queue.push(tenant, next);
          else {
            tenants.throttled(signal, reason, tenant);
            resolve({ ok: false, reason, retryable: true });
          }
        }
      });
    },

    async stop() {
      isStopping = true;
      const giveUp = new AbortController();
      const deadline = sleep(limits.closeTimeoutMs, undefined, { signal: giveUp.signal }).catch(() => {});
      while (sending !== null || filling.waiters.length > 0 || queue.length > 0) {
        if (sending === null) rotate();
        const ended = await Promise.race([sending?.then(() => true), deadline.then(() => false)]);
        if (ended === false) break;
      }
      giveUp.abort();
      closing.abort();
      if (timer !== null) clearTimeout(timer);
      const left: Waiter[] = [...(inFlight?.waiters ?? []), ...filling.waiters];
      filling.waiters = [];
      for (const { resolve } of left) resolve({ ok: false, reason: "stopped", retryable: true });
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        next.resolve({ ok: false, reason: "stopped", retryable: true });
      }
    },
  };
}
