// The default text line of Istio's and Envoy's access logs.
// In: a range of a payload. Out: fields, or the reason why the line is none of the known ones.
// Formats, told apart by which of their parts are quoted: Istio since 1.9 (24 fields), Istio before (the mixer's status instead of details),
// Envoy's own default (14). What an operator adds at the end is kept as `rest`. Bounds: one pass, at most MAX_PARTS parts, no text is built.
// Envoy does not escape quotes: a quote ends a part where a space or the end follows. `\"` is a quote within a part, unless the line
// makes sense only without.
import { FIELD } from "./field-names.ts";
import type { AccessFields } from "./fields.ts";

/** Why a line that begins as an access log is none. */
export type LineFailure = "text_request" | "text_parts" | "text_code";

const MAX_PARTS = 40;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NO_FIELD = -1;

// What follows the flags in Istio's line, from the failure reason on.
const ISTIO_TAIL = [
  FIELD.upstream_transport_failure_reason,
  FIELD.bytes_received,
  FIELD.bytes_sent,
  FIELD.duration,
  FIELD.upstream_service_time,
  FIELD.x_forwarded_for,
  FIELD.user_agent,
  FIELD.request_id,
  FIELD.authority,
  FIELD.upstream_host,
  FIELD.upstream_cluster,
  FIELD.upstream_local_address,
  FIELD.downstream_local_address,
  FIELD.downstream_remote_address,
  FIELD.requested_server_name,
  FIELD.route_name,
];
const ISTIO_WITH_MIXER = [NO_FIELD, ...ISTIO_TAIL];
const ENVOY = ISTIO_TAIL.slice(1, 10);
// Which of these parts are quoted (q) and which not (u).
const ISTIO_QUOTES = "quuuuqqqqquuuuuu";
const ENVOY_QUOTES = "qqqqq";
const Q = 0x71;

/** Reads lines. */
export class TextLineReader {
  private readonly starts = new Int32Array(MAX_PARTS);
  private readonly ends = new Int32Array(MAX_PARTS);
  private readonly quoted = new Uint8Array(MAX_PARTS);
  private readonly escaped = new Uint8Array(MAX_PARTS);
  private count = 0;

