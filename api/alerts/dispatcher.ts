// One round of telling one target: what is new gets a row, what is due is claimed, sent and recorded.
// In: storage, options, a target. Out: deliveries at the target, and their rows.
// A row is written before the first attempt. Each attempt is claimed by a row of its own, which is read back after it has
// settled: of several processes the one whose claim is newest sends. A delivery is told at least once: a process that dies
// between the target's answer and the row leaves a claim, and after `claimMs` the alert is sent again with the same id.
// Bounds: rows a round, one attempt at a time, tokens of the target, attempts a delivery.
import { createHash } from "node:crypto";
import { emitEvent } from "../../model/events.ts";
import {
  type Delivery,
  deliveryKey,
  readDeliveries,
  readDueDeliveries,
  readUntoldTransitions,
  registerTarget,
  writeDeliveries,
} from "../../storage/alert-deliveries.ts";
import type { Storage } from "../../storage/client.ts";
import { readIncidentsById, type StoredIncident } from "../../storage/incidents.ts";
import { readLocalizations } from "../../storage/localizations.ts";
import { type AlertFacts, alertFacts } from "./facts.ts";
import { feishuFormat } from "./feishu.ts";
import type { AlertFormat, DeliveryResult } from "./format.ts";
import type { AlertOptions, AlertTarget, TargetKind } from "./options.ts";
import { sendAlert } from "./send.ts";
import { slackFormat } from "./slack.ts";
import { TokenBucket } from "./token-bucket.ts";
import { webhookFormat } from "./webhook.ts";

const FORMATS: Readonly<Record<TargetKind, AlertFormat>> = {
  webhook: webhookFormat,
  slack: slackFormat,
  feishu: feishuFormat,
};
const ROWS_A_ROUND = 500;

/** What a dispatcher needs; clock (unix ms), randomness (0..1) and pauses are handed in. */
export interface DispatcherParts {
  readonly storage: Storage;
  readonly options: AlertOptions;
  readonly target: AlertTarget;
  readonly now: () => number;
  readonly random: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/** Tells one target; `runRound` returns how many attempts it made and rejects when storage fails. */
export interface Dispatcher {
  runRound(): Promise<number>;
}

interface Told {
  readonly incident: StoredIncident;
  readonly facts: AlertFacts;
}

/** Makes a dispatcher for a target that `checkTargets` has accepted. */
export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { storage, options, target, now, random, pause } = parts;
  const { tenant } = options;
  const format = FORMATS[target.kind];
  const bucket = new TokenBucket(format.perSecond, format.burst, now());
  // Attempts go one after the other: a round must end before its first claim does.
  const attemptsARound = Math.max(1, Math.floor(options.claimMs / options.timeoutMs) - 1);
  let registered = false;

  // Newer than the row before it and than anything another process wrote at the same time.
  function nextRevision(previous: string): string {
    const own = BigInt(Math.floor(now())) * 1_000_000n + BigInt(Math.floor(random() * 1_000_000));
    const after = BigInt(previous) + 1n;
    return String(own > after ? own : after);
  }

  async function enqueue(): Promise<void> {
    const notBeforeMs = now() - options.maxAgeMs;
    const untold = await readUntoldTransitions(storage, tenant, target.name, notBeforeMs, ROWS_A_ROUND);
    const createdAtMs = now();
    await writeDeliveries(
      storage,
      tenant,
      untold.map((transition) => ({
        ...transition,
        key: deliveryKey(transition),
        status: "PENDING",
        attempts: 0,
        nextAttemptAtMs: createdAtMs,
        lastError: "",
        createdAtMs,
        // The lowest: another process may have enqueued and even delivered it by now, and its row must win.
        revision: "1",
      })),
    );
  }

