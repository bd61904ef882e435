// `faultline replay FILE`: sends a recording to an OTLP/HTTP endpoint.
// In: a recording, an endpoint, a speed. Out: progress on stderr, one closing line.
// Bounds: see service/replay.ts.
import { ServiceError } from "../../model/errors.ts";
import type { Command } from "../main.ts";
import { createOtlpSender } from "../otlp-sender.ts";
import { showProgress } from "../progress.ts";
import { replayRecording } from "../replay.ts";

/** Replays to its end. */
export const replay: Command = async ({ parsed, now, abort, tell }) => {
  const file = parsed.positionals[0] ?? "";
  const endpoint = readEndpoint(parsed.options["endpoint"] ?? "http://127.0.0.1:4318");
  const speed = readSpeed(parsed.options["speed"] ?? "1");
  const sender = createOtlpSender(endpoint, parsed.options["token"] ?? null);
  const progress = showProgress(`Replaying to ${endpoint}`, process.stderr, now);
  const started = now();
  const result = await replayRecording({
    file,
    sender,
    speed,
    keepTimes: parsed.options["keep-times"] !== undefined,
    now,
    onProgress: ({ ratio, bytesSent }) => progress.update(ratio, `${(bytesSent / 1e6).toFixed(0)} MB`),
    abort: abort.signal,
  });
  progress.end();
  if (result === null) throw new ServiceError("RECORDING_INVALID", { file, cause: "it holds no frame" });
  const seconds = (now() - started) / 1_000;
  tell(
    `Sent ${result.framesSent} recorded requests (${(result.bytesSent / 1e6).toFixed(1)} MB) in ${result.requestsSent} requests, ` +
      `${seconds.toFixed(1)} s; told to wait ${sender.throttledCount()} times.`,
  );
  if (result.framesUnreadable > 0) tell(`${result.framesUnreadable} of them are not protobuf and kept their times.`);
  return 0;
};

function readEndpoint(text: string): string {
  try {
    const url = new URL(text);
    if (url.protocol === "http:" || url.protocol === "https:") return text;
  } catch {
    // Told below.
  }
  throw new ServiceError("USAGE", { detail: `--endpoint needs an http or https URL, not "${text}".` });
}

function readSpeed(text: string): number | "max" {
  const speed = Number(text);
  if (text === "max") return "max";
  if (Number.isFinite(speed) && speed > 0) return speed;
  throw new ServiceError("USAGE", { detail: `--speed needs a number above 0 or max, not "${text}".` });
}
