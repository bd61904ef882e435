// Where Kafka messages go: into the receiver that OTLP/HTTP feeds, and what cannot be read into `dead_letters`.
// In: a topic's signal and encoding with a message's bytes. Out: a delivery after the insert; one dead letter an origin.
// Bounds: a message that storage refused is tried again alone, one at a time, so that a bad one does not take its block along;
// a letter keeps at most `MAX_LETTER_BODY_BYTES` of its body.
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { reasonOf } from "../model/errors.ts";
import { isStorageUnavailable, type Storage } from "../storage/client.ts";
import type { KafkaDelivery, KafkaSink } from "./kafka.ts";
import type { Receiver } from "./receiver.ts";
import type { Encoding } from "./signal.ts";

/** What is kept of a dead letter's body, bytes; the broker's own default limit of a message. */
export const MAX_LETTER_BODY_BYTES = 1 << 20;

const ENCODINGS = { otlp_proto: "protobuf", otlp_json: "json" } as const satisfies Record<string, Encoding>;

/** What a sink needs. */
export interface KafkaSinkParts {
  readonly receiver: Receiver;
  readonly storage: Storage;
  readonly tenant: string;
}

/** Makes the sink of one consumer. */
export function createKafkaSink({ receiver, storage, tenant }: KafkaSinkParts): KafkaSink {
  let lastAlone: Promise<unknown> = Promise.resolve();

  function deliverAlone(deliver: () => Promise<KafkaDelivery>): Promise<KafkaDelivery> {
    const turn = lastAlone.then(deliver);
    lastAlone = turn.catch(() => {});
    return turn;
  }

  return {
    async deliver(topic, body) {
      const deliver = async (): Promise<KafkaDelivery> => {
        try {
          return await receiver.receive(topic.signal, ENCODINGS[topic.encoding], body);
        } catch (error) {
          if (isStorageUnavailable(error)) throw error;
          // A decoder must not throw; a message that makes it do so must not stop its partition all the same.
          return { ok: false, reason: "defect", detail: reasonOf(error), retryable: false };
        }
      };
      const delivery = await deliver();
      const isRefusedWithItsBlock = !delivery.ok && !delivery.retryable && delivery.reason === "storage";
      return isRefusedWithItsBlock ? await deliverAlone(deliver) : delivery;
    },

    async bury({ origin, reason, detail, body }) {
      const isCut = body.length > MAX_LETTER_BODY_BYTES;
      const kept = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, MAX_LETTER_BODY_BYTES));
      const isText = isUtf8(kept);
      const notes = [
        detail,
        ...(isText ? [] : ["body in base64"]),
        ...(isCut ? [`cut from ${body.length} bytes`] : []),
      ];
      const letter = {
        Tenant: tenant,
        Source: "kafka",
        Origin: origin,
        Reason: reason,
        Detail: notes.join("; "),
        Body: kept.toString(isText ? "utf8" : "base64"),
      };
      // The same message read again after a crash is the same letter; another one at its offset (a topic made anew) is not.
      const digest = createHash("sha256").update(body).digest("hex").slice(0, 16);
      await storage.insertRows("dead_letters", [letter], `kafka:${origin}:${digest}`);
    },
  };
}
