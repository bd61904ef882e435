// Follows a table that a Collector writes: what it holds and was not taken becomes span_edges, arrivals and entities, as if sent to us.
// In: storage and what to adopt. Out: rows through adopted_spans, which keeps nothing; notes of the blocks that were taken.
// One process at a time reads (a lease); it looks for new blocks every `pollMs`. Blocks are noted as begun, taken, and noted as done: after
// a crash, and for parts in which new blocks were merged with taken ones, spans whose keys span_edges has are left out. So each row of
// the table counts once; rows that the Collector itself wrote twice count twice.
// Bounds: SLICE_SPANS spans a statement, one block of spans and one payload in memory; event times within backfillHours.
import { randomInt, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ServiceError, reasonOf } from "../../model/errors.ts";
import { emitEvent } from "../../model/events.ts";
import {
  type AdoptedPart,
  type AdoptedSource,
  type AdoptOptions,
  findAdoptedSource,
  noteBlocks,
  readAdoptedMinutes,
  readAdoptedParts,
  readAdoptedRows,
  readTakenBlocks,
  releaseAdopted,
  showAdopted,
} from "../../storage/adopt.ts";
import type { Storage } from "../../storage/client.ts";
import { type MigrationLease, takeMigrationLease } from "../../storage/migration-lease.ts";
import type { RowBlock } from "../otlp/block.ts";
import { ResourceMemory } from "../otlp/resource-memory.ts";
import { BlockRanges } from "./block-ranges.ts";
import { OtlpPayload } from "./otlp-payload.ts";

/** What a follower needs; `clock` is in unix milliseconds. */
export interface FollowerParts {
  readonly storage: Storage;
  readonly makeBlock: (memory: ResourceMemory) => RowBlock;
  readonly clock: () => number;
}

/** Times of a follower; defaults fit production. */
export interface FollowerTimes {
  readonly pollMs: number;
  readonly leaseMs: number;
}

/** Every three seconds; a reader that was silent for a minute is replaced. */
export const FOLLOWER_TIMES: FollowerTimes = { pollMs: 3_000, leaseMs: 60_000 };

const PARTS_AT_ONCE = 200;
const SLICE_SPANS = 500_000;
const BLOCK_ROWS = 50_000;
const BLOCK_BYTES = 16 << 20;
const NOTES_DAYS = 4;

/** Follows the table, or where none is to be adopted lets go of one that was and that nobody reads any more. */
export async function startAdoption(
  parts: FollowerParts,
  options: AdoptOptions | null,
): Promise<{ stop(): Promise<void> }> {
  if (options !== null) return startFollower(parts, options);
  const release = releaseAdopted(parts.storage, FOLLOWER_TIMES.leaseMs).then(
    (released) => released && emitEvent("adopt.stopped"),
    // The next start tries again; until then the views show what they showed.
    () => false,
  );
  return {
    async stop() {
      await release;
    },
  };
}

