// Reads the scene of a question: what every instance and edge did in both windows.
// In: a tenant and two sets of buckets. Out: a Scene; those who ask for the same while it is being read get the same one.
// Bounds: three reads. Latency histograms of edges are most of what storage would read, so they are read only of callees to which a call
//   takes longer than before; elsewhere `callerHist` stays empty, which no evidence takes for a shift.
import { addHistogram } from "../../model/histogram.ts";
import { readEdgeWindow, readOperationWindow, type Windows } from "../../storage/buckets.ts";
import type { Storage } from "../../storage/client.ts";
import { sourceKey, targetKey } from "../history.ts";
import { buildScene, type EdgeScene, type Scene } from "./scene.ts";

// Looser than what exclusive-time.ts calls a rise, so that nothing it looks at is missing.
const MIN_RISE_RATIO = 0.05;
const MIN_RISE_NS = 250_000;
// With more slow callees than this a filter saves nothing.
const MAX_TARGETS = 500;

// Incidents that open together ask for the same windows at the same time.
const reading = new WeakMap<Storage, Map<string, Promise<Scene>>>();

/** Reads both windows from storage. */
export function readScene(storage: Storage, tenant: string, windows: Windows): Promise<Scene> {
  const shared = reading.get(storage) ?? new Map<string, Promise<Scene>>();
  reading.set(storage, shared);
  const about = JSON.stringify([tenant, windows.fault, windows.baseline]);
  const known = shared.get(about);
  if (known !== undefined) return known;
  const scene = readWindows(storage, tenant, windows).finally(() => shared.delete(about));
  shared.set(about, scene);
  return scene;
}

/** True where a call of this edge, or the part of it that the callee does not cover, takes longer than in the baseline. */
export function isSlower({ fault, baseline }: EdgeScene): boolean {
  if (fault.callerCalls === 0 || baseline.callerCalls === 0) return false;
  return (["callerNs", "gapNs"] as const).some((field) => {
    const [now, before] = [fault[field] / fault.callerCalls, baseline[field] / baseline.callerCalls];
    return now - before >= MIN_RISE_NS && now - before >= MIN_RISE_RATIO * before;
  });
}

async function readWindows(storage: Storage, tenant: string, windows: Windows): Promise<Scene> {
  const [operations, edges] = await Promise.all([
    readOperationWindow(storage, tenant, windows),
    readEdgeWindow(storage, tenant, windows, { histograms: false }),
  ]);
  const scene = buildScene(operations, edges);
  const slower = [...scene.edges.values()].filter(isSlower);
  const targets = [...new Set(slower.map((edge) => edge.target.service))];
  if (targets.length === 0) return scene;
  const wanted = new Set(slower.map((edge) => edge.key));
  const rows = await readEdgeWindow(storage, tenant, windows, { targets: targets.length > MAX_TARGETS ? [] : targets });
  for (const row of rows) {
    const key = `${sourceKey(row)}>${targetKey(row)}`;
    const edge = wanted.has(key) ? scene.edges.get(key) : undefined;
    if (edge !== undefined) addHistogram((row.side === 1 ? edge.fault : edge.baseline).callerHist, row.caller_hist);
  }
  return scene;
}
