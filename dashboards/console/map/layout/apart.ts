// Places services without any call in a grid below the others.
// In: those services, where the others are, the cells of the last layout. Out: a place and a cell for each.
// Bounds: who has a cell keeps it; new ones take the first free cells.
import { boundsOf } from "./bounds.ts";
import { LAYER_GAP, type LayoutInput, type LayoutNode, NODE_GAP } from "./types.ts";

/** The grid of what stands apart. */
export function placeApart(
  apart: readonly LayoutNode[],
  nodes: readonly LayoutNode[],
  centres: Readonly<Record<string, { x: number; y: number }>>,
  room: LayoutInput["room"],
  held: Readonly<Record<string, number>>,
): Map<string, { x: number; y: number; cell: number }> {
  const out = new Map<string, { x: number; y: number; cell: number }>();
  if (apart.length === 0) return out;
  const main = boundsOf(
    nodes.filter((node) => centres[node.id] !== undefined),
    centres,
  );
  const width = Math.max(...apart.map((node) => node.width)) + NODE_GAP.down;
  const height = Math.max(...apart.map((node) => node.height)) + NODE_GAP.right;
  const square = Math.sqrt((apart.length * width * height * room.width) / room.height);
  const columns = Math.max(1, Math.round((main.width > 0 ? main.width : square) / width));
  const top = main.height === 0 ? 0 : main.y + main.height + LAYER_GAP.down;
  const taken = new Set(apart.map((node) => held[node.id]));
  let free = 0;
  for (const node of apart) {
    let cell = held[node.id];
    if (cell === undefined) {
      while (taken.has(free)) free++;
      cell = free++;
    }
    out.set(node.id, {
      x: main.x + (cell % columns) * width + node.width / 2,
      y: top + Math.floor(cell / columns) * height + node.height / 2,
      cell,
    });
  }
  return out;
}
