// A table of spans that an OpenTelemetry Collector writes, as a source beside our own: what it is, what of it was taken, how it is read.
// In: `database.table` on the server of the storage. Out: its description or why it is unfit; parts, blocks, rows as RowBinary.
// Bounds: reads only; the Collector's table is never altered, and nothing is attached to it. Blocks are numbers that ClickHouse gives
// to every insert in order; a part holds a range of them, before and after merges.
import { ServiceError } from "../model/errors.ts";
import { FACT_OF_KEY } from "../model/span-facts.ts";
import { type Storage, quoteName } from "./client.ts";
import { queryText } from "./query-files.ts";

/** What to adopt; `cluster` is taken where a span names none. */
export interface AdoptOptions {
  /** `database.table`. */
  readonly table: string;
  readonly tenant: string;
  readonly cluster: string;
  /** How far back spans are taken, by event time: at the first start, after a pause, and when they come late. */
  readonly backfillHours: number;
}

/** A day and a half: a block of spans may lie in so many partitions of span_edges. */
export const MAX_BACKFILL_HOURS = 36;

/** A table that can be adopted. */
export interface AdoptedSource {
  readonly database: string;
  readonly table: string;
  /** Another one when the table is made anew. */
  readonly uuid: string;
  readonly columns: ReadonlySet<string>;
}

/** A range of blocks of one partition; both ends are in it. */
export interface BlockRange {
  readonly partition: string;
  readonly first: number;
  readonly last: number;
}

/** A part of the table. */
export interface AdoptedPart extends BlockRange {
  readonly name: string;
}

/** A range that was taken, or begun to be. */
export interface TakenBlocks extends BlockRange {
  readonly state: "started" | "done";
}

/** Which rows to read. */
export interface RowSelection {
  readonly parts: readonly string[];
  /** Minutes of event time, unix seconds. */
  readonly minutes: readonly number[];
  readonly tenant: string;
  /** Leave out what span_edges holds already. */
  readonly again: boolean;
}

