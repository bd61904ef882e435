// What the layout takes and gives, and the distances that it keeps.
// In: nothing; pure types and constants shared by the steps of the layout. Out: the same.
// Bounds: pixels at zoom 1; x to the right, y down.

/** A box to place, in pixels at zoom 1. */
export interface LayoutNode {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}
/** A call from one box to another. */
export interface LayoutEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
}
/** Which way calls flow on the screen. */
export type Direction = "right" | "down";

/** What to lay out; `room` (pixels) decides the direction and how long a layer may grow before it wraps. */
export interface LayoutInput {
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
  readonly room: { readonly width: number; readonly height: number };
  readonly previous?: LayoutMemory | undefined;
}
/** What the next layout needs to keep everything where it is. */
export interface LayoutMemory {
  readonly direction: Direction;
  /** Cross position of nodes by id and of bends by `source>target@rank`. */
  readonly cross: Readonly<Record<string, number>>;
  /** Which part of a wrapped layer a node is in. */
  readonly part: Readonly<Record<string, number>>;
  /** The cell in the grid of a node without calls. */
  readonly cell: Readonly<Record<string, number>>;
}
/** A finished layout; routes are flat x, y lists from caller to callee. */
export interface Layout {
  readonly direction: Direction;
  readonly centres: Readonly<Record<string, { readonly x: number; readonly y: number }>>;
  readonly routes: Readonly<Record<string, readonly number[]>>;
  readonly bounds: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly memory: LayoutMemory;
  readonly operations: number;
}

/** Between layers, along the way of the calls, by direction. */
export const LAYER_GAP = { right: 72, down: 48 } as const;
/** Between neighbours in a layer, by direction. */
export const NODE_GAP = { right: 18, down: 22 } as const;
/** Between the parts of a wrapped layer. */
export const WRAP_GAP = 26;

/** A node, or a bend of a call in a layer that it passes. `extent` is along the layer, `thickness` across it. */
export interface Vertex {
  readonly key: string;
  readonly rank: number;
  readonly thickness: number;
  readonly extent: number;
  readonly isBend: boolean;
}
