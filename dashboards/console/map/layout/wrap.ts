// Keeps layers from growing far longer than the room's shape allows.
// In: ordered layers. Out: rows; a long layer becomes several rows behind each other, neighbours near each other.
// Bounds: who was in a part stays there, and a layer is split anew only when it has clearly outgrown its parts.
import { type Direction, LAYER_GAP, type LayoutInput, type LayoutMemory, NODE_GAP, type Vertex } from "./types.ts";

/** Splits long layers; `partOf` gets the part of every vertex of a split one. */
export function wrapLayers(
  layers: readonly (readonly number[])[],
  vertices: readonly Vertex[],
  direction: Direction,
  room: LayoutInput["room"],
  previous: LayoutMemory | undefined,
  partOf: Record<string, number>,
): { vertices: number[]; continues: boolean }[] {
  const boxes = vertices.filter((vertex) => !vertex.isBend);
  if (boxes.length === 0) return layers.map((layer) => ({ vertices: [...layer], continues: false }));
  const extent = boxes.reduce((sum, box) => sum + box.extent, 0) / boxes.length + NODE_GAP[direction];
  const thick = boxes.reduce((sum, box) => sum + box.thickness, 0) / boxes.length + LAYER_GAP[direction];
  const shape = direction === "down" ? room.width / room.height : room.height / room.width;
  const fair = Math.sqrt((boxes.length * 1.6 * thick * shape) / extent);
  const most = Math.max(9, Math.ceil(fair));
  const isHeld = previous !== undefined;
  const held = previous?.part ?? {};
  return layers.flatMap((layer) => {
    const real = layer.filter((vertex) => !vertices[vertex]!.isBend).length;
    const heldParts = layer.reduce((sum, vertex) => Math.max(sum, (held[vertices[vertex]!.key] ?? 0) + 1), 1);
    // A layer that was drawn before is split anew only when it has clearly outgrown its parts.
    const outgrown = !isHeld || real > heldParts * most * 1.5;
    const parts = outgrown ? Math.max(heldParts, Math.ceil(real / most)) : heldParts;
    if (parts <= 1 || real < layer.length) return [{ vertices: [...layer], continues: false }];
    const rows: number[][] = Array.from({ length: parts }, () => []);
    layer.forEach((vertex, i) => {
      const part = held[vertices[vertex]!.key] ?? i % parts;
      partOf[vertices[vertex]!.key] = part;
      rows[part]!.push(vertex);
    });
    return rows.map((row, part) => ({ vertices: row, continues: part > 0 }));
  });
}
