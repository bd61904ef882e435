// Listens for changed incidents over a websocket, so that a new one shows at once and not at the next poll.
// In: nothing. Out: a number that grows with each change, and whether the socket is up.
// Bounds: one socket a page, closed while the page is hidden for long is left to the browser; reconnects with backoff up to
// 30 s for ever; polling goes on in any case, so a server or proxy without websockets only costs seconds.
import { createClient } from "graphql-ws";
import { useEffect, useState } from "react";
import { INCIDENT_CHANGED } from "./documents.ts";

/** The feed's state: `changes` counts what was heard, `isConnected` tells whether the socket is up. */
export interface IncidentFeed {
  readonly changes: number;
  readonly isConnected: boolean;
}

/** Subscribes while the component is mounted. */
export function useIncidentFeed(): IncidentFeed {
  const [changes, setChanges] = useState(0);
  const [isConnected, setConnected] = useState(false);
  useEffect(() => {
    const client = createClient({
      url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
      retryAttempts: Infinity,
      shouldRetry: () => true,
      retryWait: async (retries) => {
        await new Promise((resolve) => setTimeout(resolve, Math.min(30_000, 1000 * 2 ** Math.min(retries, 5))));
      },
      on: {
        connected: () => setConnected(true),
        closed: () => setConnected(false),
      },
    });
    const stop = client.subscribe(
      { query: INCIDENT_CHANGED.text },
      {
        next: () => setChanges((count) => count + 1),
        // A refused subscription is not asked for again; polling carries on.
        error: () => setConnected(false),
        complete: () => setConnected(false),
      },
    );
    return () => {
      stop();
      void client.dispose();
    };
  }, []);
  return { changes, isConnected };
}
