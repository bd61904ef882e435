// Opaque cursors: where a list goes on.
// In: a kind of list, a time and an id. Out: base64url text, and back.
// Bounds: a cursor of another list, or one that we did not write, is null and never reaches storage.

/** The last row of a page: its time in unix ms and its id. */
export interface CursorPosition {
  readonly ms: number;
  readonly id: string;
}

const MAX_CURSOR_LENGTH = 512;

/** Writes a cursor of one kind of list. */
export function encodeCursor(kind: string, position: CursorPosition): string {
  return Buffer.from(JSON.stringify([kind, position.ms, position.id])).toString("base64url");
}

/** Reads a cursor of this kind of list; null when it is none. */
export function decodeCursor(kind: string, cursor: string): CursorPosition | null {
  if (cursor.length > MAX_CURSOR_LENGTH || !/^[\w-]+$/.test(cursor)) return null;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value.length !== 3) return null;
  const [ofKind, ms, id] = value as unknown[];
  if (ofKind !== kind || typeof ms !== "number" || !Number.isSafeInteger(ms) || ms < 0) return null;
  return typeof id === "string" ? { ms, id } : null;
}
