// What decoding a payload has in common for all signals: take it whole or leave no trace, count what is left out or cut.
// In: payloads. Out: outcomes. A signal brings its columns and reads its records.
// Bounds: those of ingest/otlp/limits.ts; the size of what a payload will become is looked at as it grows, before anything is written.
import { cutAtCharacter } from "./any-value.ts";
import type { AttributeColumn } from "./attributes.ts";
import type { RowBlock, TableInsert } from "./block.ts";
import type { ByteColumn } from "./columns.ts";
import { EventTimes } from "./event-time.ts";
import { type GroupHandler, readGroups } from "./groups.ts";
import { isId, putHex } from "./hex.ts";
import type { DecodeLimits, DecodeOutcome, PayloadFailure, RowFailure } from "./limits.ts";
import type { OriginTable } from "./origins.ts";
import { WireReader } from "./wire.ts";

/** Length of a trace id. */
export const TRACE_ID_BYTES = 16;
/** Length of a span id. */
export const SPAN_ID_BYTES = 8;

const TWO_32 = 4294967296;
/** How often the size of a growing payload is looked at. */
const CHECK_ROWS = 1024;

/** The columns of a signal, as far as taking a payload back goes. */
export interface SignalColumns {
  readonly origins: OriginTable;
  readonly rows: number;
  readonly bytes: number;
  readonly isCrowded: boolean;
  /** Every map column, for their counts of cuts. */
  readonly attributeColumns: readonly AttributeColumn[];
  mark(): void;
  rollback(): void;
  clear(): void;
  inserts(): readonly TableInsert[];
}

/** A block of one signal. */
export abstract class SignalBlock<Columns extends SignalColumns> implements RowBlock, GroupHandler {
  protected readonly reader = new WireReader();
  protected readonly columns: Columns;
  protected readonly limits: DecodeLimits;
  protected readonly times: EventTimes;
  private failure: PayloadFailure | null = null;
  private rejected = 0;
  private rejectedReason: RowFailure | null = null;
  private startBytes = 0;
  private nowMs = 0;
  /** Values cut in the payload being read. */
  truncated = 0;

  constructor(columns: Columns, limits: DecodeLimits) {
    this.columns = columns;
    this.limits = limits;
    this.times = new EventTimes(limits);
  }

  abstract openGroup(): void;
  abstract closeGroup(resource: number, scope: number): void;
  abstract readRecord(end: number): void;

  get rows(): number {
    return this.columns.rows;
  }

  get bytes(): number {
    return this.columns.bytes;
  }

  get isCrowded(): boolean {
    return this.columns.isCrowded || this.times.isWide;
  }

  inserts(): readonly TableInsert[] {
    return this.columns.inserts();
  }

  clear(): void {
    this.columns.clear();
    this.times.clear();
  }

  decode(payload: Uint8Array, nowMs: number, tenant: string): DecodeOutcome {
    const { reader, columns } = this;
    const rowsBefore = columns.rows;
    columns.mark();
    columns.origins.openPayload(tenant);
    this.times.open(nowMs);
    this.nowMs = nowMs;
    this.failure = null;
    this.rejected = 0;
    this.rejectedReason = null;
    this.truncated = 0;
    for (const column of columns.attributeColumns) column.truncated = 0;
    this.startBytes = columns.bytes;
    reader.open(payload);
    try {
      readGroups(reader, payload.length, columns.origins, this);
    } catch {
      // A mistake of ours: it must not take along what others have in this block.
      this.failure = "defect";
    }
    const failure = this.failure ?? reader.failure;
    reader.close();
    if (failure !== null) {
      columns.rollback();
      return { ok: false, reason: failure };
    }
    let { truncated } = this;
    for (const column of columns.attributeColumns) truncated += column.truncated;
    const rows = columns.rows - rowsBefore;
    // Resources without a row would lie in a block that nobody has a reason to send.
    if (rows === 0) columns.rollback();
    return {
      ok: true,
      rows,
      rejected: this.rejected,
      rejectedReason: this.rejectedReason,
      truncated,
    };
  }

  /** Counts a row that is left out. */
  protected reject(reason: RowFailure): void {
    this.rejected++;
    this.rejectedReason ??= reason;
  }

  /** Looks at the payload's size every so many rows. */
  protected checkRows(): void {
    if (this.columns.rows % CHECK_ROWS === 0) this.checkSize();
  }

  protected checkSize(): void {
    if (this.columns.bytes - this.startBytes <= this.limits.maxExpandedBytes) return;
    this.failure = "expansion";
    this.reader.fail("overrun");
  }

  /** Halves of the arrival time in nanoseconds, for rows that bring none. */
  arrival(): { readonly low: number; readonly high: number } {
    const ns = this.nowMs * 1e6;
    return { low: ns % TWO_32, high: Math.floor(ns / TWO_32) };
  }

  /** Length of a name after cutting it at its limit. */
  protected cutName(from: number, length: number): number {
    return this.cut(from, length, this.limits.maxNameBytes);
  }

  /** Appends a string, cut at `limit`. */
  protected putCut(column: ByteColumn, from: number, length: number, limit: number): void {
    const kept = this.cut(from, length, limit);
    column.reserve(kept + 8);
    column.putString(this.reader.bytes, this.reader.view, from, kept);
  }

  /** Appends an id in hexadecimal, '' when it is none. */
  protected putId(column: ByteColumn, from: number, length: number, wanted: number): void {
    column.reserve(48);
    if (length === wanted && isId(this.reader.bytes, from, wanted)) putHex(column, this.reader.bytes, from, wanted);
    else column.putByte(0);
  }

  private cut(from: number, length: number, limit: number): number {
    if (length <= limit) return length;
    this.truncated++;
    return cutAtCharacter(this.reader.bytes, from, limit);
  }
}
