// The second line of a card: figures, or how many places are in a group.
// In: a box. Out: short text; the status in words when nothing was measured.
// Bounds: one line; the same words on the map, in its tips and for screen readers.
import { figuresLine } from "../graph/figures.ts";
import type { Language } from "../language/language.tsx";
import type { ViewNode } from "./view-graph.ts";

/** The line of a box. */
export function cardLine(node: ViewNode, { format, t, tn }: Pick<Language, "format" | "t" | "tn">): string {
  if (node.kind === "GROUP") return tn("group.members", node.members.length);
  const line = figuresLine(node, format, t);
  return line === "" ? t(`health.${node.health}`) : line;
}
