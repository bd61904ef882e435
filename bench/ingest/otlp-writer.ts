// Writes OTLP messages as SDKs do (fields ascending) or as the Collector does (fields descending, repeated ones in their order).
// In: fields of a message as parts. Out: bytes of the message.
// Bounds: the generator's only; it is written from the protobuf encoding and knows nothing of ingest/.

/** How the fields of every message are ordered. */
export type FieldOrder = "ascending" | "descending";

/** What an attribute may hold: text, integer, double, flag, bytes, list or map. */
export type Value =
  | string
  | bigint
  | number
  | boolean
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value };

/** A key and its value. */
export type Attribute = readonly [key: string, value: Value];

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const NOTHING = new Uint8Array(0);

/** Joins the fields of a message, given by ascending number. */
export function message(order: FieldOrder, fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(order === "ascending" ? fields : fields.toReversed());
}

/** A length-delimited field. */
export function bytesField(number: number, bytes: Uint8Array): Uint8Array {
  const head = [...varint((number << 3) | LENGTH), ...varint(bytes.length)];
  const field = new Uint8Array(head.length + bytes.length);
  field.set(head);
  field.set(bytes, head.length);
  return field;
}

/** A text field; empty text is not written, as proto3 has it. */
export function textField(number: number, text: string): Uint8Array {
  return text === "" ? NOTHING : bytesField(number, Buffer.from(text));
}

/** A number field; 0 is not written. */
export function varintField(number: number, value: number): Uint8Array {
  return value === 0 ? NOTHING : Uint8Array.from([...varint((number << 3) | VARINT), ...varint(value)]);
}

/** A fixed64 field. */
export function fixed64Field(number: number, value: bigint): Uint8Array {
  const field = new Uint8Array(9);
  field[0] = (number << 3) | FIXED64;
  new DataView(field.buffer).setBigUint64(1, value, true);
  return field;
}

/** A repeated field of messages. */
export function repeatedField(number: number, messages: readonly Uint8Array[]): Uint8Array {
  return messages.length === 0 ? NOTHING : Buffer.concat(messages.map((one) => bytesField(number, one)));
}

/** Attributes as a repeated field of KeyValue {1: key, 2: AnyValue}. */
export function attributesField(order: FieldOrder, number: number, attributes: readonly Attribute[]): Uint8Array {
  return repeatedField(
    number,
    attributes.map(([key, value]) => keyValue(order, key, value)),
  );
}

function keyValue(order: FieldOrder, key: string, value: Value): Uint8Array {
  return message(order, [textField(1, key), bytesField(2, anyValue(order, value))]);
}

/** AnyValue {1: text, 2: flag, 3: int64, 4: double, 5: list, 6: map, 7: bytes}. */
function anyValue(order: FieldOrder, value: Value): Uint8Array {
  if (typeof value === "string") return bytesField(1, Buffer.from(value));
  if (typeof value === "boolean") return Uint8Array.from([(2 << 3) | VARINT, value ? 1 : 0]);
  if (typeof value === "bigint") {
    return Uint8Array.from([(3 << 3) | VARINT, ...varint64(BigInt.asUintN(64, value))]);
  }
  if (typeof value === "number") {
    const field = new Uint8Array(9);
    field[0] = (4 << 3) | FIXED64;
    new DataView(field.buffer).setFloat64(1, value, true);
    return field;
  }
  if (value instanceof Uint8Array) return bytesField(7, value);
  if (isList(value)) {
    return bytesField(
      5,
      repeatedField(
        1,
        value.map((one) => anyValue(order, one)),
      ),
    );
  }
  return bytesField(
    6,
    repeatedField(
      1,
      Object.entries(value).map(([key, one]) => keyValue(order, key, one)),
    ),
  );
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  while (value >= 0x80) {
    bytes.push((value & 0x7f) | 0x80);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
  return bytes;
}

function varint64(value: bigint): number[] {
  const bytes: number[] = [];
  while (value >= 0x80n) {
    bytes.push(Number(value & 0x7fn) | 0x80);
    value >>= 7n;
  }
  bytes.push(Number(value));
  return bytes;
}
