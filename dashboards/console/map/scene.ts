// What is on the map and where: boxes and lines with places, ready to paint and to hit.
// In: the drawn graph and its layout. Out: a scene in world pixels.
// Bounds: made once a layout or answer, not once a frame; curves are sampled once for dots and labels.
import type { Layout } from "./layout/types.ts";
import { BOX } from "./use-layout.ts";
import type { ViewEdge, ViewGraph, ViewNode } from "./view-graph.ts";
import type { Box } from "./viewport.ts";

/** A box with its place (top left). */
export interface SceneNode extends Box {
  readonly node: ViewNode;
}
/** A line with its curve; `samples` is a flat x, y list along it, `middle` the point for its label. */
export interface SceneEdge {
  readonly edge: ViewEdge;
  readonly path: Path2D;
  readonly samples: readonly number[];
  readonly middle: readonly [number, number];
  readonly bounds: Box;
}
/** Everything on the map. */
export interface Scene {
  readonly nodes: readonly SceneNode[];
  readonly edges: readonly SceneEdge[];
  readonly byId: ReadonlyMap<string, SceneNode>;
  readonly bounds: Box;
  readonly linesOf: ReadonlyMap<string, readonly SceneEdge[]>;
}

const SAMPLES = 14;

/** Puts the graph where the layout says; a box that the layout does not know yet is left out until it does. */
export function makeScene(graph: ViewGraph, layout: Layout): Scene {
  const nodes: SceneNode[] = [];
  for (const node of graph.nodes) {
    const centre = layout.centres[node.id];
    if (centre === undefined) continue;
    nodes.push({ node, x: centre.x - BOX.width / 2, y: centre.y - BOX.height / 2, ...BOX });
  }
  const edges: SceneEdge[] = [];
  const linesOf = new Map<string, SceneEdge[]>();
  for (const edge of graph.edges) {
    const route = layout.routes[edge.id];
    if (route === undefined || route.length < 4) continue;
    const line = bendRoute(edge, route, layout.direction === "down");
    edges.push(line);
    for (const end of [edge.source, edge.target]) {
      const lines = linesOf.get(end);
      if (lines === undefined) linesOf.set(end, [line]);
      else lines.push(line);
    }
  }
  return { nodes, edges, byId: new Map(nodes.map((node) => [node.node.id, node])), bounds: layout.bounds, linesOf };
}

/** Joins route points by curves that leave and enter along the way of the layout. */
function bendRoute(edge: ViewEdge, route: readonly number[], isDown: boolean): SceneEdge {
  const path = new Path2D();
  const samples: number[] = [route[0]!, route[1]!];
  path.moveTo(route[0]!, route[1]!);
  for (let i = 2; i + 1 < route.length; i += 2) {
    const [x0, y0, x1, y1] = [route[i - 2]!, route[i - 1]!, route[i]!, route[i + 1]!];
    const [mx, my] = [(x0 + x1) / 2, (y0 + y1) / 2];
    const [ax, ay, bx, by] = isDown ? [x0, my, x1, my] : [mx, y0, mx, y1];
    path.bezierCurveTo(ax, ay, bx, by, x1, y1);
    for (let s = 1; s <= SAMPLES; s++) {
      const t = s / SAMPLES;
      const u = 1 - t;
      const [c0, c1, c2, c3] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
      samples.push(c0 * x0 + c1 * ax + c2 * bx + c3 * x1, c0 * y0 + c1 * ay + c2 * by + c3 * y1);
    }
  }
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < samples.length; i += 2) {
    left = Math.min(left, samples[i]!);
    right = Math.max(right, samples[i]!);
    top = Math.min(top, samples[i + 1]!);
    bottom = Math.max(bottom, samples[i + 1]!);
  }
  const at = Math.floor(samples.length / 4) * 2;
  return {
    edge,
    path,
    samples,
    middle: [samples[at]!, samples[at + 1]!],
    bounds: { x: left, y: top, width: right - left, height: bottom - top },
  };
}

/** The topmost box at a world point; null when there is none. */
export function hitNode(scene: Scene, x: number, y: number, slack: number): SceneNode | null {
  for (let i = scene.nodes.length - 1; i >= 0; i--) {
    const node = scene.nodes[i]!;
    if (x < node.x - slack || x > node.x + node.width + slack) continue;
    if (y >= node.y - slack && y <= node.y + node.height + slack) return node;
  }
  return null;
}
