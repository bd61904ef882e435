// Computes the layout beside the page's own thread, so that a large mesh never makes the page stutter.
// In: messages { turn, input }. Out: messages { turn, layout }.
// Bounds: one layout at a time; the page drops answers that are out of date by their turn.
import { layoutGraph } from "./layout/layout.ts";
import type { Layout, LayoutInput } from "./layout/types.ts";

/** A question to the worker. */
export interface LayoutQuestion {
  readonly turn: number;
  readonly input: LayoutInput;
}
/** Its answer, with the turn of the question. */
export interface LayoutAnswer {
  readonly turn: number;
  readonly layout: Layout;
}

self.addEventListener("message", (event: MessageEvent<LayoutQuestion>) => {
  const answer: LayoutAnswer = { turn: event.data.turn, layout: layoutGraph(event.data.input) };
  self.postMessage(answer);
});
