// The builder that every GraphQL type is made with, and what a resolver gets.
// In: nothing. Out: a Pothos builder with our scalars and context.
// Bounds: non-null is the default for outputs, as in the contract; resolvers reach storage only through the context.
import SchemaBuilder from "@pothos/core";
import type { ExplainDetection } from "../../model/incident-check.ts";
import type { Localization, Localize } from "../../model/localization.ts";
import type { Storage } from "../../storage/client.ts";
import type { IncidentFeed } from "../incident-feed.ts";
import { parseInstant } from "../instant.ts";
import type { ApiLimits } from "../options.ts";
import { refuse } from "../refusal.ts";

// Of what a client sent, as much is said back to it.
const SHOWN_CHARACTERS = 40;

/** What every resolver is handed; one a request. */
export interface ApiContext {
  readonly tenant: string;
  readonly storage: Storage;
  readonly localize: Localize | null;
  readonly explainDetection: ExplainDetection | null;
  readonly limits: ApiLimits;
  readonly version: string;
  readonly now: () => number;
  readonly feed: IncidentFeed;
  readonly requestId: string;
  /** Ends when the client has gone; null for a plain request. */
  readonly gone: AbortSignal | null;
  readonly localization: (id: string) => Promise<Localization | null>;
  /** Runs one localization on demand, or refuses with BUSY. */
  readonly admitLocalize: <T>(work: () => Promise<T>) => Promise<T>;
}

function makeBuilder() {
  const builder = new SchemaBuilder<{
    Context: ApiContext;
    DefaultFieldNullability: false;
    Scalars: {
      ID: { Input: string; Output: string };
      DateTime: { Input: string; Output: string };
    };
  }>({ defaultFieldNullability: false });
  builder.scalarType("DateTime", {
    description: "A point in time: RFC 3339 in UTC, such as 2026-01-31T14:03:00Z; up to nanoseconds on input.",
    serialize: (value) => value,
    parseValue: (value) => {
      const parsed =
        typeof value === "string" ? parseInstant(value) : { ok: false as const, reason: "expected a string" };
      if (!parsed.ok) {
        const shown = JSON.stringify(value)?.slice(0, SHOWN_CHARACTERS);
        throw refuse("BAD_ARGUMENT", `DateTime ${shown}: ${parsed.reason}.`);
      }
      return parsed.text;
    },
  });
  return builder;
}

/** A builder of our schema. */
export type ApiBuilder = ReturnType<typeof makeBuilder>;

/** A fresh builder with the DateTime scalar. */
export function createBuilder(): ApiBuilder {
  return makeBuilder();
}
