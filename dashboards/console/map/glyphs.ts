// Shapes that tell a status without colour, and pictures for the kinds of places.
// In: a status or kind. Out: SVG path text in a box of 16, used by the canvas and by the page alike.
// Bounds: one shape a status: disc, triangle, cross in an octagon, ring, dotted ring.
import type { EntityKind, Health } from "../api/types.ts";

/** Outline of each status; drawn filled, except for IDLE and UNKNOWN, which are drawn as lines. */
export const HEALTH_SHAPES: Readonly<Record<Health, string>> = {
  HEALTHY: "M8 3.2a4.8 4.8 0 1 0 0 9.6a4.8 4.8 0 1 0 0-9.6z",
  DEGRADED: "M8 1.8l6.6 11.9H1.4z",
  FAILING: "M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2z",
  IDLE: "M8 3.4a4.6 4.6 0 1 0 0 9.2a4.6 4.6 0 1 0 0-9.2z",
  UNKNOWN: "M8 3.4a4.6 4.6 0 1 0 0 9.2a4.6 4.6 0 1 0 0-9.2z",
};
/** What is drawn over the filled shape, as lines. */
export const HEALTH_MARKS: Readonly<Record<Health, string>> = {
  HEALTHY: "",
  DEGRADED: "M8 6v3.4M8 11.4v.4",
  FAILING: "M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2",
  IDLE: "",
  UNKNOWN: "",
};
/** Statuses whose shape is hollow. */
export const HOLLOW: ReadonlySet<Health> = new Set(["IDLE", "UNKNOWN"]);

/** A line picture of the kinds that are not services. */
export const KIND_SHAPES: Readonly<Partial<Record<EntityKind | "GROUP", string>>> = {
  DATABASE:
    "M3 4c0-1.1 2.2-2 5-2s5 .9 5 2-2.2 2-5 2-5-.9-5-2zM3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2",
  MESSAGING: "M2 3.5h12v9H2zM2 4l6 5 6-5",
  EXTERNAL:
    "M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2zM2 8h12M8 2c2 1.6 2.8 3.600 2.800 6s-.8 4.400-2.800 6c-2-1.600-2.800-3.600-2.800-6s.8-4.400 2.800-6z",
  GROUP: "M2 2.500h5v5H2zM9 2.500h5v5H9zM2 9.500h5v4H2zM9 9.500h5v4H9z",
  CLUSTER: "M8 1.500l6 3.200v6.600l-6 3.200-6-3.200V4.700zM2 4.700l6 3.300 6-3.300M8 8v6.500",
  NAMESPACE: "M2 4h5l1.500 2H14v7.500H2z",
  NODE: "M2.500 3h11v4h-11zM2.500 9h11v4h-11zM5 5h.5M5 11h.5",
};
