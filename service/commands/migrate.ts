// `faultline migrate`: brings the tables up to date and ends.
// In: the storage settings. Out: the migrations that were applied, one a line.
// Bounds: needs a ClickHouse by URL, or the embedded server's data directory for itself.
import { migrate } from "../../storage/migrate.ts";
import { createStorage } from "../../storage/client.ts";
import { startEmbeddedServer } from "../../storage/embedded/server.ts";
import type { Command } from "../main.ts";
import { connectionOf, untilReachable } from "../open-storage.ts";

/** Applies what is missing. */
export const migrateTables: Command = async ({ config, now, abort, print }) => {
  const values = config.values;
  const server =
    values["storage.url"] === "" ? await startEmbeddedServer({ dataDir: values["storage.dataDir"] }) : null;
  const connection = {
    ...connectionOf(values),
    ...(server === null ? {} : { url: server.url, user: server.user, password: server.password }),
  };
  const storage = createStorage(connection);
  try {
    const connectTimeoutSeconds = values["storage.connectTimeoutSeconds"];
    await untilReachable(connection, { connectTimeoutSeconds, now, abort: abort.signal });
    const applied = await migrate(storage);
    print(
      applied.length === 0
        ? "Nothing to do: every migration is applied."
        : applied.map((name) => `applied ${name}`).join("\n"),
    );
    return 0;
  } finally {
    await storage.close();
    await server?.stop();
  }
};
