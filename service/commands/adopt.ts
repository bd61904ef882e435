// `faultline adopt status|remove`: how the adoption of a Collector's table stands, and its end.
// In: the setting storage.adopt. Out: a few lines or JSON; the views of our own spans alone.
// Bounds: the Collector's table is never changed. What was derived of it stays until its retention ends.
import { ServiceError } from "../../model/errors.ts";
import {
  findAdoptedSource,
  readAdoptedParts,
  readAdoption,
  readTakenBlocks,
  showAdopted,
} from "../../storage/adopt.ts";
import type { Storage } from "../../storage/client.ts";
import { withStorage } from "../command-storage.ts";
import type { Command } from "../main.ts";

const LEASE_MS = 60_000;
const NOTES_SECONDS = 4 * 86_400;

/** Prints what is adopted, whether it is read, and what waits. */
export const adoptStatus: Command = async (context) => {
  const { config, parsed, now, print } = context;
  const adopt = config.values["storage.adopt"];
  const status = await withStorage(context, async (storage) => {
    const state = await readAdoption(storage, LEASE_MS);
    const waitingParts = adopt === null ? 0 : await countWaiting(storage, adopt.table, now() / 1000 - NOTES_SECONDS);
    return { setting: adopt?.table ?? null, ...state, waitingParts };
  });
  if (parsed.options["json"] !== undefined) {
    print(JSON.stringify(status, null, 2));
    return 0;
  }
  print(status.setting === null ? "storage.adopt is not set." : `storage.adopt is ${status.setting}.`);
  print(
    status.shown === null
      ? "No table is shown beside our own spans."
      : `${status.shown} is shown beside our own spans.`,
  );
  print(status.isRead ? "A process reads it." : "No process reads it.");
  const taken = status.spans === 0 ? "" : `, the last at ${new Date(status.lastTakenMs).toISOString()}`;
  print(`${status.spans} spans were taken in the last four days${taken}.`);
  if (adopt !== null) {
    print(status.waitingParts < 0 ? "The table is not there yet." : `${status.waitingParts} of its parts wait.`);
  }
  return 0;
};

/** Shows our own spans alone again; refuses while the setting is there or a process reads. */
export const adoptRemove: Command = async (context) => {
  if (context.config.values["storage.adopt"] !== null) {
    throw new ServiceError("USAGE", {
      detail: "storage.adopt is set; take it away first, or the next start adopts it again.",
    });
  }
  await withStorage(context, async (storage) => {
    if ((await readAdoption(storage, LEASE_MS)).isRead) {
      throw new ServiceError("USAGE", { detail: "a process still reads the table; restart it without storage.adopt." });
    }
    await showAdopted(storage, null);
  });
  context.print("No table is adopted. What was derived of one stays until its retention ends.");
  return 0;
};

async function countWaiting(storage: Storage, table: string, since: number): Promise<number> {
  const source = await findAdoptedSource(storage, table);
  if (source === null) return -1;
  const taken = (await readTakenBlocks(storage, source, since)).filter((range) => range.state === "done");
  const parts = await readAdoptedParts(storage, source);
  const isTaken = (part: (typeof parts)[number]): boolean => {
    let next = part.first;
    for (const range of taken.filter((r) => r.partition === part.partition).toSorted((a, b) => a.first - b.first)) {
      if (range.first <= next && range.last >= next) next = range.last + 1;
    }
    return next > part.last;
  };
  return parts.filter((part) => !isTaken(part)).length;
}
