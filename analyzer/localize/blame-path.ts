// The blame path: from the symptom that users feel down to the cause, along edges that carry the fault.
// In: the scene, symptomatic places, the cause. Out: entities from the outermost symptom to the cause.
// Bounds: one widest path over the symptomatic services, n log n in their number and calls; just the cause when no symptom leads to it.
import { type Entity, makeEntity } from "../../model/entity.ts";
import type { Indicator } from "../../model/localization.ts";
import type { EdgeScene, Scene } from "./scene.ts";
import { StepQueue } from "./step-queue.ts";

/** The entity of a node key: the service, or the virtual callee. */
export function nodeEntity(scene: Scene, key: string): Entity {
  const service = scene.services.get(key);
  if (service !== undefined) return service.entity;
  for (const edge of scene.edges.values()) if (edge.to === key) return edge.target;
  const [, cluster = "", namespace = "", name = ""] = key.split("|");
  return makeEntity("UNKNOWN", { cluster, namespace, service: name });
}

function callersOf(scene: Scene): Map<string, EdgeScene[]> {
  const callers = new Map<string, EdgeScene[]>();
  for (const edge of scene.edges.values()) {
    if (!scene.services.has(edge.from)) continue;
    const known = callers.get(edge.to);
    if (known === undefined) callers.set(edge.to, [edge]);
    else known.push(edge);
  }
  return callers;
}

/** Services whose requests come from unknown callers (users) at least by half. */
function entryNodes(scene: Scene): Set<string> {
  const entries = new Set<string>();
  for (const edge of scene.edges.values()) {
    const requests = scene.services.get(edge.to)?.fault.requests ?? 0;
    const users = edge.from.startsWith("unknown|") ? edge.fault.calleeCalls : 0;
    if (users > 0 && users >= 0.5 * requests) entries.add(edge.to);
  }
  return entries;
}

/** How much of the fault an edge carries: failures, or time (ns), beyond what the baseline leads to expect. */
function carried(edge: EdgeScene, indicator: Indicator): number {
  const { fault, baseline } = edge;
  const measured = (side: EdgeScene["fault"]) => (indicator === "ERRORS" ? side.callerFailed : side.callerNs);
  const usual = baseline.callerCalls === 0 ? 0 : measured(baseline) / baseline.callerCalls;
  return Math.max(0, measured(fault) - usual * fault.callerCalls);
}

interface Step {
  readonly next: string | null;
  readonly width: number;
  readonly hops: number;
}

const isBetter = (a: Step, b: Step) => a.width > b.width || (a.width === b.width && a.hops < b.hops);

/**
 * The way on which most of the fault travels from the symptoms down to `node`, over symptomatic services (the widest path; of
 * equal ones the shortest): from a service that clients call when there is one, else from the farthest caller. Node keys,
 * outermost first.
 */
export function findBlamePath(
  scene: Scene,
  node: string,
  symptoms: ReadonlySet<string>,
  indicator: Indicator = "ERRORS",
): string[] {
  const callers = callersOf(scene);
  const entries = entryNodes(scene);
  const steps = new Map<string, Step>([[node, { next: null, width: Infinity, hops: 0 }]]);
  const settled = new Set<string>();
  const queue = new StepQueue();
  queue.push({ key: node, width: Infinity, hops: 0, met: 0 });
  const met = new Map([[node, 0]]);
  for (let best = queue.pop(); best !== undefined; best = queue.pop()) {
    const at = best.key;
    if (settled.has(at)) continue;
    settled.add(at);
    const here = steps.get(at)!;
    for (const edge of callers.get(at) ?? []) {
      if (settled.has(edge.from) || !symptoms.has(edge.from)) continue;
      const step = { next: at, width: Math.min(here.width, carried(edge, indicator)), hops: here.hops + 1 };
      const known = steps.get(edge.from);
      if (known !== undefined && !isBetter(step, known)) continue;
      steps.set(edge.from, step);
      if (known === undefined) met.set(edge.from, met.size);
      queue.push({ key: edge.from, width: step.width, hops: step.hops, met: met.get(edge.from)! });
    }
  }
  const order = [...settled];
  const start =
    order.find((key) => entries.has(key)) ?? order.toSorted((a, b) => hopsOf(steps, b) - hopsOf(steps, a))[0]!;
  const path: string[] = [];
  for (let at: string | null = start; at !== null; at = steps.get(at)!.next) path.push(at);
  return path;
}

const hopsOf = (steps: ReadonlyMap<string, Step>, key: string) => steps.get(key)?.hops ?? 0;
