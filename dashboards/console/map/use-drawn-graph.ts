// From the server's graph to what is drawn: groups, the blame path, the choice, what a search found.
// In: the graph and the parts of the URL that shape it. Out: boxes and lines, and which of them stand out.
// Bounds: computed once a change, not once a frame.
import { useMemo } from "react";
import type { Cause, ServiceGraph } from "../api/types.ts";
import { useLanguage } from "../language/language.tsx";
import type { Findable } from "../shell/find-box.tsx";
import { type BlamedPlaces, findBlamed } from "./blame.ts";
import { makeViewGraph, type ViewGraph } from "./view-graph.ts";

const NO_GROUPS: readonly string[] = [];

/** What is drawn. `selected` is the box of the chosen place, null when it is not in this graph. */
export interface DrawnGraph {
  readonly view: ViewGraph;
  readonly blamed: BlamedPlaces | null;
  readonly selected: string | null;
  readonly found: ReadonlySet<string> | null;
  readonly places: readonly Findable[];
  readonly nameOfId: (id: string) => string;
}

/** Prepares the graph for drawing. */
export function useDrawnGraph(
  graph: ServiceGraph | null,
  options: {
    readonly cause: Pick<Cause, "entity" | "blamePath"> | null;
    readonly node: string | null;
    readonly open: readonly string[] | undefined;
    readonly find: string;
  },
): DrawnGraph {
  const { t, name } = useLanguage();
  const { cause, node, find } = options;
  const open = options.open ?? NO_GROUPS;
  const openKey = open.join("\n");
  const rawBlamed = useMemo(
    () => (graph === null || cause === null ? null : findBlamed(cause, graph.nodes, graph.edges)),
    [graph, cause],
  );
  const view = useMemo(() => {
    const keep = new Set(rawBlamed?.nodes ?? []);
    if (node !== null) keep.add(node);
    return makeViewGraph(graph ?? { nodes: [], edges: [] }, {
      keep,
      open: openKey === "" ? NO_GROUPS : openKey.split("\n"),
      name,
      unnamedGroup: t("group.unnamed"),
    });
  }, [graph, rawBlamed, node, openKey, name, t]);
  const blamed = useMemo<BlamedPlaces | null>(() => {
    if (rawBlamed === null || rawBlamed.nodes.size === 0) return null;
    const edges = new Set(
      view.edges.filter((edge) => edge.origins.some((id) => rawBlamed.edges.has(id))).map((edge) => edge.id),
    );
    return { ...rawBlamed, edges };
  }, [rawBlamed, view]);
  const names = useMemo(
    () => new Map((graph?.nodes ?? []).map(({ entity }) => [entity.id, name(entity)])),
    [graph, name],
  );
  const places = useMemo<Findable[]>(
    () =>
      (graph?.nodes ?? []).map(({ entity, health }) => ({
        id: entity.id,
        label: name(entity),
        detail: [entity.namespace, entity.cluster].filter((part) => part !== null).join(" · "),
        health,
      })),
    [graph, name],
  );
  const found = useMemo(() => {
    const wanted = find.trim().toLowerCase();
    if (wanted === "") return null;
    const ids = places
      .filter((place) => `${place.label} ${place.detail}`.toLowerCase().includes(wanted))
      .flatMap((place) => view.boxOf.get(place.id) ?? []);
    return new Set(ids);
  }, [find, places, view]);
  const isGroup = node !== null && view.nodes.some((one) => one.id === node);
  return {
    view,
    blamed,
    selected: node === null ? null : (view.boxOf.get(node) ?? (isGroup ? node : null)),
    found,
    places,
    nameOfId: (id) => names.get(id) ?? id,
  };
}
