// Moves the times inside an OTLP protobuf request, in place: what makes a recording look as if it had just happened.
// In: the body of an Export{Trace,Metrics,Logs}ServiceRequest and nanoseconds to add. Out: the same bytes with other times.
// Bounds: only fixed64 time fields named in the table change, so no length changes and everything else, unknown fields and
// span ids too, stays as it was. 0 means "not set" in OTLP and stays 0. Times inside texts (JSON of objects) are not touched.
import type { Signal } from "./recording.ts";

// A message: field number → "time" (fixed64 unix ns) or the message inside. From opentelemetry-proto 1.x.
interface Fields {
  readonly [fieldNumber: number]: "time" | Fields;
}

const EXEMPLAR: Fields = { 2: "time" };
const numberPoint = { 1: { 2: "time", 3: "time", 5: EXEMPLAR } } as const satisfies Fields;
const EXPORT_REQUESTS: Record<Signal, Fields> = {
  // resource_spans → scope_spans → spans: start, end, events → time
  T: { 1: { 2: { 2: { 7: "time", 8: "time", 11: { 1: "time" } } } } },
  // resource_logs → scope_logs → log_records: time, observed time
  L: { 1: { 2: { 2: { 1: "time", 11: "time" } } } },
  // resource_metrics → scope_metrics → metrics → gauge, sum, histogram, exponential histogram, summary → points
  M: {
    1: {
      2: {
        2: {
          5: numberPoint,
          7: numberPoint,
          9: { 1: { 2: "time", 3: "time", 8: EXEMPLAR } },
          10: { 1: { 2: "time", 3: "time", 11: EXEMPLAR } },
          11: { 1: { 2: "time", 3: "time" } },
        },
      },
    },
  },
};

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;

/** Adds `shiftNs` to every time of the request, in place; false (some times may have moved already) when it is not protobuf. */
export function shiftTimes(signal: Signal, body: Uint8Array, shiftNs: bigint): boolean {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return shiftMessage(body, view, 0, body.length, EXPORT_REQUESTS[signal], shiftNs);
}

function shiftMessage(
  body: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  fields: Fields,
  shiftNs: bigint,
): boolean {
  let at = start;
  while (at < end) {
    const tag = readVarint(body, at, end);
    if (tag === null) return false;
    at = tag.next;
    const field = fields[Math.floor(tag.value / 8)];
    switch (tag.value % 8) {
      case WIRE_VARINT: {
        const skipped = readVarint(body, at, end);
        if (skipped === null) return false;
        at = skipped.next;
        break;
      }
      case WIRE_FIXED64: {
        if (at + 8 > end) return false;
        if (field === "time") {
          const time = view.getBigUint64(at, true);
          if (time !== 0n) view.setBigUint64(at, time + shiftNs, true);
        }
        at += 8;
        break;
      }
      case WIRE_BYTES: {
        const length = readVarint(body, at, end);
        if (length === null || length.next + length.value > end) return false;
        at = length.next + length.value;
        if (typeof field === "object" && !shiftMessage(body, view, length.next, at, field, shiftNs)) return false;
        break;
      }
      case WIRE_FIXED32: {
        if (at + 4 > end) return false;
        at += 4;
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

// Values past 2^53 lose their low bits; those are only skipped, never used as a length.
function readVarint(body: Uint8Array, start: number, end: number): { value: number; next: number } | null {
  let value = 0;
  let scale = 1;
  for (let at = start; at < end && at < start + 10; at++) {
    const byte = body[at] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: at + 1 };
    scale *= 128;
  }
  return null;
}
