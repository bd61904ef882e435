// The bytes of a Native block as a list of chunks, without joining them.
// In: bytes, numbers and repetitions, one behind the other. Out: chunks. Large buffers are referenced where they lie; all else is written into
// pages that are used again for the next block.
// Bounds: nothing is allocated in the steady state; pages that one large block needed are given back. Loops are functions of their own
// that run often, so that V8 compiles them once and for good: a loop inside a method that runs once a column is compiled over and over.

const PAGE_BYTES = 256 << 10;
/** Smaller buffers are copied: a chunk of its own costs a write of its own. */
const REFERENCE_FROM_BYTES = 16 << 10;
/** Pages that are kept however few the last block needed. */
const KEPT_PAGES = 16;
const SHORT_COPY = 24;

interface Page {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Bytes of an integer in a column. */
export type Width = 1 | 2 | 4 | 8;

/** Collects the chunks of one block; they are valid until `reset`. */
export class NativePages {
  private readonly pages: Page[] = [];
  private used = 0;
  private page: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(this.page.buffer);
  private at = 0;
  private sentUpTo = 0;
  private chunks: Uint8Array[] = [];

  /** Forgets the chunks; their memory is written again. */
  reset(): void {
    this.pages.length = Math.min(this.pages.length, Math.max(KEPT_PAGES, this.used * 2));
    this.used = 0;
    this.page = new Uint8Array(0);
    this.view = new DataView(this.page.buffer);
    this.at = 0;
    this.sentUpTo = 0;
    this.chunks = [];
  }

  /** Ends the block and returns its chunks. */
  finish(): readonly Uint8Array[] {
    this.flush();
    return this.chunks;
  }

  /** Bytes as they are; large ones are referenced. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length < REFERENCE_FROM_BYTES) {
      this.copy(bytes, 0, bytes.length);
      return;
    }
    this.flush();
    this.chunks.push(bytes);
  }

  /** A whole number below 2^53 in eight bytes. */
  uint64(value: number): void {
    this.room(8);
    this.view.setInt32(this.at, value | 0, true);
    this.view.setInt32(this.at + 4, Math.floor(value / 4294967296), true);
    this.at += 8;
  }

  /** A whole number below 2^53, seven bits a byte. */
  varint(value: number): void {
    this.room(8);
    while (value >= 0x80) {
      this.page[this.at++] = (value & 0x7f) | 0x80;
      value = Math.floor(value / 128);
    }
    this.page[this.at++] = value;
  }

  /** ASCII text behind its length. */
  text(text: string): void {
    this.varint(text.length);
    this.room(text.length);
    for (let i = 0; i < text.length; i++) this.page[this.at++] = text.charCodeAt(i);
  }

  /** `values[from..to)`, each plus `shift`. */
  integers(values: Int32Array, from: number, to: number, width: Width, shift = 0): void {
    while (from < to) {
      const count = this.fitting(to - from, width);
      putIntegers(this.page, this.view, this.at, values, from, count, width, shift);
      this.at += count * width;
      from += count;
    }
  }

  /** `entries[rows[i]]` for the first `count` rows. */
  integersOf(entries: Int32Array, rows: Int32Array, count: number, width: Width): void {
    for (let from = 0; from < count;) {
      const some = this.fitting(count - from, width);
      putIntegersOf(this.page, this.view, this.at, entries, rows, from, some, width);
      this.at += some * width;
      from += some;
    }
  }

  /** `count` numbers in eight bytes each, beginning at `first`, each `step` more than the one before. */
  series(first: number, step: number, count: number): void {
    while (count > 0) {
      const some = this.fitting(count, 8);
      putSeries(this.view, this.at, first, step, some);
      this.at += some * 8;
      first += some * step;
      count -= some;
    }
  }

  /** A range of bytes. */
  copy(source: Uint8Array, from: number, to: number): void {
    while (from < to) {
      const count = this.fitting(to - from, 1);
      if (count < SHORT_COPY) putBytes(this.page, this.at, source, from, count);
      else this.page.set(source.subarray(from, from + count), this.at);
      this.at += count;
      from += count;
    }
  }

