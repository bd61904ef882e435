// The Native reader against a real server: every type that it knows, several blocks, nothing, and bodies that are cut off or strange.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Column, readNativeBlocks } from "../../storage/native-columns.ts";
import { type TestStorage, startTestStorage } from "../fixtures/storage.ts";

const LONG = { timeout: 240_000 };
let own: TestStorage;
beforeAll(async () => {
  own = await startTestStorage();
});
afterAll(() => own.stop());

async function bodyOf(query: string, settings: Record<string, number> = {}): Promise<Buffer> {
  const { stream } = await own.storage.client.exec({ query: `${query} FORMAT Native`, clickhouse_settings: settings });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function read(query: string, settings: Record<string, number> = {}): Promise<Column[][]> {
  return readNativeBlocks(await bodyOf(query, settings));
}

const lists = (column: Column | undefined): unknown => {
  if (column === undefined || !("ends" in column)) throw new Error("no lists");
  const { low, high } = column.values;
  const numbers = Array.from(
    { length: low.length / 2 },
    (_, i) => (low[2 * i] ?? 0) + (high[2 * i + 1] ?? 0) * 2 ** 32,
  );
  return column.ends.map((end, row) => numbers.slice(column.ends[row - 1] ?? 0, end));
};

test("each type is read as JSON would give it", LONG, async () => {
  const [block = []] = await read(`
    SELECT toUInt8(255), toInt8(-1), toUInt16(65535), toInt16(-2), toUInt32(4294967295), toInt32(-3), toUInt64(9007199254740993),
      toInt64(-9007199254740993), CAST('b\\'c', 'Enum8(\\'a\\' = -1, \\'b\\\\\\'c\\' = 2)'), 'zwölf', toLowCardinality('lc'), ['x', ''],
      CAST(['p', 'q'], 'Array(LowCardinality(String))'), map('k', toUInt64(7)), CAST(map('m', 8), 'Map(LowCardinality(String), UInt64)')`);
  expect(block.slice(0, 8)).toEqual([
    [255],
    [-1],
    [65535],
    [-2],
    [4294967295],
    [-3],
    [JSON.parse("9007199254740993")],
    [JSON.parse("-9007199254740993")],
  ]);
  expect(block.slice(8)).toEqual([["b'c"], ["zwölf"], ["lc"], [["x", ""]], [["p", "q"]], [{ k: 7 }], [{ m: 8 }]]);
});

test("many blocks, dictionaries wider than a byte, empty lists", LONG, async () => {
  const blocks = await read(
    `SELECT toLowCardinality(toString(number % 700)), arrayMap(i -> toUInt64(i), range(number % 3)), emptyArrayString(), map()::Map(LowCardinality(String), UInt64)
     FROM numbers(2000)`,
    { max_block_size: 900 },
  );
  expect(blocks.length).toBeGreaterThan(1);
  const names = blocks.flatMap(([column]) => column as string[]);
  expect(names).toEqual(Array.from({ length: 2000 }, (_, i) => String(i % 700)));
  const numbers = blocks.flatMap((block) => lists(block[1]) as number[][]);
  expect(numbers).toEqual(Array.from({ length: 2000 }, (_, i) => [0, 1].slice(0, i % 3)));
  expect(
    blocks.flatMap((block) => block[2] as unknown[]).every((value) => Array.isArray(value) && value.length === 0),
  ).toBe(true);
  expect(blocks.flatMap((block) => block[3] as object[]).every((value) => Object.keys(value).length === 0)).toBe(true);
});

test("no rows are no blocks; a body that is cut off or has another type throws", LONG, async () => {
  expect(await read("SELECT toLowCardinality('a'), [1] WHERE 0")).toEqual([]);
  const body = await bodyOf("SELECT toUInt64(1), 'text', toLowCardinality('lc') FROM numbers(5)");
  for (let size = 1; size < body.length; size++)
    expect(() => readNativeBlocks(body.subarray(0, size))).toThrow("cut off");
  await expect(read("SELECT toFloat64(1)")).rejects.toThrow("Float64 is not read");
  await expect(read("SELECT [[toUInt64(1)]]")).rejects.toThrow("is not read");
});
