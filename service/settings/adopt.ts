// The setting on a table of spans that a Collector writes.
// In: the defaults of adoption. Out: a row of the table of settings.
// Bounds: one table; a text alone is its name.
import { z } from "zod";
import { type AdoptOptions, MAX_BACKFILL_HOURS } from "../../storage/adopt.ts";
import { structure } from "../setting-kinds.ts";

const NAME = /^[^.\s]+\.[^.\s]+$/;

const adopt: z.ZodType<AdoptOptions | null> = z.preprocess(
  (given) => (typeof given === "string" ? { table: given } : given),
  z
    .strictObject({
      table: z.string().regex(NAME, "must be named as database.table"),
      tenant: z.string().max(256).default(""),
      cluster: z.string().max(256).default(""),
      backfillHours: z.number().min(1).max(MAX_BACKFILL_HOURS).default(1),
    })
    .nullable(),
);

/** The rows, in the order in which they are printed. */
export const ADOPT_SETTINGS = {
  "storage.adopt": structure<AdoptOptions | null>(
    "table",
    adopt,
    null,
    "An `otel_traces` that an OpenTelemetry Collector writes on the same ClickHouse, read in place (docs/adopt.md): `database.table`, or `table` with `tenant` (default: the setting `tenant`), `cluster` (where a span names none) and `backfillHours` (1 to 36, how far back spans are taken).",
  ),
};
