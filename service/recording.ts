// Recordings of telemetry: what the demo and `faultline replay` read and what `faultline cut` writes.
// In: a file; a zstd stream of frames `u8 signal (T, M, L) | i64 LE arrival, unix ns | u32 LE length | OTLP Export request`.
// Out: the frames in the order they are kept, one at a time.
// Bounds: memory is the zstd window plus one frame of at most FRAME_BYTES_MAX; a file with a large window is decompressed
// in one piece where it takes less than half of the free memory, because that is forty times faster.
import { createReadStream } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { Decoder, Encoder } from "@toondepauw/node-zstd";
import { Decompress } from "fzstd";
import { ServiceError, reasonOf } from "../model/errors.ts";

/** Traces, metrics or logs, as the byte that opens a frame. */
export type Signal = "T" | "M" | "L";

/** One received request: `arrivalUnixNs` is when it came, `body` an OTLP protobuf Export request owned by the reader. */
export interface Frame {
  readonly signal: Signal;
  readonly arrivalUnixNs: bigint;
  readonly body: Uint8Array;
}

/** What is known of a recording before it is read: arrival times in unix ns, how many frames, their bodies' bytes. */
export interface RecordingSummary {
  readonly firstArrivalUnixNs: bigint;
  readonly lastArrivalUnixNs: bigint;
  readonly frameCount: number;
  readonly bodyBytes: number;
}

/** The largest body of one frame, in bytes. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

const FRAME_HEADER_BYTES = 13;
const READ_CHUNK_BYTES = 64 * 1024;
const PIECE_BYTES = 1024 * 1024;
// fzstd reads 25 bits of a back reference: a larger window would be decoded wrongly, not refused.
const FZSTD_WINDOW_BYTES_MAX = 2 ** 25;
const CHEAP_WINDOW_BYTES_MAX = 2 ** 23;
// Telemetry compresses about twentyfold at the highest levels.
const WHOLE_FILE_RATIO_GUESS = 25;
// A skippable zstd frame in front tells the summary, so that a replay need not read the recording twice.
const SUMMARY_MAGIC = 0x184d2a5f;
const SUMMARY_BYTES = 32;
const NO_ZSTD = "it is not a zstd file";

/** Throws RECORDING_INVALID where a file is none, or no zstd; what lies behind its head is only seen by reading it. */
export async function checkRecordingHead(file: string): Promise<void> {
  if (readWindowBytes(await readHead(file, 64)) === null)
    throw new ServiceError("RECORDING_INVALID", { file, cause: NO_ZSTD });
}

/** The frames of a recording in file order; throws RECORDING_INVALID where it is cut off or not a recording. */
export async function* readRecording(file: string): AsyncGenerator<Frame> {
  const splitter = createFrameSplitter();
  try {
    for await (const chunk of decompress(file)) yield* splitter.push(chunk);
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw new ServiceError("RECORDING_INVALID", { file, cause: reasonOf(error) }, error);
  }
  if (splitter.pendingBytes() > 0)
    throw new ServiceError("RECORDING_INVALID", { file, cause: "it ends inside a frame" });
}

/** The summary of a recording: from its head when `cut` wrote it, else by reading it once; null for an empty recording. */
export async function summarizeRecording(file: string): Promise<RecordingSummary | null> {
  const head = await readHead(file, 8 + SUMMARY_BYTES);
  if (
    head.length >= 8 + SUMMARY_BYTES &&
    head.readUInt32LE(0) === SUMMARY_MAGIC &&
    head.readUInt32LE(4) === SUMMARY_BYTES
  ) {
    return {
      firstArrivalUnixNs: head.readBigInt64LE(8),
      lastArrivalUnixNs: head.readBigInt64LE(16),
      frameCount: Number(head.readBigUInt64LE(24)),
      bodyBytes: Number(head.readBigUInt64LE(32)),
    };
  }
  let summary: RecordingSummary | null = null;
  for await (const frame of readRecording(file)) summary = addToSummary(summary, frame);
  return summary;
}

/** The summary with one more frame; arrivals may come in any order. */
export function addToSummary(summary: RecordingSummary | null, frame: Frame): RecordingSummary {
  const at = frame.arrivalUnixNs;
  return {
    firstArrivalUnixNs: summary === null || at < summary.firstArrivalUnixNs ? at : summary.firstArrivalUnixNs,
    lastArrivalUnixNs: summary === null || at > summary.lastArrivalUnixNs ? at : summary.lastArrivalUnixNs,
    frameCount: (summary?.frameCount ?? 0) + 1,
    bodyBytes: (summary?.bodyBytes ?? 0) + frame.body.length,
  };
}

/** A whole recording file as bytes: summary head, then the frames compressed at `level` (1..22; 19 keeps the window at 8 MiB). */
export function encodeRecording(frames: readonly Frame[], level: number): Buffer {
  const parts: Uint8Array[] = [];
  let summary: RecordingSummary | null = null;
  for (const frame of frames) {
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    header.write(frame.signal, 0, "latin1");
    header.writeBigInt64LE(frame.arrivalUnixNs, 1);
    header.writeUInt32LE(frame.body.length, 9);
    parts.push(header, frame.body);
    summary = addToSummary(summary, frame);
  }
  const head = Buffer.alloc(8 + SUMMARY_BYTES);
  head.writeUInt32LE(SUMMARY_MAGIC, 0);
  head.writeUInt32LE(SUMMARY_BYTES, 4);
  head.writeBigInt64LE(summary?.firstArrivalUnixNs ?? 0n, 8);
  head.writeBigInt64LE(summary?.lastArrivalUnixNs ?? 0n, 16);
  head.writeBigUInt64LE(BigInt(summary?.frameCount ?? 0), 24);
  head.writeBigUInt64LE(BigInt(summary?.bodyBytes ?? 0), 32);
  const body = new Encoder(level).encodeSync(Buffer.concat(parts));
  return summary === null ? body : Buffer.concat([head, body]);
}

