// The settings on the names of senders: how many a tenant may make, and other names of services.
// In: the defaults of ingest. Out: rows of the table of settings.
// Bounds: an alias is a name, or namespace/name; what it stands for is taken as it is.
import { z } from "zod";
import { CARDINALITY_LIMITS } from "../../ingest/cardinality-limits.ts";
import { numbers, structure } from "../setting-kinds.ts";

const NAME = /^[^/\s]{1,256}(\/[^/\s]{1,256})?$/;
const name = z.string().regex(NAME, "must be a service's name, or namespace/name");

/** The rows, in the order in which they are printed. */
export const SENDER_SETTINGS = {
  "ingest.cardinality": numbers(
    { ...CARDINALITY_LIMITS },
    "How many names a tenant may make within windowHours; what is past a limit is stored as `__overflow__`, counted and shown by `faultline doctor`.",
  ),
  "identity.aliases": structure<Readonly<Record<string, string>>>(
    "service by alias",
    z.record(name, name),
    {},
    "Other names of services: `name` or `namespace/name` → the service's `name` or `namespace/name`.",
  ),
};
