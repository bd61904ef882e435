// Damage to a payload: bytes set, cut, inserted, copied, dropped, swapped with another payload's; for text also words that parsers trip over.
// In: payloads and a seed. Out: damaged payloads; the same seed gives the same ones, so a failure comes again.

/** Numbers in [0, 1). */
export type Random = () => number;

/** A generator from a seed (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const BYTES = [0x00, 0x01, 0x08, 0x0a, 0x12, 0x1a, 0x22, 0x7f, 0x80, 0xff];
const WORDS = [
  '"',
  "\\",
  "\\u00",
  "\\ud83d",
  "{",
  "}",
  "[",
  "]",
  "[[[[[[[[",
  '{"a":',
  "null",
  "-0",
  "1e999",
  "9".repeat(400),
  "[".repeat(3_000),
  '{"a":'.repeat(2_000),
  "\u0000",
  "\ufeff",
  "💥",
  "__proto__",
  "=",
  "|",
  " ",
  "\n",
  "%",
].map((word) => Buffer.from(word));

/** Damaged once or up to four times; `others` may lend their bytes, `isText` adds words. */
export function mutate(
  payload: Uint8Array,
  others: readonly Uint8Array[],
  isText: boolean,
  random: Random,
): Uint8Array {
  let bytes = Buffer.from(payload);
  for (let count = random() < 0.6 ? 1 : 2 + Math.floor(random() * 3); count > 0; count--)
    bytes = mutateOnce(bytes, others, isText, random);
  return Uint8Array.from(bytes);
}

function mutateOnce(
  bytes: Buffer,
  others: readonly Uint8Array[],
  isText: boolean,
  random: Random,
): Buffer<ArrayBuffer> {
  const pick = (below: number): number => Math.floor(random() * below);
  const at = pick(bytes.length + 1);
  const length = 1 + pick(random() < 0.1 ? 4_000 : 40);
  const before = bytes.subarray(0, at);
  const byte = random() < 0.5 ? pick(256) : (BYTES[pick(BYTES.length)] ?? 0);
  if (isText && random() < 0.3) return otherLetter(bytes, at, pick);
  if (isText && random() < 0.2) {
    return Buffer.concat([before, WORDS[pick(WORDS.length)] ?? before, bytes.subarray(at + pick(3))]);
  }
  // A byte changed leaves more of the structure whole than anything else.
  switch (pick(9)) {
    case 0:
    case 7: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = byte;
      return copy;
    }
    case 1:
    case 8: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << pick(8));
      return copy;
    }
    case 2:
      return Buffer.from(before);
    case 3:
      return Buffer.concat([before, Buffer.alloc(length, byte), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([before, bytes.subarray(at, at + length), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([before, bytes.subarray(at + length)]);
    default: {
      const other = others[pick(others.length)] ?? bytes;
      return Buffer.concat([before, other.subarray(pick(other.length + 1))]);
    }
  }
}

/** Another letter or digit where there is one: what is text stays text. */
function otherLetter(bytes: Buffer, at: number, pick: (below: number) => number): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  const isWord = (byte: number | undefined): boolean => byte !== undefined && /\w/.test(String.fromCharCode(byte));
  let place = at;
  while (place < copy.length && !isWord(copy[place])) place++;
  if (place < copy.length) copy[place] = "0123456789abcxyzABCXYZ_".charCodeAt(pick(23));
  return copy;
}
