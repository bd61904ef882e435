// Brings the database to the schema of storage/migrations: forward only, each file once, resumable in the middle of a file.
// In: storage and the folder of NNNN_name.sql files. Out: the names that this call completed; events storage.migrated.
// Any number of processes may start at once: a lease (migration-lease.ts) lets one work, the others wait and find it done.
// Every statement is noted as started, and as done or failed. One that was only started is run again, and "already exists"
// then means that it had been done. A complete file must keep its checksum, a half-applied one that of the
// statements that are done. Bounds: waits 5 minutes for the lease; a holder silent for 15 s has lost it.
import { createHash, randomUUID } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ClickHouseError } from "@clickhouse/client";
import { ServiceError, reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import type { Storage } from "./client.ts";
import { type MigrationLease, takeMigrationLease } from "./migration-lease.ts";
import { splitStatements } from "./sql-statements.ts";
import { isConnectionFailure } from "./unavailable.ts";

/** What tests and special cases may set; the defaults serve everybody else. */
export interface MigrateOptions {
  /** The folder of the files, with a closing slash. */
  readonly folder?: URL;
  /** A name for this process that no other has. */
  readonly owner?: string;
  readonly leaseMs?: number;
  readonly waitMs?: number;
}

interface Migration {
  readonly name: string;
  readonly checksum: string;
  readonly statements: readonly { readonly text: string; readonly checksum: string }[];
}

interface ProgressRow {
  readonly Name: string;
  readonly Position: number;
  readonly State: "started" | "failed" | "done" | "complete";
  readonly Checksum: string;
}

// TABLE_ALREADY_EXISTS, DATABASE_ALREADY_EXISTS, DUPLICATE_COLUMN; they mean "done" only for a statement once started.
const ALREADY_DONE_CODES = new Set(["57", "82", "15"]);
const LEASE_MS = 15_000;
const WAIT_MS = 300_000;
const POLL_MS = 100;
// Statements over existing data may be long; the server's progress headers keep the connection alive meanwhile.
const STATEMENT_SETTINGS = {
  max_execution_time: 0,
  wait_end_of_query: 1,
  send_progress_in_http_headers: 1,
  http_headers_progress_interval_ms: "20000",
} as const;

/** Creates the database and applies what is missing; throws MIGRATION_CHANGED, MIGRATION_FAILED or STORAGE_UNREACHABLE. */
export async function migrate(storage: Storage, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = readMigrations(options.folder ?? new URL("migrations/", import.meta.url));
  try {
    await storage.ensureDatabase();
    await storage.command("create_schema_migrations");
    await storage.command("create_schema_leases");
    return await applyInTurn(storage, migrations, options);
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    if (isConnectionFailure(error)) {
      throw new ServiceError("STORAGE_UNREACHABLE", { url: storage.url, cause: reasonOf(error) }, error);
    }
    throw new ServiceError("MIGRATION_FAILED", { name: "(preparation)", cause: reasonOf(error) }, error);
  }
}

async function applyInTurn(storage: Storage, migrations: readonly Migration[], options: MigrateOptions) {
  const owner = options.owner ?? randomUUID();
  const deadline = performance.now() + (options.waitMs ?? WAIT_MS);
  const applied: string[] = [];
  while (true) {
    if (missingOf(migrations, await storage.query<ProgressRow>("migration_progress")).length === 0) return applied;
    const lease = await takeMigrationLease(storage, owner, options.leaseMs ?? LEASE_MS);
    if (lease !== null) {
      try {
        // Read again: the holder before us may have finished in between.
        const progress = await storage.query<ProgressRow>("migration_progress");
        for (const migration of missingOf(migrations, progress)) {
          if (!(await applyMigration(storage, migration, progress, lease))) break;
          applied.push(migration.name);
        }
      } finally {
        await lease.release();
      }
      continue;
    }
    if (performance.now() > deadline) {
      const cause = "another process has been migrating for too long";
      throw new ServiceError("MIGRATION_FAILED", { name: "(waiting)", cause });
    }
    await sleep(POLL_MS);
  }
}

/** Migrations that are not complete, in order; throws MIGRATION_CHANGED when a file is not what was applied. */
function missingOf(migrations: readonly Migration[], progress: readonly ProgressRow[]): Migration[] {
  return migrations.filter((migration) => {
    const rows = progress.filter((row) => row.Name === migration.name);
    const complete = rows.find((row) => row.State === "complete");
    const changed =
      complete === undefined
        ? rows.some((row) => row.State === "done" && row.Checksum !== migration.statements[row.Position]?.checksum)
        : complete.Checksum !== migration.checksum;
    if (changed) throw new ServiceError("MIGRATION_CHANGED", { name: migration.name });
    return complete === undefined;
  });
}

// False when the lease was lost on the way: another process goes on.
async function applyMigration(
  storage: Storage,
  migration: Migration,
  progress: readonly ProgressRow[],
  lease: MigrationLease,
): Promise<boolean> {
  const note = (Position: number, State: ProgressRow["State"], Checksum: string): Promise<void> =>
    storage.insertRows("schema_migrations", [{ Name: migration.name, Position, State, Checksum }]);
  for (const [position, statement] of migration.statements.entries()) {
    const rows = progress.filter((row) => row.Name === migration.name && row.Position === position);
    if (rows.some((row) => row.State === "done")) continue;
    if (!(await lease.isHeld())) return false;
    const attempts = rows.filter((row) => row.Checksum === statement.checksum);
    const times = (state: ProgressRow["State"]): number => attempts.filter((row) => row.State === state).length;
    const interrupted = times("started") > times("failed");
    if (!interrupted) await note(position, "started", statement.checksum);
    try {
      await storage.client.command({
        query: statement.text,
        clickhouse_settings: {
          ...STATEMENT_SETTINGS,
          // A backfill (INSERT ... SELECT) that is run again stores its blocks once.
          insert_deduplication_token: `migration:${migration.name}:${position}`,
        },
      });
    } catch (error) {
      const hadBeenDone = interrupted && error instanceof ClickHouseError && ALREADY_DONE_CODES.has(error.code);
      if (!hadBeenDone) {
        if (isConnectionFailure(error)) throw error; // it may have been done
        await note(position, "failed", statement.checksum);
        throw new ServiceError("MIGRATION_FAILED", { name: migration.name, cause: reasonOf(error) }, error);
      }
    }
    await note(position, "done", statement.checksum);
  }
  await note(migration.statements.length, "complete", migration.checksum);
  emitEvent("storage.migrated", {}, migration.name);
  return true;
}

function readMigrations(folder: URL): Migration[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  return names.toSorted().map((name) => {
    // Checkouts may differ in line ends; the schema does not.
    const text = readFileSync(new URL(name, folder), "utf8").replaceAll("\r\n", "\n");
    const statements = splitStatements(text).map((statement) => ({ text: statement, checksum: sha256(statement) }));
    return { name, checksum: sha256(text), statements };
  });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