  async function claim(chosen: readonly Delivery[]): Promise<Delivery[]> {
    if (chosen.length === 0) return [];
    const claims = chosen.map((delivery) => ({
      ...delivery,
      attempts: delivery.attempts + 1,
      nextAttemptAtMs: now() + options.claimMs,
      revision: nextRevision(delivery.revision),
    }));
    await writeDeliveries(storage, tenant, claims);
    await pause(options.settleMs);
    const keys = claims.map(({ key }) => key);
    const stored = await readDeliveries(storage, tenant, keys);
    const newest = new Map(stored.map(({ key, revision }) => [key, revision]));
    return claims.filter(({ key, revision }) => newest.get(key) === revision);
  }

  async function readTold(deliveries: readonly Delivery[]): Promise<Map<string, Told>> {
    const ids = [...new Set(deliveries.map(({ incidentId }) => incidentId))];
    const incidents = await readIncidentsById(storage, tenant, ids);
    const localizations = await readLocalizations(
      storage,
      tenant,
      incidents.flatMap(({ localizationId }) => (localizationId === null ? [] : [localizationId])),
    );
    const byId = new Map(incidents.map((incident) => [incident.id, incident]));
    const told = new Map<string, Told>();
    for (const { key, incidentId, transition } of deliveries) {
      const incident = byId.get(incidentId);
      if (incident === undefined) continue;
      const localization = localizations.get(incident.localizationId ?? "") ?? null;
      told.set(key, { incident, facts: alertFacts(transition, incident, localization, options.baseUrl) });
    }
    return told;
  }

  async function attempt(delivery: Delivery, told: Told | undefined): Promise<DeliveryResult> {
    if (told === undefined) return { kind: "refused", reason: "the incident is gone" };
    if (told.incident.status === "WITHDRAWN" && delivery.transition !== "withdrawn") {
      return { kind: "refused", reason: "the incident was withdrawn before it was told" };
    }
    const digest = createHash("sha256").update(`${tenant}\n${delivery.key}`).digest("base64url");
    const request = format.render(told.facts, {
      secret: target.secret ?? null,
      messageId: `msg_${digest.slice(0, 27)}`,
      nowMs: now(),
    });
    return sendAlert(target.url, request, format, { timeoutMs: options.timeoutMs, now });
  }

  function outcome(delivery: Delivery, result: DeliveryResult): Delivery {
    const labels = { target: target.name, kind: target.kind, transition: delivery.transition };
    const revision = nextRevision(delivery.revision);
    if (result.kind === "delivered") {
      emitEvent("alert.delivered", labels, delivery.incidentId);
      return { ...delivery, status: "DELIVERED", nextAttemptAtMs: now(), lastError: "", revision };
    }
    const backoffMs = options.backoffMs[delivery.attempts - 1];
    if (result.kind === "refused" || backoffMs === undefined) {
      emitEvent("alert.given_up", labels, `${delivery.incidentId}: ${result.reason}`);
      return { ...delivery, status: "GIVEN_UP", nextAttemptAtMs: now(), lastError: result.reason, revision };
    }
    emitEvent("alert.failed", labels, `${delivery.incidentId}: ${result.reason}`);
    // Spread by a fifth, so that many alerts do not come back at the same instant.
    const waitMs = Math.max(backoffMs * (1 + random() / 5), result.retryAfterMs ?? 0);
    return { ...delivery, nextAttemptAtMs: now() + waitMs, lastError: result.reason, revision };
  }

  return {
    async runRound() {
      if (!registered) {
        await registerTarget(storage, tenant, target.name, now());
        registered = true;
      }
      await enqueue();
      const due = await readDueDeliveries(storage, tenant, target.name, now(), attemptsARound);
      const claimed = await claim(due.filter(() => bucket.take(now())));
      const told = await readTold(claimed);
      for (const delivery of claimed) {
        const result = await attempt(delivery, told.get(delivery.key));
        // Recorded one by one: a crash may repeat one delivery, not all of the round.
        await writeDeliveries(storage, tenant, [outcome(delivery, result)]);
      }
      return claimed.length;
    },
  };
}
