// The ingest role without network and ClickHouse: everything from a body to the blocks that storage would get.
// In: bodies of a hostile tenant, each between two of an honest one. Out: what became of it, what the honest one has in storage.
import { withChanges } from "../../ingest/change-receiver.ts";
import { CHANGE_HOOK_DEFAULTS, createChangeEndpoints } from "../../ingest/changes/endpoints.ts";
import { createObjectTaker } from "../../ingest/changes/object-taker.ts";
import type { HttpEndpoint } from "../../ingest/http-endpoint.ts";
import type { RowBlock, TableInsert } from "../../ingest/otlp/block.ts";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { ResourceMemory } from "../../ingest/otlp/resource-memory.ts";
import { createRemoteWrite, REMOTE_WRITE_LIMITS } from "../../ingest/prometheus/remote-write.ts";
import { createReceiver, type Receiver, RECEIVER_LIMITS } from "../../ingest/receiver.ts";
import { createRowBlocks } from "../../ingest/row-blocks.ts";
import { createSenderRules, SENDER_DEFAULTS } from "../../ingest/sender-rules.ts";
import type { Signal } from "../../ingest/signal.ts";
import { createTenantGuard, TENANT_LIMITS } from "../../ingest/tenant-limits.ts";
import { createWriter, type Writer, WRITER_LIMITS } from "../../ingest/writer.ts";
import { setLogSink } from "../../model/events.ts";
import { createObjectStore } from "../fixtures/kubernetes.ts";
import { type NativeRow, readNative } from "../fixtures/native-reader.ts";
import { SAMPLES_AT_MS } from "../fixtures/otlp-blocks.ts";

/** Whose payloads are whole. */
export const HONEST = "honest";
/** Whose payloads are damaged. */
export const HOSTILE = "hostile";

/** One event as counted. */
export interface SeenEvent {
  readonly event: string;
  readonly reason: string;
}

/** Rows of storage: the honest ones as text by table, and how many are of a tenant that sent nothing. */
export interface InsertedRows {
  readonly honest: Readonly<Record<string, readonly string[]>>;
  readonly strangers: number;
}

/** What was inserted since it was last taken. */
export interface Inserted {
  readonly bytes: Buffer;
  rows(): InsertedRows;
}

/** The parts that payloads go through. */
export interface World {
  readonly receiver: Receiver;
  readonly remoteWrite: HttpEndpoint;
  readonly hooks: readonly HttpEndpoint[];
  takeInserted(): Inserted;
  takeEvents(): readonly SeenEvent[];
  stop(): Promise<void>;
}

/** Makes a world whose clock stands still. */
export function makeWorld(): World {
  const clock = (): number => SAMPLES_AT_MS;
  let inserts: { readonly table: string; readonly bytes: Buffer }[] = [];
  let events: SeenEvent[] = [];
  setLogSink((_level, event, _text, { reason }) => {
    events.push({ event, reason: typeof reason === "string" ? reason : "" });
  });
  const makeBlock = createRowBlocks(DECODE_LIMITS, createSenderRules(SENDER_DEFAULTS, 7, clock));
  const insert = ({ table, chunks }: TableInsert): Promise<void> => {
    inserts.push({ table, bytes: Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))) });
    return Promise.resolve();
  };
  const writerOf = (signal: Signal): Writer => {
    const memory = new ResourceMemory(42);
    const tenants = createTenantGuard(TENANT_LIMITS, clock);
    const parts = { signal, makeBlock: () => atOneTime(makeBlock[signal](memory)), insert, isUnavailable: () => false };
    // The writer's own time is the real one: it decides when a block is sent.
    return createWriter(
      { ...parts, tenants, writerId: "w", clock: Date.now },
      { ...WRITER_LIMITS, lingerMs: 3, quietMs: 3 },
    );
  };
  const writers = { traces: writerOf("traces"), logs: writerOf("logs"), metrics: writerOf("metrics") };
  const store = createObjectStore();
  // No body is taken for a retry: each run sends the honest ones again.
  const stored = createReceiver(writers, { ...RECEIVER_LIMITS, windowMs: 0 }, clock);
  const receiver = withChanges(stored, createObjectTaker(store.storage, clock));
  return {
    receiver,
    remoteWrite: createRemoteWrite(receiver, REMOTE_WRITE_LIMITS),
    hooks: createChangeEndpoints(store.storage, CHANGE_HOOK_DEFAULTS, clock),
    takeInserted() {
      const taken = inserts;
      inserts = [];
      return { bytes: Buffer.concat(taken.map(({ bytes }) => bytes)), rows: () => read(taken) };
    },
    takeEvents() {
      const taken = events;
      events = [];
      return taken;
    },
    async stop() {
      setLogSink(() => {});
      await Promise.all(Object.values(writers).map((writer) => writer.stop()));
    },
  };
}

/** The block with all payloads arriving at the same time: what is honest must be the same in every run. */
function atOneTime(block: RowBlock): RowBlock {
  return {
    get rows() {
      return block.rows;
    },
    get bytes() {
      return block.bytes;
    },
    get isCrowded() {
      return block.isCrowded;
    },
    decode: (payload, _nowMs, tenant) => block.decode(payload, SAMPLES_AT_MS, tenant),
    inserts: () => block.inserts(),
    clear: () => block.clear(),
  };
}

function read(inserts: readonly { readonly table: string; readonly bytes: Buffer }[]): InsertedRows {
  const honest: Record<string, string[]> = {};
  let strangers = 0;
  for (const { table, bytes } of inserts) {
    for (const row of readNative([bytes])) {
      if (row["Tenant"] === HONEST) (honest[table] ??= []).push(textOf(row));
      else if (row["Tenant"] !== HOSTILE) strangers++;
    }
  }
  return { honest, strangers };
}

function textOf(row: NativeRow): string {
  return JSON.stringify(row, (_key, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  });
}
