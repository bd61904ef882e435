// The limits of decoding: what one payload, span or value may cost.
// In: nothing. Out: numbers that every decoder takes, and the reasons a payload or a row is refused for.
// Bounds: a value past its length is cut and counted; a row past a limit is refused and counted; a payload past a limit is refused whole.
import type { WireFailure } from "./wire.ts";

/** Limits of decoding; sizes in bytes, counts per row. */
export interface DecodeLimits {
  readonly maxValueBytes: number;
  readonly maxBodyBytes: number;
  readonly maxNameBytes: number;
  readonly maxAttributes: number;
  readonly maxEvents: number;
  readonly maxLinks: number;
  readonly maxDepth: number;
  /** Rows times their width after expansion: a resource is repeated on each of its rows. */
  readonly maxExpandedBytes: number;
  /** Distinct hours of event time in one payload: each is a partition of storage. */
  readonly maxHours: number;
  /** Oldest accepted event time, seconds before now; null keeps whatever is not before the year 2000. */
  readonly maxAgeSeconds: number | null;
}

/** Limits that fit what SDKs and Collectors send by default. */
export const DECODE_LIMITS: DecodeLimits = {
  maxValueBytes: 16 << 10,
  maxBodyBytes: 1 << 20,
  maxNameBytes: 1024,
  maxAttributes: 256,
  maxEvents: 512,
  maxLinks: 512,
  maxDepth: 32,
  maxExpandedBytes: 256 << 20,
  maxHours: 48,
  maxAgeSeconds: null,
};

/** Why a whole payload is refused. */
export type PayloadFailure = WireFailure | "json_syntax" | "json_shape" | "nesting" | "expansion" | "defect";

/** Why one row is refused while its payload is kept. */
export type RowFailure = "ids" | "timestamp" | "hours" | "value";

/** What decoding one payload came to. `rejected` rows were left out for `rejectedReason`; `truncated` values were cut. */
export type DecodeOutcome =
  | {
      readonly ok: true;
      readonly rows: number;
      readonly rejected: number;
      readonly rejectedReason: RowFailure | null;
      readonly truncated: number;
    }
  | { readonly ok: false; readonly reason: PayloadFailure };
