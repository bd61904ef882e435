// Dead letters into storage after all: decoded and inserted as any message, once however often it is tried.
// In: a letter with its whole body. Out: how many rows it became, or why it cannot be stored even now.
// Bounds: one letter at a time; tokens are made of the letter's id, so a second replay stores nothing while storage remembers the first
// (10 000 inserts a table). Tables that had taken the letter's rows when it was set aside do not get them again.
import { isStorageUnavailable, type Storage } from "../storage/client.ts";
import { reasonOf } from "../model/errors.ts";
import { hideSecrets } from "./changes/secret-bodies.ts";
import type { RowBlock } from "./otlp/block.ts";
import { transcodeJson } from "./otlp/json.ts";
import { ResourceMemory } from "./otlp/resource-memory.ts";
import { detailOf } from "./receiver.ts";
import type { Signal } from "./signal.ts";

/** A letter as far as storing it goes; `atMs` is when it was received first, `tables` those that still want it, none: all. */
export interface ReplayLetter {
  readonly id: string;
  readonly tenant: string;
  readonly signal: Signal;
  readonly encoding: "protobuf" | "json";
  readonly body: Uint8Array;
  readonly atMs: number;
  readonly tables: readonly string[];
}

/** Rows that are stored now (or would be), or why none are. */
export type ReplayOutcome =
  | { readonly ok: true; readonly rows: number; readonly rejected: number }
  | { readonly ok: false; readonly reason: string; readonly detail: string };

/** What a replay needs. */
export interface LetterReplayParts {
  readonly storage: Pick<Storage, "insertNative">;
  readonly makeBlock: Readonly<Record<Signal, (memory: ResourceMemory) => RowBlock>>;
  readonly takeChanges: (tenant: string, payload: Uint8Array) => Promise<void>;
  /** A secret for the hash tables. */
  readonly seed: number;
}

/** Replays a letter; with `isDry` it is only decoded. It throws when storage is away. */
export type ReplayOne = (letter: ReplayLetter, isDry: boolean) => Promise<ReplayOutcome>;

/** Makes the replay of one command. */
export function createLetterReplay(parts: LetterReplayParts): ReplayOne {
  const memory = new ResourceMemory(parts.seed);
  return async (letter, isDry) => {
    const payload =
      letter.encoding === "json"
        ? transcodeJson(letter.signal, letter.body)
        : { ok: true as const, bytes: letter.body };
    if (!payload.ok) return payload;
    const block = parts.makeBlock[letter.signal](memory);
    const stored = letter.signal === "logs" ? hideSecrets(payload.bytes) : payload.bytes;
    const outcome = block.decode(stored, letter.atMs, letter.tenant);
    if (!outcome.ok) return { ok: false, reason: outcome.reason, detail: detailOf(outcome.reason) };
    const { rows, rejected, rejectedReason } = outcome;
    if (rows === 0 && rejected > 0) {
      const reason = rejectedReason ?? "ids";
      return { ok: false, reason, detail: `none of its ${rejected} rows can be kept` };
    }
    if (isDry || rows === 0) return { ok: true, rows, rejected };
    if (letter.signal === "logs") await parts.takeChanges(letter.tenant, payload.bytes);
    for (const { table, columns, chunks } of block.inserts()) {
      if (letter.tables.length > 0 && !letter.tables.includes(table)) continue;
      try {
        await parts.storage.insertNative(table, columns, chunks, `letter:${letter.id}:${table}`);
      } catch (error) {
        if (isStorageUnavailable(error)) throw error;
        return { ok: false, reason: "storage", detail: `${table}: ${reasonOf(error)}` };
      }
    }
    return { ok: true, rows, rejected };
  };
}
