// Whether two databases hold the same rows, in every table there is, view targets included.
// In: two databases on one server. Out: one line a table that differs, with rows that only one of them has.
// Bounds: the columns of arrival times (defaults of now) are left out, and so are the tables that keep house; tables that merge are read merged.
import type { Storage } from "../../storage/client.ts";

/** What is not telemetry: what ran here, and when. */
const HOUSEKEEPING = /^(schema_|analyzed_|tokens$|dead_letter_marks$)/;
const MERGING = /Replacing|Aggregating|Summing|Collapsing/;
const SHOWN = 5;

/** Rows of one table, and a sum over them that no order changes and every row does. */
export interface TableDigest {
  readonly table: string;
  readonly rows: number;
  readonly digest: string;
}

async function read<Row>(storage: Storage, query: string): Promise<Row[]> {
  const result = await storage.client.query({ query, format: "JSONEachRow" });
  return await result.json<Row>();
}

/** The text of a SELECT over the rows of a table, as `row`. */
async function rowsQuery(storage: Storage, table: string): Promise<string> {
  const [found] = await read<{ engine: string; columns: string[] }>(
    storage,
    `SELECT any(t.engine) AS engine, arraySort(groupArray(c.name)) AS columns FROM system.columns AS c
     JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
     WHERE c.database = '${storage.database}' AND c.table = '${table}' AND position(c.default_expression, 'now') = 0
       AND c.default_kind NOT IN ('ALIAS', 'EPHEMERAL')`,
  );
  const names = (found?.columns ?? []).map((name) => `\`${name}\``).join(", ");
  const final = MERGING.test(found?.engine ?? "") ? "FINAL" : "";
  return `SELECT formatRowNoNewline('JSONCompactEachRow', ${names}) AS row FROM ${storage.database}.${table} ${final}`;
}

/** Every table with its rows. */
export async function digestTables(storage: Storage): Promise<TableDigest[]> {
  const tables = await read<{ name: string }>(
    storage,
    `SELECT name FROM system.tables WHERE database = '${storage.database}' AND engine LIKE '%MergeTree' ORDER BY name`,
  );
  const digests: TableDigest[] = [];
  for (const { name } of tables) {
    if (HOUSEKEEPING.test(name)) continue;
    const rows = await rowsQuery(storage, name);
    const [sum] = await read<{ rows: number; digest: string }>(
      storage,
      `SELECT count() AS rows, concat(toString(sum(cityHash64(row))), '-', toString(groupBitXor(sipHash64(row)))) AS digest FROM (${rows})`,
    );
    digests.push({ table: name, rows: sum?.rows ?? 0, digest: sum?.digest ?? "" });
  }
  return digests;
}

/** What differs, told with examples; empty when nothing does. */
export async function differences(one: Storage, other: Storage): Promise<string[]> {
  const [left, right] = [await digestTables(one), await digestTables(other)];
  const told: string[] = [];
  for (const { table, rows, digest } of left) {
    const twin = right.find((candidate) => candidate.table === table);
    if (twin?.digest === digest && twin.rows === rows) continue;
    const [mine, theirs] = [await rowsQuery(one, table), await rowsQuery(other, table)];
    const examples = await read<{ row: string; mine: number; theirs: number }>(
      one,
      `SELECT row, sum(n) AS mine, sum(m) AS theirs FROM (
         SELECT row, 1 AS n, 0 AS m FROM (${mine}) UNION ALL SELECT row, 0 AS n, 1 AS m FROM (${theirs})
       ) GROUP BY row HAVING mine != theirs LIMIT ${SHOWN}`,
    );
    const list = examples.map((example) => `\n  ${example.mine} and ${example.theirs} times ${example.row}`).join("");
    told.push(`${table}: ${rows} rows and ${twin?.rows ?? "no table"}${list}`);
  }
  return told;
}
