// Signatures of webhooks: HMAC-SHA256 of the body as it came, in hexadecimal after `sha256=`.
// In: the header, the body, the secret. Out: yes or no.
// Bounds: the comparison takes the same time wherever two signatures differ.
import { createHmac, timingSafeEqual } from "node:crypto";

const FORM = /^sha256=([0-9a-f]{64})$/i;

/** True when the body was signed with the secret. */
export function isSigned(header: string | readonly string[] | undefined, body: Uint8Array, secret: string): boolean {
  const [, digits] = FORM.exec(typeof header === "string" ? header.trim() : "") ?? [];
  if (digits === undefined) return false;
  const expected = createHmac("sha256", secret).update(body).digest();
  return timingSafeEqual(expected, Buffer.from(digits, "hex"));
}
