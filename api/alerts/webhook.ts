// The generic webhook: a CloudEvents 1.0 event in structured JSON, signed by the Standard Webhooks scheme.
// In: facts. Out: a body and the headers webhook-id, webhook-timestamp, webhook-signature.
// Bounds: without a secret nothing is signed; 410 means that the receiver wants no more, which is a refusal like any 4xx.
import { Webhook } from "standardwebhooks";
import { entityId } from "../../model/entity.ts";
import type { AlertFacts } from "./facts.ts";
import { type AlertFormat, judgeStatus } from "./format.ts";

function subjectOf(facts: AlertFacts): string {
  const { place } = facts;
  if (place === null) return facts.incidentId;
  return [place.namespace, place.service].filter((part) => part !== "").join("/") || entityId(place);
}

function eventOf(facts: AlertFacts): object {
  const cluster = facts.place?.cluster ?? "";
  return {
    specversion: "1.0",
    id: `${facts.incidentId}:${facts.transition}`,
    source: cluster === "" ? "/faultline" : `/clusters/${encodeURIComponent(cluster)}`,
    type: `io.faultline.incident.${facts.transition}.v1`,
    subject: subjectOf(facts),
    time: facts.at,
    datacontenttype: "application/json",
    data: {
      incidentId: facts.incidentId,
      title: facts.title,
      sentence: facts.sentence,
      startedAt: facts.startedAt,
      resolvedAt: facts.resolvedAt,
      place: facts.place === null ? null : entityId(facts.place),
      cause: facts.cause,
      evidence: facts.evidence,
      impact: facts.impact,
      url: facts.url,
    },
  };
}

/** The headers of Standard Webhooks for a body; source: standardwebhooks specification, symmetric signatures (v1). */
export function signWebhook(secret: string, messageId: string, nowMs: number, body: string): Record<string, string> {
  const seconds = Math.floor(nowMs / 1000);
  return {
    "webhook-id": messageId,
    "webhook-timestamp": String(seconds),
    "webhook-signature": new Webhook(secret).sign(messageId, new Date(seconds * 1000), body),
  };
}

/** The generic webhook. */
export const webhookFormat: AlertFormat = {
  render(facts, { secret, messageId, nowMs }) {
    const body = JSON.stringify(eventOf(facts));
    return {
      body,
      headers: {
        "content-type": "application/cloudevents+json; charset=utf-8",
        ...(secret === null ? { "webhook-id": messageId } : signWebhook(secret, messageId, nowMs, body)),
      },
    };
  },
  judge: judgeStatus,
  perSecond: 10,
  burst: 20,
};
