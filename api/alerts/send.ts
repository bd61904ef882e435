// One attempt to deliver: a POST and its answer.
// In: a URL, a request, a format. Out: delivered, try again, or refused for good; never throws.
// Bounds: a time limit on the whole attempt, 16 KB of the answer, no redirects; the URL, which is a secret, is in no message.
import { reasonOf } from "../../model/errors.ts";
import type { AlertFormat, AlertRequest, DeliveryResult } from "./format.ts";

const MAX_ANSWER_BYTES = 16 * 1024;

async function readStart(response: Response): Promise<string> {
  if (response.body === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    // Leaving the loop cancels the rest.
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString("utf8");
}

function connectionReason(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") return "no answer in time";
  const cause = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  return code === "" ? `connection failed: ${reasonOf(error)}` : `connection failed: ${code}`;
}

/** Posts once and reads the answer as the format says. */
export async function sendAlert(
  url: string,
  request: AlertRequest,
  format: AlertFormat,
  options: { timeoutMs: number; now: () => number },
): Promise<DeliveryResult> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { ...request.headers, "user-agent": "faultline" },
      body: request.body,
      redirect: "manual",
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    const answer = {
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      body: await readStart(response),
    };
    return format.judge(answer, options.now());
  } catch (error) {
    return { kind: "retry", reason: connectionReason(error), retryAfterMs: null };
  }
}
