// Spans of a Collector's table as an OTLP request, so that what they mean is read by the very code that reads what senders send.
// In: rows of storage/queries/adopted_rows.sql as RowBinary, in pieces that end anywhere. Out: ExportTraceServiceRequest bytes.
// Bounds: spans of one resource are gathered whatever their order; a payload has at most MAX_SPANS spans and about MAX_BYTES bytes.
import { ByteWriter, varintLength } from "./byte-writer.ts";

/** A payload is handed on when it has so many spans, */
export const MAX_SPANS = 20_000;
/** or bytes. */
export const MAX_BYTES = 8 << 20;

const CLUSTER_NAME = Buffer.from("k8s.cluster.name");
const MESH_CLUSTER = Buffer.from("istio.cluster_id");

interface Group {
  readonly resource: Uint8Array;
  readonly spans: ByteWriter;
}

/** Turns rows into payloads. */
export class OtlpPayload {
  spans = 0;
  bytes = 0;
  private readonly groups = new Map<string, Group>();
  private readonly span = new ByteWriter();
  private readonly cluster: Uint8Array | null;
  private rest: Buffer = Buffer.alloc(0);
  private buffer: Buffer = Buffer.alloc(0);
  private at = 0;

  /** `cluster`: the name of the cluster where neither resource nor span tells one; '' leaves it unknown. */
  constructor(cluster: string) {
    this.cluster = cluster === "" ? null : Buffer.from(cluster);
  }

  get isFull(): boolean {
    return this.spans >= MAX_SPANS || this.bytes >= MAX_BYTES;
  }

  /** Gives the bytes that come next; read them with `readRows`. */
  feed(chunk: Uint8Array): void {
    this.buffer =
      this.rest.length === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
        : Buffer.concat([this.rest, chunk]);
    this.at = 0;
  }

  /** Reads whole rows until the payload is full (true: call again after `take`) or the bytes are used up. */
  readRows(): boolean {
    while (this.at < this.buffer.length) {
      const end = this.rowEnd(this.at);
      if (end < 0) break;
      this.addRow(this.at);
      this.at = end;
      if (this.isFull) return true;
    }
    this.rest = this.buffer.subarray(this.at);
    this.buffer = this.rest;
    this.at = 0;
    return false;
  }

  /** True when a row is cut off: the stream broke. */
  get isCut(): boolean {
    return this.rest.length > 0;
  }

  /** The payload, which is empty afterwards. */
  take(): Uint8Array {
    const out = new ByteWriter(this.bytes + 1024);
    for (const { resource, spans } of this.groups.values()) {
      const scope = spans.length;
      const body = 1 + varintLength(resource.length) + resource.length + 1 + varintLength(scope) + scope;
      out.tag(0x0a, body);
      out.field(0x0a, resource);
      out.field(0x12, spans.view());
    }
    this.groups.clear();
    this.spans = 0;
    this.bytes = 0;
    return out.view();
  }

  // Lengths are varints; a row that is not all there yet gives -1.
  private rowEnd(from: number): number {
    let at = from + 8 + 8 + 1 + 1;
    for (let i = 0; i < 4 && at >= 0; i++) at = this.skipText(at);
    for (let i = 0; i < 2 && at >= 0; i++) at = this.skipTexts(at, 2);
    for (let i = 0; i < 2 && at >= 0; i++) at = this.skipTexts(at, 1);
    return at;
  }

  private skipTexts(from: number, each: number): number {
    const count = this.varint(from);
    let at = this.next;
    for (let i = 0; i < count * each && at >= 0; i++) at = this.skipText(at);
    return count < 0 ? -1 : at;
  }

  private skipText(from: number): number {
    const length = this.varint(from);
    if (length < 0 || this.next + length > this.buffer.length) return -1;
    return this.next + length;
  }

  private next = 0;

