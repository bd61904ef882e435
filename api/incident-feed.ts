// Live incidents for subscribers: one poller a process, however many listen.
// In: incidents by revision from storage. Out: an async iterator a subscriber, each with the newest state of what changed.
// Bounds: `maxSubscribers`; a slow subscriber keeps one entry an incident (the newest), never a growing queue; no polling
// while nobody listens. A cycle that wrote up to OVERLAP ago is still seen: revisions are clocks of other processes.
import { emitEvent } from "../model/events.ts";
import { reasonOf } from "../model/errors.ts";
import type { StoredIncident } from "../storage/incidents.ts";
import { refuse } from "./refusal.ts";

const OVERLAP_NS = 120_000_000_000n;
const PAGE_ROWS = 1000;

/** What a feed needs: a bounded read by revision, a clock (unix ms) and the time between polls. */
export interface FeedOptions {
  readonly readSince: (revision: string, limit: number) => Promise<StoredIncident[]>;
  readonly now: () => number;
  readonly pollIntervalMs: number;
  readonly maxSubscribers: number;
}

interface Subscriber {
  readonly pending: Map<string, StoredIncident>;
  wake: (() => void) | null;
  ended: boolean;
}

/** Polls storage while somebody listens and hands each change to every subscriber. */
export class IncidentFeed {
  readonly #options: FeedOptions;
  readonly #subscribers = new Set<Subscriber>();
  readonly #seen = new Map<string, bigint>();
  #timer: NodeJS.Timeout | null = null;
  #polling: Promise<void> = Promise.resolve();
  #starting: Promise<void> | null = null;
  #failed = false;
  #stopped = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** How many listen now. */
  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  /** Changes from now on, until `gone` aborts or the iterator is returned; refused when the process is full. */
  async subscribe(gone: AbortSignal | null): Promise<AsyncIterableIterator<StoredIncident>> {
    if (this.#stopped || this.#subscribers.size >= this.#options.maxSubscribers) {
      throw refuse(
        "TOO_MANY_SUBSCRIBERS",
        `This process serves ${this.#options.maxSubscribers} subscriptions; close one or poll \`incidents\`.`,
      );
    }
    const subscriber: Subscriber = { pending: new Map(), wake: null, ended: false };
    this.#subscribers.add(subscriber);
    try {
      // What exists now is the base line: only what changes later is told.
      await this.#start();
    } catch (error) {
      this.#end(subscriber);
      emitEvent("api.failed", { part: "incident-feed" }, reasonOf(error));
      throw refuse("STORAGE_UNAVAILABLE", "Storage does not answer; try again.");
    }
    gone?.addEventListener("abort", () => this.#end(subscriber), { once: true });
    if (gone?.aborted === true) this.#end(subscriber);
    return this.#iterate(subscriber);
  }

  /** Ends every subscription and the polling. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const subscriber of this.#subscribers) this.#end(subscriber);
    await this.#polling;
  }

  #start(): Promise<void> {
    if (this.#timer !== null) return Promise.resolve();
    this.#starting ??= this.#readChanges()
      .then(() => {
        if (this.#subscribers.size > 0) this.#schedule();
      })
      .finally(() => {
        this.#starting = null;
      });
    return this.#starting;
  }

  #schedule(): void {
    // A poll may end after a new subscriber has started the next one: one chain of polls, not two.
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll();
    }, this.#options.pollIntervalMs);
    this.#timer.unref();
  }

  async #poll(): Promise<void> {
    try {
      for (const incident of await this.#readChanges()) {
        for (const subscriber of this.#subscribers) {
          // Deleted first, so that the newest change is the last one in the order of the map.
          subscriber.pending.delete(incident.id);
          if (incident.status === "WITHDRAWN") continue;
          subscriber.pending.set(incident.id, incident);
          subscriber.wake?.();
        }
      }
      this.#failed = false;
    } catch (error) {
      // Told once an outage: a poll a second would drown the log.
      if (!this.#failed) emitEvent("api.failed", { part: "incident-feed" }, reasonOf(error));
      this.#failed = true;
    }
    if (this.#subscribers.size > 0) this.#schedule();
    else this.#timer = null;
  }

  // Incidents whose revision is new to us, in order; remembers them.
  async #readChanges(): Promise<StoredIncident[]> {
    let newest = 0n;
    for (const revision of this.#seen.values()) if (revision > newest) newest = revision;
    const nowNs = BigInt(Math.floor(this.#options.now())) * 1_000_000n;
    let from = (newest > 0n && newest < nowNs ? newest : nowNs) - OVERLAP_NS;
    if (from < 0n) from = 0n;
    for (const [id, revision] of this.#seen) if (revision < from) this.#seen.delete(id);
    const changed: StoredIncident[] = [];
    for (;;) {
      const rows = await this.#options.readSince(String(from), PAGE_ROWS);
      for (const row of rows) {
        const revision = BigInt(row.revision);
        if ((this.#seen.get(row.id) ?? -1n) >= revision) continue;
        this.#seen.set(row.id, revision);
        changed.push(row);
      }
      const last = rows.at(-1);
      if (rows.length < PAGE_ROWS || last === undefined || BigInt(last.revision) <= from) break;
      from = BigInt(last.revision);
    }
    return changed;
  }

  #end(subscriber: Subscriber): void {
    subscriber.ended = true;
    subscriber.pending.clear();
    this.#subscribers.delete(subscriber);
    subscriber.wake?.();
    if (this.#subscribers.size === 0 && this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
  }

  #iterate(subscriber: Subscriber): AsyncIterableIterator<StoredIncident> {
    const next = async (): Promise<IteratorResult<StoredIncident>> => {
      while (!subscriber.ended) {
        for (const [id, incident] of subscriber.pending) {
          subscriber.pending.delete(id);
          return { done: false, value: incident };
        }
        await new Promise<void>((resolve) => {
          subscriber.wake = resolve;
        });
        subscriber.wake = null;
      }
      return { done: true, value: undefined };
    };
    return {
      next,
      return: () => {
        this.#end(subscriber);
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}
