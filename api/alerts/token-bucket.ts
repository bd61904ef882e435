// How many messages a target takes: tokens that come back with time.
// In: a rate, a burst, the time. Out: whether one more may go now.
// Bounds: never more than `burst` tokens; the clock is an argument, and a clock that runs back gives nothing.

/** A bucket that refills `perSecond` up to `burst`; full at first. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Takes a token when there is one. */
  take(nowMs: number): boolean {
    const elapsed = Math.max(0, nowMs - this.#atMs) / 1000;
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsed * this.#perSecond);
    this.#atMs = Math.max(this.#atMs, nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
