// The setting on what is promised of services.
// In: objectives. Out: a row of the table of settings.
// Bounds: names are unique; an objective lies between 0.5 and 1, both excluded; latency needs its threshold.
import { z } from "zod";
import type { Objective } from "../../analyzer/slo.ts";
import { structure } from "../setting-kinds.ts";

const objective = z
  .strictObject({
    name: z.string().min(1).max(128),
    service: z.string().min(1),
    namespace: z.string().min(1).exactOptional(),
    cluster: z.string().min(1).exactOptional(),
    indicator: z.enum(["availability", "latency"]),
    objective: z.number().gt(0.5).lt(1),
    thresholdMs: z.number().positive().exactOptional(),
  })
  .refine((one) => one.indicator !== "latency" || one.thresholdMs !== undefined, {
    message: "latency needs thresholdMs",
    path: ["thresholdMs"],
  });

const objectives: z.ZodType<readonly Objective[]> = z
  .array(objective)
  .max(1000)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
    message: "two objectives share a name",
  });

/** The rows, in the order in which they are printed. */
export const SLO_SETTINGS = {
  "slo.objectives": structure<readonly Objective[]>(
    "objectives",
    objectives,
    [],
    "What is promised of services (docs/detection.md): a list of `name`, `service` (and `namespace`, `cluster` to narrow), `indicator` availability or latency, `objective` (such as 0.999 of the requests), and for latency `thresholdMs`. A budget that burns 14.4 times too fast over 1 h and 5 min, or 6 times over 6 h and 30 min, is an incident's symptom.",
  ),
};
