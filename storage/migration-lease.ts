// One process migrates (or does other work that only one may do) at a time, without a Keeper: a lease is an epoch that one process alone can write.
// All racers insert "epoch n+1 is mine" with the same deduplication token; ClickHouse stores one of them, and each reads back
// whose it was. The holder writes a sign of life every third of the lease; silence for longer makes the next epoch free.
// In: storage with a table of leases. Out: a lease, or null while another holds it. Times are the server's, so clocks of
// processes do not matter. Bounds: a few rows a migration.
import { setInterval } from "node:timers";
import type { Storage } from "./client.ts";

/** The right to migrate, until `release` or until the process stays silent. */
export interface MigrationLease {
  /** True as long as no other process has taken over; ask before every statement. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

interface LeaseRow {
  readonly epoch: number;
  readonly owner: string;
  readonly released: number;
  readonly silentMs: number;
}

/** Takes the lease when it is free or its holder has been silent for `leaseMs`; null otherwise. */
export async function takeMigrationLease(
  storage: Storage,
  owner: string,
  leaseMs: number,
  table: "schema_leases" | "adoption_leases" = "schema_leases",
): Promise<MigrationLease | null> {
  const last = await readLease(storage, table);
  if (last !== undefined && last.released === 0 && last.silentMs < leaseMs) return null;
  const epoch = (last?.epoch ?? 0) + 1;
  await storage.insertRows(table, [{ Epoch: epoch, Owner: owner, Event: "taken" }], `lease:${epoch}`);
  const isHeld = async (): Promise<boolean> => {
    const now = await readLease(storage, table);
    return now?.epoch === epoch && now.owner === owner && now.released === 0;
  };
  if (!(await isHeld())) return null;

  const say = (event: "alive" | "released"): Promise<void> =>
    storage.insertRows(table, [{ Epoch: epoch, Owner: owner, Event: event }]);
  const heartbeat = setInterval(
    () => {
      // A lost sign of life needs no handling: `isHeld` tells whether anyone has taken over.
      say("alive").catch(() => {});
    },
    Math.ceil(leaseMs / 3),
  );
  heartbeat.unref();
  return {
    isHeld,
    async release() {
      clearInterval(heartbeat);
      await say("released");
    },
  };
}

async function readLease(storage: Storage, table: string): Promise<LeaseRow | undefined> {
  const rows = await storage.query<LeaseRow>("migration_lease", { table });
  return rows[0];
}
