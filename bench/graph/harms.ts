// What happens to telemetry on its way: spans are lost, late, repeated and out of order.
// In: spans and logs as sent, chance, how much harm. Out: arrivals in order of time, shuffled within each delivery.
// Bounds: pure; the same seed loses the same spans, whatever the order of arrival.
import type { Random } from "../ingest/random.ts";
import type { SentLog, SentSpan } from "./sent.ts";

/** How much harm; shares are 0..1. */
export interface Harms {
  readonly lostShare: number;
  readonly lateShare: number;
  readonly lateUs: readonly [least: number, most: number];
  readonly repeatedShare: number;
}

/** Half of the spans lost, 30 % late by 30 to 600 s, 5 % twice. */
export const ALL_HARMS: Harms = {
  lostShare: 0.5,
  lateShare: 0.3,
  lateUs: [30_000_000, 600_000_000],
  repeatedShare: 0.05,
};

/** None. */
export const NO_HARMS: Harms = { lostShare: 0, lateShare: 0, lateUs: [0, 0], repeatedShare: 0 };

/** Spans and logs that arrive together. */
export interface Delivery {
  /** Unix microseconds. */
  readonly atUs: number;
  readonly spans: readonly SentSpan[];
  readonly logs: readonly SentLog[];
}

const USUAL_DELAY_US = 2_000_000;

/** Spans that are not lost; those that come twice are there twice. */
export function keepSome(spans: readonly SentSpan[], random: Random, harms: Harms): SentSpan[] {
  const kept: SentSpan[] = [];
  for (const span of spans) {
    if (random.chance(harms.lostShare)) continue;
    kept.push(span);
    if (random.chance(harms.repeatedShare)) kept.push(span);
  }
  return kept;
}

/** When what is left arrives: in deliveries of `everyUs`, each in random order. */
export function scheduleArrivals(
  sent: { readonly spans: readonly SentSpan[]; readonly logs: readonly SentLog[] },
  random: Random,
  harms: Harms,
  everyUs: number,
): Delivery[] {
  const slots = new Map<number, { spans: SentSpan[]; logs: SentLog[] }>();
  const slotOf = (atUs: number): { spans: SentSpan[]; logs: SentLog[] } => {
    const at = Math.ceil(atUs / everyUs) * everyUs;
    let slot = slots.get(at);
    if (slot === undefined) slots.set(at, (slot = { spans: [], logs: [] }));
    return slot;
  };
  const [least, most] = harms.lateUs;
  for (const span of sent.spans) {
    const lateUs = random.chance(harms.lateShare) ? least + random.below(most - least) : 0;
    slotOf(span.startUs + span.durationUs + USUAL_DELAY_US + lateUs).spans.push(span);
  }
  for (const log of sent.logs) slotOf(log.startUs + USUAL_DELAY_US).logs.push(log);
  return [...slots]
    .sort(([a], [b]) => a - b)
    .map(([atUs, { spans, logs }]) => ({ atUs, spans: shuffle(spans, random), logs: shuffle(logs, random) }));
}

/** The items in another order. */
export function shuffle<Item>(items: readonly Item[], random: Random): Item[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const [a, b] = [mixed[i], mixed[j]];
    if (a !== undefined && b !== undefined) [mixed[i], mixed[j]] = [b, a];
  }
  return mixed;
}
