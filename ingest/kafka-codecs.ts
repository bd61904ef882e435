// Compression of Kafka record batches: snappy (raw and xerial framing), lz4, zstd, and gzip with a bound.
// In: the compressed bytes of one record batch, as kafkajs cuts them out of a fetch. Out: the records' bytes, or an error.
// Bounds: a batch that can become larger than the limit is refused before it is decompressed; gzip, which does not say, stops there.
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { Decoder, Encoder } from "@toondepauw/node-zstd";
import kafkajs from "kafkajs";
import { compressFrame, decompressFrame } from "lz4-napi";
import snappy from "snappy";
import { lz4Bound, snappyBound, zstdBound } from "./kafka-codec-bounds.ts";

/** The largest decompressed record batch, bytes; brokers take 1 MB of compressed batch by default. */
export const MAX_BATCH_BYTES = 256 << 20;

const ZSTD_LEVEL = 3;
// The header of snappy-java: magic, version, oldest compatible version; then blocks of int32 length and raw snappy.
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/** What kafkajs asks of a codec. */
export interface KafkaCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

/** The four codecs; a record batch of more than `maxBytes` is an error. */
export function createCodecs(maxBytes: number): Readonly<Record<"gzip" | "snappy" | "lz4" | "zstd", KafkaCodec>> {
  return {
    gzip: {
      compress: (encoder) => gzipBytes(encoder.buffer),
      decompress: (bytes) => gunzipBytes(bytes, { maxOutputLength: maxBytes }),
    },
    snappy: {
      compress: (encoder) => snappy.compress(encoder.buffer),
      decompress: (bytes) => (isXerial(bytes) ? uncompressXerial(bytes, maxBytes) : uncompressSnappy(bytes, maxBytes)),
    },
    lz4: {
      compress: (encoder) => compressFrame(encoder.buffer),
      async decompress(bytes) {
        refuseAbove(lz4Bound(bytes), maxBytes);
        return await decompressFrame(bytes);
      },
    },
    zstd: {
      compress: (encoder) => new Encoder(ZSTD_LEVEL).encode(encoder.buffer),
      async decompress(bytes) {
        refuseAbove(zstdBound(bytes), maxBytes);
        return await new Decoder().decode(bytes);
      },
    },
  };
}

/** Registers the four codecs with kafkajs, for this process; doing it again changes nothing. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const codecs = createCodecs(MAX_BATCH_BYTES);
  CompressionCodecs[CompressionTypes.GZIP] = () => codecs.gzip;
  CompressionCodecs[CompressionTypes.Snappy] = () => codecs.snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => codecs.lz4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => codecs.zstd;
}

const gzipBytes = promisify(gzip);
const gunzipBytes = promisify(gunzip) as (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

function isXerial(bytes: Buffer): boolean {
  return bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);
}

async function uncompressXerial(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const blocks: Buffer[] = [];
  let room = maxBytes;
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const start = at + 4;
    const end = start <= bytes.length ? start + bytes.readInt32BE(at) : -1;
    if (end < start || end > bytes.length) throw new Error("snappy: a block is longer than its batch");
    const block = await uncompressSnappy(bytes.subarray(start, end), room);
    blocks.push(block);
    room -= block.length;
    at = end;
  }
  return Buffer.concat(blocks);
}

async function uncompressSnappy(bytes: Buffer, room: number): Promise<Buffer> {
  refuseAbove(snappyBound(bytes), room);
  const whole = await snappy.uncompress(bytes, { asBuffer: true });
  return typeof whole === "string" ? Buffer.from(whole) : whole;
}

function refuseAbove(size: number, limit: number): void {
  if (size > limit) throw new Error(`a record batch of up to ${size} bytes is above the limit of ${limit}`);
}
