// Prometheus Remote Write into OTLP: `prometheus.WriteRequest` (1.0) and `io.prometheus.write.v2.Request` (2.0).
// In: a decompressed request. Out: an OTLP ExportMetricsServiceRequest and what it holds, or the reason why the bytes are no request.
// A series without a name, with a reference out of the symbol table or with a histogram that makes no sense is left out and counted, the rest
// is kept. Stale markers are counted and dropped: the end of a series is not a value. Counters are known by the metadata of 2.0, by the table
// of names, else by their ending. Metadata of 1.0 comes apart from its series and is not read.
// Bounds: `maxBytes` of output, for a symbol may be named by many series.
import { meaningOfMetric, type MetricKind, speaksOfOthers } from "../../model/metric-names.ts";
import { WireReader, type WireFailure } from "../otlp/wire.ts";
import { SeriesLabels } from "./labels.ts";
import { type NativeHistogram, peeksStale, readMs, readNativeHistogram } from "./native-histogram.ts";
import { PointWriter, type UnitRange } from "./point-writer.ts";

/** Version of the protocol by its message. */
export type WriteVersion = 1 | 2;

/** Why series or samples were left out of a request that was kept. */
export type SampleRefusal = "name" | "labels" | "symbol" | "histogram" | "timestamp";

/** The OTLP bytes with what is in them and what was left out, or why there are none. */
export type WriteRequest =
  | {
      readonly ok: true;
      readonly bytes: Uint8Array;
      readonly samples: number;
      readonly histograms: number;
      /** Stale markers, counted above as well. */
      readonly stale: number;
      readonly exemplars: number;
      readonly refused: ReadonlyMap<SampleRefusal, number>;
    }
  | { readonly ok: false; readonly reason: WireFailure | "expansion"; readonly detail: string };

const NO_UNIT: UnitRange = { bytes: new Uint8Array(0), from: 0, length: 0 };
// Metadata.MetricType of 2.0.
const TYPE_COUNTER = 1;
const TYPE_HISTOGRAM = 3;
const TYPE_SUMMARY = 5;
// The latest time that nanoseconds can say.
const MAX_MS = 9.2e12;

/** Turns a request into OTLP. */
export function transcodeWriteRequest(version: WriteVersion, body: Buffer, maxBytes: number): WriteRequest {
  const reading = new RequestReader(version, body, maxBytes);
  return reading.read();
}

class RequestReader {
  private readonly version: WriteVersion;
  private readonly body: Buffer;
  private readonly reader = new WireReader();
  private readonly labels = new SeriesLabels();
  private readonly out: PointWriter;
  private readonly refused = new Map<SampleRefusal, number>();
  /** Pairs of from and length: the symbol table of 2.0. */
  private symbols: number[] = [];
  private samples = 0;
  private histograms = 0;
  private stale = 0;
  private exemplars = 0;
  // Of the series being read.
  private points: number[] = [];
  private metricType = 0;
  private unit: UnitRange = NO_UNIT;
  private seriesStartMs = 0;
  private hasWrongSymbol = false;
  private lastName = "";
  private lastKind: MetricKind = "gauge";
  private lastSpeaksOfOthers = false;

  constructor(version: WriteVersion, body: Buffer, maxBytes: number) {
    this.version = version;
    this.body = body;
    this.out = new PointWriter(maxBytes);
    this.labels.open(body);
  }

  read(): WriteRequest {
    const { reader, body } = this;
    const end = body.length;
    const seriesTag = this.version === 1 ? 0x0a : 0x2a;
    // Symbols first: nothing forbids them to come behind the series.
    if (this.version === 2) this.readSymbols(end);
    reader.open(body);
    while (reader.position < end && !this.out.isOver) {
      const tag = reader.tag(end);
      if (tag === seriesTag) this.readSeries(reader.length(end) + reader.position);
      else reader.skip(tag, end);
    }
    if (reader.failure !== null)
      return { ok: false, reason: reader.failure, detail: `the request is no protobuf message: ${reader.failure}` };
    if (this.out.isOver)
      return { ok: false, reason: "expansion", detail: "the request, written without its symbol table, is too large" };
    const { samples, histograms, stale, exemplars, refused } = this;
    return { ok: true, bytes: this.out.finish(), samples, histograms, stale, exemplars, refused };
  }

