// The bodies that an OTLP receiver answers with.
// In: signal, encoding, what was left out or why all was refused. Out: Export*ServiceResponse or google.rpc.Status as bytes,
// the latter with google.rpc.RetryInfo where a sender by gRPC may try again.
// Bounds: messages are our own sentences, no content of the request comes back.
import type { Encoding, Signal } from "../signal.ts";
import type { RowFailure } from "./limits.ts";

const REJECTED_FIELD: Readonly<Record<Signal, string>> = {
  traces: "rejectedSpans",
  logs: "rejectedLogRecords",
  metrics: "rejectedDataPoints",
};

const ROW_DETAILS: Readonly<Record<RowFailure, string>> = {
  ids: "spans without a valid trace id and span id were left out",
  timestamp: "rows with a time before 2000, older than the limit or more than a day ahead were left out",
  hours: "rows of too many different hours in one request were left out",
  value: "points without a value were left out",
};

const RETRY_INFO_TYPE = "type.googleapis.com/google.rpc.RetryInfo";

// google.rpc.Code by HTTP status.
const RPC_CODE: ReadonlyMap<number, number> = new Map([
  [400, 3],
  [401, 16],
  [403, 7],
  [404, 5],
  [405, 12],
  [413, 3],
  [415, 3],
  [429, 8],
  [500, 13],
  [503, 14],
]);

/** The answer to a request whose rows are stored; with a partial success when `rejected` rows were left out. */
export function exportResponse(
  signal: Signal,
  encoding: Encoding,
  rejected: number,
  reason: RowFailure | null,
): Uint8Array {
  const message = reason === null ? "" : ROW_DETAILS[reason];
  if (encoding === "json") {
    const partialSuccess = { [REJECTED_FIELD[signal]]: String(rejected), errorMessage: message };
    return Buffer.from(JSON.stringify(rejected === 0 ? {} : { partialSuccess }));
  }
  if (rejected === 0) return new Uint8Array(0);
  const partial = [0x08, ...varint(rejected), 0x12, ...text(message)];
  return Uint8Array.from([0x0a, ...varint(partial.length), ...partial]);
}

/** A google.rpc.Status for an HTTP status. */
export function statusResponse(status: number, encoding: Encoding, message: string): Uint8Array {
  const code = RPC_CODE.get(status) ?? 2;
  if (encoding === "json") return Buffer.from(JSON.stringify({ code, message }));
  return Uint8Array.from([0x08, code, 0x12, ...text(message)]);
}

/** A google.rpc.Status for a gRPC code, with a RetryInfo of whole seconds. */
export function retryStatus(code: number, message: string, retryAfterSeconds: number): Uint8Array {
  const duration = [0x08, ...varint(retryAfterSeconds)];
  const retryInfo = [0x0a, ...varint(duration.length), ...duration];
  const detail = [0x0a, ...text(RETRY_INFO_TYPE), 0x12, ...varint(retryInfo.length), ...retryInfo];
  return Uint8Array.from([0x08, code, 0x12, ...text(message), 0x1a, ...varint(detail.length), ...detail]);
}

function text(value: string): number[] {
  const bytes = Buffer.from(value);
  return [...varint(bytes.length), ...bytes];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  while (value >= 0x80) {
    bytes.push((value & 0x7f) | 0x80);
    value = Math.floor(value / 128);
  }
  return [...bytes, value];
}
