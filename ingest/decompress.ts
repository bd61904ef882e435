// Decompresses one body that is there as a whole.
// In: gzip or deflate. Out: its bytes, or why not.
// Bounds: every piece is held before it is kept, and the whole is at most `maxBytes`; past either the rest is not decompressed.
import { createGunzip, createInflate } from "node:zlib";
import type { NoRoom } from "./tenant-limits.ts";

/** A body, or why there is none: no room for it, larger than the limit, or no complete stream. */
export type Decompressed =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly reason: NoRoom | "too_large" | "compression" };

/** Decompresses `body`; `hold` takes bytes into account and returns why there is no room for them, or null. */
export function decompress(
  body: Uint8Array,
  encoding: "gzip" | "deflate",
  hold: (count: number) => NoRoom | null,
  maxBytes: number,
): Promise<Decompressed> {
  return new Promise((resolve) => {
    const stream = encoding === "gzip" ? createGunzip() : createInflate();
    const pieces: Buffer[] = [];
    let size = 0;
    const settle = (outcome: Decompressed): void => {
      stream.destroy();
      resolve(outcome);
    };
    stream.on("data", (piece: Buffer) => {
      size += piece.length;
      const reason = size > maxBytes ? "too_large" : hold(piece.length);
      if (reason === null) pieces.push(piece);
      else settle({ ok: false, reason });
    });
    stream.on("end", () => settle({ ok: true, bytes: Buffer.concat(pieces, size) }));
    stream.on("error", () => settle({ ok: false, reason: "compression" }));
    stream.end(body);
  });
}
