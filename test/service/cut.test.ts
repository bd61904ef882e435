// `faultline cut`: what could not be written is told before the work, and a part is written as a recording.
// In: a small recording, wrong and right words. Out: one sentence and an exit code; a file that reads back.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { main } from "../../service/main.ts";
import { type Frame, encodeRecording, readRecording } from "../../service/recording.ts";

const dir = mkdtempSync(join(tmpdir(), "faultline-cut-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const FRAMES: Frame[] = [0n, 1n, 2n, 3n].map((second) => ({
  signal: "T",
  arrivalUnixNs: second * 1_000_000_000n,
  body: Uint8Array.of(Number(second)),
}));
const FILE = join(dir, "whole.zst");
writeFileSync(FILE, encodeRecording(FRAMES, 3));

async function cut(...argv: string[]): Promise<{ code: number; stderr: string }> {
  let stderr = "";
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    stderr += String(chunk);
    return true;
  });
  const code = await main(["cut", ...argv]);
  vi.restoreAllMocks();
  return { code, stderr };
}

test.each([
  [["--from", "5", "--to", "2"], "part.zst", "--from must lie before --to."],
  [["--from", "x"], "part.zst", '--from needs seconds from 0, not "x".'],
  [[], "absent/part.zst", `OUT cannot be written: there is no folder ${join(dir, "absent")}.`],
  [[], ".", `OUT is the folder ${dir}; name a file in it.`],
  [[], "whole.zst", "OUT must be another file than FILE."],
])("%j into %s is refused", async (options, out, sentence) => {
  expect(await cut(FILE, join(dir, out), ...options)).toEqual({
    code: 2,
    stderr: `USAGE: ${sentence}\nRun \`faultline help\` for the commands and their options.\n`,
  });
});

test("a part is a recording of its own", async () => {
  const out = join(dir, "part.zst");
  const { code, stderr } = await cut(FILE, out, "--from", "1", "--to", "3");
  expect(code).toBe(0);
  expect(stderr).toContain("Wrote 2 frames");
  const seconds: bigint[] = [];
  for await (const frame of readRecording(out)) seconds.push(frame.arrivalUnixNs / 1_000_000_000n);
  expect(seconds).toEqual([1n, 2n]);
});
