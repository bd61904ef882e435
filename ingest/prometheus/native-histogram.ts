// Prometheus native histograms as OTLP: standard schemas become exponential histograms, custom buckets explicit ones.
// In: a cursor on a Histogram message (the same in Remote Write 1.0 and 2.0). Out: the fields of an OTLP data point.
// Bucket i of Prometheus is (base^(i-1), base^i], of OTLP (base^i, base^(i+1)]: offsets are one less. Float histograms are rounded.
// Bounds: 2,048 buckets a side; a wider range halves its resolution until it fits, a custom layout with more is refused; so are more spans
// than buckets could need.
import { toNumber, type WireReader } from "../otlp/wire.ts";

const MAX_BUCKETS = 2_048;
const MAX_SPANS = 4_096;
const CUSTOM_SCHEMA = -53;
const GAUGE_HINT = 3;
const STALE_LOW = 2;
const STALE_HIGH = 0x7ff00000;

/** True for the NaN by which Prometheus says that a series ended; the halves are those of its bits. */
export function isStaleMarker(low: number, high: number): boolean {
  return low === STALE_LOW && high === STALE_HIGH;
}

/** One side of an exponential histogram: `offset` as OTLP counts it. */
export interface BucketSide {
  readonly offset: number;
  readonly counts: readonly number[];
}

/** A native histogram, ready to be written; `timeMs` and `startMs` are 0 when not sent. */
export interface NativeHistogram {
  readonly timeMs: number;
  readonly startMs: number;
  readonly isStale: boolean;
  readonly isGauge: boolean;
  readonly count: number;
  readonly sum: number;
  readonly shape:
    | {
        readonly kind: "exponential";
        readonly scale: number;
        readonly zeroCount: number;
        readonly positive: BucketSide;
        readonly negative: BucketSide;
      }
    | { readonly kind: "explicit"; readonly bounds: readonly number[]; readonly counts: readonly number[] };
}

interface Side {
  /** Pairs of gap and length. */
  readonly spans: number[];
  readonly deltas: number[];
  readonly counts: number[];
}

/** Reads a histogram that ends at `end`; null when its layout makes no sense or is too large, a broken wire is left in the reader. */
export function readNativeHistogram(reader: WireReader, end: number): NativeHistogram | null {
  const sides: Record<"positive" | "negative", Side> = { positive: newSide(), negative: newSide() };
  const custom: number[] = [];
  let [count, sum, schema, zeroCount, hint, timeMs, startMs] = [0, 0, 0, 0, 0, 0, 0];
  let isStale = false;
  while (reader.position < end) {
    const tag = reader.tag(end);
    const side = tag >> 3 <= 10 ? sides.negative : sides.positive;
    switch (tag) {
      case 0x08:
        count = wholeVarint(reader, end);
        break;
      case 0x11:
        count = reader.double(end);
        break;
      case 0x19:
        isStale = peeksStale(reader);
        sum = reader.double(end);
        break;
      case 0x20:
        schema = zigzag(reader, end);
        break;
      case 0x30:
        zeroCount = wholeVarint(reader, end);
        break;
      case 0x39:
        zeroCount = reader.double(end);
        break;
      case 0x42:
      case 0x5a:
        readSpan(reader, end, side);
        break;
      case 0x4a:
      case 0x62:
      case 0x48:
      case 0x60:
        readItems(reader, tag, end, (itemsEnd) => side.deltas.push(zigzag(reader, itemsEnd)));
        break;
      case 0x52:
      case 0x6a:
      case 0x51:
      case 0x69:
        readItems(reader, tag, end, (itemsEnd) => side.counts.push(reader.double(itemsEnd)));
        break;
      case 0x70:
        hint = reader.varint(end);
        break;
      case 0x78:
        timeMs = readMs(reader, end);
        break;
      case 0x82:
      case 0x81:
        readItems(reader, tag, end, (itemsEnd) => custom.push(reader.double(itemsEnd)));
        break;
      case 0x88:
        startMs = readMs(reader, end);
        break;
      default:
        reader.skip(tag, end);
    }
    if (custom.length > MAX_BUCKETS || [sides.positive, sides.negative].some(isTooLong)) return null;
  }
  reader.finish(end);
  if (reader.failure !== null) return null;
  const shared = { timeMs, startMs, isStale, isGauge: hint === GAUGE_HINT, count: whole(count), sum };
  if (schema === CUSTOM_SCHEMA) {
    const counts = explicitCounts(sides.positive, custom.length + 1);
    return counts === null ? null : { ...shared, shape: { kind: "explicit", bounds: custom, counts } };
  }
  if (schema < -4 || schema > 8) return isStale ? stale(shared) : null;
  const coarser = Math.max(coarsening(sides.positive), coarsening(sides.negative));
  const positive = denseSide(sides.positive, coarser);
  const negative = denseSide(sides.negative, coarser);
  if (positive === null || negative === null) return null;
  const shape = {
    kind: "exponential",
    scale: schema - coarser,
    zeroCount: whole(zeroCount),
    positive,
    negative,
  } as const;
  return { ...shared, shape };
}

