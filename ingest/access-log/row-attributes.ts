// The Attributes of an access log: fields that have no column of their own, then the operator's own pairs, in the order they came.
// In: fields and pairs as ranges of bytes. Out: one map a row. Bounds: keys and values are cut at their limits, each cut is counted; what
// is absent (empty, or `-` as Envoy writes it) is left out.
import { cutAtCharacter } from "../otlp/any-value.ts";
import type { AttributeColumn } from "../otlp/attributes.ts";
import type { DecodeLimits } from "../otlp/limits.ts";
import { FIELD_NAMES, FIRST_KEPT_FIELD, FIRST_KEPT_OF_ZTUNNEL } from "./field-names.ts";
import type { AccessFields } from "./fields.ts";
import type { OwnPairs } from "./own-pairs.ts";

const KEPT_NAMES = FIELD_NAMES.slice(FIRST_KEPT_FIELD).map(encode);

function encode(name: string): { readonly bytes: Uint8Array; readonly view: DataView } {
  // Copies by words may read three bytes past the end.
  const padded = new Uint8Array(name.length + 8);
  new TextEncoder().encodeInto(name, padded);
  return { bytes: padded.subarray(0, name.length), view: new DataView(padded.buffer) };
}

/** Writes the maps of a block. */
export class RowAttributes {
  private readonly attributes: AttributeColumn;
  private readonly limits: DecodeLimits;
  private truncated = 0;

  constructor(attributes: AttributeColumn, limits: DecodeLimits) {
    this.attributes = attributes;
    this.limits = limits;
  }

  /** Writes the map of one row; returns how many values were cut or left out. */
  write(fields: AccessFields, own: OwnPairs, isZtunnel: boolean): number {
    this.truncated = own.dropped;
    for (let field = isZtunnel ? FIRST_KEPT_OF_ZTUNNEL : FIRST_KEPT_FIELD; field < FIELD_NAMES.length; field++) {
      const name = fields.has(field) ? KEPT_NAMES[field - FIRST_KEPT_FIELD] : undefined;
      if (name === undefined) continue;
      const source = fields.source(field);
      const view = fields.sourceView(field);
      this.pair(name.bytes, name.view, 0, name.bytes.length, source, view, fields.start(field), fields.length(field));
    }
    for (let i = 0; i < own.count; i++) {
      const key = own.keyStart(i);
      const value = own.valueStart(i);
      const keySource = key < 0 ? fields.scratch : fields;
      const valueSource = value < 0 ? fields.scratch : fields;
      const from = value < 0 ? -1 - value : value;
      const length = own.valueLength(i);
      // Absent, as Envoy writes it.
      if (length === 0 || (length === 1 && valueSource.bytes[from] === 0x2d)) continue;
      const keyFrom = key < 0 ? -1 - key : key;
      const { bytes, view } = valueSource;
      this.pair(keySource.bytes, keySource.view, keyFrom, own.keyLength(i), bytes, view, from, length);
    }
    this.attributes.endMap();
    return this.truncated;
  }

  private pair(
    key: Uint8Array,
    keyView: DataView,
    keyFrom: number,
    keyLength: number,
    value: Uint8Array,
    valueView: DataView,
    valueFrom: number,
    valueLength: number,
  ): void {
    const { attributes } = this;
    const length = this.cut(value, valueFrom, valueLength, this.limits.maxValueBytes);
    const name = this.cut(key, keyFrom, keyLength, this.limits.maxNameBytes);
    attributes.keyOfPair.push(attributes.keys.intern(key, keyView, keyFrom, name));
    attributes.values.reserve(length + 8);
    attributes.values.putString(value, valueView, valueFrom, length);
  }

  private cut(source: Uint8Array, from: number, length: number, limit: number): number {
    if (length <= limit) return length;
    this.truncated++;
    return cutAtCharacter(source, from, limit);
  }
}
