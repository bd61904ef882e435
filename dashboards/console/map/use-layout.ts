// The layout of what is drawn, kept stable while figures come and go.
// In: the boxes and lines. Out: the newest layout, or null until there is one.
// How: a layout is asked for only when boxes or lines were added or taken away; a line that was there before keeps
// shaping the map while both of its ends stay, so that a call that pauses for a moment moves nothing.
// Bounds: one worker a map; at most one question on its way, the newest waits.
import { useEffect, useRef, useState } from "react";
import type { LayoutAnswer, LayoutQuestion } from "./layout-worker.ts";
import type { Layout, LayoutEdge, LayoutMemory } from "./layout/types.ts";
import type { ViewGraph } from "./view-graph.ts";

/** Size of a box on the map, world pixels. */
export const BOX = { width: 164, height: 46 } as const;

/** Lays the graph out in a worker; `subject` names what the map is about, and another one starts afresh. */
export function useLayout(
  graph: ViewGraph,
  subject: string,
  room: { readonly width: number; readonly height: number } | null,
): { layout: Layout; subject: string } | null {
  const [answer, setAnswer] = useState<{ layout: Layout; subject: string } | null>(null);
  const worker = useRef<Worker | null>(null);
  const memory = useRef<{ subject: string; layout: LayoutMemory; edges: ReadonlyMap<string, LayoutEdge> } | null>(null);
  const asked = useRef({ turn: 0, shape: "" });

  useEffect(() => {
    const made = new Worker(new URL("./layout-worker.ts", import.meta.url), { type: "module", name: "layout" });
    worker.current = made;
    return () => {
      made.terminate();
      worker.current = null;
      asked.current = { turn: asked.current.turn, shape: "" };
    };
  }, []);

  useEffect(() => {
    if (worker.current === null || room === null || graph.nodes.length === 0) return;
    const ids = new Set(graph.nodes.map((node) => node.id));
    const earlier = memory.current?.subject === subject ? memory.current : null;
    const edges = new Map<string, LayoutEdge>();
    for (const edge of earlier?.edges.values() ?? []) {
      if (ids.has(edge.source) && ids.has(edge.target)) edges.set(edge.id, edge);
    }
    for (const { id, source, target } of graph.edges) edges.set(id, { id, source, target });
    const shape = JSON.stringify([subject, [...ids].toSorted(), [...edges.keys()].toSorted()]);
    if (shape === asked.current.shape) return;
    const turn = asked.current.turn + 1;
    asked.current = { turn, shape };
    const question: LayoutQuestion = {
      turn,
      input: {
        nodes: graph.nodes.map((node) => ({ id: node.id, ...BOX })),
        edges: [...edges.values()],
        room: { width: room.width, height: room.height },
        previous: earlier?.layout,
      },
    };
    worker.current.onmessage = (event: MessageEvent<LayoutAnswer>) => {
      if (event.data.turn !== asked.current.turn) return;
      memory.current = { subject, layout: event.data.layout.memory, edges };
      setAnswer({ layout: event.data.layout, subject });
    };
    worker.current.postMessage(question);
  }, [graph, subject, room]);
  return answer;
}
