// Feishu and Lark, by a custom bot: an interactive card, signed when the bot asks for it.
// In: facts. Out: card JSON with timestamp and sign in the body.
// Bounds: 100 a minute and 5 a second a bot; body ≤ 20 KB. It answers HTTP 200 on failure: the body's `code` decides.
import { createHmac } from "node:crypto";
import type { AlertFacts } from "./facts.ts";
import { type AlertAnswer, type AlertFormat, cut, type DeliveryResult, judgeStatus } from "./format.ts";

const COLOURS = { opened: "red", resolved: "green", withdrawn: "grey" } as const;
const HEADLINES = {
  opened: "Incident opened",
  resolved: "Incident resolved",
  withdrawn: "Incident withdrawn",
} as const;
const MAX_TEXT = 4000;
// 11232 too many; 19021 timestamp or signature, which a corrected clock or secret heals. The others need a person.
const RETRYABLE_CODES = new Set([11232, 19021]);
const FINAL_CODES = new Set([9499, 19022, 19024]);

/** The bot's signature: HMAC-SHA256 of nothing, its key being `timestamp\nsecret` (custom bot guide). */
export function signFeishu(secret: string, timestampSeconds: number): string {
  return createHmac("sha256", `${timestampSeconds}\n${secret}`).update("").digest("base64");
}

// Angle brackets are how a card mentions people.
function escapeText(text: string): string {
  return text.replaceAll("&", "&#38;").replaceAll("<", "&#60;").replaceAll(">", "&#62;");
}

function markdownOf(facts: AlertFacts): string {
  const lines = [escapeText(facts.sentence)];
  if (facts.transition === "opened") {
    for (const statement of facts.evidence) lines.push(`- ${escapeText(statement)}`);
    if (facts.impact.length > 0) lines.push(`**Hit:** ${escapeText(facts.impact.join(", "))}`);
  }
  return cut(lines.join("\n"), MAX_TEXT);
}

function codeOf(body: string): number | null {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null) return null;
    // The older answer has StatusCode instead.
    const code = "code" in value ? value.code : "StatusCode" in value ? value.StatusCode : null;
    return typeof code === "number" ? code : null;
  } catch {
    return null;
  }
}

function judge(answer: AlertAnswer, nowMs: number): DeliveryResult {
  const byStatus = judgeStatus(answer, nowMs);
  const code = codeOf(answer.body);
  if (code === null) {
    return byStatus.kind === "delivered"
      ? { kind: "retry", reason: "HTTP 200 without a code in its body", retryAfterMs: null }
      : byStatus;
  }
  if (code === 0) return byStatus;
  const reason = `code ${code}: ${cut(answer.body.replace(/\s+/g, " "), 200)}`;
  if (FINAL_CODES.has(code)) return { kind: "refused", reason };
  if (RETRYABLE_CODES.has(code) || byStatus.kind === "delivered") return { kind: "retry", reason, retryAfterMs: null };
  return byStatus;
}

/** Feishu and Lark. */
export const feishuFormat: AlertFormat = {
  render(facts, { secret, nowMs }) {
    const seconds = Math.floor(nowMs / 1000);
    const signature = secret === null ? {} : { timestamp: String(seconds), sign: signFeishu(secret, seconds) };
    const card = {
      config: { wide_screen_mode: true },
      header: {
        title: { tag: "plain_text", content: HEADLINES[facts.transition] },
        template: COLOURS[facts.transition],
      },
      elements: [
        { tag: "markdown", content: markdownOf(facts) },
        {
          tag: "action",
          actions: [
            {
              tag: "button",
              text: { tag: "plain_text", content: "Open in Faultline" },
              url: facts.url,
              type: "primary",
            },
          ],
        },
      ],
    };
    return {
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ ...signature, msg_type: "interactive", card }),
    };
  },
  judge,
  perSecond: 100 / 60,
  burst: 5,
};
