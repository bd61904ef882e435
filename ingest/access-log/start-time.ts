// Times of access logs: `2020-11-25T21:26:18.409Z` as halves of unix nanoseconds, and back by a duration.
// In: a range of bytes. Out: `low` and `high`, unsigned 32-bit halves. Bounds: ISO 8601 with Z or an offset, up to nine digits of a second,
// years 1970 to 2500; anything else is false and leaves the halves as they were.

const TWO_32 = 4294967296;

/** Reads times; the halves are those of the last one that could be read. */
export class StartTime {
  low = 0;
  high = 0;

  /** Reads the time in `source[from..to)`; false when it is none. */
  read(source: Uint8Array, from: number, to: number): boolean {
    if (to - from < 20) return false;
    const year = digits(source, from, 4);
    const month = digits(source, from + 5, 2);
    const day = digits(source, from + 8, 2);
    const hour = digits(source, from + 11, 2);
    const minute = digits(source, from + 14, 2);
    const second = digits(source, from + 17, 2);
    if (year < 1970 || year > 2500 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0) return false;
    if (month > 12 || day > 31 || hour > 23 || minute > 59 || second > 60) return false;
    if (
      source[from + 4] !== 0x2d ||
      source[from + 7] !== 0x2d ||
      (source[from + 10] !== 0x54 && source[from + 10] !== 0x20)
    )
      return false;
    let at = from + 19;
    let nanos = 0;
    if (source[at] === 0x2e) {
      let scale = 100_000_000;
      for (at++; at < to; at++) {
        const digit = (source[at] ?? 0) - 0x30;
        if (digit < 0 || digit > 9) break;
        nanos += digit * scale;
        scale = Math.floor(scale / 10);
      }
    }
    const offset = offsetSeconds(source, at, to);
    if (offset === null) return false;
    this.set(Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - offset, nanos);
    return true;
  }

  /** Goes back by whole nanoseconds (below 2^53). */
  back(nanoseconds: number): void {
    let low = this.low - (nanoseconds % TWO_32);
    let high = this.high - Math.floor(nanoseconds / TWO_32);
    if (low < 0) {
      low += TWO_32;
      high--;
    }
    if (high < 0) return;
    this.low = low;
    this.high = high;
  }

  /** Seconds times 10^9 pass 2^53, so the product is made of two parts. */
  private set(seconds: number, nanos: number): void {
    const upper = Math.floor(seconds / 65536) * 1e9;
    const lower = (seconds % 65536) * 1e9 + nanos;
    const sum = (upper % 65536) * 65536 + lower;
    this.low = sum % TWO_32;
    this.high = Math.floor(upper / 65536) + Math.floor(sum / TWO_32);
  }
}

function digits(source: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let i = from; i < from + count; i++) {
    const digit = (source[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Seconds of `Z`, `+02:00`, `+0200` or nothing, which is UTC; null for anything else. */
function offsetSeconds(source: Uint8Array, from: number, to: number): number | null {
  if (from === to || (source[from] === 0x5a && from + 1 === to)) return 0;
  const sign = source[from] === 0x2b ? 1 : source[from] === 0x2d ? -1 : 0;
  const hours = digits(source, from + 1, 2);
  const colon = source[from + 3] === 0x3a ? 1 : 0;
  const minutes = digits(source, from + 3 + colon, 2);
  if (sign === 0 || hours < 0 || minutes < 0 || from + 5 + colon !== to) return null;
  return sign * (hours * 3600 + minutes * 60);
}
