// A receiver that also takes the changes of Kubernetes objects out of log payloads.
// In: OTLP bodies on their way to the receiver behind it. Out: rows in `changes` and its neighbours, then what that receiver answers.
// Bounds: only payloads that name Kubernetes objects or events are read a second time (changes/object-taker.ts). Changes are stored first and
// have stable ids, so a retry repeats them harmlessly; while they cannot be stored the sender is told to try again.
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import { hasObjects, type TakeObjects } from "./changes/object-taker.ts";
import { hideSecrets } from "./changes/secret-bodies.ts";
import { transcodeJson } from "./otlp/json.ts";
import type { Receiver } from "./receiver.ts";

/** Puts the extraction of changes before a receiver. */
export function withChanges(receiver: Receiver, takeObjects: TakeObjects): Receiver {
  return {
    async receive(tenant, signal, encoding, body) {
      if (signal !== "logs" || !hasObjects(body)) return receiver.receive(tenant, signal, encoding, body);
      const payload = encoding === "json" ? transcodeJson(signal, body) : { ok: true as const, bytes: body };
      if (!payload.ok) return receiver.receive(tenant, signal, encoding, body);
      try {
        await takeObjects(tenant, payload.bytes);
      } catch (error) {
        emitEvent("ingest.insert_failed", { signal: "changes", reason: "unavailable" }, reasonOf(error));
        return { ok: false, reason: "late", detail: "storage has not answered yet", retryable: true };
      }
      const stored = hideSecrets(payload.bytes);
      // JSON is passed on as it came unless something had to be hidden: retries are recognised by what came.
      return stored === payload.bytes
        ? receiver.receive(tenant, signal, encoding, body)
        : receiver.receive(tenant, signal, "protobuf", stored);
    },
  };
}
