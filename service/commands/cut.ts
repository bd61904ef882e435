// `faultline cut FILE OUT`: writes a part of a recording to a new file.
// In: a recording and seconds after its first arrival. Out: a recording with a summary at its head, best compressed.
// Bounds: the part is held in memory uncompressed.
import { existsSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ServiceError } from "../../model/errors.ts";
import type { Command } from "../main.ts";
import { type Frame, encodeRecording, readRecording } from "../recording.ts";

// The highest level whose window stays at 8 MiB, which every reader streams cheaply.
const LEVEL = 19;

/** Cuts [from, to) out of a recording. */
export const cut: Command = async ({ parsed, tell }) => {
  const [file = "", out = ""] = parsed.positionals;
  const fromSeconds = readSeconds("from", parsed.options["from"] ?? "0");
  const toSeconds = parsed.options["to"] === undefined ? Infinity : readSeconds("to", parsed.options["to"]);
  if (fromSeconds >= toSeconds) throw usage("--from must lie before --to.");
  checkOut(file, out);
  const frames: Frame[] = [];
  let firstArrivalUnixNs: bigint | null = null;
  for await (const frame of readRecording(file)) {
    firstArrivalUnixNs ??= frame.arrivalUnixNs;
    const seconds = Number(frame.arrivalUnixNs - firstArrivalUnixNs) / 1e9;
    if (seconds >= toSeconds) break;
    if (seconds >= fromSeconds) frames.push(frame);
  }
  if (frames.length === 0)
    throw new ServiceError("RECORDING_INVALID", { file, cause: "nothing arrived in that period" });
  const bodyBytes = frames.reduce((sum, { body }) => sum + body.length, 0);
  tell(`Compressing ${frames.length} frames, ${(bodyBytes / 1e6).toFixed(1)} MB, which takes a while ...`);
  const bytes = encodeRecording(frames, LEVEL);
  await writeFile(out, bytes);
  tell(`Wrote ${frames.length} frames, ${(bytes.length / 1e6).toFixed(1)} MB, to ${out}.`);
  return 0;
};

/** Refuses, before the work, a file that could not be written after it. */
function checkOut(file: string, out: string): void {
  const folder = dirname(resolve(out));
  if (resolve(out) === resolve(file)) throw usage("OUT must be another file than FILE.");
  if (existsSync(out) && statSync(out).isDirectory()) throw usage(`OUT is the folder ${out}; name a file in it.`);
  if (!existsSync(folder)) throw usage(`OUT cannot be written: there is no folder ${folder}.`);
}

function usage(detail: string): ServiceError {
  return new ServiceError("USAGE", { detail });
}

function readSeconds(name: string, text: string): number {
  const seconds = Number(text);
  if (text.trim() !== "" && Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw usage(`--${name} needs seconds from 0, not "${text}".`);
}
