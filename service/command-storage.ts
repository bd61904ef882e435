// The storage for one command: a ClickHouse by URL, the embedded one of a Faultline that runs, or the embedded one by itself.
// In: the configuration. Out: what `use` makes of a migrated storage. Nothing is left open.
// Bounds: as for open-storage.ts; an embedded server is started only when no other process has its data directory.
import { ServiceError } from "../model/errors.ts";
import { createStorage, type Storage, type StorageOptions } from "../storage/client.ts";
import { lastEmbeddedConnection } from "../storage/embedded/running.ts";
import { startEmbeddedServer } from "../storage/embedded/server.ts";
import { migrate } from "../storage/migrate.ts";
import type { CommandContext } from "./main.ts";
import { connectionOf, untilReachable } from "./open-storage.ts";

/** Runs `use` on the storage of the configuration; throws what cannot be reached or started. */
export async function withStorage<Result>(
  { config, now, abort }: Pick<CommandContext, "config" | "now" | "abort">,
  use: (storage: Storage) => Promise<Result>,
): Promise<Result> {
  const values = config.values;
  const { connection, close } = await connect(connectionOf(values), values["storage.dataDir"]);
  const storage = createStorage(connection);
  try {
    const connectTimeoutSeconds = values["storage.connectTimeoutSeconds"];
    await untilReachable(connection, { connectTimeoutSeconds, now, abort: abort.signal });
    await migrate(storage);
    return await use(storage);
  } finally {
    await storage.close();
    await close();
  }
}

async function connect(
  options: StorageOptions,
  dataDir: string,
): Promise<{ readonly connection: StorageOptions; readonly close: () => Promise<void> }> {
  if (options.url !== "") return { connection: options, close: () => Promise.resolve() };
  try {
    const server = await startEmbeddedServer({ dataDir });
    const { url, user, password } = server;
    return { connection: { ...options, url, user, password }, close: () => server.stop() };
  } catch (error) {
    if (!(error instanceof ServiceError && error.code === "STORAGE_DATA_DIR_IN_USE")) throw error;
    const running = lastEmbeddedConnection(dataDir);
    if (running === null) throw error;
    return { connection: { ...options, ...running }, close: () => Promise.resolve() };
  }
}
