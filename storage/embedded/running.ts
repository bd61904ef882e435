// Where the embedded ClickHouse of another process of this machine listens.
// In: its data directory. Out: URL, user and password as its files say, or null when it never ran.
// Bounds: reads the two files that files.ts writes (mode 0600); whether it runs now is for the caller to find out.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EMBEDDED_USER } from "./files.ts";

/** How to reach an embedded server. */
export interface EmbeddedConnection {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

/** The last server that used `dataDir`; null when there was none or its files cannot be read. */
export function lastEmbeddedConnection(dataDir: string): EmbeddedConnection | null {
  try {
    const port = /<http_port>(\d+)<\/http_port>/.exec(readFileSync(join(dataDir, "config.xml"), "utf8"))?.[1];
    const password = readFileSync(join(dataDir, "password"), "utf8").trim();
    return port === undefined || password === ""
      ? null
      : { url: `http://127.0.0.1:${port}`, user: EMBEDDED_USER, password };
  } catch {
    return null;
  }
}
