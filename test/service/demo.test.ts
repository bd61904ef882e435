// The demo as a user runs it: the bundled recording in, named causes out; a quiet recording in, an honest "nothing" out.
// In: service/demo/recording.otlp.zst (see its note for what was injected) and a quiet part of it. Out: the JSON on stdout.
// Bounds: about half a minute; nothing is left behind.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { main } from "../../service/main.ts";
import { type Frame, encodeRecording, readRecording } from "../../service/recording.ts";

const RECORDING = fileURLToPath(new URL("../../service/demo/recording.otlp.zst", import.meta.url));
const QUIET_SECONDS = 30;

const dir = mkdtempSync(join(tmpdir(), "faultline-demo-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

interface DemoJson {
  verdict: string;
  reason: string | null;
  causes: { rank: number; confidence: number; faultKind: string; entity: Record<string, unknown> }[];
  incidents: { status: string; localization: DemoJson | null }[];
}

async function runDemo(...argv: string[]): Promise<{ code: number; answer: DemoJson; stderr: string }> {
  const taken = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      taken[name] += String(chunk);
      return true;
    });
  }
  const code = await main(["demo", "--once", "--json", ...argv]);
  vi.restoreAllMocks();
  return { code, answer: JSON.parse(taken.stdout) as DemoJson, stderr: taken.stderr };
}

test("names the injected causes of the bundled recording at rank 1, one incident a fault", async () => {
  const { code, answer, stderr } = await runDemo();
  expect(code).toBe(0);
  expect(stderr).toMatch(
    / s {2}ClickHouse and all roles started\n[^]* s {2}recording replayed: \d+ requests[^]* s {2}analysed/,
  );
  const first = answer.incidents.map((incident) => incident.localization?.causes[0]);
  expect(first).toMatchObject([
    { rank: 1, faultKind: "BAD_RELEASE", entity: { service: "pricing", version: "v2" } },
    {
      rank: 1,
      faultKind: "CODE_ERROR",
      entity: { kind: "INSTANCE", service: "inventory", instance: "inventory-wbhrmjpjz-vz75n" },
    },
  ]);
  expect(answer).toMatchObject({ verdict: "FOUND", reason: null });
  expect(answer.causes[0]).toEqual(first.at(-1));
}, 240_000);

test("says honestly that nothing is wrong in a quiet recording", async () => {
  const frames: Frame[] = [];
  for await (const frame of readRecording(RECORDING)) {
    if (frames[0] !== undefined && Number(frame.arrivalUnixNs - frames[0].arrivalUnixNs) / 1e9 > QUIET_SECONDS) break;
    frames.push(frame);
  }
  const quiet = join(dir, "quiet.otlp.zst");
  writeFileSync(quiet, encodeRecording(frames, 3));
  const { code, answer } = await runDemo("--recording", quiet);
  expect(code).toBe(0);
  expect(answer.incidents).toEqual([]);
  expect(answer.verdict).not.toBe("FOUND");
  expect(answer.reason).toMatch(/\w/);
  expect(answer.causes).toEqual([]);
}, 120_000);

test("leaves nothing behind and refuses a recording that is not there", async () => {
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  expect(await main(["demo", "--once", "--recording", join(dir, "absent.zst")])).toBe(6);
  const folder = join(".faultline", "demo");
  expect(existsSync(folder) ? readdirSync(folder).filter((name) => name === String(process.pid)) : []).toEqual([]);
});
