// The few pictures of the console's buttons, and the status shapes.
// In: a name or a status. Out: an inline SVG in the colour of its text.
// Bounds: decoration only; what a picture says is also said in words.
import type { ReactNode } from "react";
import type { EntityKind, Health } from "../api/types.ts";
import { HEALTH_MARKS, HEALTH_SHAPES, HOLLOW, KIND_SHAPES } from "../map/glyphs.ts";

const PICTURES = {
  sun: "M8 5a3 3 0 1 0 0 6a3 3 0 1 0 0-6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1.100 1.100M11.900 11.900L13 13M13 3l-1.100 1.100M4.100 11.900L3 13",
  moon: "M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z",
  help: "M8 1.800a6.200 6.200 0 1 0 0 12.400A6.200 6.200 0 1 0 8 1.800zM6.200 6.300a1.800 1.800 0 1 1 2.600 1.600c-.6.300-.8.700-.8 1.300M8 11.400v.1",
  find: "M7 2.500a4.500 4.500 0 1 0 0 9a4.500 4.500 0 1 0 0-9zM10.300 10.300L14 14",
  link: "M6.500 9.500l3-3M7 4.500l1.500-1.500a2.800 2.800 0 0 1 4 4L11 8.500M9 11.500L7.500 13a2.800 2.800 0 0 1-4-4L5 7.500",
  copy: "M5.500 5.500h8v8h-8zM2.500 10.500v-8h8",
  check: "M3 8.500l3.500 3.500L13 4.500",
  close: "M4 4l8 8M12 4l-8 8",
  back: "M10 3L5 8l5 5",
  forward: "M6 3l5 5-5 5",
  plus: "M8 3.500v9M3.500 8h9",
  minus: "M3.500 8h9",
  fit: "M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10",
  path: "M3 12.500a1.500 1.500 0 1 0 0 .01M13 3.500a1.500 1.500 0 1 0 0 .01M4.500 12.500h3a2.500 2.500 0 0 0 0-5h-1a2.500 2.500 0 0 1 0-5h4",
  group: KIND_SHAPES.GROUP ?? "",
  language:
    "M2 3.500h7M5.500 2v1.500M3 10c3-1.500 4.500-3.500 5-6.500M3.500 6c.8 1.800 2 3 3.500 3.800M8 14l3-7.500 3 7.500M9 11.800h4",
} as const;

/** A picture by name. */
export function Icon({ name, size = 16 }: { name: keyof typeof PICTURES; size?: number }): ReactNode {
  return (
    <svg
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth={1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden
    >
      <path d={PICTURES[name]} />
    </svg>
  );
}

/** The shape and colour of a status; `label` is its name for those who cannot see it. */
export function HealthShape({
  health,
  label,
  size = 14,
}: {
  health: Health;
  label?: string;
  size?: number;
}): ReactNode {
  const color = `var(--fl-${health === "UNKNOWN" ? "idle" : health.toLowerCase()})`;
  const isHollow = HOLLOW.has(health);
  return (
    <svg
      viewBox="0 0 16 16"
      width={size}
      height={size}
      style={{ flex: "none" }}
      {...(label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label })}
    >
      <path
        d={HEALTH_SHAPES[health]}
        fill={isHollow ? "none" : color}
        stroke={isHollow ? color : "none"}
        strokeWidth={1.8}
        strokeDasharray={health === "UNKNOWN" ? "2 3" : undefined}
      />
      {HEALTH_MARKS[health] !== "" && (
        <path d={HEALTH_MARKS[health]} stroke="var(--fl-surface)" strokeWidth={1.9} strokeLinecap="round" fill="none" />
      )}
    </svg>
  );
}

/** The picture of a kind of place; nothing for a service. */
export function KindIcon({ kind }: { kind: EntityKind | "GROUP" }): ReactNode {
  const shape = KIND_SHAPES[kind];
  if (shape === undefined) return null;
  return (
    <svg viewBox="0 0 16 16" width={13} height={13} fill="none" stroke="var(--fl-dim)" strokeWidth={1.3} aria-hidden>
      <path d={shape} />
    </svg>
  );
}

/** The mark of Faultline. */
export function Mark(): ReactNode {
  return (
    <svg viewBox="0 0 24 24" width={24} height={24} aria-hidden>
      <rect width="24" height="24" rx="6.5" fill="var(--mantine-color-indigo-5)" />
      <path
        d="M4 15.500h5l2.200-7 3 9 1.600-4.500H20"
        fill="none"
        stroke="#fff"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
