// Replays a recording into an OTLP/HTTP endpoint, in the order in which the requests once arrived.
// In: a recording file, the endpoint, a speed (N times real time, or "max"). Out: what was sent, and the shifted arrival times.
// Consecutive frames of one signal within a window of arrival time are sent as one request: Export requests are lists, so
// their concatenation is their merge. Times move so that nothing lies in the future and the last arrival is "now" at the end.
// Bounds: windowBytes in memory times windowsInFlight; requests of at most requestBytes; retries up to retrySeconds a request.
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../model/errors.ts";
import { shiftTimes } from "./otlp-shift.ts";
import { type OtlpSender, SIGNAL_PATHS } from "./otlp-sender.ts";
import { type Frame, type RecordingSummary, type Signal, readRecording, summarizeRecording } from "./recording.ts";

/** How to replay; `speed` is a multiple of real time, `keepTimes` sends the recorded times as they are. */
export interface ReplayOptions {
  readonly file: string;
  readonly sender: OtlpSender;
  readonly speed: number | "max";
  readonly keepTimes: boolean;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly onProgress: (progress: ReplayProgress) => void;
  readonly abort: AbortSignal;
}

/** How far a replay is: `ratio` (0..1) of the frames. */
export interface ReplayProgress {
  readonly ratio: number;
  readonly framesSent: number;
  readonly bytesSent: number;
}

/** What a replay did; arrival times are unix ns as the endpoint saw them. */
export interface ReplayResult {
  readonly framesSent: number;
  readonly framesUnreadable: number;
  readonly requestsSent: number;
  readonly bytesSent: number;
  readonly firstArrivalUnixNs: bigint;
  readonly lastArrivalUnixNs: bigint;
}

/** The bounds of a replay, in bytes, counts and milliseconds. */
export const REPLAY_LIMITS = {
  requestBytes: 4 * 1024 * 1024,
  windowBytes: 32 * 1024 * 1024,
  windowsInFlight: 4,
  windowMs: 1_000,
  pacedWindowMs: 100,
} as const;

interface Window {
  readonly startUnixNs: bigint;
  readonly frames: Frame[];
  byteCount: number;
}

/** Sends the whole recording; rejects with RECORDING_INVALID, ENDPOINT_REFUSED, or the abort reason. */
export async function replayRecording(options: ReplayOptions): Promise<ReplayResult | null> {
  const summary = await summarizeRecording(options.file);
  if (summary === null) return null;
  const startedMs = options.now();
  const shiftNs = options.keepTimes ? 0n : shiftOf(summary, options.speed, startedMs);
  const windowMs = options.speed === "max" ? REPLAY_LIMITS.windowMs : REPLAY_LIMITS.pacedWindowMs * options.speed;
  const inFlight = new Set<Promise<void>>();
  const failures: Error[] = [];
  let framesSent = 0;
  let framesUnreadable = 0;
  let requestsSent = 0;
  let bytesSent = 0;

  async function sendWindow(window: Window): Promise<void> {
    await Promise.all(
      (["T", "M", "L"] as const).map(async (signal) => {
        for (const request of mergeFrames(window.frames, signal)) {
          await options.sender.send(SIGNAL_PATHS[signal], request, options.abort);
          requestsSent++;
        }
      }),
    );
    framesSent += window.frames.length;
    bytesSent += window.byteCount;
    options.onProgress({ ratio: framesSent / (summary?.frameCount ?? 1), framesSent, bytesSent });
  }

  for await (const window of windowsOf(readRecording(options.file), windowMs)) {
    options.abort.throwIfAborted();
    if (options.speed !== "max") {
      const dueMs =
        startedMs +
        Number(window.startUnixNs - summary.firstArrivalUnixNs) / 1e6 / options.speed +
        REPLAY_LIMITS.pacedWindowMs;
      const waitMs = dueMs - options.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal: options.abort });
    }
    for (const frame of window.frames) {
      if (!shiftTimes(frame.signal, frame.body, shiftNs)) framesUnreadable++;
    }
    while (inFlight.size >= REPLAY_LIMITS.windowsInFlight) await Promise.race(inFlight);
    if (failures.length > 0) break;
    const sending = sendWindow(window)
      .catch((error: unknown) => {
        failures.push(error instanceof Error ? error : new Error(reasonOf(error)));
      })
      .finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  }
  await Promise.all(inFlight);
  const [failure] = failures;
  if (failure !== undefined) throw failure;
  return {
    framesSent,
    framesUnreadable,
    requestsSent,
    bytesSent,
    firstArrivalUnixNs: summary.firstArrivalUnixNs + shiftNs,
    lastArrivalUnixNs: summary.lastArrivalUnixNs + shiftNs,
  };
}

/** Nanoseconds to add so that the last arrival is the moment at which it will be sent. */
export function shiftOf(summary: RecordingSummary, speed: number | "max", startedMs: number): bigint {
  const durationNs = summary.lastArrivalUnixNs - summary.firstArrivalUnixNs;
  const sendingNs = speed === "max" ? 0n : BigInt(Math.ceil(Number(durationNs) / speed));
  return BigInt(Math.floor(startedMs)) * 1_000_000n + sendingNs - summary.lastArrivalUnixNs;
}

/** Consecutive frames by windows of arrival time; a window ends early when it is full. */
export async function* windowsOf(frames: AsyncIterable<Frame>, windowMs: number): AsyncGenerator<Window> {
  const windowNs = BigInt(Math.max(1, Math.round(windowMs * 1e6)));
  let window: Window | null = null;
  for await (const frame of frames) {
    const isOver =
      window !== null &&
      (frame.arrivalUnixNs - window.startUnixNs >= windowNs ||
        window.byteCount + frame.body.length > REPLAY_LIMITS.windowBytes);
    if (window !== null && isOver) {
      yield window;
      window = null;
    }
    window ??= { startUnixNs: frame.arrivalUnixNs, frames: [], byteCount: 0 };
    window.frames.push(frame);
    window.byteCount += frame.body.length;
  }
  if (window !== null) yield window;
}

/** The frames of one signal as requests of at most `requestBytes` (a larger frame stays one request), in their order. */
export function mergeFrames(frames: readonly Frame[], signal: Signal): Uint8Array[] {
  const requests: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let byteCount = 0;
  for (const frame of frames) {
    if (frame.signal !== signal) continue;
    if (parts.length > 0 && byteCount + frame.body.length > REPLAY_LIMITS.requestBytes) {
      requests.push(Buffer.concat(parts));
      parts = [];
      byteCount = 0;
    }
    parts.push(frame.body);
    byteCount += frame.body.length;
  }
  if (parts.length > 0) requests.push(Buffer.concat(parts));
  return requests;
}
