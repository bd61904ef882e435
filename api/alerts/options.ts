// What the alerts can be told, with their defaults.
// In: nothing. Out: types and defaults that service/config composes.
// Bounds: no target by default, so nothing leaves the machine unasked.

/** The services an alert can be sent to. */
export const TARGET_KINDS = ["webhook", "slack", "feishu"] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

/** Where to send; `name` is kept in storage and must stay the same. `secret` signs a webhook or a Feishu message. */
export interface AlertTarget {
  readonly name: string;
  readonly kind: TargetKind;
  readonly url: string;
  readonly secret?: string;
}

/** Options of the alerts; `baseUrl` is where people reach the console. */
export interface AlertOptions {
  readonly tenant: string;
  readonly baseUrl: string;
  readonly targets: readonly AlertTarget[];
  readonly pollIntervalMs: number;
  /** Time for one attempt. */
  readonly timeoutMs: number;
  /** How long an attempt is ours; after a crash it is tried again by anybody. */
  readonly claimMs: number;
  /** How long a claim is left to lie before it is read back: longer than two processes' inserts are apart. */
  readonly settleMs: number;
  /** Pauses after each failed attempt; when they are used up the alert is given up. */
  readonly backoffMs: readonly number[];
  /** Incidents that changed longer ago are not told any more. */
  readonly maxAgeMs: number;
}

/** Defaults: nobody to tell; nine attempts over about eight hours. */
export const ALERTS_DEFAULTS: AlertOptions = {
  tenant: "default",
  baseUrl: "http://localhost:3300",
  targets: [],
  pollIntervalMs: 2000,
  timeoutMs: 10_000,
  claimMs: 60_000,
  settleMs: 300,
  backoffMs: [5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000],
  maxAgeMs: 24 * 3_600_000,
};