  private readSymbols(end: number): void {
    const { reader } = this;
    reader.open(this.body);
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x22) {
        const length = reader.length(end);
        this.symbols.push(reader.position, length);
        reader.position += length;
      } else reader.skip(tag, end);
    }
  }

  /** TimeSeries {1: labels or their references, 2: samples, 3: exemplars (1.0) or histograms (2.0), 4: the other, 5: metadata, 6: created}. */
  private readSeries(end: number): void {
    const { reader, labels, points } = this;
    const [histogramTag, exemplarTag] = this.version === 1 ? [0x22, 0x1a] : [0x1a, 0x22];
    labels.clear();
    points.length = 0;
    this.metricType = 0;
    this.unit = NO_UNIT;
    this.seriesStartMs = 0;
    this.hasWrongSymbol = false;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) {
        const fieldEnd = reader.length(end) + reader.position;
        if (this.version === 1) this.readLabel(fieldEnd);
        else this.readReferences(fieldEnd);
      } else if (tag === 0x12 || tag === histogramTag) {
        const length = reader.length(end);
        points.push(tag === 0x12 ? 0 : 1, reader.position, reader.position + length);
        reader.position += length;
      } else if (tag === exemplarTag) {
        this.exemplars++;
        reader.skip(tag, end);
      } else if (tag === 0x2a && this.version === 2) this.readMetadata(reader.length(end) + reader.position);
      else if (tag === 0x30 && this.version === 2) this.seriesStartMs = Math.max(0, readMs(reader, end));
      else reader.skip(tag, end);
    }
    reader.finish(end);
    if (reader.failure !== null) return;
    const refusal = this.hasWrongSymbol ? "symbol" : labels.refusal;
    if (refusal !== null) this.refuse(refusal, Math.max(1, points.length / 3));
    else this.writePoints();
    if (reader.failure === null) reader.position = end;
  }

  private readLabel(end: number): void {
    const { reader } = this;
    let [nameFrom, nameLength, valueFrom, valueLength] = [0, 0, 0, 0];
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) {
        nameLength = reader.length(end);
        nameFrom = reader.position;
        reader.position += nameLength;
      } else if (tag === 0x12) {
        valueLength = reader.length(end);
        valueFrom = reader.position;
        reader.position += valueLength;
      } else reader.skip(tag, end);
    }
    reader.finish(end);
    this.labels.add(nameFrom, nameLength, valueFrom, valueLength);
  }

  /** Pairs of indices into the symbols, packed. */
  private readReferences(end: number): void {
    const { reader, symbols, labels } = this;
    while (reader.position < end) {
      const name = reader.varint(end) * 2;
      if (reader.position >= end) {
        this.hasWrongSymbol = true;
        break;
      }
      const value = reader.varint(end) * 2;
      if (name >= symbols.length || value >= symbols.length) this.hasWrongSymbol = true;
      else labels.add(symbols[name] ?? 0, symbols[name + 1] ?? 0, symbols[value] ?? 0, symbols[value + 1] ?? 0);
    }
    reader.finish(end);
  }

  /** Metadata {1: type, 3: help, 4: unit}. */
  private readMetadata(end: number): void {
    const { reader, symbols } = this;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x08) this.metricType = reader.varint(end);
      else if (tag === 0x20) {
        const at = reader.varint(end) * 2;
        if (at < symbols.length) this.unit = { bytes: this.body, from: symbols[at] ?? 0, length: symbols[at + 1] ?? 0 };
        else this.hasWrongSymbol = true;
      } else reader.skip(tag, end);
    }
    reader.finish(end);
  }

  private writePoints(): void {
    const { reader, labels, out, points } = this;
    const { name } = labels;
    if (name !== this.lastName) {
      this.lastName = name;
      this.lastKind = kindByName(name);
      this.lastSpeaksOfOthers = speaksOfOthers(name);
    }
    out.openResource(labels.settle(this.lastSpeaksOfOthers), labels);
    const isCounter = this.isCounter(name);
    for (let i = 0; i < points.length && reader.failure === null; i += 3) {
      reader.position = points[i + 1] ?? 0;
      const end = points[i + 2] ?? 0;
      if (points[i] === 0) this.writeSample(end, isCounter);
      else this.writeHistogram(end);
    }
  }

  /** The type of 2.0 is that of the family: of a histogram, the series but for the quantiles of a summary are counters. */
  private isCounter(name: string): boolean {
    const { metricType } = this;
    if (metricType === TYPE_COUNTER) return true;
    if (metricType === TYPE_HISTOGRAM || metricType === TYPE_SUMMARY) return /_(bucket|count|sum|total)$/.test(name);
    return metricType === 0 && this.lastKind !== "gauge";
  }

  /** Sample {1: value, 2: time, 3: start (2.0)}. */
  private writeSample(end: number, isCounter: boolean): void {
    const { reader } = this;
    let value = 0;
    let timeMs = 0;
    let startMs = this.seriesStartMs;
    let isStale = false;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x09) {
        isStale = peeksStale(reader);
        value = reader.double(end);
      } else if (tag === 0x10) timeMs = readMs(reader, end);
      else if (tag === 0x18) startMs = Math.max(0, readMs(reader, end));
      else reader.skip(tag, end);
    }
    reader.finish(end);
    if (reader.failure !== null) return;
    if (!isTime(timeMs)) return this.refuse("timestamp", 1);
    this.samples++;
    if (isStale) this.stale++;
    else this.out.number(this.labels, isCounter, this.unit, timeMs, isTime(startMs) ? startMs : 0, value);
  }

  private writeHistogram(end: number): void {
    const { reader } = this;
    const histogram = readNativeHistogram(reader, end);
    if (reader.failure !== null) return;
    reader.position = end;
    if (histogram === null) return this.refuse("histogram", 1);
    if (!isTime(histogram.timeMs)) return this.refuse("timestamp", 1);
    this.histograms++;
    if (histogram.isStale) this.stale++;
    else this.out.histogram(this.labels, this.unit, this.withStart(histogram));
  }

  private withStart(histogram: NativeHistogram): NativeHistogram {
    const startMs = histogram.startMs > 0 ? histogram.startMs : this.seriesStartMs;
    return { ...histogram, startMs: isTime(startMs) ? startMs : 0 };
  }

  private refuse(reason: SampleRefusal, count: number): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + count);
  }
}

function isTime(ms: number): boolean {
  return ms > 0 && ms < MAX_MS;
}

/** What a series is without metadata: by the table, else by OpenMetrics' endings of names. */
function kindByName(name: string): MetricKind {
  const meaning = meaningOfMetric(name);
  if (meaning !== null && meaning.kind !== "distribution") return meaning.kind;
  return /_(total|count|sum|bucket)$/.test(name) ? "counter" : "gauge";
}
