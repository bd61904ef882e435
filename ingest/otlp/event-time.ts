// Which event times are kept: not before the year 2000, not more than a day ahead, not older than the limit, few hours a payload.
// In: nanoseconds as two 32-bit halves. Out: yes, or the reason why not.
// Bounds: at most `maxHours` distinct hours a payload (each is a partition of storage that the insert would open).
import type { DecodeLimits, RowFailure } from "./limits.ts";
import { toNumber } from "./wire.ts";

const EARLIEST_NS = Date.UTC(2000, 0, 1) * 1e6;
const MAX_AHEAD_MS = 86_400_000;
const HOUR_NS = 3.6e12;
/** Blocks that span more hours than this are sent: storage opens at most 100 partitions an insert. */
const BLOCK_HOURS = 40;

/** Judges event times of one block. */
export class EventTimes {
  private readonly limits: DecodeLimits;
  private readonly ofPayload = new Set<number>();
  private readonly ofBlock = new Set<number>();
  private lastHour = -1;
  private earliestNs = EARLIEST_NS;
  private latestNs = 0;

  constructor(limits: DecodeLimits) {
    this.limits = limits;
  }

  /** Begins a payload that arrived at `nowMs`. */
  open(nowMs: number): void {
    this.ofPayload.clear();
    this.lastHour = -1;
    this.latestNs = (nowMs + MAX_AHEAD_MS) * 1e6;
    const { maxAgeSeconds } = this.limits;
    this.earliestNs =
      maxAgeSeconds === null ? EARLIEST_NS : Math.max(EARLIEST_NS, (nowMs - maxAgeSeconds * 1000) * 1e6);
  }

  /** Why a row of that time is refused; null when it is kept. */
  judge(low: number, high: number): RowFailure | null {
    const ns = toNumber(low, high);
    if (ns < this.earliestNs || ns > this.latestNs) return "timestamp";
    const hour = Math.floor(ns / HOUR_NS);
    if (hour === this.lastHour) return null;
    if (!this.ofPayload.has(hour)) {
      if (this.ofPayload.size >= this.limits.maxHours) return "hours";
      this.ofPayload.add(hour);
      this.ofBlock.add(hour);
    }
    this.lastHour = hour;
    return null;
  }

  /** True when the block had better be sent before another payload. */
  get isWide(): boolean {
    return this.ofBlock.size > BLOCK_HOURS;
  }

  clear(): void {
    this.ofBlock.clear();
  }
}
