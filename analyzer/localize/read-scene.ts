// Reads the scene of a question: what every instance and edge did in both windows.
// In: a tenant, two sets of buckets, whose latencies matter. Out: a Scene; those who ask for the same while it is being read get the same one.
// Bounds: four reads. Latency histograms are most of what storage would read, so they are read by service, and only of those edges and services
//   whose time rose enough for exclusive-time.ts and network-cohort.ts to look at them; elsewhere they stay empty.
import { addHistogram } from "../../model/histogram.ts";
import { readEdgeWindow, readOperationWindow, type Windows } from "../../storage/buckets.ts";
import type { Storage } from "../../storage/client.ts";
import { readOperationCounts, readServiceHistograms } from "../../storage/operation-window.ts";
import { serviceKey, sourceKey, targetKey } from "../history.ts";
import { isMaterial, mean } from "./exclusive-time.ts";
import { buildScene, type EdgeScene, type Scene, type ServiceScene } from "./scene.ts";

// With more names than this a filter saves nothing.
const MAX_NAMES = 500;

/** Whose latency histograms a scene has: of services and edges that are slower, of all services, or of their operations too. */
export type SceneDetail = "slower" | "services" | "operations";

// Incidents that open together ask for the same windows at the same time.
const reading = new WeakMap<Storage, Map<string, Promise<Scene>>>();

/** Reads both windows from storage. */
export function readScene(
  storage: Storage,
  tenant: string,
  windows: Windows,
  detail: SceneDetail = "slower",
): Promise<Scene> {
  const shared = reading.get(storage) ?? new Map<string, Promise<Scene>>();
  reading.set(storage, shared);
  const about = JSON.stringify([tenant, windows.fault, windows.baseline, detail]);
  const known = shared.get(about);
  if (known !== undefined) return known;
  const scene = readWindows(storage, tenant, windows, detail).finally(() => shared.delete(about));
  shared.set(about, scene);
  return scene;
}

/** True where the time of an edge that evidence looks at rose: of calls to what tells nothing of itself all of it, of others what the callee does not cover. */
export function isSlowerEdge({ fault, baseline, virtual }: EdgeScene): boolean {
  if (fault.callerCalls === 0 || baseline.callerCalls === 0) return false;
  const field = virtual ? "callerNs" : "gapNs";
  return isMaterial(mean(fault[field], fault.callerCalls), mean(baseline[field], baseline.callerCalls));
}

/** True where a service's own time per request rose. */
function isSlowerService({ fault, baseline }: ServiceScene): boolean {
  if (fault.requests === 0 || baseline.requests === 0) return false;
  return isMaterial(mean(fault.selfNs, fault.requests), mean(baseline.selfNs, baseline.requests));
}

async function readWindows(storage: Storage, tenant: string, windows: Windows, detail: SceneDetail): Promise<Scene> {
  const [operations, edges, histograms] = await Promise.all([
    detail === "operations"
      ? readOperationWindow(storage, tenant, windows)
      : readOperationCounts(storage, tenant, windows),
    readEdgeWindow(storage, tenant, windows, { histograms: false }),
    detail === "services" ? readServiceHistograms(storage, tenant, windows, []) : [],
  ]);
  const scene = buildScene(operations, edges);
  const services = [...scene.services.values()].filter(isSlowerService).map(({ entity }) => entity.service);
  const [more] = await Promise.all([
    detail === "slower" && services.length > 0
      ? readServiceHistograms(storage, tenant, windows, namesOf(services))
      : [],
    addEdgeHistograms(storage, tenant, windows, scene),
  ]);
  for (const row of [...histograms, ...more]) {
    const service = scene.services.get(serviceKey(row));
    if (service === undefined) continue;
    const side = row.side === 1 ? service.fault : service.baseline;
    addHistogram(side.hist, row.hist);
    addHistogram(side.selfHist, row.self_hist);
  }
  return scene;
}

const namesOf = (names: readonly string[]): string[] => {
  const distinct = [...new Set(names)];
  return distinct.length > MAX_NAMES ? [] : distinct;
};

async function addEdgeHistograms(storage: Storage, tenant: string, windows: Windows, scene: Scene): Promise<void> {
  const slower = [...scene.edges.values()].filter(isSlowerEdge);
  if (slower.length === 0) return;
  const wanted = new Set(slower.map((edge) => edge.key));
  const targets = namesOf(slower.map((edge) => edge.target.service));
  for (const row of await readEdgeWindow(storage, tenant, windows, { targets })) {
    const key = `${sourceKey(row)}>${targetKey(row)}`;
    const edge = wanted.has(key) ? scene.edges.get(key) : undefined;
    if (edge !== undefined) addHistogram((row.side === 1 ? edge.fault : edge.baseline).callerHist, row.caller_hist);
  }
}