/** Begins to follow in the background; throws ADOPT_UNFIT when the table is there and cannot be read. */
export async function startFollower(
  parts: FollowerParts,
  options: AdoptOptions,
  times: FollowerTimes = FOLLOWER_TIMES,
): Promise<{ stop(): Promise<void> }> {
  await findAdoptedSource(parts.storage, options.table);
  const follower = new Follower(parts, options, times);
  const stopping = new AbortController();
  const running = follower.run(stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

class Follower {
  private readonly storage: Storage;
  private readonly clock: () => number;
  private readonly options: AdoptOptions;
  private readonly times: FollowerTimes;
  private readonly block: RowBlock;
  private readonly owner = randomUUID();
  private lease: MigrationLease | null = null;
  private source: AdoptedSource | null = null;
  private done = new BlockRanges();
  private begun = new BlockRanges();

  constructor({ storage, makeBlock, clock }: FollowerParts, options: AdoptOptions, times: FollowerTimes) {
    this.storage = storage;
    this.clock = clock;
    this.options = options;
    this.times = times;
    this.block = makeBlock(new ResourceMemory(randomInt(2 ** 32)));
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        // As long as there is more, there is no pause.
        while (!signal.aborted && (await this.takeNext(signal)));
      } catch (error) {
        this.block.clear();
        this.source = null;
        if (!signal.aborted) emitEvent("adopt.failed", {}, reasonOf(error));
      }
      await sleep(this.times.pollMs, undefined, { signal }).catch(() => {});
    }
    await this.lease?.release().catch(() => {});
  }

  /** Takes some of what is new; false when there is nothing, or when another process reads. */
  private async takeNext(signal: AbortSignal): Promise<boolean> {
    const source = await this.ready();
    if (source === null) return false;
    const parts = (await readAdoptedParts(this.storage, source)).filter((part) => !this.done.covers(part));
    // New blocks alone need no look at what span_edges holds.
    const isBegun = (part: AdoptedPart): boolean => this.begun.touches(part);
    const fresh = parts.filter((part) => !isBegun(part)).slice(0, PARTS_AT_ONCE);
    const mixed = parts.filter(isBegun).slice(0, PARTS_AT_ONCE);
    const takenFresh = await this.takeParts(source, fresh, false, signal);
    return (await this.takeParts(source, mixed, true, signal)) || takenFresh;
  }

  /** Takes parts and notes it; false when there is none to take or it was not done. */
  private async takeParts(
    source: AdoptedSource,
    parts: readonly AdoptedPart[],
    again: boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (parts.length === 0) return false;
    await noteBlocks(this.storage, source, parts, "started", 0);
    for (const part of parts) this.begun.add(part);
    const spans = await this.take(source, parts, again, signal);
    if (spans === null) return false;
    // A part that was merged away while it was read may have given nothing: what it is now part of comes again.
    const still = new Set((await readAdoptedParts(this.storage, source)).map((part) => part.name));
    const whole = parts.filter((part) => still.has(part.name));
    if (whole.length > 0) await noteBlocks(this.storage, source, whole, "done", spans);
    for (const part of whole) this.done.add(part);
    if (spans > 0) emitEvent("adopt.taken", {}, undefined, spans);
    return true;
  }

  /** The source, once the lease is ours and it is known what was taken; null before. */
  private async ready(): Promise<AdoptedSource | null> {
    const { storage, options } = this;
    if (this.lease !== null && !(await this.lease.isHeld())) this.lose();
    this.lease ??= await takeMigrationLease(storage, this.owner, this.times.leaseMs, "adoption_leases");
    if (this.lease === null) return null;
    const source = await findAdoptedSource(storage, options.table);
    if (source === null) {
      this.source = null;
      emitEvent("adopt.waiting", {}, `there is no table ${options.table}`);
      return null;
    }
    if (this.source?.uuid !== source.uuid) {
      this.done = new BlockRanges();
      this.begun = new BlockRanges();
      const since = this.clock() / 1000 - NOTES_DAYS * 86_400;
      for (const range of await readTakenBlocks(storage, source, since)) {
        this.begun.add(range);
        if (range.state === "done") this.done.add(range);
      }
      await showAdopted(storage, source);
      emitEvent("adopt.started", {}, options.table);
      this.source = source;
    }
    return source;
  }

  private lose(): void {
    this.lease = null;
    this.source = null;
  }

  /** Takes the spans of parts, newest minutes first; null when the lease was lost on the way. */
  private async take(
    source: AdoptedSource,
    parts: readonly AdoptedPart[],
    again: boolean,
    signal: AbortSignal,
  ): Promise<number | null> {
    const names = parts.map((part) => part.name);
    const nowSeconds = this.clock() / 1000;
    const from = nowSeconds - this.options.backfillHours * 3600;
    const minutes = await readAdoptedMinutes(this.storage, source, names, from, nowSeconds + 86_400);
    let spans = 0;
    for (const slice of slices(minutes)) {
      if (signal.aborted) return null;
      const selection = { parts: names, minutes: slice, tenant: this.options.tenant, again };
      const taken = await this.takeSlice(source, selection);
      if (taken === null) return null;
      spans += taken;
    }
    return spans;
  }

  private async takeSlice(
    source: AdoptedSource,
    selection: Parameters<typeof readAdoptedRows>[2],
  ): Promise<number | null> {
    const payload = new OtlpPayload(this.options.cluster);
    let spans = 0;
    for await (const chunk of await readAdoptedRows(this.storage, source, selection)) {
      payload.feed(chunk);
      while (payload.readRows()) spans += this.decode(payload);
      if (this.isFull && !(await this.insert())) return null;
    }
    if (payload.isCut) throw new Error("the rows of the adopted table ended in the middle of one");
    if (payload.spans > 0) spans += this.decode(payload);
    return (await this.insert()) ? spans : null;
  }

  private decode(payload: OtlpPayload): number {
    const { spans } = payload;
    const outcome = this.block.decode(payload.take(), this.clock(), this.options.tenant);
    if (!outcome.ok) throw new ServiceError("ADOPT_UNFIT", { table: this.options.table, cause: outcome.reason });
    if (outcome.rejected > 0) {
      emitEvent("adopt.refused", { reason: outcome.rejectedReason ?? "" }, undefined, outcome.rejected);
    }
    return spans - outcome.rejected;
  }

  private get isFull(): boolean {
    return this.block.rows >= BLOCK_ROWS || this.block.bytes >= BLOCK_BYTES || this.block.isCrowded;
  }

  /** Sends what the block holds; false when the lease was lost, and then nothing is sent. */
  private async insert(): Promise<boolean> {
    const { block } = this;
    if (block.rows === 0) return true;
    if ((await this.lease?.isHeld()) !== true) {
      block.clear();
      this.lose();
      return false;
    }
    for (const { table, columns, chunks } of block.inserts()) {
      await this.storage.insertNative(table === "spans" ? "adopted_spans" : table, columns, chunks);
    }
    block.clear();
    return true;
  }
}

/** Minutes in groups of at most SLICE_SPANS spans; a minute that has more is a group by itself. */
function slices(minutes: readonly { readonly minute: number; readonly spans: number }[]): number[][] {
  const groups: number[][] = [];
  let spans = Number.POSITIVE_INFINITY;
  for (const { minute, spans: count } of minutes) {
    if (spans + count > SLICE_SPANS) {
      groups.push([]);
      spans = 0;
    }
    groups.at(-1)?.push(minute);
    spans += count;
  }
  return groups;
}
