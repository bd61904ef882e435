// The two lines of a card: its name, and its figures or how many places are in a group.
// In: a box. Out: short texts; the status in words when nothing was measured.
// Bounds: one line; the same words on the map, in its tips and for screen readers.
import { figuresLine } from "../graph/figures.ts";
import type { Language } from "../language/language.tsx";
import type { ViewNode } from "./view-graph.ts";

/** The name on a box: an instance without its service in front where its own name begins with it, as those of pods do. */
export function cardName(node: ViewNode): string {
  const { kind, entity, label } = node;
  if (kind !== "INSTANCE" || entity === null || entity.instance === null || entity.service === null) return label;
  return entity.instance.startsWith(entity.service) ? entity.instance : `${entity.service} ${entity.instance}`;
}

/** The line of a box. */
export function cardLine(node: ViewNode, { format, t, tn }: Pick<Language, "format" | "t" | "tn">): string {
  if (node.kind === "GROUP") return tn("group.members", node.members.length);
  const line = figuresLine(node, format, t);
  return line === "" ? t(`health.${node.health}`) : line;
}