  /** A range of bytes, so many times. */
  copyTimes(source: Uint8Array, from: number, to: number, times: number): void {
    while (times > 0 && from < to) {
      this.copy(source, from, to);
      times = this.repeat(to - from, times - 1);
    }
  }

  /** `values[from..to)`, so many times. */
  integersTimes(values: Int32Array, from: number, to: number, width: Width, times: number): void {
    while (times > 0 && from < to) {
      this.integers(values, from, to, width);
      times = this.repeat((to - from) * width, times - 1);
    }
  }

  /** Writes the last `count` bytes again, `times` times or as often as the page has room; returns how many times are left. */
  private repeat(count: number, times: number): number {
    const start = this.at - count;
    const fitting = start < 0 ? 0 : Math.min(times, Math.floor((this.page.length - this.at) / count));
    // Each step copies all that there is: n repetitions cost log n copies.
    for (let done = 1, left = fitting; left > 0;) {
      const some = Math.min(left, done);
      this.page.copyWithin(this.at, start, start + some * count);
      this.at += some * count;
      left -= some;
      done += some;
    }
    return times - fitting;
  }

  /** How many values of that width fit into what is left of a page: at least one, at most `wanted`. */
  private fitting(wanted: number, width: number): number {
    this.room(width);
    return Math.min(wanted, Math.floor((this.page.length - this.at) / width));
  }

  private room(count: number): void {
    if (this.at + count > this.page.length) this.nextPage();
  }

  private nextPage(): void {
    this.flush();
    let page = this.pages[this.used++];
    if (page === undefined) {
      const bytes = new Uint8Array(PAGE_BYTES);
      page = { bytes, view: new DataView(bytes.buffer) };
      this.pages.push(page);
    }
    this.page = page.bytes;
    this.view = page.view;
    this.at = 0;
    this.sentUpTo = 0;
  }

  /** Makes what was written since the last flush a chunk. */
  private flush(): void {
    if (this.at > this.sentUpTo) this.chunks.push(this.page.subarray(this.sentUpTo, this.at));
    this.sentUpTo = this.at;
  }
}

/** `values[from..from+count)`, each plus `shift`, as integers of that width at `at`. */
function putIntegers(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  values: Int32Array,
  from: number,
  count: number,
  width: Width,
  shift: number,
): void {
  const end = from + count;
  if (width === 1) for (let i = from; i < end; i++) bytes[at++] = (values[i] ?? 0) + shift;
  else if (width === 2) for (let i = from; i < end; i++, at += 2) view.setInt16(at, (values[i] ?? 0) + shift, true);
  else if (width === 4) for (let i = from; i < end; i++, at += 4) view.setInt32(at, (values[i] ?? 0) + shift, true);
  else {
    for (let i = from; i < end; i++, at += 8) {
      view.setInt32(at, (values[i] ?? 0) + shift, true);
      view.setInt32(at + 4, 0, true);
    }
  }
}

/** `entries[rows[i]]` for `count` rows from `from` on, as integers of that width at `at`. */
function putIntegersOf(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  entries: Int32Array,
  rows: Int32Array,
  from: number,
  count: number,
  width: Width,
): void {
  const end = from + count;
  if (width === 1) for (let i = from; i < end; i++) bytes[at++] = entries[rows[i] ?? 0] ?? 0;
  else if (width === 2) for (let i = from; i < end; i++, at += 2) view.setInt16(at, entries[rows[i] ?? 0] ?? 0, true);
  else for (let i = from; i < end; i++, at += 4) view.setInt32(at, entries[rows[i] ?? 0] ?? 0, true);
}

function putSeries(view: DataView, at: number, first: number, step: number, count: number): void {
  for (let i = 0; i < count; i++, at += 8) {
    const value = first + i * step;
    view.setInt32(at, value | 0, true);
    view.setInt32(at + 4, Math.floor(value / 4294967296), true);
  }
}

function putBytes(target: Uint8Array, at: number, source: Uint8Array, from: number, count: number): void {
  for (let i = 0; i < count; i++) target[at + i] = source[from + i] ?? 0;
}
