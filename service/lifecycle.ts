// Starts parts in the order of their needs and stops them in reverse.
// In: a table of parts and the names selected. Out: a running service with one `stop`.
// Bounds: each stop has a deadline, so a part that hangs cannot keep the others running.
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";

/** A part that runs; `stop` resolves when it holds nothing any more. */
export interface RunningPart {
  stop(): Promise<void>;
}

/** One row of the table: `needs` must be started before (where selected), `start` gets what all parts share. */
export interface PartDefinition<Context> {
  readonly needs: readonly string[];
  start(context: Context): Promise<RunningPart>;
}

/** The selected names, each after everything it needs; needs that are not selected are somebody else's. Throws on a cycle. */
export function orderParts(
  table: Readonly<Record<string, { readonly needs: readonly string[] }>>,
  selected: readonly string[],
): string[] {
  const ordered: string[] = [];
  const visiting = new Set<string>();
  function visit(name: string): void {
    if (ordered.includes(name) || !selected.includes(name)) return;
    if (visiting.has(name)) throw new Error(`${name} needs itself`);
    visiting.add(name);
    for (const need of table[name]?.needs ?? []) visit(need);
    ordered.push(name);
  }
  // The order of the table, not of the selection: the same parts always start the same way.
  for (const name of Object.keys(table)) visit(name);
  return ordered;
}

/** Starts the selected parts one after the other; when one fails or `abort` comes, the started ones are stopped and it is thrown. */
export async function startParts<Context>(
  table: Readonly<Record<string, PartDefinition<Context>>>,
  selected: readonly string[],
  context: Context,
  limits: { readonly stopDeadlineMs: number; readonly abort: AbortSignal },
): Promise<RunningPart> {
  const started: { name: string; part: RunningPart }[] = [];
  let stopping: Promise<void> | null = null;

  async function stopAll(): Promise<void> {
    for (const { name, part } of started.reverse()) {
      try {
        await withDeadline(part.stop(), limits.stopDeadlineMs);
        emitEvent("role.stopped", { role: name });
      } catch (error) {
        // The others still have to be stopped.
        emitEvent("role.stopped", { role: name }, `not cleanly: ${reasonOf(error)}`);
      }
    }
  }

  for (const name of orderParts(table, selected)) {
    const definition = table[name];
    if (definition === undefined) continue;
    try {
      limits.abort.throwIfAborted();
      started.push({ name, part: await definition.start(context) });
      emitEvent("role.started", { role: name });
    } catch (error) {
      await stopAll();
      throw error;
    }
  }
  return { stop: () => (stopping ??= stopAll()) };
}

async function withDeadline(work: Promise<void>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still busy after ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
