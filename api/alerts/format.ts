// What every alert format offers, and how an HTTP answer is read.
// In: facts. Out: a request body with headers; of an answer: delivered, try again, or refused for good.
// Bounds: pure; the time is an argument.
import type { AlertFacts } from "./facts.ts";

/** Body and headers of one POST. */
export interface AlertRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How an attempt ended; `retryAfterMs` is what the other side asked for, null when it asked for nothing. */
export type DeliveryResult =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry"; readonly reason: string; readonly retryAfterMs: number | null }
  | { readonly kind: "refused"; readonly reason: string };

/** Status, Retry-After and the first bytes of the body of an answer. */
export interface AlertAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: string;
}

/** What a renderer may use besides the facts; `messageId` is the same for every attempt of a delivery. */
export interface RenderContext {
  readonly secret: string | null;
  readonly messageId: string;
  readonly nowMs: number;
}

/** One service: its body, how it answers, and how much it takes a second. */
export interface AlertFormat {
  render(facts: AlertFacts, context: RenderContext): AlertRequest;
  judge(answer: AlertAnswer, nowMs: number): DeliveryResult;
  readonly perSecond: number;
  readonly burst: number;
}

const RETRYABLE_STATUS = new Set([408, 425, 429]);
const MAX_RETRY_AFTER_MS = 3_600_000;

/** Retry-After in ms, at most an hour: seconds or an HTTP date; null when there is none that can be read. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const seconds = /^\d{1,6}$/.test(header.trim()) ? Number(header) : (Date.parse(header) - nowMs) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds * 1000), MAX_RETRY_AFTER_MS) : null;
}

function firstWords(body: string): string {
  const words = body.replace(/\s+/g, " ").trim().slice(0, 200);
  return words === "" ? "" : `: ${words}`;
}

/** Reads an answer by its HTTP status alone: 2xx delivered; 408, 425, 429 and 5xx try again; the rest is refused for good. */
export function judgeStatus(answer: AlertAnswer, nowMs: number): DeliveryResult {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: "delivered" };
  const reason = `HTTP ${status}${firstWords(answer.body)}`;
  return status >= 500 || RETRYABLE_STATUS.has(status)
    ? { kind: "retry", reason, retryAfterMs: retryAfterMs(answer.retryAfter, nowMs) }
    : { kind: "refused", reason };
}

/** A text of at most `limit` characters, cut with an ellipsis. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}