function stale(shared: Omit<NativeHistogram, "shape">): NativeHistogram {
  return { ...shared, shape: { kind: "explicit", bounds: [], counts: [] } };
}

function newSide(): Side {
  return { spans: [], deltas: [], counts: [] };
}

function isTooLong(side: Side): boolean {
  return side.spans.length > 2 * MAX_SPANS || side.deltas.length > 2 * MAX_SPANS || side.counts.length > 2 * MAX_SPANS;
}

/** Calls back with each index (Prometheus') and count of a side; false when spans and counts do not agree. */
function forEachBucket(side: Side, take: (index: number, count: number) => void): boolean {
  const total = Math.max(side.deltas.length, side.counts.length);
  let read = 0;
  let index = 0;
  let running = 0;
  for (let i = 0; i + 1 < side.spans.length; i += 2) {
    const gap = side.spans[i] ?? 0;
    if (i > 0 && gap < 0) return false;
    index += gap;
    const length = side.spans[i + 1] ?? 0;
    if (length > total - read) return false;
    for (let n = 0; n < length; n++, read++, index++) {
      running = side.counts.length > 0 ? (side.counts[read] ?? 0) : running + (side.deltas[read] ?? 0);
      take(index, whole(running));
    }
  }
  return read === total && Math.abs(index) < 2 ** 31;
}

/** How often the resolution must be halved for a side to fit. */
function coarsening(side: Side): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  forEachBucket(side, (index) => {
    low = Math.min(low, index);
    high = Math.max(high, index);
  });
  let shift = 0;
  if (low === Number.POSITIVE_INFINITY) return 0;
  while (shift < 31 && ((high - 1) >> shift) - ((low - 1) >> shift) >= MAX_BUCKETS) shift++;
  return shift;
}

function denseSide(side: Side, shift: number): BucketSide | null {
  const counts: number[] = [];
  let offset = 0;
  const isSound = forEachBucket(side, (index, count) => {
    const at = (index - 1) >> shift;
    if (counts.length === 0) offset = at;
    // Spans only go up, but a hostile one may overflow.
    if (at < offset || at - offset >= MAX_BUCKETS) return;
    while (counts.length <= at - offset) counts.push(0);
    counts[at - offset] = (counts[at - offset] ?? 0) + count;
  });
  return isSound ? { offset, counts } : null;
}

function explicitCounts(side: Side, length: number): number[] | null {
  const counts = Array.from<number>({ length }).fill(0);
  let fits = true;
  const isSound = forEachBucket(side, (index, count) => {
    if (index < 0 || index >= length) fits = false;
    else counts[index] = (counts[index] ?? 0) + count;
  });
  return isSound && fits ? counts : null;
}

function readSpan(reader: WireReader, parentEnd: number, side: Side): void {
  const end = reader.length(parentEnd) + reader.position;
  let gap = 0;
  let length = 0;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === 0x08) gap = zigzag(reader, end);
    else if (tag === 0x10) length = reader.varint(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  side.spans.push(gap, length);
}

/** Repeated scalars, packed or one by one. */
function readItems(reader: WireReader, tag: number, end: number, read: (itemsEnd: number) => void): void {
  if ((tag & 7) !== 2) return read(end);
  const itemsEnd = reader.length(end) + reader.position;
  let left = 2 * MAX_SPANS + 1;
  while (reader.position < itemsEnd && left-- > 0) read(itemsEnd);
  // What is left out makes the histogram too long, which refuses it.
  if (reader.failure === null) reader.position = itemsEnd;
}

/** sint32 and sint64; exact to 2^53. */
function zigzag(reader: WireReader, end: number): number {
  reader.varintParts(end);
  const value = toNumber(reader.low, reader.high);
  return reader.low % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function wholeVarint(reader: WireReader, end: number): number {
  reader.varintParts(end);
  return toNumber(reader.low, reader.high);
}

/** Milliseconds of an int64; one before 1970 is -1. */
export function readMs(reader: WireReader, end: number): number {
  reader.varintParts(end);
  return reader.high >= 0x80000000 ? -1 : toNumber(reader.low, reader.high);
}

/** Whether the eight bytes ahead are the stale marker; a short rest is none. */
export function peeksStale(reader: WireReader): boolean {
  const { view, position } = reader;
  if (position + 8 > view.byteLength) return false;
  return isStaleMarker(view.getUint32(position, true), view.getUint32(position + 4, true));
}

function whole(count: number): number {
  return Number.isFinite(count) && count > 0 ? Math.min(Math.round(count), Number.MAX_SAFE_INTEGER) : 0;
}
