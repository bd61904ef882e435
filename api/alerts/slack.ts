// Slack, by an incoming webhook: a sentence, the evidence, a button to the console.
// In: facts. Out: Block Kit JSON.
// Bounds: about one message a second a channel; header ≤ 150, section ≤ 3000 characters; names of services are text, never
// mentions or links.
import type { AlertFacts } from "./facts.ts";
import { type AlertFormat, cut, judgeStatus } from "./format.ts";

const HEADLINES = {
  opened: "Incident opened",
  resolved: "Incident resolved",
  withdrawn: "Incident withdrawn",
} as const;

// The three characters that Slack gives a meaning; with them escaped there is no <!channel>.
function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function listOf(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`*${title}*`, ...lines.map((line) => `• ${escapeText(line)}`)];
}

function detailsOf(facts: AlertFacts): string[] {
  if (facts.transition !== "opened") return [];
  return [...listOf("Evidence", facts.evidence), ...listOf("Hit", facts.impact)];
}

/** Slack. */
export const slackFormat: AlertFormat = {
  render(facts) {
    const details = detailsOf(facts);
    const section = (text: string): object => ({ type: "section", text: { type: "mrkdwn", text: cut(text, 3000) } });
    const blocks = [
      { type: "header", text: { type: "plain_text", text: HEADLINES[facts.transition] } },
      section(escapeText(facts.sentence)),
      ...(details.length === 0 ? [] : [section(details.join("\n"))]),
      {
        type: "actions",
        elements: [{ type: "button", text: { type: "plain_text", text: "Open in Faultline" }, url: facts.url }],
      },
    ];
    return {
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ text: cut(escapeText(facts.sentence), 3000), blocks }),
    };
  },
  judge: judgeStatus,
  perSecond: 1,
  burst: 3,
};
