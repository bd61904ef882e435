// Sends OTLP protobuf requests over HTTP and does what an endpoint asks for: waits when told to slow down, stops when refused.
// In: an endpoint URL, optional token, request bodies. Out: a promise a request, resolved when it was acknowledged.
// Bounds: each request is tried for at most retrySeconds; one answer may take requestTimeoutSeconds.
import { setTimeout as sleep } from "node:timers/promises";
import { ServiceError, reasonOf } from "../model/errors.ts";
import type { Signal } from "./recording.ts";

/** The OTLP/HTTP path of each signal. */
export const SIGNAL_PATHS: Record<Signal, string> = { T: "/v1/traces", M: "/v1/metrics", L: "/v1/logs" };

/** The bounds of a request, in seconds; `connectSeconds` while the endpoint has never answered. */
export const SENDER_LIMITS = {
  retrySeconds: 60,
  connectSeconds: 3,
  requestTimeoutSeconds: 60,
  waitSecondsMax: 10,
} as const;

/** A sender for one endpoint; `throttledCount` is how often it was told to wait. */
export interface OtlpSender {
  /** Resolves when acknowledged; rejects with ENDPOINT_REFUSED, or with the abort reason. */
  send(path: string, body: Uint8Array, abort: AbortSignal): Promise<void>;
  throttledCount(): number;
}

/** A sender for `endpointUrl` (scheme, host, port, optional path before /v1/…); `token` becomes a bearer token. */
export function createOtlpSender(endpointUrl: string, token: string | null): OtlpSender {
  const base = endpointUrl.replace(/\/+$/, "");
  const headers: Record<string, string> = { "content-type": "application/x-protobuf" };
  if (token !== null) headers["authorization"] = `Bearer ${token}`;
  let throttled = 0;
  let hasAnswered = false;

  async function attempt(url: string, body: Uint8Array, abort: AbortSignal): Promise<Attempt> {
    const timeout = AbortSignal.timeout(SENDER_LIMITS.requestTimeoutSeconds * 1_000);
    try {
      const response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.any([abort, timeout]) });
      const answer = Buffer.from(await response.arrayBuffer());
      hasAnswered = true;
      if (response.ok) return { state: "done" };
      const cause = `HTTP ${response.status}${describeAnswer(answer)}`;
      if (![429, 502, 503, 504].includes(response.status)) return { state: "refused", cause };
      return { state: "retry", cause, waitMs: retryAfterMs(response.headers.get("retry-after")) };
    } catch (error) {
      abort.throwIfAborted();
      const cause = error instanceof Error && error.cause !== undefined ? reasonOf(error.cause) : reasonOf(error);
      return { state: "retry", cause, waitMs: null };
    }
  }

  return {
    async send(path, body, abort) {
      const url = base + path;
      let waitedMs = 0;
      for (let tries = 0; ; tries++) {
        const result = await attempt(url, body, abort);
        if (result.state === "done") return;
        const retrySeconds = hasAnswered ? SENDER_LIMITS.retrySeconds : SENDER_LIMITS.connectSeconds;
        if (result.state === "refused" || waitedMs >= retrySeconds * 1_000) {
          throw new ServiceError("ENDPOINT_REFUSED", { url, cause: result.cause });
        }
        throttled++;
        const waitMs = Math.min(result.waitMs ?? 100 * 2 ** tries, SENDER_LIMITS.waitSecondsMax * 1_000);
        await sleep(waitMs, undefined, { signal: abort });
        waitedMs += Math.max(waitMs, 1);
      }
    },
    throttledCount: () => throttled,
  };
}

type Attempt =
  | { readonly state: "done" }
  | { readonly state: "refused"; readonly cause: string }
  | { readonly state: "retry"; readonly cause: string; readonly waitMs: number | null };

/** Milliseconds of a Retry-After in seconds; null when absent or a date (then the own backoff is used). */
function retryAfterMs(header: string | null): number | null {
  const seconds = header === null ? NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null;
}

// A google.rpc.Status or plain text: only what can be printed.
function describeAnswer(answer: Buffer): string {
  const text = answer
    .toString("utf8")
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim();
  return text === "" ? "" : `: ${text.slice(0, 200)}`;
}
