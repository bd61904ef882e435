// Starts and stops the api role.
// In: storage, the analyzer's localize where it runs in this process, options, checks of other parts. Out: a listening server.
// Bounds: rejects with Node's EADDRINUSE when the port is taken; stopping ends subscriptions and open connections.
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import type { ExplainDetection } from "../model/incident-check.ts";
import type { Localize } from "../model/localization.ts";
import type { Storage } from "../storage/client.ts";
import type { ApiOptions } from "./options.ts";
import type { Checks } from "./readiness.ts";
import { buildServer } from "./server.ts";

/** A running api role; `url` has no slash at its end. */
export interface RunningApi {
  readonly url: string;
  stop(): Promise<void>;
}

// package.json lies beside api/ in the sources and one level higher in dist/.
function packageVersion(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const content: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
      if (typeof content === "object" && content !== null && "version" in content) {
        return String(content.version);
      }
    } catch {
      // The other place has it.
    }
  }
  return "unknown";
}

/** Starts the server and listens; `checks` are asked by /readyz. */
export async function startApi(parts: {
  readonly storage: Storage;
  readonly localize: Localize | null;
  readonly explainDetection?: ExplainDetection | null;
  readonly options: ApiOptions;
  readonly checks: Checks;
}): Promise<RunningApi> {
  const { options } = parts;
  const app = await buildServer({ ...parts, version: packageVersion(), now: Date.now });
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    throw error;
  }
  const address = app.server.address() as AddressInfo;
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${host === "0.0.0.0" || host === "[::]" ? "localhost" : host}:${address.port}`,
    stop: () => app.close(),
  };
}
