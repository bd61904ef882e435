// What each target is sent, byte by byte, and how its answers are read.
import { readFileSync, writeFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { alertFacts, spokenDuration } from "../../../api/alerts/facts.ts";
import { feishuFormat, signFeishu } from "../../../api/alerts/feishu.ts";
import { type AlertFormat, retryAfterMs } from "../../../api/alerts/format.ts";
import { slackFormat } from "../../../api/alerts/slack.ts";
import { TokenBucket } from "../../../api/alerts/token-bucket.ts";
import { signWebhook, webhookFormat } from "../../../api/alerts/webhook.ts";
import { makeEntity } from "../../../model/entity.ts";
import { makeIncident, makeLocalization } from "../findings.ts";

const NOW_MS = Date.parse("2026-01-31T14:04:10Z");
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const incident = makeIncident({ title: "checkout: p99 latency 200 ms → 4.1 s" });
const localization = makeLocalization();
const opened = alertFacts("opened", incident, localization, "https://faultline.example/");
const resolved = alertFacts(
  "resolved",
  { ...incident, status: "RESOLVED", resolvedAt: "2026-01-31T14:21:00.000Z" },
  localization,
  "https://faultline.example",
);
const FORMATS: Record<string, AlertFormat> = { webhook: webhookFormat, slack: slackFormat, feishu: feishuFormat };

describe("renderers", () => {
  it.each(Object.keys(FORMATS))("%s is as in its golden file", (kind) => {
    const context = { secret: SECRET, messageId: "msg_1", nowMs: NOW_MS };
    const rendered = [opened, resolved].map((facts) => {
      const { headers, body } = FORMATS[kind]!.render(facts, context);
      return { headers, body: JSON.parse(body) as unknown };
    });
    const text = `${JSON.stringify(rendered, null, 2)}\n`;
    const golden = new URL(`golden/${kind}.txt`, import.meta.url);
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, "utf8"));
  });

  it("never let the name of a service mention people or inject a link", () => {
    const evil = alertFacts("opened", { ...incident, title: "<!channel> <at id=all></at> & co" }, null, "http://x");
    const context = { secret: null, messageId: "msg_1", nowMs: NOW_MS };
    expect(slackFormat.render(evil, context).body).not.toMatch(/<!channel>|<at/);
    expect(slackFormat.render(evil, context).body).toContain("&lt;!channel&gt;");
    expect(feishuFormat.render(evil, context).body).not.toMatch(/<at/);
  });

  it("stay within the limits of the services for any length of text", () => {
    const long = alertFacts("opened", { ...incident, title: "x".repeat(50_000) }, localization, "http://x");
    const context = { secret: SECRET, messageId: "msg_1", nowMs: NOW_MS };
    const slack = JSON.parse(slackFormat.render(long, context).body) as { blocks: { text?: { text: string } }[] };
    for (const block of slack.blocks) expect(block.text?.text.length ?? 0).toBeLessThanOrEqual(3000);
    expect(Buffer.byteLength(feishuFormat.render(long, context).body)).toBeLessThan(20_000);
  });
});

describe("the sentence", () => {
  it("says what, since when, why and how sure", () => {
    expect(opened.sentence).toBe(
      "checkout: p99 latency 200 ms → 4.1 s since 14:03 UTC; likely pricing v2 (rollout), confidence 0.82",
    );
    expect(resolved.sentence).toBe("Resolved after 18 min: checkout: p99 latency 200 ms → 4.1 s");
    expect(opened.url).toBe("https://faultline.example/incidents/0123456789abcdef");
  });

  it("does not repeat `since`, and is honest without a cause", () => {
    const since = alertFacts("opened", { ...incident, title: "checkout slow since 14:03 UTC." }, null, "http://x");
    expect(since.sentence).toBe("checkout slow since 14:03 UTC; the cause is not known yet");
    const abstained = makeLocalization({ verdict: "INCONCLUSIVE", reason: "Too little traffic.", causes: [] });
    expect(alertFacts("opened", incident, abstained, "http://x").sentence).toContain(
      "; no cause found: Too little traffic",
    );
  });

  it.each([
    [40_000, "40 s"],
    [18 * 60_000, "18 min"],
    [185 * 60_000, "3 h 5 min"],
    [180 * 60_000, "3 h"],
    [-5, "0 s"],
  ])("%i ms is %s", (ms, words) => {
    expect(spokenDuration(ms)).toBe(words);
  });

  it("tells the strongest evidence first and none that speaks against", () => {
    expect(opened.evidence).toEqual(["p99 4.1 s on v2, 0.2 s on v1", "v2 began 40 s before"]);
    expect(opened.impact).toEqual(["checkout: 31 % of requests", "web"]);
  });
});