interface FrameSplitter {
  push(chunk: Uint8Array): Frame[];
  pendingBytes(): number;
}

/** Splits decompressed bytes into frames, whatever their chunks; throws on a byte that opens no frame or a length past the bound. */
export function createFrameSplitter(): FrameSplitter {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  let headerFill = 0;
  let body: Uint8Array | null = null;
  let bodyFill = 0;

  function startBody(): void {
    const signal = String.fromCharCode(header[0] ?? 0);
    if (!isSignal(signal)) throw new Error(`a frame opens with byte ${header[0] ?? 0}, not T, M or L`);
    const length = header.readUInt32LE(9);
    if (length > FRAME_BYTES_MAX) throw new Error(`a frame of ${length} bytes is larger than ${FRAME_BYTES_MAX}`);
    body = new Uint8Array(length);
    bodyFill = 0;
  }

  return {
    push(chunk) {
      const frames: Frame[] = [];
      let offset = 0;
      while (offset < chunk.length || (body !== null && bodyFill === body.length)) {
        if (body === null) {
          const take = Math.min(FRAME_HEADER_BYTES - headerFill, chunk.length - offset);
          header.set(chunk.subarray(offset, offset + take), headerFill);
          headerFill += take;
          offset += take;
          if (headerFill < FRAME_HEADER_BYTES) break;
          startBody();
        } else {
          const current: Uint8Array = body;
          const take = Math.min(current.length - bodyFill, chunk.length - offset);
          current.set(chunk.subarray(offset, offset + take), bodyFill);
          bodyFill += take;
          offset += take;
          if (bodyFill < current.length) break;
          const signal = String.fromCharCode(header[0] ?? 0) as Signal;
          frames.push({ signal, arrivalUnixNs: header.readBigInt64LE(1), body: current });
          body = null;
          bodyFill = 0;
          headerFill = 0;
        }
      }
      return frames;
    },
    pendingBytes: () => headerFill + bodyFill,
  };
}

function isSignal(value: string): value is Signal {
  return value === "T" || value === "M" || value === "L";
}

async function* decompress(file: string): AsyncGenerator<Uint8Array> {
  const windowBytes = readWindowBytes(await readHead(file, 64));
  if (windowBytes === null) throw new Error(NO_ZSTD);
  const { size } = await stat(file);
  // The native decoder takes a file in one piece; the one in JS streams, but moves its whole window for every block.
  const fitsInMemory = size * WHOLE_FILE_RATIO_GUESS < process.availableMemory() / 2;
  if (windowBytes > CHEAP_WINDOW_BYTES_MAX && fitsInMemory) {
    const whole = await new Decoder().decode(await readFile(file));
    for (let at = 0; at < whole.length; at += PIECE_BYTES) yield whole.subarray(at, at + PIECE_BYTES);
  } else if (windowBytes <= FZSTD_WINDOW_BYTES_MAX) {
    yield* decompressInJs(file);
  } else {
    throw new Error(
      `its zstd window of ${windowBytes} bytes needs more memory than there is; compress it with a smaller one`,
    );
  }
}

async function* decompressInJs(file: string): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = [];
  const decompressor = new Decompress((chunk) => ready.push(chunk));
  for await (const chunk of createReadStream(file, { highWaterMark: READ_CHUNK_BYTES })) {
    decompressor.push(chunk as Uint8Array);
    yield* ready.splice(0);
  }
  decompressor.push(new Uint8Array(0), true);
  yield* ready;
}

async function readHead(file: string, byteCount: number): Promise<Buffer> {
  const handle = await open(file).catch((error: unknown) => {
    throw new ServiceError("RECORDING_INVALID", { file, cause: reasonOf(error) }, error);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(byteCount), 0, byteCount, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw new ServiceError("RECORDING_INVALID", { file, cause: reasonOf(error) }, error);
  } finally {
    await handle.close();
  }
}

/** The window in bytes that the first zstd frame asks for; null when the bytes are not zstd. */
function readWindowBytes(head: Buffer): number | null {
  let at = 0;
  while (head.length >= at + 8 && head.readUInt32LE(at) >>> 4 === 0x184d2a5) at += 8 + head.readUInt32LE(at + 4);
  if (head.length < at + 6 || head.readUInt32LE(at) !== 0xfd2fb528) return null;
  const descriptor = head[at + 4] ?? 0;
  const singleSegment = (descriptor >> 5) & 1;
  if (singleSegment === 0) {
    const window = head[at + 5] ?? 0;
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  // One segment: the window is the content, whose size follows the dictionary id.
  const contentAt = at + 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const contentSizeBytes = [1, 2, 4, 8][descriptor >> 6] ?? 1;
  if (head.length < contentAt + contentSizeBytes) return null;
  if (contentSizeBytes === 8) return Number(head.readBigUInt64LE(contentAt));
  return head.readUIntLE(contentAt, contentSizeBytes) + (contentSizeBytes === 2 ? 256 : 0);
}
