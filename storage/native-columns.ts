// Reads ClickHouse's Native format: a wide answer as columns of values, which costs a fraction of what JSON costs both sides.
// In: the body of an answer. Out: blocks of rows, each as columns in the order of the statement.
// Types: (U)Int8 to 64, Enum8 (by its names), String, LowCardinality(String), Array and Map of them; another is a programmer's error.
// 64-bit integers are numbers, rounded beyond 2^53 as JSON.parse rounds them.
// Bounds: every length is checked against the body; what is cut off or goes on as something else throws.

/** The values of one column, a row each; lists of 64-bit numbers stay as they came (`NumberLists`). */
export type Column = readonly unknown[] | NumberLists;

/** A list of numbers a row: row i's are those from `ends[i - 1]` (0) to `ends[i]`. */
export interface NumberLists {
  readonly ends: readonly number[];
  readonly values: WideNumbers;
}

/** 64-bit numbers as they came. */
export interface WideNumbers {
  readonly low: Uint32Array;
  readonly high: Uint32Array | Int32Array;
}

/** Decodes the body of an answer: a list of columns for each block that has rows. */
export function readNativeBlocks(body: Uint8Array): Column[][] {
  const bytes = new Cursor(body);
  const blocks: Column[][] = [];
  while (!bytes.isAtEnd()) {
    const [width, rows] = [bytes.length(), bytes.length()];
    const block: Column[] = [];
    for (let i = 0; i < width; i++) {
      bytes.text();
      block.push(readColumn(bytes, bytes.text(), rows));
    }
    if (rows > 0) blocks.push(block);
  }
  return blocks;
}

/** A place in a body; reads beyond its end throw. */
class Cursor {
  private at = 0;
  private readonly buffer: Buffer;
  constructor(body: Uint8Array) {
    this.buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  }

  isAtEnd(): boolean {
    return this.at === this.buffer.length;
  }

  /** Goes on by `size` bytes and tells where they begin. */
  skip(size: number): number {
    const from = this.at;
    if (!(from + size <= this.buffer.length)) throw new RangeError("the answer is cut off");
    this.at = from + size;
    return from;
  }

  /** The next `size` bytes, where they may be read as numbers of any width. */
  take(size: number): ArrayBuffer {
    const from = this.buffer.byteOffset + this.skip(size);
    return (this.buffer.buffer as ArrayBuffer).slice(from, from + size);
  }

  /** A variable-length number. */
  length(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
      const byte = this.buffer[this.skip(1)] ?? 0;
      if (byte < 128) return value + byte * scale;
      value += (byte - 128) * scale;
    }
    throw new RangeError("a length is none");
  }

  text(): string {
    const size = this.length();
    const from = this.skip(size);
    return size === 0 ? "" : this.buffer.toString("utf8", from, from + size);
  }
}

function readColumn(bytes: Cursor, type: string, rows: number): Column {
  if (rows === 0) return [];
  readPrefix(bytes, type);
  return readValues(bytes, type, rows);
}

/** What comes before a column's values, its parts' first. */
function readPrefix(bytes: Cursor, type: string): void {
  const parts = innerTypes(type);
  if (type.startsWith("LowCardinality(")) bytes.skip(8);
  else for (const part of parts) readPrefix(bytes, part);
}

function readValues(bytes: Cursor, type: string, rows: number): Column {
  if (type.startsWith("Enum8(")) return readEnum(bytes, type, rows);
  if (type.startsWith("Array(")) return readArrays(bytes, innerTypes(type)[0] ?? "", rows);
  if (type.startsWith("Map(")) return readMaps(bytes, innerTypes(type), rows);
  if (type.startsWith("LowCardinality(")) return readDictionary(bytes, innerTypes(type)[0] ?? "", rows);
  if (type === "String") {
    const texts: string[] = [];
    for (let i = 0; i < rows; i++) texts.push(bytes.text());
    return texts;
  }
  if (isWide(type)) return wideNumbers(readWideNumbers(bytes, type === "Int64", rows), rows);
  return [...readNumbers(bytes, type, rows)];
}

function isWide(type: string): boolean {
  return type === "UInt64" || type === "Int64";
}

type Numbers = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;

function readNumbers(bytes: Cursor, type: string, rows: number): Numbers {
  switch (type) {
    case "UInt8":
      return new Uint8Array(bytes.take(rows));
    case "Int8":
      return new Int8Array(bytes.take(rows));
    case "UInt16":
      return new Uint16Array(bytes.take(2 * rows));
    case "Int16":
      return new Int16Array(bytes.take(2 * rows));
    case "UInt32":
      return new Uint32Array(bytes.take(4 * rows));
    case "Int32":
      return new Int32Array(bytes.take(4 * rows));
    default:
      throw new TypeError(`${type} is not read from Native`);
  }
}