describe("signatures", () => {
  it("are those of the Standard Webhooks check vector", () => {
    const headers = signWebhook(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_000, '{"test": 2432232314}');
    expect(headers).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  it("of a webhook hold for the body that is sent, and for no other", () => {
    const now = Date.now();
    const { headers, body } = webhookFormat.render(opened, { secret: SECRET, messageId: "msg_1", nowMs: now });
    expect(new Webhook(SECRET).verify(body, headers)).toMatchObject({ type: "io.faultline.incident.opened.v1" });
    expect(() => new Webhook(SECRET).verify(`${body} `, headers)).toThrow("No matching signature found");
  });

  it("of Feishu use `timestamp\\nsecret` as the key of an empty message", () => {
    // Computed with: printf '' | openssl dgst -sha256 -hmac $'1599360473\nmysecret' -binary | base64
    expect(signFeishu("mysecret", 1_599_360_473)).toBe("X2mMGxWdDhSMjkSUiC38doUsNK2hm1xXRvcgXwNlD+E=");
  });

  it("are left out without a secret", () => {
    const context = { secret: null, messageId: "msg_1", nowMs: NOW_MS };
    expect(webhookFormat.render(opened, context).headers).not.toHaveProperty("webhook-signature");
    expect(feishuFormat.render(opened, context).body).not.toContain('"sign"');
  });
});

describe("answers", () => {
  const judge = (format: AlertFormat, status: number, body = "", retryAfter: string | null = null) =>
    format.judge({ status, body, retryAfter }, NOW_MS);

  it.each([
    [200, "delivered"],
    [202, "delivered"],
    [302, "refused"],
    [400, "refused"],
    [404, "refused"],
    [408, "retry"],
    [410, "refused"],
    [429, "retry"],
    [500, "retry"],
    [503, "retry"],
  ])("HTTP %i of a webhook: %s", (status, kind) => {
    expect(judge(webhookFormat, status).kind).toBe(kind);
    expect(judge(slackFormat, status).kind).toBe(kind);
  });

  it.each([
    [200, '{"code":0,"msg":"success"}', "delivered"],
    [200, '{"StatusCode":0}', "delivered"],
    [200, '{"code":11232,"msg":"too fast"}', "retry"],
    [200, '{"code":19021,"msg":"sign"}', "retry"],
    [200, '{"code":9499,"msg":"bad"}', "refused"],
    [200, '{"code":19024,"msg":"keyword"}', "refused"],
    [200, '{"code":77777}', "retry"],
    [200, "<html>captive portal</html>", "retry"],
    [400, '{"code":9499}', "refused"],
    [500, "", "retry"],
    [404, "", "refused"],
  ])("Feishu's HTTP %i with %s: %s", (status, body, kind) => {
    expect(judge(feishuFormat, status, body).kind).toBe(kind);
  });

  it("may ask for a pause, of an hour at most", () => {
    expect(judge(slackFormat, 429, "", "7")).toMatchObject({ kind: "retry", retryAfterMs: 7000 });
    expect(retryAfterMs("Sat, 31 Jan 2026 14:05:10 GMT", NOW_MS)).toBe(60_000);
    expect(retryAfterMs("Sat, 31 Jan 2026 14:00:00 GMT", NOW_MS)).toBe(0);
    expect(retryAfterMs("999999", NOW_MS)).toBe(3_600_000);
    expect(retryAfterMs("soon", NOW_MS)).toBeNull();
  });
});

describe("token bucket", () => {
  it("lets a burst through, then the rate, and gains nothing from a clock that runs back", () => {
    const bucket = new TokenBucket(2, 3, 0);
    expect([0, 0, 0, 0].map((at) => bucket.take(at))).toEqual([true, true, true, false]);
    expect(bucket.take(499)).toBe(false);
    expect(bucket.take(500)).toBe(true);
    expect(bucket.take(0)).toBe(false);
    expect(bucket.take(600)).toBe(false);
    expect([60_000, 60_000, 60_000, 60_000].map((at) => bucket.take(at))).toEqual([true, true, true, false]);
  });
});

describe("the place of an alert", () => {
  it("names the cluster as the source and the service as the subject", () => {
    const context = { secret: null, messageId: "msg_1", nowMs: NOW_MS };
    const event = (facts: typeof opened) =>
      JSON.parse(webhookFormat.render(facts, context).body) as Record<string, unknown>;
    expect(event(opened)).toMatchObject({ source: "/clusters/east", subject: "shop/checkout", specversion: "1.0" });
    const nowhere = alertFacts(
      "opened",
      { ...incident, symptoms: [], impact: [{ entity: makeEntity("NODE", { node: "n1" }), affectedRatio: null }] },
      null,
      "http://x",
    );
    expect(event(nowhere)).toMatchObject({ source: "/faultline", subject: "node://///n1" });
  });
});
