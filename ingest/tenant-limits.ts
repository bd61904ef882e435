// What one tenant may take, so that the others go on: a part of each room, and bytes a second.
// In: tenants and bytes as they come and go. Out: whether there is room, how long to wait; throttled senders, counted.
// Bounds: tenants come from tokens, so there are at most MAX_LIVE_TOKENS; only MAX_LABELS of them have a label of their own in the
// metric. A tenant holds at most `timesFree` times what is free after it, so however many take all they can, something is left for the
// next: with 4, one leaves a fifth and two leave a ninth.
import { emitFrequent } from "./frequent-events.ts";

/** Limits of one tenant. */
export interface TenantLimits {
  /** Times the room that is free; 0: as much as there is. */
  readonly timesFree: number;
  /** Of bodies as decompressed; 0: any. */
  readonly bytesPerSecond: number;
  /** How many seconds of that may come at once. */
  readonly burstSeconds: number;
}

/** One tenant may take four fifths of a room, as fast as it likes. */
export const TENANT_LIMITS: TenantLimits = { timesFree: 4, bytesPerSecond: 0, burstSeconds: 10 };

/** Why there is no room: for anybody, or for this tenant. */
export type NoRoom = "full" | "share";

const MAX_LABELS = 100;
const OTHERS = "(others)";
const SWEEP_OVER = 1_000;

/** A number of bytes, or of anything else, that tenants take and give back. */
export class Room {
  private total = 0;
  private readonly held = new Map<string, number>();
  private readonly most: number;
  private readonly timesFree: number;

  constructor(most: number, timesFree: number) {
    this.most = most;
    this.timesFree = timesFree;
  }

  /** Takes `amount`, or says why not; `own` is what the same request has taken already. One that is alone is taken whatever its size. */
  take(tenant: string, amount: number, own = 0): NoRoom | null {
    const others = this.total - own;
    const before = this.held.get(tenant) ?? 0;
    if (others > 0) {
      const free = this.most - this.total - amount;
      if (free < 0) return "full";
      const isFirst = before === own;
      if (!isFirst && this.timesFree > 0 && before + amount > this.timesFree * free) return "share";
    }
    this.total += amount;
    this.held.set(tenant, before + amount);
    return null;
  }

  give(tenant: string, amount: number): void {
    this.total -= amount;
    const left = (this.held.get(tenant) ?? 0) - amount;
    if (left > 0) this.held.set(tenant, left);
    else this.held.delete(tenant);
  }
}

interface Bucket {
  /** Bytes that may come; below 0 they came already. */
  bytes: number;
  atMs: number;
}

/** The limits of all tenants of one process. */
export interface TenantGuard {
  readonly limits: TenantLimits;
  /** Seconds until the tenant may send, 0: now. */
  waitSeconds(tenant: string): number;
  /** Counts a body of `bytes` against the tenant's rate; one body may be larger than what is left. */
  spend(tenant: string, bytes: number): void;
  /** Counts and logs that a sender of the tenant was told to slow down. */
  throttled(signal: string, reason: string, tenant: string, detail?: string): void;
}

/** Makes the guard; `clock` in ms. */
export function createTenantGuard(limits: TenantLimits, clock: () => number): TenantGuard {
  const most = limits.bytesPerSecond * limits.burstSeconds;
  const buckets = new Map<string, Bucket>();
  const labels = new Set<string>();

  function bucketOf(tenant: string): Bucket {
    const nowMs = clock();
    const bucket = buckets.get(tenant) ?? { bytes: most, atMs: nowMs };
    bucket.bytes = filled(bucket, nowMs);
    bucket.atMs = nowMs;
    if (buckets.size >= SWEEP_OVER) sweep(nowMs);
    buckets.set(tenant, bucket);
    return bucket;
  }

  function filled({ bytes, atMs }: Bucket, nowMs: number): number {
    return Math.min(most, bytes + (Math.max(0, nowMs - atMs) / 1_000) * limits.bytesPerSecond);
  }

  /** A full bucket says as much as none. */
  function sweep(nowMs: number): void {
    for (const [tenant, bucket] of buckets) if (filled(bucket, nowMs) >= most) buckets.delete(tenant);
  }

  return {
    limits,
    waitSeconds(tenant) {
      if (limits.bytesPerSecond === 0) return 0;
      const { bytes } = bucketOf(tenant);
      return bytes > 0 ? 0 : Math.max(1, Math.ceil(-bytes / limits.bytesPerSecond));
    },
    spend(tenant, bytes) {
      if (limits.bytesPerSecond > 0) bucketOf(tenant).bytes -= bytes;
    },
    throttled(signal, reason, tenant, detail) {
      if (labels.size < MAX_LABELS) labels.add(tenant);
      emitFrequent("ingest.throttled", { signal, reason, tenant: labels.has(tenant) ? tenant : OTHERS }, detail);
    },
  };
}
