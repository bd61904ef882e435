// What decides on the names of senders, one for all signals and ways into this process: limits on how many, and other names of services.
// In: options. Out: the rules that every block takes. Bounds: those of ingest/cardinality.ts; aliases are read, never changed.
import { type Aliases, NO_ALIASES } from "../model/identity.ts";
import { Cardinality } from "./cardinality.ts";
import { CARDINALITY_LIMITS, type CardinalityLimits } from "./cardinality-limits.ts";

/** Options on the names of senders; aliases as in model/identity.ts. */
export interface SenderOptions {
  readonly cardinality: CardinalityLimits;
  readonly aliases: Aliases;
}

/** Limits that fit thousands of services, and no aliases. */
export const SENDER_DEFAULTS: SenderOptions = { cardinality: CARDINALITY_LIMITS, aliases: NO_ALIASES };

/** What blocks ask about names. */
export interface SenderRules {
  readonly cardinality: Cardinality;
  readonly aliases: Aliases;
}

/** Makes the rules; the seed is secret, so that nobody can choose names that collide. */
export function createSenderRules(options: SenderOptions, seed: number, clock: () => number): SenderRules {
  return { cardinality: new Cardinality(options.cardinality, seed, clock), aliases: options.aliases };
}
