// A process that runs an embedded server, for test/storage/embedded.test.ts. In: a data directory. Out: one JSON line, then it waits.
import { startEmbeddedServer } from "../../storage/embedded/server.ts";

/** Starts the server and prints where it is; ends only by a signal. */
export async function main(order: { readonly dataDir: string }): Promise<void> {
  const server = await startEmbeddedServer({ dataDir: order.dataDir });
  process.stdout.write(`${JSON.stringify({ pid: server.pid(), url: server.url })}\n`);
  setInterval(() => {}, 60_000);
}