  /** True when the bytes begin as `[2020-11-25T21:26:18.409Z] "` does. */
  isLine(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from < 26 || bytes[from] !== 0x5b || bytes[from + 5] !== 0x2d || bytes[from + 11] !== 0x54) return false;
    const close = bytes.indexOf(0x5d, from + 20);
    return close > 0 && close < from + 40 && close + 2 < to && bytes[close + 1] === SPACE && bytes[close + 2] === QUOTE;
  }

  /** Reads the line in `[from, to)` of the payload; null when it could be read. */
  read(fields: AccessFields, from: number, to: number): LineFailure | null {
    const { bytes } = fields;
    while (to > from && (bytes[to - 1] ?? 0) <= SPACE) to--;
    const failure = this.readAs(fields, from, to, true);
    if (failure === null) return null;
    if (bytes.subarray(from, to).indexOf(BACKSLASH) < 0) return failure;
    return this.readAs(fields, from, to, false);
  }

  private readAs(fields: AccessFields, from: number, to: number, hasEscapes: boolean): LineFailure | null {
    const { bytes } = fields;
    fields.forget();
    const close = bytes.indexOf(0x5d, from);
    fields.put(FIELD.start_time, from + 1, close - from - 1);
    if (!this.split(bytes, close + 2, to, hasEscapes)) return "text_parts";
    if (this.count < 3 || this.quoted[0] === 0 || !this.readRequest(fields)) return "text_request";
    if (!isCode(bytes, this.starts[1] ?? 0, this.ends[1] ?? 0) || this.quoted[1] === 1) return "text_code";
    this.put(fields, FIELD.response_code, 1);
    this.put(fields, FIELD.response_flags, 2);
    return this.readTail(fields) ? null : "text_parts";
  }

  /** Finds the parts behind the time. */
  private split(bytes: Uint8Array, from: number, to: number, hasEscapes: boolean): boolean {
    this.count = 0;
    let at = from;
    while (at < to) {
      if (bytes[at] === SPACE) {
        at++;
        continue;
      }
      if (this.count === MAX_PARTS) return false;
      const part = this.count++;
      this.escaped[part] = 0;
      if (bytes[at] !== QUOTE) {
        this.quoted[part] = 0;
        this.starts[part] = at;
        while (at < to && bytes[at] !== SPACE) at++;
        this.ends[part] = at;
        continue;
      }
      this.quoted[part] = 1;
      this.starts[part] = ++at;
      for (; at < to; at++) {
        if (bytes[at] === BACKSLASH && hasEscapes && bytes[at + 1] === QUOTE && at + 1 < to) {
          this.escaped[part] = 1;
          at++;
        } else if (bytes[at] === QUOTE && (at + 1 === to || bytes[at + 1] === SPACE)) break;
      }
      if (at >= to) return false;
      this.ends[part] = at++;
    }
    return true;
  }

  /** `METHOD PATH PROTOCOL`; a path may hold spaces. */
  private readRequest(fields: AccessFields): boolean {
    const { bytes } = fields;
    const start = this.starts[0] ?? 0;
    const end = this.ends[0] ?? 0;
    let first = start;
    while (first < end && bytes[first] !== SPACE) first++;
    let last = end - 1;
    while (last > first && bytes[last] !== SPACE) last--;
    if (first === start || last <= first) return false;
    fields.put(FIELD.method, start, first - start);
    fields.put(FIELD.protocol, last + 1, end - last - 1);
    this.putRange(fields, FIELD.path, first + 1, last, this.escaped[0] === 1);
    return true;
  }

  private readTail(fields: AccessFields): boolean {
    // Details may hold spaces: what stands before the first quoted part are details, then termination details.
    let quote = 3;
    while (quote < this.count && this.quoted[quote] === 0) quote++;
    const before = quote - 3;
    if (before === 4 && this.looksLike(quote, ENVOY_QUOTES)) return this.putAll(fields, ENVOY, 3);
    if (before === 0) return this.looksLike(4, ISTIO_QUOTES) && this.putAll(fields, ISTIO_WITH_MIXER, 3);
    if (before < 2 || !this.looksLike(quote, ISTIO_QUOTES)) return false;
    this.put(fields, FIELD.response_code_details, 3);
    const termination = this.starts[4] ?? 0;
    fields.put(FIELD.connection_termination_details, termination, (this.ends[quote - 1] ?? 0) - termination);
    return this.putAll(fields, ISTIO_TAIL, quote);
  }

  /** True when the parts from `first` on are there and quoted (`q`) or not (`u`) as the pattern says. */
  private looksLike(first: number, pattern: string): boolean {
    if (this.count < first + pattern.length) return false;
    for (let i = 0; i < pattern.length; i++) {
      if ((this.quoted[first + i] === 1) !== (pattern.charCodeAt(i) === Q)) return false;
    }
    return true;
  }

  private putAll(fields: AccessFields, names: readonly number[], first: number): boolean {
    for (let i = 0; i < names.length; i++) {
      const field = names[i] ?? NO_FIELD;
      if (field !== NO_FIELD) this.put(fields, field, first + i);
    }
    const next = first + names.length;
    if (next < this.count) {
      const start = (this.starts[next] ?? 0) - (this.quoted[next] ?? 0);
      const last = this.count - 1;
      fields.put(FIELD.rest, start, (this.ends[last] ?? 0) + (this.quoted[last] ?? 0) - start);
    }
    return true;
  }

  private put(fields: AccessFields, field: number, part: number): void {
    this.putRange(fields, field, this.starts[part] ?? 0, this.ends[part] ?? 0, this.escaped[part] === 1);
  }

  private putRange(fields: AccessFields, field: number, start: number, end: number, isEscaped: boolean): void {
    if (!isEscaped) {
      fields.put(field, start, end - start);
      return;
    }
    const { bytes, scratch } = fields;
    scratch.reserve(end - start);
    const at = scratch.length;
    for (let i = start; i < end; i++) {
      if (bytes[i] === BACKSLASH && bytes[i + 1] === QUOTE) i++;
      scratch.bytes[scratch.length++] = bytes[i] ?? 0;
    }
    fields.putScratch(field, at, scratch.length - at);
  }
}

/** A code is up to three digits, or absent. */
function isCode(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start === 1 && bytes[start] === 0x2d) return true;
  if (end - start > 3 || end === start) return false;
  for (let i = start; i < end; i++) if ((bytes[i] ?? 0) < 0x30 || (bytes[i] ?? 0) > 0x39) return false;
  return true;
}
