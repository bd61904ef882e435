// A process that migrates, for test/storage/migrate.test.ts. In: where, which folder, lease and wait. Out: one JSON line.
import { pathToFileURL } from "node:url";
import { createStorage } from "../../storage/client.ts";
import { migrate } from "../../storage/migrate.ts";

/** What the process is told. */
export interface MigratingOrder {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly folder: string;
  readonly leaseMs: number;
}

/** Waits for the word on standard input, migrates, prints what it applied. */
export async function main(order: MigratingOrder): Promise<void> {
  process.stdout.write("ready\n");
  await new Promise((done) => process.stdin.once("data", done));
  const storage = createStorage(order);
  try {
    const applied = await migrate(storage, { folder: pathToFileURL(order.folder), leaseMs: order.leaseMs });
    process.stdout.write(`${JSON.stringify({ applied })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
  }
  await storage.close();
  process.stdin.destroy();
}
