// A small mesh that only metrics tell of: web calls shop and cart, both call db; a history that breathes by a few per cent.
// In: what nodes do in the window in question. Out: rows as storage gives them, scenes, shares by name.
// Bounds: window 0 is in question, WINDOWS before it are its history.
import { blameNodes } from "../../../analyzer/localize/metric-blame.ts";
import { buildMetricScene, type MetricScene } from "../../../analyzer/localize/metric-scene.ts";
import type { ServiceCallRow, ServiceMetricRow } from "../../../storage/service-metrics.ts";

/** Windows of history. */
export const WINDOWS = 40;
/** Key of a node. */
export const key = (service: string) => `service|||${service}`;
/** True of windows of history. */
export const isBaseline = (window: number) => window < 0;

/** What a node does in a window. */
export interface Usual {
  readonly requests: number;
  readonly ms: number;
  readonly failed?: number;
  /** Windows of history, newest first; all of them where it is not said. */
  readonly seen?: number;
}

/** One node in one window. */
export function row(service: string, window: number, requests: number, failed: number, ms: number): ServiceMetricRow {
  return { window, cluster: "", namespace: "", service, requests, failed, total_ms: ms * requests };
}

/** A history that breathes by a few per cent, the same each time. */
export function history(service: string, { requests, ms, failed = 0, seen = WINDOWS }: Usual): ServiceMetricRow[] {
  return Array.from({ length: seen }, (_, i) => {
    const breath = 1 + 0.03 * Math.sin(i * 2.4);
    return row(service, -1 - i, Math.round(requests / breath), failed, ms * breath);
  });
}

/** Calls of one node to another; 0: there are some. */
export const call = (client: string, server: string, calls = 0): ServiceCallRow => ({ client, server, calls });

/** What the nodes usually do. */
export const USUAL: Readonly<Record<string, Usual>> = {
  web: { requests: 1000, ms: 100 },
  shop: { requests: 600, ms: 80 },
  cart: { requests: 400, ms: 40 },
  db: { requests: 1500, ms: 5 },
};
const CALLS = [call("web", "shop"), call("web", "cart"), call("shop", "db"), call("cart", "db")];

/** The mesh above; `now` changes what a node does in the window in question. */
export function mesh(
  now: Readonly<Record<string, Partial<Usual>>>,
  more: { rows?: readonly ServiceMetricRow[]; calls?: readonly ServiceCallRow[] } = {},
) {
  const rows = Object.entries(USUAL).flatMap(([service, usual]) => {
    const { requests, ms, failed = 0 } = { ...usual, ...now[service] };
    return [...history(service, usual), row(service, 0, requests, failed, ms)];
  });
  return { rows: [...rows, ...(more.rows ?? [])], calls: [...CALLS, ...(more.calls ?? [])] };
}

/** The scene of rows and calls. */
export function sceneOf({ rows, calls }: ReturnType<typeof mesh>): MetricScene {
  return buildMetricScene(rows, calls, { fault: 0, isBaseline });
}

/** The shares of a symptom by name, those of noise left out. */
export function shares(scene: MetricScene, symptom: string, indicator: "ERRORS" | "LATENCY"): Record<string, number> {
  return Object.fromEntries(
    blameNodes(scene, key(symptom), indicator)
      .filter(({ share }) => share > 0.005)
      .map((blame) => [blame.key.split("|").at(-1)!, Math.round(blame.share * 100) / 100]),
  );
}
