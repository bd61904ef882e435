// Trace and span id of an access log: those of the record, else those of a traceparent, else those that labels name.
// In: positions of ids in the payload, and fields. Out: two strings in lower-case hexadecimal, '' for none.
// Bounds: ids of another length, in capitals or all zero are none; a span id without the trace id of its own source is not taken.
import type { ByteColumn } from "../otlp/columns.ts";
import { isId, putHex } from "../otlp/hex.ts";
import { FIELD } from "./field-names.ts";
import type { AccessFields } from "./fields.ts";

/** Trace and span id of the OTLP record, where they lie in the payload; a length of 0 is none. */
export interface RecordIds {
  traceFrom: number;
  traceLength: number;
  spanFrom: number;
  spanLength: number;
}

// Where a traceparent (version-trace-span-flags) holds them.
const TRACE_AT = 3;
const SPAN_AT = 36;
const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;

/** Writes both ids of a record. */
export function writeTraceIds(fields: AccessFields, ids: RecordIds, trace: ByteColumn, span: ByteColumn): void {
  const { bytes } = fields;
  trace.reserve(48);
  span.reserve(48);
  const hasTrace = ids.traceLength === 16 && isId(bytes, ids.traceFrom, 16);
  if (hasTrace) putHex(trace, bytes, ids.traceFrom, 16);
  else if (
    !putText(fields, trace, FIELD.traceparent, TRACE_AT, TRACE_DIGITS) &&
    !putText(fields, trace, FIELD.trace_id, 0, TRACE_DIGITS)
  ) {
    trace.putByte(0);
  }
  if (ids.spanLength === 8 && isId(bytes, ids.spanFrom, 8)) putHex(span, bytes, ids.spanFrom, 8);
  else if (
    hasTrace ||
    (!putText(fields, span, FIELD.traceparent, SPAN_AT, SPAN_DIGITS) &&
      !putText(fields, span, FIELD.span_id, 0, SPAN_DIGITS))
  ) {
    span.putByte(0);
  }
}

/** Appends `count` digits behind the first `skip` bytes of a field; false when they are no id. */
function putText(fields: AccessFields, target: ByteColumn, field: number, skip: number, count: number): boolean {
  if (fields.length(field) < skip + count) return false;
  const source = fields.source(field);
  const from = fields.start(field) + skip;
  let any = 0;
  for (let i = from; i < from + count; i++) {
    const byte = source[i] ?? 0;
    if (!((byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return false;
    any |= byte ^ 0x30;
  }
  if (any === 0) return false;
  target.putString(source, fields.sourceView(field), from, count);
  return true;
}
