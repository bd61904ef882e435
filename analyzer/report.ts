// An incident in words and as stored: title, symptoms, impact.
// In: an incident of incident.ts and the graph. Out: a row of storage/incidents.ts.
// Bounds: pure; times become RFC 3339 UTC; at most MAX_IMPACT places and MAX_SYMPTOMS symptoms are listed, those nearest to
//   the users first.
import { entityName } from "../model/entity.ts";
import { quantileName } from "../model/histogram.ts";
import type { Impact } from "../model/incident.ts";
import type { StoredIncident, Symptom } from "../storage/incidents.ts";
import type { Anomaly } from "./detect.ts";
import type { Hit } from "./impact.ts";
import type { ActiveIncident } from "./incident.ts";
import { duration, percent } from "./localize/finding.ts";
import { isoSeconds } from "./time.ts";

const MAX_IMPACT = 20;
// A fault of the whole mesh has thousands, and an open incident is written every bucket.
const MAX_SYMPTOMS = 500;

/** Who calls a node, by node key. */
export type Callers = ReadonlyMap<string, ReadonlySet<string>>;

/** Turns "who is called" round. */
export function callersOf(callees: ReadonlyMap<string, ReadonlySet<string>>): Callers {
  const callers = new Map<string, Set<string>>();
  for (const [from, tos] of callees) {
    for (const to of tos) {
      const known = callers.get(to);
      if (known === undefined) callers.set(to, new Set([from]));
      else known.add(from);
    }
  }
  return callers;
}

// One bucket's graph is asked once for each open incident.
const knownDepths = new WeakMap<ReadonlyMap<string, ReadonlySet<string>>, ReadonlyMap<string, number>>();

/** How many calls a node is away from its users: 0 for a node that unknown callers (or nobody) call. */
function depths(callees: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyMap<string, number> {
  const known = knownDepths.get(callees);
  if (known !== undefined) return known;
  const callers = callersOf(callees);
  const depth = new Map<string, number>();
  const queue = [...callees.keys()].filter((n) => n.startsWith("unknown|") || !callers.has(n));
  for (const node of queue) depth.set(node, node.startsWith("unknown|") ? -1 : 0);
  for (const node of queue) {
    for (const next of callees.get(node) ?? []) {
      if (depth.has(next)) continue;
      depth.set(next, depth.get(node)! + 1);
      queue.push(next);
    }
  }
  knownDepths.set(callees, depth);
  return depth;
}

function inWords(anomaly: Anomaly): string {
  const place = entityName(anomaly.entity);
  if (anomaly.objective !== undefined) {
    const { name, burnRate } = anomaly.objective;
    const over = `${percent(anomaly.observed)} of requests over ${(anomaly.windowSeconds ?? 3600) / 3600} h`;
    return `${place}: SLO ${name} burns its error budget ${burnRate.toFixed(1)} times too fast (${over})`;
  }
  if (anomaly.indicator === "ERRORS") {
    return `${place}: ${percent(anomaly.observed)} of requests fail, before ${percent(anomaly.expected)}`;
  }
  if (anomaly.indicator === "TRAFFIC") {
    const count = (n: number) => n.toFixed(0);
    return `${place}: ${count(anomaly.observed)} requests in ${anomaly.windowSeconds ?? 10} s, before ${count(anomaly.expected)}`;
  }
  if (anomaly.indicator === "SATURATION") {
    if (anomaly.unit === "restarts")
      return `${place}: ${anomaly.observed} restarts in ${anomaly.windowSeconds ?? 300} s`;
    const level = (n: number) => (anomaly.unit === "ratio" ? percent(n) : n.toFixed(0));
    return `${place}: ${anomaly.metric ?? "level"} ${level(anomaly.expected)} → ${level(anomaly.observed)}`;
  }
  const q = quantileName(anomaly.quantile ?? 0.99);
  return `${place}: ${q} latency ${duration(anomaly.expected)} → ${duration(anomaly.observed)}`;
}

/** The symptoms of services nearest to the users first, errors before latency, then by how many requests are hit. */
function orderSymptoms(incident: ActiveIncident, callees: ReadonlyMap<string, ReadonlySet<string>>): Anomaly[] {
  const depth = depths(callees);
  const rank = (a: Anomaly) => (a.from === a.to ? (depth.get(a.to) ?? 50) : 100);
  const order = { ERRORS: 0, LATENCY: 1, SATURATION: 2, TRAFFIC: 3 } as const;
  return [...incident.symptoms.values()].sort(
    (a, b) =>
      order[a.indicator] - order[b.indicator] ||
      rank(a) - rank(b) ||
      b.excessCalls - a.excessCalls ||
      (a.seriesKey < b.seriesKey ? -1 : 1),
  );
}

/** The incident as it is stored; `revision` is a UInt64 in decimal. */
export function describeIncident(
  incident: ActiveIncident,
  callees: ReadonlyMap<string, ReadonlySet<string>>,
  revision: bigint,
): StoredIncident {
  const ordered = orderSymptoms(incident, callees);
  const first = ordered[0];
  // The anomaly itself is kept beside the symptom, so that a restarted analyzer goes on with this incident (tenant.ts).
  const symptoms: (Symptom & { anomaly: Anomaly })[] = ordered.slice(0, MAX_SYMPTOMS).map((a) => ({
    anomaly: a,
    entity: a.entity,
    indicator: a.indicator,
    observed: a.observed,
    expected: a.expected,
    unit: a.unit,
    since: isoSeconds(incident.startedAt),
  }));
  const impact = new Map<string, Impact & Hit>();
  for (const { seriesKey } of ordered) {
    const hit = incident.hits.services.get(seriesKey);
    if (hit === undefined || impact.size === MAX_IMPACT) continue;
    impact.set(seriesKey, { ...hit, affectedRatio: hit.requests === 0 ? 0 : Math.min(1, hit.affected / hit.requests) });
  }
  return {
    id: incident.id,
    status: incident.status,
    title: first === undefined ? "incident" : inWords(first),
    startedAt: isoSeconds(incident.startedAt),
    detectedAt: isoSeconds(incident.detectedAt),
    resolvedAt: incident.resolvedAt === null ? null : isoSeconds(incident.resolvedAt),
    symptoms,
    impact: [...impact.values()],
    localizationId: incident.localization?.id ?? null,
    revision: revision.toString(),
  };
}
