// The attributes of a span that say what it did: HTTP, gRPC, database, messaging, mesh. Marked while the span is read, used after.
// In: a key's bytes when a block meets it first; then positions of values. Out: text ranges and numbers by fact.
// Bounds: a closed list of keys; of two values of one fact the last counts; no object per span.
import { FACT_OF_KEY, FACTS, GRPC_NAMES, type Fact } from "../../model/span-facts.ts";
import { IndexColumn, type ByteColumn } from "./columns.ts";

/** Number of each fact. */
export const FACT: Readonly<Record<Fact, number>> = Object.fromEntries(FACTS.map((fact, i) => [fact, i])) as Record<
  Fact,
  number
>;

const LONGEST_KEY = Math.max(...[...FACT_OF_KEY.keys()].map((key) => key.length));

/** What is known of the span being read. */
export class SpanFacts {
  readonly starts = new Int32Array(FACTS.length);
  readonly lengths = new Int32Array(FACTS.length);
  private readonly factOfKey = new IndexColumn(256);
  private readonly values: ByteColumn;
  // Facts that were set, to be forgotten before the next span.
  private readonly set = new Uint8Array(FACTS.length * 4);
  private setCount = 0;

  /** `values` is the column in which the values lie. */
  constructor(values: ByteColumn) {
    this.values = values;
  }

  /** Notes whether a key is a fact; to be called once for each new key of a block, in order of their numbers. */
  learn(index: number, source: Uint8Array, from: number, length: number): void {
    let fact = 0;
    if (length <= LONGEST_KEY) {
      const name = FACT_OF_KEY.get(Buffer.from(source.buffer, source.byteOffset + from, length).toString("latin1"));
      if (name !== undefined) fact = FACT[name] + 1;
    }
    this.factOfKey.length = index;
    this.factOfKey.push(fact);
  }

  /** Begins a span. */
  clear(): void {
    for (let i = 0; i < this.setCount; i++) this.lengths[this.set[i] ?? 0] = 0;
    this.setCount = 0;
  }

  /** Takes the value of a key at `start`; a key that is no fact is passed over. */
  take(key: number, start: number, length: number): void {
    const fact = this.factOfKey.values[key] ?? 0;
    if (fact === 0 || length === 0) return;
    this.starts[fact - 1] = start;
    if (this.lengths[fact - 1] === 0) this.set[this.setCount++] = fact - 1;
    this.lengths[fact - 1] = length;
  }

  has(fact: number): boolean {
    return this.lengths[fact] !== 0;
  }

  start(fact: number): number {
    return this.starts[fact] ?? 0;
  }

  end(fact: number): number {
    return (this.starts[fact] ?? 0) + (this.lengths[fact] ?? 0);
  }

  /** True when the value is this ASCII text. */
  is(fact: number, text: string): boolean {
    if (this.lengths[fact] !== text.length) return false;
    const start = this.starts[fact] ?? 0;
    for (let i = 0; i < text.length; i++) {
      if (this.values.bytes[start + i] !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  text(fact: number): string {
    return Buffer.from(this.values.bytes.buffer, this.starts[fact], this.lengths[fact]).toString();
  }

  /** A number of at most four digits; -1 when it is none. */
  smallNumber(fact: number): number {
    const length = this.lengths[fact] ?? 0;
    if (length === 0 || length > 4) return -1;
    const start = this.starts[fact] ?? 0;
    let value = 0;
    for (let i = start; i < start + length; i++) {
      const digit = (this.values.bytes[i] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return value;
  }

  /** A gRPC status given as a number or by name; -1 when it is none. */
  grpcStatus(): number {
    if (!this.has(FACT.grpcStatus)) return -1;
    const number = this.smallNumber(FACT.grpcStatus);
    if (number >= 0) return number < GRPC_NAMES.length ? number : -1;
    if (this.is(FACT.grpcStatus, "OK")) return 0;
    const name = this.text(FACT.grpcStatus).toUpperCase();
    return name === "CANCELED" ? 1 : GRPC_NAMES.indexOf(name);
  }
}
