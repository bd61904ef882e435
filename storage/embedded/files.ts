// The files that the embedded server reads: its password, its configuration and its users.
// In: a data directory, a port, a memory limit. Out: texts; only the password is written here (mode 0600, made once).
// Safety: clickhouse-local insists on a passwordless user `default`. No HTTP handler is served but to requests that carry
// Faultline's own credentials, so `default` cannot be reached from outside, and its grants end at what keeps the server alive.
// Bounds: logs 2 x 10 MB; memory by `maxMemoryBytes`; 3 s for an idle connection, for which a stop would wait.
import { createHash } from "node:crypto";
import { linkSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The user of Faultline on its embedded server. */
export const EMBEDDED_USER = "faultline";

/** What the texts are made of. */
export interface ServerFacts {
  readonly dataDir: string;
  readonly port: number;
  readonly password: string;
  readonly maxMemoryBytes: number;
  /** Keeps system.query_log, for benchmarks: CPU and memory of each statement. */
  readonly keepsQueryLog: boolean;
}

/** The password of a data directory, made from `random` (hex) at first use; safe when two processes come at once. */
export function readOrCreatePassword(dataDir: string, random: () => string): string {
  const path = join(dataDir, "password");
  const read = (): string | undefined => {
    try {
      return readFileSync(path, "utf8").trim();
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  };
  const known = read();
  if (known !== undefined && known !== "") return known;
  const password = random();
  const draft = join(dataDir, `.password-${random().slice(0, 12)}`);
  writeFileSync(draft, `${password}\n`, { mode: 0o600, flag: "wx" });
  try {
    linkSync(draft, path); // fails when another process was first: its password holds
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    unlinkSync(draft);
  }
  const kept = read();
  if (kept === undefined || kept === "") throw new Error(`${path} is empty`);
  return kept;
}

/** The server's configuration (XML). */
export function serverConfig(facts: ServerFacts): string {
  const authorization = Buffer.from(`${EMBEDDED_USER}:${facts.password}`).toString("base64");
  const memory = facts.maxMemoryBytes;
  return `<clickhouse>
  <logger>
    <log>${xml(join(facts.dataDir, "server.log"))}</log>
    <size>10M</size>
    <count>1</count>
    <console>false</console>
  </logger>
  <path>${xml(join(facts.dataDir, "clickhouse"))}/</path>
  <tmp_path>${xml(join(facts.dataDir, "clickhouse", "tmp"))}/</tmp_path>
  <users_config>${xml(join(facts.dataDir, "users.xml"))}</users_config>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${facts.port}</http_port>
  <timezone>UTC</timezone>
  <mlock_executable>false</mlock_executable>
  <keep_alive_timeout>30</keep_alive_timeout>
  <max_connections>512</max_connections>
  <max_concurrent_queries>100</max_concurrent_queries>
  <max_server_memory_usage>${memory}</max_server_memory_usage>
  <mark_cache_size>${Math.floor(memory / 8)}</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <http_handlers>
    <rule>
      <headers><Authorization>Basic ${authorization}</Authorization></headers>
      <handler><type>dynamic_query_handler</type><query_param_name>query</query_param_name></handler>
    </rule>
  </http_handlers>${facts.keepsQueryLog ? QUERY_LOG : ""}
</clickhouse>
`;
}

const QUERY_LOG = ["query_log", "query_views_log"]
  .map((table) => `\n  <${table}><database>system</database><table>${table}</table></${table}>`)
  .join("");

const TABLE_ENGINES = [
  "MergeTree",
  "ReplacingMergeTree",
  "SummingMergeTree",
  "AggregatingMergeTree",
  "CollapsingMergeTree",
  "Null",
  "Memory",
  "Merge",
  "Buffer",
  "Set",
  "Join",
  "Dictionary",
];
// All that Faultline does, and none of the sources (FILE, URL, S3, REMOTE ...): SQL cannot read the machine's files.
const GRANTS = [
  "GRANT SHOW, SELECT, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE ON *.*",
  "GRANT KILL QUERY, dictGet ON *.*",
  "GRANT SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM MOVES, SYSTEM FLUSH, SYSTEM DROP CACHE, SYSTEM SYNC REPLICA ON *.*",
  "GRANT SYSTEM VIEWS, SYSTEM RELOAD ON *.*",
  ...TABLE_ENGINES.map((engine) => `GRANT TABLE ENGINE ON ${engine}`),
];
const DEFAULT_GRANTS = [
  "GRANT SYSTEM LISTEN ON *.*",
  "GRANT CREATE TEMPORARY TABLE ON *.*",
  "GRANT READ ON FILE", // its own standard input, see child.mjs
];

/** The server's users (XML): Faultline with a hashed password, `default` with next to nothing. */
export function usersConfig(facts: ServerFacts): string {
  const hash = createHash("sha256").update(facts.password).digest("hex");
  const grants = (list: readonly string[]): string => list.map((query) => `<query>${query}</query>`).join("");
  const memory = facts.maxMemoryBytes;
  // Compiled, our statements cost as much as before, and compiling one 0.1 to 0.8 s of CPU at its fourth run in a process.
  return `<clickhouse>
  <profiles>
    <default/>
    <faultline>
      <max_memory_usage>${Math.floor(memory * 0.75)}</max_memory_usage>
      <max_bytes_before_external_group_by>${Math.floor(memory * 0.4)}</max_bytes_before_external_group_by>
      <max_bytes_before_external_sort>${Math.floor(memory * 0.4)}</max_bytes_before_external_sort>
      <async_insert>0</async_insert>
      <compile_expressions>0</compile_expressions>
      <compile_aggregate_expressions>0</compile_aggregate_expressions>
      <compile_sort_description>0</compile_sort_description>
    </faultline>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>${grants(DEFAULT_GRANTS)}</grants>
    </default>
    <${EMBEDDED_USER}>
      <password_sha256_hex>${hash}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>faultline</profile>
      <quota>default</quota>
      <grants>${grants(GRANTS)}</grants>
    </${EMBEDDED_USER}>
  </users>
</clickhouse>
`;
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
