// The body of an HTTP request, whole and gunzipped.
// In: a request that nobody has read from. Out: its bytes, a refusal, or null when the sender went away.
// Bounds: the size as sent and decompressed, counted while decompressing, so a bomb is stopped at the limit; every byte is held first.
import type { IncomingMessage } from "node:http";
import { createGunzip } from "node:zlib";

/** Why a request is refused; `detail` is a sentence for its sender. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly detail: string;
  /** Where it is worth trying again only then. */
  readonly retryAfterSeconds?: number;
}

/** A body, or why there is none. */
export type Body = { readonly ok: true; readonly bytes: Uint8Array } | ({ readonly ok: false } & Refusal);

/** Reads a body, decompressed; `hold` takes bytes into account and returns why there is no room for them, or null. */
export function readBody(
  request: IncomingMessage,
  hold: (count: number) => Refusal | null,
  maxCompressedBytes: number,
  maxBytes: number,
): Promise<Body | null> {
  if (request.destroyed && !request.complete) return Promise.resolve(null);
  const isGzip = request.headers["content-encoding"] === "gzip";
  return new Promise((resolve) => {
    // A plain body that says its length goes straight to where it stays: kept pieces and their sum would be twice its memory.
    const length = isGzip ? 0 : Number(request.headers["content-length"] ?? 0);
    const isKnown = Number.isInteger(length) && length > 0 && length <= maxBytes;
    let whole: Buffer | null = null;
    const chunks: Uint8Array[] = [];
    let compressed = 0;
    let size = 0;
    let isDone = false;
    const gunzip = isGzip ? createGunzip() : null;
    const settle = (body: Body | null): void => {
      if (isDone) return;
      isDone = true;
      gunzip?.destroy();
      request.removeAllListeners("data");
      // Lets the answer out while the rest of the body is thrown away.
      if (body !== null && !body.ok) request.resume();
      resolve(body);
    };
    const refuse = (refusal: Refusal): void => settle({ ok: false, ...refusal });
    const tooLarge = (bytes: number): void =>
      refuse({ status: 413, reason: "too_large", detail: `the body is larger than ${bytes} bytes` });
    const keep = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) return tooLarge(maxBytes);
      const noRoom = hold(chunk.length);
      if (noRoom !== null) return refuse(noRoom);
      if (!isKnown || chunk.length === length) return void chunks.push(chunk);
      whole ??= Buffer.allocUnsafeSlow(length);
      chunk.copy(whole, size - chunk.length);
    };
    const end = (): void => {
      if (whole !== null) return settle({ ok: true, bytes: whole });
      const first = chunks[0];
      settle({ ok: true, bytes: chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks) });
    };
    request.on("data", (chunk: Buffer) => {
      compressed += chunk.length;
      if (compressed > maxCompressedBytes) return tooLarge(maxCompressedBytes);
      if (gunzip === null) return keep(chunk);
      const noRoom = hold(chunk.length);
      if (noRoom === null) gunzip.write(chunk);
      else refuse(noRoom);
    });
    request.on("end", () => (gunzip === null ? end() : gunzip.end()));
    request.on("error", () => settle(null));
    request.on("close", () => {
      if (!request.complete) settle(null);
    });
    gunzip?.on("data", keep);
    gunzip?.on("end", end);
    gunzip?.on("error", () => refuse({ status: 400, reason: "gzip", detail: "the body is no complete gzip stream" }));
  });
}
