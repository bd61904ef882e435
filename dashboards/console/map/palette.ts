// The map's colours, read from the page's style, so that dark and light are decided in one place (theme.css).
// In: an element of the page. Out: colours as CSS text.
// Bounds: read again only when the colour scheme changes; reading styles in every frame would be slow.
import type { Health } from "../api/types.ts";

/** Colours of the map. */
export interface Palette {
  readonly surface: string;
  readonly ground: string;
  readonly line: string;
  readonly border: string;
  readonly text: string;
  readonly dim: string;
  readonly accent: string;
  readonly blame: string;
  readonly onBlame: string;
  readonly font: string;
  readonly health: Readonly<Record<Health, string>>;
  readonly tint: Readonly<Record<Health, string>>;
}

/** Reads the palette. */
export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(`--fl-${name}`).trim();
  return {
    surface: read("surface"),
    ground: read("map"),
    line: read("line"),
    border: read("border"),
    text: read("text"),
    dim: read("dim"),
    accent: read("accent"),
    blame: read("failing"),
    onBlame: read("on-failing"),
    font: style.fontFamily,
    health: {
      HEALTHY: read("healthy"),
      DEGRADED: read("degraded"),
      FAILING: read("failing"),
      IDLE: read("idle"),
      UNKNOWN: read("idle"),
    },
    tint: {
      HEALTHY: read("surface"),
      DEGRADED: read("degraded-tint"),
      FAILING: read("failing-tint"),
      IDLE: read("surface"),
      UNKNOWN: read("surface"),
    },
  };
}
