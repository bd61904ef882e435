// Messages of Kafka that can never be stored as telemetry, kept in `dead_letters` for a person.
// In: a message with its origin and what is wrong with it. Out: one row an origin and body.
// Bounds: a letter keeps at most `MAX_LETTER_BODY_BYTES` of its body.
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { Storage } from "../storage/client.ts";

/** What is kept of a dead letter's body, bytes; the broker's own default limit of a message. */
export const MAX_LETTER_BODY_BYTES = 1 << 20;

/** A message that can never be stored; `origin` is topic/partition/offset. */
export interface DeadLetter {
  readonly origin: string;
  readonly reason: string;
  readonly detail: string;
  readonly body: Uint8Array;
}

/** Stores a letter once, however often it is buried; it throws when storage does not take it. */
export async function buryLetter(
  storage: Pick<Storage, "insertRows">,
  tenant: string,
  { origin, reason, detail, body }: DeadLetter,
): Promise<void> {
  const isCut = body.length > MAX_LETTER_BODY_BYTES;
  const kept = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, MAX_LETTER_BODY_BYTES));
  const isText = isUtf8(kept);
  const notes = [detail, ...(isText ? [] : ["body in base64"]), ...(isCut ? [`cut from ${body.length} bytes`] : [])];
  const letter = {
    Tenant: tenant,
    Source: "kafka",
    Origin: origin,
    Reason: reason,
    Detail: notes.join("; "),
    Body: kept.toString(isText ? "utf8" : "base64"),
  };
  // The same message read again after a crash is the same letter; another one at its offset (a topic made anew) is not.
  const digest = createHash("sha256").update(body).digest("hex").slice(0, 16);
  await storage.insertRows("dead_letters", [letter], `kafka:${origin}:${digest}`);
}
