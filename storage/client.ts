// The one way to ClickHouse: embedded or production, by URL, through @clickhouse/client.
// In: named SQL files with server parameters, rows, or ready-made Native blocks. Out: rows, or the client's typed errors.
// DateTime values come back as ISO 8601 in UTC ("2026-01-02T03:04:05.678Z") whatever the server's zone; 64-bit integers as
// numbers (toString() them in SQL where they may pass 2^53); NaN and infinity as null. Unknown fields of a row are an error.
// Bounds: 40 sockets, one time limit for client and server alike; waiting requests queue in the socket pool.
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { queryText } from "./query-files.ts";

export { isStorageUnavailable } from "./unavailable.ts";

/** Where ClickHouse is and who asks; `requestTimeoutMs` bounds every statement (default 60 000). */
export interface StorageOptions {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly requestTimeoutMs?: number;
}

/** ClickHouse settings of one call. */
export type QuerySettings = Readonly<Record<string, string | number>>;

/** A connection pool to one database. */
export interface Storage {
  readonly client: ClickHouseClient;
  readonly database: string;
  readonly url: string;
  /** Runs storage/queries/NAME.sql with server parameters, returns JSONEachRow rows. */
  query<Row>(name: string, params?: Record<string, unknown>, settings?: QuerySettings): Promise<Row[]>;
  /** Runs storage/queries/NAME.sql that returns nothing (INSERT SELECT, ALTER ... REPLACE PARTITION). */
  command(name: string, params?: Record<string, unknown>, settings?: QuerySettings): Promise<void>;
  /** Inserts rows as JSONEachRow; with a token a repeated call stores nothing, without one every call stores its rows. */
  insertRows(table: string, rows: readonly object[], token?: string): Promise<void>;
  /** Inserts ready-made Native blocks as one statement, chunk by chunk; the token also guards the tables behind views. */
  insertNative(table: string, columns: readonly string[], chunks: readonly Uint8Array[], token?: string): Promise<void>;
  /** Creates the database when it does not exist; every other call needs it. */
  ensureDatabase(): Promise<void>;
  /** True when the server answers and knows the user; the database need not exist yet. */
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

const DEFAULT_REQUEST_TIMEOUT_MS = 60_000;
// The server must give up before the client does: an aborted request goes on running there.
const CLIENT_GRACE_MS = 3_000;
const MAX_OPEN_CONNECTIONS = 40;
// Below the shortest keep-alive timeout of a server (3 s), or a request meets a socket that is being closed.
const IDLE_SOCKET_MS = 2_500;
const UNKNOWN_DATABASE = "81";

/** Opens a pool; nothing is sent before the first call. */
export function createStorage(options: StorageOptions): Storage {
  const timeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const client = createClient({
    url: options.url,
    username: options.user,
    password: options.password,
    database: options.database,
    application: "faultline",
    request_timeout: timeoutMs + CLIENT_GRACE_MS,
    max_open_connections: MAX_OPEN_CONNECTIONS,
    keep_alive: {
      enabled: true,
      idle_socket_ttl: IDLE_SOCKET_MS,
      eagerly_destroy_stale_sockets: true,
    },
    use_multipart_params_auto: true,
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: {
      async_insert: 0,
      max_execution_time: Math.max(1, Math.ceil(timeoutMs / 1000)),
      date_time_output_format: "iso",
      date_time_input_format: "best_effort",
      output_format_json_quote_64bit_integers: 0,
      output_format_json_quote_denormals: 0,
      input_format_skip_unknown_fields: 0,
    },
  });

  return {
    client,
    database: options.database,
    url: options.url,

    async query<Row>(name: string, params: Record<string, unknown> = {}, settings: QuerySettings = {}) {
      const result = await client.query({
        query: queryText(name),
        format: "JSONEachRow",
        query_params: params,
        clickhouse_settings: settings,
      });
      return result.json<Row>();
    },

    async command(name, params = {}, settings = {}) {
      // wait_end_of_query: otherwise a statement that fails late has already answered 200.
      await client.command({
        query: queryText(name),
        query_params: params,
        clickhouse_settings: { ...settings, wait_end_of_query: 1 },
      });
    },

    async insertRows(table, rows, token) {
      if (rows.length === 0) return;
      await client.insert({
        table,
        values: rows,
        format: "JSONEachRow",
        clickhouse_settings: insertSettings(token),
      });
    },

    async insertNative(table, columns, chunks, token) {
      if (chunks.length === 0) return;
      const names = columns.map(quoteName).join(", ");
      const { stream } = await client.exec({
        query: `INSERT INTO ${quoteName(table)} (${names}) FORMAT Native`,
        values: Readable.from(chunks, { objectMode: false }),
        clickhouse_settings: insertSettings(token),
      });
      // The body is empty; reading it to its end gives the socket back, and an early end is an error here.
      for await (const chunk of stream) void chunk;
    },

    async ensureDatabase() {
      // A session in a database that does not exist is refused, so this one is opened without.
      const outside = createClient({
        url: options.url,
        username: options.user,
        password: options.password,
        application: "faultline",
        request_timeout: timeoutMs + CLIENT_GRACE_MS,
        log: { level: ClickHouseLogLevel.OFF },
      });
      try {
        await outside.command({ query: `CREATE DATABASE IF NOT EXISTS ${quoteName(options.database)}` });
      } finally {
        await outside.close();
      }
    },

    async ping() {
      const answer = await client.ping({ select: true });
      return answer.success || (answer.error instanceof ClickHouseError && answer.error.code === UNKNOWN_DATABASE);
    },

    async close() {
      await client.close();
    },
  };
}

/** `name` as a quoted ClickHouse identifier. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

function insertSettings(token: string | undefined): Record<string, string | number> {
  return {
    wait_end_of_query: 1,
    deduplicate_blocks_in_dependent_materialized_views: 1,
    // Without any token ClickHouse drops a block that equals an earlier one, and two equal blocks may both be true.
    insert_deduplication_token: token ?? randomUUID(),
  };
}
