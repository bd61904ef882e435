// The codecs of Kafka record batches: what they write they read, framings of others, and batches that are too large or broken.
import fc from "fast-check";
import snappy from "snappy";
import { describe, expect, it } from "vitest";
import { lz4Bound, snappyBound, zstdBound } from "../../ingest/kafka-codec-bounds.ts";
import { createCodecs } from "../../ingest/kafka-codecs.ts";

const NAMES = ["gzip", "snappy", "lz4", "zstd"] as const;
const LIMIT = 1_000_000;
const codecs = createCodecs(LIMIT);

/** The framing of snappy-java, which Kafka's own clients write. */
function xerial(blocks: readonly Buffer[]): Buffer {
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00, 0, 0, 0, 1, 0, 0, 0, 1]);
  return Buffer.concat([
    header,
    ...blocks.flatMap((block) => {
      const compressed = snappy.compressSync(block);
      const length = Buffer.alloc(4);
      length.writeInt32BE(compressed.length);
      return [length, compressed];
    }),
  ]);
}

describe.each(NAMES)("%s", (name) => {
  it("reads what it wrote", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 5_000 }), async (bytes) => {
        const buffer = Buffer.from(bytes);
        expect(await codecs[name].decompress(await codecs[name].compress({ buffer }))).toEqual(buffer);
      }),
      { numRuns: 30 },
    );
  });

  it("refuses bytes that are not its own, and a batch that is cut off", async () => {
    const foreign = Buffer.from("this is no compressed batch at all, whatever it says");
    await expect(codecs[name].decompress(foreign)).rejects.toBeInstanceOf(Error);
    const whole = await codecs[name].compress({ buffer: Buffer.from("0123456789".repeat(500)) });
    await expect(codecs[name].decompress(whole.subarray(0, whole.length - 9))).rejects.toBeInstanceOf(Error);
  });

  it("takes a batch within the limit and refuses one far above it", async () => {
    const noise = Buffer.from(Array.from({ length: LIMIT / 2 }, (_, i) => (i * 2_654_435_761) % 251));
    expect(noise.equals(await codecs[name].decompress(await codecs[name].compress({ buffer: noise })))).toBe(true);
    const bomb = await codecs[name].compress({ buffer: Buffer.alloc(LIMIT * 100) });
    expect(bomb.length).toBeLessThan(LIMIT * 5);
    await expect(codecs[name].decompress(bomb)).rejects.toThrow(/limit|larger than/);
  });
});

describe("bounds", () => {
  // A bound is over whole blocks, so what is small may be given more; it must never be given less.
  const BLOCK = 4 << 20;

  it.each([
    ["lz4", lz4Bound],
    ["zstd", zstdBound],
    ["snappy", snappyBound],
  ] as const)("of %s are never below the size, nor above it by more than a block", async (name, boundOf) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(3_000_000), fc.boolean(), async (size, isNoise) => {
        const buffer = isNoise
          ? Buffer.from(Array.from({ length: size % 50_000 }, (_, i) => (i * 7_919) % 253))
          : Buffer.alloc(size);
        const bound = boundOf(await codecs[name].compress({ buffer }));
        expect(bound).toBeGreaterThanOrEqual(buffer.length);
        expect(bound).toBeLessThanOrEqual(buffer.length + BLOCK);
      }),
      { numRuns: 25 },
    );
  });

  it("of several zstd frames add up", async () => {
    const frame = await codecs.zstd.compress({ buffer: Buffer.alloc(300_000) });
    const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    expect(zstdBound(Buffer.concat([frame, skippable, frame]))).toBe(2 * zstdBound(frame));
  });

  it("end on any bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(0x184d2204, 0xfd2fb528, 0x184d2a50),
        (bytes, magic) => {
          const buffer = Buffer.concat([Buffer.alloc(4), Buffer.from(bytes)]);
          buffer.writeUInt32LE(magic);
          for (const boundOf of [lz4Bound, zstdBound, snappyBound]) expect(boundOf(buffer)).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});

describe("snappy in xerial framing", () => {
  it("joins the blocks", async () => {
    const blocks = ["first ", "second ", "third"].map((text) => Buffer.from(text));
    expect((await codecs.snappy.decompress(xerial(blocks))).toString()).toBe("first second third");
  });

  it("counts all blocks against the limit", async () => {
    const block = Buffer.alloc(LIMIT / 2 + 1);
    await expect(codecs.snappy.decompress(xerial([block, block]))).rejects.toThrow(/above the limit/);
  });

  it("refuses a block length that points outside", async () => {
    const framed = xerial([Buffer.from("text")]);
    for (const length of [-1, 1_000_000]) {
      framed.writeInt32BE(length, 16);
      await expect(codecs.snappy.decompress(framed)).rejects.toThrow(/longer than its batch/);
    }
    await expect(codecs.snappy.decompress(framed.subarray(0, 18))).rejects.toThrow(/longer than its batch/);
  });
});
