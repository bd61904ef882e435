// What the writer sees of a block, whichever signal fills it.
// In: payloads, one after the other. Out: row counts and sizes; at the end the inserts it makes.
// Bounds: a payload is taken whole or leaves no trace; sizes are known before anything is written.
import type { DecodeOutcome } from "./limits.ts";

/** One insert: ready-made Native chunks for a table. */
export interface TableInsert {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: number;
  readonly chunks: readonly Uint8Array[];
}

/** Rows of one signal on their way to storage; those of many tenants lie side by side. */
export interface RowBlock {
  readonly rows: number;
  /** Bytes that the inserts will have, roughly. */
  readonly bytes: number;
  /** True when the block should be sent for another reason than its size: dictionaries or hours have become many. */
  readonly isCrowded: boolean;
  /** Decodes a payload of `tenant` that arrived at `nowMs` into the block; on failure the block is as it was. */
  decode(payload: Uint8Array, nowMs: number, tenant: string): DecodeOutcome;
  /** Writes the inserts; their chunks are valid until `clear`. */
  inserts(): readonly TableInsert[];
  clear(): void;
}

/** Dictionaries past this many values slow ClickHouse's LowCardinality down. */
export const CROWDED_DICTIONARY = 32_768;