  private varint(from: number): number {
    let value = 0;
    let scale = 1;
    for (let at = from; at < this.buffer.length; at++) {
      const byte = this.buffer[at] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.next = at + 1;
        return value;
      }
      scale *= 128;
    }
    this.next = -1;
    return -1;
  }

  private addRow(from: number): void {
    const { buffer, span } = this;
    const start = buffer.readBigUInt64LE(from);
    const end = start + buffer.readBigUInt64LE(from + 8);
    span.clear();
    let at = from + 18;
    at = this.copyText(at, 0x0a);
    at = this.copyText(at, 0x12);
    at = this.copyText(at, 0x22);
    at = this.copyText(at, 0x2a);
    span.byte(0x30);
    span.byte(buffer[from + 16] ?? 0);
    span.fixed64(0x39, start);
    span.fixed64(0x41, end);
    const resourceFrom = at;
    at = this.skipTexts(at, 2);
    const resourceEnd = at;
    const pairs = this.varint(at);
    at = this.next;
    let namesCluster = false;
    for (let i = 0; i < pairs; i++) {
      if (this.cluster !== null && this.isKey(at, MESH_CLUSTER)) namesCluster = true;
      at = this.copyPair(at, span, 0x4a);
    }
    at = this.copyLinks(at);
    const status = buffer[from + 17] ?? 0;
    if (status !== 0) span.field(0x7a, Uint8Array.of(0x18, status));
    const group = this.groupOf(resourceFrom, resourceEnd, namesCluster);
    group.spans.field(0x12, span.view());
    this.spans++;
    this.bytes += span.length + 6;
  }

  private copyText(from: number, tag: number): number {
    const length = this.varint(from);
    const start = this.next;
    if (length > 0) this.span.field(tag, this.buffer.subarray(start, start + length));
    return start + length;
  }

  private copyLinks(from: number): number {
    const count = this.varint(from);
    let trace = this.next;
    const spansFrom = this.skipTexts(from, 1);
    this.varint(spansFrom);
    let span = this.next;
    for (let i = 0; i < count; i++) {
      const traceLength = this.varint(trace);
      const traceFrom = this.next;
      const spanLength = this.varint(span);
      const spanFrom = this.next;
      this.span.tag(0x6a, 4 + traceLength + spanLength);
      this.span.field(0x0a, this.buffer.subarray(traceFrom, traceFrom + traceLength));
      this.span.field(0x12, this.buffer.subarray(spanFrom, spanFrom + spanLength));
      trace = traceFrom + traceLength;
      span = spanFrom + spanLength;
    }
    return this.skipTexts(spansFrom, 1);
  }

  /** KeyValue {1: key, 2: AnyValue {1: string}}; returns where the pair ends. */
  private copyPair(from: number, out: ByteWriter, tag: number): number {
    const keyLength = this.varint(from);
    const keyFrom = this.next;
    const valueLength = this.varint(keyFrom + keyLength);
    const valueFrom = this.next;
    out.pair(
      tag,
      this.buffer.subarray(keyFrom, keyFrom + keyLength),
      this.buffer.subarray(valueFrom, valueFrom + valueLength),
    );
    return valueFrom + valueLength;
  }

  private isKey(from: number, key: Buffer): boolean {
    const length = this.varint(from);
    return length === key.length && this.buffer.compare(key, 0, key.length, this.next, this.next + length) === 0;
  }

  private groupOf(from: number, end: number, namesCluster: boolean): Group {
    const key = `${namesCluster ? "+" : "-"}${this.buffer.toString("latin1", from, end)}`;
    let group = this.groups.get(key);
    if (group === undefined) {
      group = { resource: this.resourceOf(from, namesCluster), spans: new ByteWriter() };
      this.groups.set(key, group);
      this.bytes += group.resource.length + 16;
    }
    return group;
  }

  private resourceOf(from: number, namesCluster: boolean): Uint8Array {
    const out = new ByteWriter();
    const pairs = this.varint(from);
    let at = this.next;
    let known = namesCluster;
    for (let i = 0; i < pairs; i++) {
      if (this.isKey(at, CLUSTER_NAME) || this.isKey(at, MESH_CLUSTER)) known = true;
      at = this.copyPair(at, out, 0x0a);
    }
    if (!known && this.cluster !== null) out.pair(0x0a, CLUSTER_NAME, this.cluster);
    return out.view();
  }
}
