// The smallest rectangle around what was placed.
// In: nodes with centres, routes. Out: a rectangle; of no size when nothing was placed.
// Bounds: one pass; no spread of long lists into arguments.
import type { Layout, LayoutNode } from "./types.ts";

/** Around nodes. */
export function boundsOf(
  nodes: readonly LayoutNode[],
  centres: Readonly<Record<string, { readonly x: number; readonly y: number }>>,
): Layout["bounds"] {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const node of nodes) {
    const centre = centres[node.id];
    if (centre === undefined) continue;
    left = Math.min(left, centre.x - node.width / 2);
    right = Math.max(right, centre.x + node.width / 2);
    top = Math.min(top, centre.y - node.height / 2);
    bottom = Math.max(bottom, centre.y + node.height / 2);
  }
  return left === Infinity
    ? { x: 0, y: 0, width: 0, height: 0 }
    : { x: left, y: top, width: right - left, height: bottom - top };
}

/** A rectangle widened to hold routes too. */
export function includeRoutes(bounds: Layout["bounds"], routes: readonly (readonly number[])[]): Layout["bounds"] {
  let { x: left, y: top } = bounds;
  let [right, bottom] = [left + bounds.width, top + bounds.height];
  for (const route of routes) {
    for (let i = 0; i < route.length; i += 2) {
      left = Math.min(left, route[i]!);
      right = Math.max(right, route[i]!);
      top = Math.min(top, route[i + 1]!);
      bottom = Math.max(bottom, route[i + 1]!);
    }
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}
