// Dead letters as kept: messages that could not be stored as telemetry, and what became of them at replays.
// In: letters from ingest, marks from replays. Out: pages of letters, bodies one at a time.
// Bounds: a letter keeps at most `MAX_LETTER_BODY_BYTES` of its body, and one that was cut cannot be replayed; reads have a row and a time limit.
import { isUtf8 } from "node:buffer";
import type { Storage } from "./client.ts";

/** What is kept of a dead letter's body, bytes; the broker's own default limit of a message. */
export const MAX_LETTER_BODY_BYTES = 1 << 20;

/** A message that could not be stored; `origin` is topic/partition/offset, `tables` those that refused it while others took it. */
export interface DeadLetter {
  readonly tenant: string;
  readonly source: "kafka";
  readonly origin: string;
  readonly signal: "traces" | "metrics" | "logs";
  readonly encoding: "protobuf" | "json";
  readonly reason: string;
  readonly detail: string;
  readonly body: Uint8Array;
  readonly atMs: number;
  readonly tables: readonly string[];
}

/** A letter as listed; `state` failed is one that a replay could not store either, for `reason`. Signal '' is not known. */
export interface LetterEntry {
  readonly id: string;
  readonly at: string;
  readonly origin: string;
  readonly signal: DeadLetter["signal"] | "";
  readonly encoding: DeadLetter["encoding"] | "";
  readonly reason: string;
  readonly detail: string;
  readonly bodyBytes: number;
  readonly tables: readonly string[];
  readonly state: "waiting" | "failed" | "replayed";
}

/** Which letters; `reason` and `id` null take any. */
export interface LetterFilter {
  readonly tenant: string;
  readonly sinceMs: number;
  readonly reason: string | null;
  readonly id: string | null;
  readonly withReplayed: boolean;
}

/** What a replay did with a letter. */
export interface LetterMark {
  readonly id: string;
  readonly state: "replayed" | "failed";
  readonly reason: string;
  readonly detail: string;
  readonly rows: number;
}

interface EntryRow {
  readonly Id: string;
  readonly At: string;
  readonly Origin: string;
  readonly Signal: LetterEntry["signal"];
  readonly Encoding: LetterEntry["encoding"];
  readonly Reason: string;
  readonly Detail: string;
  readonly BodyBytes: number;
  readonly RefusedTables: readonly string[];
  readonly State: LetterEntry["state"];
}

const READ_SETTINGS = { max_execution_time: 30 } as const;

/** Stores letters in one insert, once under a token; it throws when storage does not take them. */
export async function writeDeadLetters(
  storage: Pick<Storage, "insertRows">,
  letters: readonly DeadLetter[],
  token: string,
): Promise<void> {
  await storage.insertRows("dead_letters", letters.map(rowOf), token);
}

/** Up to `limit` letters after a place, oldest first. */
export async function readDeadLetters(
  storage: Pick<Storage, "query">,
  filter: LetterFilter,
  limit: number,
  after: Pick<LetterEntry, "at" | "id"> | null = null,
): Promise<LetterEntry[]> {
  const rows = await storage.query<EntryRow>(
    "read_dead_letters",
    {
      tenant: filter.tenant,
      since_ms: filter.sinceMs,
      reason: filter.reason ?? "",
      id: filter.id ?? "",
      with_replayed: filter.withReplayed ? 1 : 0,
      after_ms: after === null ? 0 : Date.parse(after.at),
      after_id: after?.id ?? "",
      limit,
    },
    READ_SETTINGS,
  );
  return rows.map((row) => ({
    id: row.Id,
    at: row.At,
    origin: row.Origin,
    signal: row.Signal,
    encoding: row.Encoding,
    reason: row.Reason,
    detail: row.Detail,
    bodyBytes: row.BodyBytes,
    tables: row.RefusedTables,
    state: row.State,
  }));
}

/** A letter's body as it was received; `isCut` when only its beginning was kept, null where there is no such letter. */
export async function readLetterBody(
  storage: Pick<Storage, "query">,
  tenant: string,
  id: string,
): Promise<{ readonly body: Buffer; readonly isCut: boolean } | null> {
  const [row] = await storage.query<{ Body: string; BodyEncoding: "text" | "base64"; BodyBytes: number }>(
    "read_dead_letter_body",
    { tenant, id },
    READ_SETTINGS,
  );
  if (row === undefined) return null;
  const body = Buffer.from(row.Body, row.BodyEncoding === "base64" ? "base64" : "utf8");
  return { body, isCut: body.length < row.BodyBytes };
}

/** Notes what a replay did; the newest mark of a letter holds. */
export async function markDeadLetters(
  storage: Pick<Storage, "insertRows">,
  tenant: string,
  atMs: number,
  marks: readonly LetterMark[],
): Promise<void> {
  await storage.insertRows(
    "dead_letter_marks",
    marks.map(({ id, state, reason, detail, rows }) => ({
      Tenant: tenant,
      LetterId: id,
      At: new Date(atMs).toISOString(),
      State: state,
      Reason: reason,
      Detail: detail,
      StoredRows: rows,
    })),
  );
}

/** Removes letters for good. */
export async function deleteDeadLetters(
  storage: Pick<Storage, "command">,
  tenant: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length > 0) await storage.command("delete_dead_letters", { tenant, ids });
}

function rowOf(letter: DeadLetter): object {
  const { body } = letter;
  const isCut = body.length > MAX_LETTER_BODY_BYTES;
  const kept = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, MAX_LETTER_BODY_BYTES));
  // A cut in the middle of a character makes base64 of a text, which is as good.
  const isText = isUtf8(kept);
  return {
    Tenant: letter.tenant,
    At: new Date(letter.atMs).toISOString(),
    Source: letter.source,
    Origin: letter.origin,
    Reason: letter.reason,
    Detail: isCut ? `${letter.detail}; cut from ${body.length} bytes` : letter.detail,
    Body: kept.toString(isText ? "utf8" : "base64"),
    BodyEncoding: isText ? "text" : "base64",
    BodyBytes: body.length,
    Signal: letter.signal,
    Encoding: letter.encoding,
    RefusedTables: letter.tables,
  };
}
