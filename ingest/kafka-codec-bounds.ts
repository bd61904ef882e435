// How large a compressed record batch can become, read from its block headers before anything is decompressed.
// In: raw snappy, an lz4 frame or zstd frames. Out: an upper bound in bytes; where a frame is broken, the bound of what precedes:
// the decoder says what is wrong.
// Bounds: one step a block; sources are the snappy format description, the LZ4 frame format 1.6.4 and RFC 8878.

const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_SKIPPABLE_MAGIC = 0x184d2a50;
const ZSTD_BLOCK_BYTES = 128 << 10;
const LZ4_MAGIC = 0x184d2204;
const LZ4_MAX_RATIO = 255;

/** The size that a raw snappy block states, a varint of 32 bits at most; infinity where it has more. */
export function snappyBound(bytes: Buffer): number {
  let size = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[i] ?? 0;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return size;
  }
  return Number.POSITIVE_INFINITY;
}

/** The most that an lz4 frame can become. */
export function lz4Bound(bytes: Buffer): number {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== LZ4_MAGIC) return 0;
  const flags = bytes[4] ?? 0;
  const blockBytes = 1 << (8 + 2 * (((bytes[5] ?? 0) >> 4) & 7));
  const checksumBytes = (flags & 0x10) === 0 ? 0 : 4;
  let at = 7 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4);
  let bound = 0;
  while (at + 4 <= bytes.length) {
    const header = bytes.readUInt32LE(at);
    if (header === 0) break;
    const size = header & 0x7fffffff;
    bound += header >= 0x80000000 ? size : Math.min(blockBytes, size * LZ4_MAX_RATIO);
    at += 4 + size + checksumBytes;
  }
  return bound;
}

/** The most that zstd frames, one after the other, can become. */
export function zstdBound(bytes: Buffer): number {
  let bound = 0;
  let at = 0;
  while (at + 8 <= bytes.length) {
    const magic = bytes.readUInt32LE(at);
    if ((magic & 0xfffffff0) >>> 0 === ZSTD_SKIPPABLE_MAGIC) {
      at += 8 + bytes.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== ZSTD_MAGIC) break;
    const descriptor = bytes[at + 4] ?? 0;
    at += 5 + zstdHeaderBytes(descriptor);
    for (let isLast = false; !isLast && at + 3 <= bytes.length;) {
      const header = bytes.readUIntLE(at, 3);
      const kind = (header >> 1) & 3;
      const size = header >> 3;
      isLast = (header & 1) === 1;
      // 0 raw, 1 one byte repeated, 2 compressed.
      bound += kind === 2 ? ZSTD_BLOCK_BYTES : size;
      at += 3 + (kind === 1 ? 1 : size);
    }
    if ((descriptor & 0x04) !== 0) at += 4;
  }
  return bound;
}

/** Bytes of window descriptor, dictionary id and content size, by the frame header descriptor. */
function zstdHeaderBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
}
