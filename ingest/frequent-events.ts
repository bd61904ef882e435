// Events that a hostile or overloaded sender can cause by the thousand: each is counted, a line is logged once a second.
// In: events as they happen. Out: the first at once, the others of its second together, with their number.
// Bounds: one entry for each event and its labels, which are closed lists; `flushFrequentEvents` gives out what is held back.
import { emitEvent, type EventLabels, type EventName } from "../model/events.ts";

const PERIOD_MS = 1_000;

interface Held {
  readonly name: EventName;
  readonly labels: EventLabels;
  detail: string | undefined;
  count: number;
  timer: NodeJS.Timeout;
}

const held = new Map<string, Held>();

/** Counts an event now or within a second. */
export function emitFrequent(name: EventName, labels: EventLabels, detail?: string): void {
  const key = `${name} ${Object.values(labels).join(" ")}`;
  const known = held.get(key);
  if (known !== undefined) {
    known.count++;
    known.detail = detail;
    return;
  }
  emitEvent(name, labels, detail);
  held.set(key, { name, labels, detail, count: 0, timer: wait(key) });
}

/** Counts what is held back; for the end of a process. */
export function flushFrequentEvents(): void {
  for (const [key, entry] of held) {
    clearTimeout(entry.timer);
    held.delete(key);
    release(entry);
  }
}

function wait(key: string): NodeJS.Timeout {
  return setTimeout(() => {
    const entry = held.get(key);
    if (entry === undefined) return;
    if (entry.count === 0) {
      held.delete(key);
      return;
    }
    release(entry);
    entry.count = 0;
    entry.timer = wait(key);
  }, PERIOD_MS).unref();
}

function release({ name, labels, detail, count }: Held): void {
  if (count === 0) return;
  emitEvent(name, labels, `${detail === undefined ? "" : `${detail}, `}${count} more within a second`, count);
}