const MAP = /^Map\((LowCardinality\(String\)|String), (LowCardinality\(String\)|String)\)$/;
const TEXT = /^(LowCardinality\()?(String|FixedString\(\d+\))\)?$/;
const COLUMNS: Readonly<Record<string, RegExp>> = {
  Timestamp: /^DateTime64\(/,
  TraceId: TEXT,
  SpanId: TEXT,
  ParentSpanId: TEXT,
  SpanName: TEXT,
  SpanKind: TEXT,
  StatusCode: TEXT,
  Duration: /^U?Int64$/,
  ResourceAttributes: MAP,
  SpanAttributes: MAP,
  "Links.TraceId": /^Array\(/,
  "Links.SpanId": /^Array\(/,
};

interface TableRow {
  readonly engine: string;
  readonly uuid: string;
  readonly columns: Readonly<Record<string, string>>;
}

/** Finds the table; null when there is none (yet), throws ADOPT_UNFIT when it cannot be read as spans. */
export async function findAdoptedSource(storage: Storage, name: string): Promise<AdoptedSource | null> {
  const dot = name.indexOf(".");
  const [database, table] = [name.slice(0, dot), name.slice(dot + 1)];
  const unfit = (cause: string): ServiceError => new ServiceError("ADOPT_UNFIT", { table: name, cause });
  if (dot <= 0 || table === "") throw unfit("it must be named as database.table");
  if (database === storage.database) throw unfit("it is in Faultline's own database");
  const [row] = await storage.query<TableRow>("adopted_table", { database, table });
  if (row === undefined) return null;
  if (!row.engine.endsWith("MergeTree"))
    throw unfit(`its engine is ${row.engine}, and only MergeTree tables number their inserts`);
  for (const [column, type] of Object.entries(COLUMNS)) {
    const given = row.columns[column];
    if (given === undefined) throw unfit(`it has no column ${column}`);
    if (!type.test(given)) throw unfit(`its column ${column} is ${given}`);
  }
  return { database, table, uuid: row.uuid, columns: new Set(Object.keys(row.columns)) };
}

/** The parts of the table as they are now, newest blocks first. */
export function readAdoptedParts(storage: Storage, source: AdoptedSource): Promise<AdoptedPart[]> {
  return storage.query<AdoptedPart>("adopted_parts", { database: source.database, table: source.table });
}

/** What was taken since, unix seconds. */
export function readTakenBlocks(storage: Storage, source: AdoptedSource, since: number): Promise<TakenBlocks[]> {
  return storage.query<TakenBlocks>("adopted_blocks_taken", { source: source.uuid, since: Math.floor(since) });
}

/** Notes that ranges were begun or taken. */
export async function noteBlocks(
  storage: Storage,
  source: AdoptedSource,
  ranges: readonly BlockRange[],
  state: TakenBlocks["state"],
  spans: number,
): Promise<void> {
  const rows = ranges.map(({ partition, first, last }, i) => ({
    Source: source.uuid,
    Partition: partition,
    FirstBlock: first,
    LastBlock: last,
    State: state,
    SpanCount: i === 0 ? spans : 0,
  }));
  await storage.insertRows("adopted_blocks", rows);
}

/** Minutes of event time in [from, to) (unix seconds) with the spans that the parts hold of them, newest first. */
export function readAdoptedMinutes(
  storage: Storage,
  source: AdoptedSource,
  parts: readonly string[],
  from: number,
  to: number,
): Promise<{ readonly minute: number; readonly spans: number }[]> {
  const params = { database: source.database, table: source.table, parts, from: Math.floor(from), to: Math.floor(to) };
  return storage.query("adopted_minutes", params);
}

/** The rows as RowBinary, by chunks; parts that were merged away meanwhile give none. */
export async function readAdoptedRows(
  storage: Storage,
  source: AdoptedSource,
  selection: RowSelection,
): Promise<AsyncIterable<Uint8Array>> {
  const { parts, minutes, tenant, again } = selection;
  const { stream } = await storage.client.exec({
    query: queryText("adopted_rows"),
    query_params: {
      database: source.database,
      table: source.table,
      parts,
      minutes,
      tenant,
      keys: [...FACT_OF_KEY.keys()],
      again: again ? 1 : 0,
    },
  });
  return stream as AsyncIterable<Uint8Array>;
}

/** How an adoption stands. */
export interface AdoptionState {
  /** `database.table` that the views read beside our own spans; null: none. */
  readonly shown: string | null;
  /** A process reads the table now. */
  readonly isRead: boolean;
  readonly spans: number;
  readonly lastTakenMs: number;
}

/** Reads how it stands; `leaseMs` of silence mean that nobody reads. */
export async function readAdoption(storage: Storage, leaseMs: number): Promise<AdoptionState> {
  const [row] = await storage.query<{ shown: string; spans: number; lastTakenMs: number }>("adoption_state");
  const [lease] = await storage.query<{ released: number; silentMs: number }>("migration_lease", {
    table: "adoption_leases",
  });
  return {
    shown: row === undefined || row.shown === "" ? null : row.shown,
    isRead: lease !== undefined && lease.released === 0 && lease.silentMs < leaseMs,
    spans: row?.spans ?? 0,
    lastTakenMs: row?.lastTakenMs ?? 0,
  };
}

/** Shows our own spans alone again where a table was adopted and nobody reads it any more; true when it did. */
export async function releaseAdopted(storage: Storage, leaseMs: number): Promise<boolean> {
  const state = await readAdoption(storage, leaseMs);
  if (state.shown === null || state.isRead) return false;
  await showAdopted(storage, null);
  return true;
}

const SHOWN = [
  "Timestamp",
  "TraceId",
  "SpanId",
  "ParentSpanId",
  "TraceState",
  "SpanName",
  "SpanKind",
  "ServiceName",
  "ResourceAttributes",
  "ScopeName",
  "ScopeVersion",
  "SpanAttributes",
  "Duration",
  "StatusCode",
  "StatusMessage",
  "Events.Timestamp",
  "Events.Name",
  "Events.Attributes",
  "Links.TraceId",
  "Links.SpanId",
  "Links.TraceState",
  "Links.Attributes",
] as const;

/** Lets the views otel_traces and adopted_traces read the table as well, or (null) our own spans alone. */
export async function showAdopted(storage: Storage, source: AdoptedSource | null): Promise<void> {
  const own = `SELECT ${SHOWN.map(quoteName).join(", ")} FROM spans`;
  let traces = "SELECT Timestamp, TraceId, SpanId FROM adopted_spans";
  let all = own;
  if (source !== null) {
    const table = `${quoteName(source.database)}.${quoteName(source.table)}`;
    const columns = SHOWN.map((column) => {
      if (!source.columns.has(column)) return `'' AS ${quoteName(column)}`;
      return column === "Duration" ? "toUInt64(greatest(Duration, 0)) AS Duration" : quoteName(column);
    });
    traces = `SELECT toDateTime64(Timestamp, 9) AS Timestamp, toString(TraceId) AS TraceId, toString(SpanId) AS SpanId FROM ${table}`;
    all = `${own} UNION ALL SELECT ${columns.join(", ")} FROM ${table}`;
  }
  await storage.client.command({ query: `CREATE OR REPLACE VIEW adopted_traces AS ${traces}` });
  await storage.client.command({ query: `CREATE OR REPLACE VIEW otel_traces AS ${all}` });
}