function readWideNumbers(bytes: Cursor, isSigned: boolean, rows: number): WideNumbers {
  const halves = bytes.take(8 * rows);
  const low = new Uint32Array(halves);
  return { low, high: isSigned ? new Int32Array(halves) : low };
}

/** How many numbers a row's list has. */
export function listLength({ ends }: NumberLists, row: number): number {
  return (ends[row] ?? 0) - (row === 0 ? 0 : (ends[row - 1] ?? 0));
}

/** Adds a row's list to `total` from `at` on; `total` is long enough. */
export function addList(total: number[], at: number, { ends, values }: NumberLists, row: number): void {
  const from = row === 0 ? 0 : (ends[row - 1] ?? 0);
  const to = ends[row] ?? 0;
  for (let i = from; i < to; i++) {
    const count = wideNumber(values, i);
    if (count !== 0) total[at + i - from] = (total[at + i - from] ?? 0) + count;
  }
}

function wideNumber({ low, high }: WideNumbers, at: number): number {
  const upper = high[2 * at + 1] ?? 0;
  const lower = low[2 * at] ?? 0;
  // Without the sum a small number stays an integer, and an array of them packed.
  return upper === 0 ? lower : lower + upper * 2 ** 32;
}

function wideNumbers(numbers: WideNumbers, count: number): number[] {
  const own: number[] = [];
  for (let i = 0; i < count; i++) own.push(wideNumber(numbers, i));
  return own;
}

function readLength(bytes: Cursor): number {
  return wideNumber(readWideNumbers(bytes, false, 1), 0);
}

function readEnum(bytes: Cursor, type: string, rows: number): string[] {
  const names = new Map<number, string>();
  for (const [, name = "", number] of type.matchAll(/'((?:[^'\\]|\\.)*)' = (-?\d+)/g)) {
    names.set(Number(number), name.replaceAll(/\\(.)/g, "$1"));
  }
  return Array.from(readNumbers(bytes, "Int8", rows), (number) => names.get(number) ?? "");
}

// Distinct values once, then the place of each row's value among them.
function readDictionary(bytes: Cursor, type: string, rows: number): Column {
  if (rows === 0) return [];
  const flags = readLength(bytes);
  const [width, hasOwnValues, isShared] = [WIDTHS[flags & 0xff], (flags & 0x200) !== 0, (flags & 0x100) !== 0];
  if (width === undefined || !hasOwnValues || isShared) throw new TypeError("a dictionary is not the block's own");
  const values = readList(bytes, type, readLength(bytes));
  if (readLength(bytes) !== rows) throw new RangeError("a dictionary has other rows than its block");
  return Array.from(readNumbers(bytes, width, rows), (place) => values[place]);
}

const WIDTHS = ["UInt8", "UInt16", "UInt32"];

function readArrays(bytes: Cursor, type: string, rows: number): Column {
  const ends = wideNumbers(readWideNumbers(bytes, false, rows), rows);
  const size = ends.at(-1) ?? 0;
  if (isWide(type)) return { ends, values: readWideNumbers(bytes, type === "Int64", size) };
  const values = readList(bytes, type, size);
  return ends.map((end, row) => values.slice(ends[row - 1] ?? 0, end));
}

/** Values within an array, a map or a dictionary: none of them is a list of numbers itself. */
function readList(bytes: Cursor, type: string, rows: number): readonly unknown[] {
  const column = readValues(bytes, type, rows);
  if ("ends" in column) throw new TypeError(`${type} is not read from Native within another`);
  return column;
}

function readMaps(bytes: Cursor, [key = "", value = ""]: readonly string[], rows: number): Record<string, unknown>[] {
  const ends = wideNumbers(readWideNumbers(bytes, false, rows), rows);
  const keys = readList(bytes, key, ends.at(-1) ?? 0);
  const values = readList(bytes, value, ends.at(-1) ?? 0);
  let at = 0;
  return ends.map((end) => {
    const own: Record<string, unknown> = {};
    for (; at < end; at++) own[String(keys[at])] = values[at];
    return own;
  });
}

/** The types within the brackets of Array, Map and LowCardinality. */
function innerTypes(type: string): string[] {
  const inner = /^(?:Array|Map|LowCardinality)\((.*)\)$/s.exec(type)?.[1];
  if (inner === undefined) return [];
  // A map's key has no comma.
  const comma = type.startsWith("Map(") ? inner.indexOf(", ") : -1;
  return comma < 0 ? [inner] : [inner.slice(0, comma), inner.slice(comma + 2)];
}
