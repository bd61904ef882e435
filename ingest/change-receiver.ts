// A receiver that also takes the changes of Kubernetes objects out of log payloads.
// In: OTLP bodies on their way to the receiver behind it. Out: rows in `changes`, then what that receiver answers.
// Bounds: only payloads that name k8s.resource.name are read a second time. Changes are stored first and have stable ids, so a retry
// repeats them harmlessly; if they cannot be stored the sender is told to try again.
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import type { Change } from "../model/localization.ts";
import { writeChanges } from "../storage/changes.ts";
import type { Storage } from "../storage/client.ts";
import { ObjectWatch } from "./kubernetes-changes.ts";
import { transcodeJson } from "./otlp/json.ts";
import { readLogRecords } from "./otlp/log-objects.ts";
import type { Receiver } from "./receiver.ts";

const MARK = Buffer.from("k8s.resource.name");

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The changes that a logs payload tells of; empty for every other payload. */
export function readChanges(payload: Uint8Array, watch: ObjectWatch, nowMs: number): Change[] {
  const changes: Change[] = [];
  for (const { resource, attributes, body, timeMs } of readLogRecords(payload) ?? []) {
    if (textOf(attributes.get("k8s.resource.name")) === "") continue;
    const cluster = textOf(resource.get("k8s.cluster.name"));
    const change = watch.read(body, cluster, timeMs === 0 ? nowMs : timeMs);
    if (change !== null) changes.push(change);
  }
  return changes;
}

/** Stores the changes that protobuf log payloads tell of; it throws when storage does not take them. `clock` in unix ms. */
export function createChangeTaker(
  storage: Storage,
  tenant: string,
  clock: () => number,
): (payload: Uint8Array) => Promise<void> {
  const watch = new ObjectWatch();
  return async (payload) => {
    if (!hasMark(payload)) return;
    await writeChanges(storage, tenant, "k8s", readChanges(payload, watch, clock()));
  };
}

function hasMark(body: Uint8Array): boolean {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes(MARK);
}

/** Puts the extraction of changes before a receiver; `clock` in unix ms. */
export function withChanges(receiver: Receiver, storage: Storage, tenant: string, clock: () => number): Receiver {
  const takeChanges = createChangeTaker(storage, tenant, clock);
  return {
    async receive(signal, encoding, body) {
      if (signal === "logs" && hasMark(body)) {
        const payload = encoding === "json" ? transcodeJson(signal, body) : { ok: true as const, bytes: body };
        try {
          if (payload.ok) await takeChanges(payload.bytes);
        } catch (error) {
          emitEvent("ingest.insert_failed", { signal, reason: "changes" }, reasonOf(error));
          return { ok: false, reason: "storage", detail: "storage refused the data", retryable: true };
        }
      }
      return receiver.receive(signal, encoding, body);
    },
  };
}
