// Recordings: what is written is read back, and what is no recording is refused in one sentence.
// In: random frames, cut in random places. Out: the same frames, or RECORDING_INVALID.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Encoder } from "@toondepauw/node-zstd";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import {
  checkRecordingHead,
  type Frame,
  createFrameSplitter,
  encodeRecording,
  readRecording,
  summarizeRecording,
} from "../../service/recording.ts";

const dir = mkdtempSync(join(tmpdir(), "faultline-recording-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const frames = fc.array(
  fc.record({
    signal: fc.constantFrom("T" as const, "M" as const, "L" as const),
    arrivalUnixNs: fc.bigInt({ min: 1n, max: (1n << 62n) - 1n }),
    body: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 20 },
);

function rawBytes(list: readonly Frame[]): Buffer {
  return Buffer.concat(
    list.map((frame) => {
      const header = Buffer.alloc(13);
      header.write(frame.signal, 0, "latin1");
      header.writeBigInt64LE(frame.arrivalUnixNs, 1);
      header.writeUInt32LE(frame.body.length, 9);
      return Buffer.concat([header, frame.body]);
    }),
  );
}

async function readAll(file: string): Promise<Frame[]> {
  const found: Frame[] = [];
  for await (const frame of readRecording(file)) found.push(frame);
  return found;
}

function file(name: string, content: Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

test("frames come out whole whatever the chunks", () => {
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 40 }), (list, chunkBytes) => {
      const splitter = createFrameSplitter();
      const raw = rawBytes(list);
      const found: Frame[] = [];
      for (let at = 0; at < raw.length; at += chunkBytes)
        found.push(...splitter.push(raw.subarray(at, at + chunkBytes)));
      expect(found).toEqual(list);
      expect(splitter.pendingBytes()).toBe(0);
    }),
  );
});

test("a written recording is read back, and its head tells the summary that reading would", async () => {
  await fc.assert(
    fc.asyncProperty(frames, async (list) => {
      const headed = file("headed.zst", encodeRecording(list, 19));
      const plain = file("plain.zst", new Encoder(3).encodeSync(rawBytes(list)));
      expect(await readAll(headed)).toEqual(list);
      expect(await readAll(plain)).toEqual(list);
      expect(await summarizeRecording(headed)).toEqual(await summarizeRecording(plain));
    }),
    { numRuns: 30 },
  );
});

test("what is no recording is refused with the file and the reason", async () => {
  const one: Frame = { signal: "T", arrivalUnixNs: 5n, body: Uint8Array.of(1, 2, 3) };
  const whole = encodeRecording([one], 19);
  const raw = rawBytes([one]);
  const cases: [string, Uint8Array | null, RegExp][] = [
    ["absent.zst", null, /no such file/],
    ["text.zst", Buffer.from("hello hello hello hello"), /not a zstd file/],
    ["cut.zst", whole.subarray(0, whole.length - 4), /absent|EOF|end/i],
    ["half-frame.zst", new Encoder(3).encodeSync(raw.subarray(0, raw.length - 1)), /ends inside a frame/],
    ["other.zst", new Encoder(3).encodeSync(Buffer.alloc(40, 0x41)), /not T, M or L/],
  ];
  for (const [name, content, reason] of cases) {
    const path = content === null ? join(dir, name) : file(name, content);
    await expect(readAll(path), name).rejects.toMatchObject({ code: "RECORDING_INVALID", exitCode: 6 });
    await expect(readAll(path), name).rejects.toThrow(reason);
    await expect(readAll(path), name).rejects.toThrow(name);
    const isSeenAtOnce = name === "absent.zst" || name === "text.zst";
    const head = checkRecordingHead(path).then(
      () => null,
      (error: unknown) => error,
    );
    expect(await head, name).toEqual(isSeenAtOnce ? expect.objectContaining({ code: "RECORDING_INVALID" }) : null);
  }
});

test("a frame larger than the bound is refused before it is stored", () => {
  const header = Buffer.alloc(13);
  header.write("T", 0, "latin1");
  header.writeUInt32LE(0xffffffff, 9);
  expect(() => createFrameSplitter().push(header)).toThrow(/larger than/);
});
