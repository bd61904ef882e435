// What the transports that push hand their bodies to: HTTP and gRPC alike. Kafka does not: equal messages at two offsets are two.
// In: tenant, signal, encoding and an OTLP export request. Out: a delivery, after the insert: stored, refused for its content, or try again.
// Bounds: an answer comes within `ackDeadlineMs`; a body that is late by then may still be stored, and its retry is recognised by its bytes
// within `windowMs`, so it is stored once. Across a crash of this process a retry is stored again: push is at least once.
import { emitEvent } from "../model/events.ts";
import { BodyWindow, fingerprintOf } from "./body-window.ts";
import { transcodeJson } from "./otlp/json.ts";
import type { RowFailure } from "./otlp/limits.ts";
import type { Encoding, Signal } from "./signal.ts";
import type { Receipt, Writer } from "./writer.ts";

/** Limits of the receiver; times in milliseconds. */
export interface ReceiverLimits {
  /** Below the shortest usual timeout of an exporter (10 s), so that it hears why. */
  readonly ackDeadlineMs: number;
  readonly windowMs: number;
  readonly windowEntries: number;
}

/** Limits that fit SDK exporters. */
export const RECEIVER_LIMITS: ReceiverLimits = { ackDeadlineMs: 8_000, windowMs: 300_000, windowEntries: 32_768 };

/** How a body ended. `duplicate`: it was stored before; `retryable`: the same body may be taken later. */
export type Delivery =
  | {
      readonly ok: true;
      readonly rows: number;
      readonly rejected: number;
      readonly rejectedReason: RowFailure | null;
      readonly duplicate: boolean;
    }
  | { readonly ok: false; readonly reason: string; readonly detail: string; readonly retryable: boolean };

/** Takes bodies. */
export interface Receiver {
  receive(tenant: string, signal: Signal, encoding: Encoding, body: Uint8Array): Promise<Delivery>;
}

/** What a refusal means, for the sender. */
const DETAILS: Readonly<Record<string, string>> = {
  truncated: "the protobuf body ends in the middle of a field",
  overrun: "a protobuf field is longer than the message it is in",
  bad_varint: "a protobuf number has more than ten bytes",
  bad_tag: "a protobuf field has no valid number",
  bad_wire_type: "a protobuf field has an unknown wire type",
  json_syntax: "the body is no JSON",
  json_shape: "the JSON body is no OTLP export request",
  nesting: "values are nested too deeply",
  defect: "the payload met a mistake of the decoder",
  expansion: "the payload's resources, repeated on each row, are too large; send fewer rows a request",
  full: "too much is waiting to be stored",
  share: "too much of this tenant is waiting to be stored",
  stopped: "the receiver is stopping",
  late: "storage has not answered yet",
  storage: "storage refused the data",
};

/** Makes a receiver over one writer per signal. */
export function createReceiver(
  writers: Readonly<Record<Signal, Writer>>,
  limits: ReceiverLimits,
  clock: () => number,
): Receiver {
  const window = new BodyWindow<Receipt>(limits.windowMs, limits.windowEntries, clock);

  return {
    async receive(tenant, signal, encoding, body) {
      const fingerprint = fingerprintOf(`${tenant}:${signal}:${encoding}`, body);
      const known = window.find(fingerprint);
      if (known?.state === "stored") return deliveryOf(known.answer, true);
      let receipt: Promise<Receipt>;
      if (known?.state === "pending") receipt = known.answer;
      else {
        const payload = encoding === "json" ? transcodeJson(signal, body) : { ok: true as const, bytes: body };
        if (!payload.ok) {
          emitEvent("ingest.refused", { signal, reason: payload.reason }, payload.detail);
          return { ok: false, reason: payload.reason, detail: payload.detail, retryable: false };
        }
        receipt = writers[signal].write(payload.bytes, tenant);
        window.track(fingerprint, receipt, (settled) => settled.ok && settled.rows > 0);
      }
      return deliveryOf(await within(receipt, limits.ackDeadlineMs), known !== null);
    },
  };
}

function deliveryOf(receipt: Receipt | null, duplicate: boolean): Delivery {
  if (receipt === null) return { ok: false, reason: "late", detail: detailOf("late"), retryable: true };
  if (!receipt.ok)
    return { ok: false, reason: receipt.reason, detail: detailOf(receipt.reason), retryable: receipt.retryable };
  return { ...receipt, duplicate };
}

/** What a reason of a refusal means, as a sentence. */
export function detailOf(reason: string): string {
  return DETAILS[reason] ?? reason;
}

/** The receipt, or null when it has not come in time. */
async function within(receipt: Promise<Receipt>, timeoutMs: number): Promise<Receipt | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, null);
  });
  try {
    return await Promise.race([receipt, late]);
  } finally {
    clearTimeout(timer);
  }
}
