// Localizations of one request, read together: a page of incidents costs one query, not a hundred.
// In: ids asked for in the same turn of the event loop. Out: a promise an id.
// Bounds: nothing is kept after the turn, so a live subscription never sees an old answer.
import type { Localization } from "../model/localization.ts";

/** Reads many localizations by id; unknown ids are absent from the map. */
export type ReadLocalizations = (ids: readonly string[]) => Promise<Map<string, Localization>>;

/** A reader of single localizations that asks for all ids of a turn at once. */
export function batchLocalizations(read: ReadLocalizations): (id: string) => Promise<Localization | null> {
  let batch: { ids: Set<string>; answer: Promise<Map<string, Localization>> } | null = null;
  return async (id) => {
    if (batch === null) {
      const ids = new Set<string>();
      batch = {
        ids,
        answer: new Promise((resolve, reject) => {
          setImmediate(() => {
            batch = null;
            read([...ids]).then(resolve, reject);
          });
        }),
      };
    }
    batch.ids.add(id);
    return (await batch.answer).get(id) ?? null;
  };
}
