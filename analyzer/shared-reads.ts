// Storage whose reads are shared: whoever asks for the same with the same parameters gets the same rows, from one statement.
// In: storage. Out: the same for the length of one piece of work, such as the localization of all incidents that are due in a bucket.
// Bounds: everything that was read is kept until the work is over, so keep the work short; a read that failed is tried again. Rows are
//   handed out more than once: nobody may change them.
import type { Storage } from "../storage/client.ts";

/** The storage with reads shared from now on; writes are passed on. */
export function shareReads(storage: Storage): Storage {
  const known = new Map<string, Promise<unknown[]>>();
  return {
    ...storage,
    query<Row>(name: string, params?: Record<string, unknown>, settings?: Record<string, string | number>) {
      const about = JSON.stringify([name, params, settings]);
      const before = known.get(about);
      if (before !== undefined) return before as Promise<Row[]>;
      const rows = storage.query<Row>(name, params, settings);
      known.set(about, rows);
      rows.catch(() => known.delete(about));
      return rows;
    },
  };
}
