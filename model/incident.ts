// One incident per fault, not per alarm.
// In: nothing; pure types. Out: what the analyzer opens and closes, the API lists and the alerts tell.
// Bounds: the id is a hash of tenant, place and onset bucket, so a replay of the same events yields the same incident.
import type { Entity } from "./entity.ts";
import type { Localization } from "./localization.ts";

/** OPEN until three clean buckets have passed; WITHDRAWN when late data showed that there was no incident. */
export type IncidentStatus = "OPEN" | "RESOLVED" | "WITHDRAWN";

/** How much of an entity's traffic is hit: `affectedRatio` is 0..1 of its requests in the window, null when unknown. */
export interface Impact {
  readonly entity: Entity;
  readonly affectedRatio: number | null;
}

/** An incident as stored and shown; all times are event times, RFC 3339 UTC. */
export interface Incident {
  readonly id: string;
  readonly status: IncidentStatus;
  readonly title: string;
  readonly startedAt: string;
  readonly detectedAt: string;
  readonly resolvedAt: string | null;
  readonly impact: readonly Impact[];
  readonly localization: Localization | null;
}
