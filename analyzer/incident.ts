// Incidents as a state machine over buckets: one per fault, opened by strong or repeated anomalies, closed after clean buckets.
// In: the anomalies of one bucket, who calls whom. Out: the next state; nothing is read or written here.
// Bounds: pure; state values are never changed in place, so that a rollback to an earlier bucket is just an earlier value.
import { createHash } from "node:crypto";
import type { Indicator, Localization } from "../model/localization.ts";
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import { type Anomaly, strengthOf } from "./detect.ts";
import { type Hits, NO_HITS } from "./impact.ts";
import { isConfirmed, nodesOf, stepRuns, symptomKey, witnessKey } from "./witness.ts";

/** Three clean buckets close an incident. */
export const CLEAN_BUCKETS = 3;
/** An incident whose series cannot be judged at all (no requests, nothing left to compare with) is closed after 30 min. */
const SILENT_BUCKETS = 180;

/** An incident while it is open or just closed; times are unix seconds of event time. */
export interface ActiveIncident {
  readonly id: string;
  readonly status: "OPEN" | "RESOLVED";
  readonly firstBucket: number;
  readonly lastBucket: number;
  readonly startedAt: number;
  readonly detectedAt: number;
  readonly resolvedAt: number | null;
  readonly clean: number;
  readonly silent: number;
  /** The worst anomaly of each symptomatic series and indicator. */
  readonly symptoms: ReadonlyMap<string, Anomaly>;
  /** Node keys that show the symptoms. */
  readonly nodes: ReadonlySet<string>;
  /** How many requests it has hit; impact.ts counts them. */
  readonly hits: Hits;
  readonly localization: Localization | null;
}

/** The analyzer's state after one bucket. */
export interface IncidentState {
  readonly open: readonly ActiveIncident[];
  /** Start of the run of deviating buckets that each series is in. */
  readonly runs: ReadonlyMap<string, number>;
  /** Periods of past incidents [from, to], bucket starts, that must not teach what is normal. */
  readonly spans: readonly PastIncident[];
}

/** When an incident was, and which nodes showed it (sorted). */
export interface PastIncident {
  readonly from: number;
  readonly to: number;
  readonly nodes: readonly string[];
}

/** What remains of an incident that is over. */
export function pastOf(incident: ActiveIncident): PastIncident {
  return { from: incident.firstBucket, to: incident.lastBucket, nodes: [...incident.nodes].toSorted() };
}

/** The state before the first bucket. */
export const NO_INCIDENTS: IncidentState = { open: [], runs: new Map(), spans: [] };

/** What one bucket brings. */
export interface BucketFindings {
  readonly tenant: string;
  readonly bucket: number;
  readonly anomalies: readonly Anomaly[];
  readonly tests: number;
  /** Series that could be judged in the bucket: only they can be clean. */
  readonly judged: ReadonlySet<string>;
  readonly callees: ReadonlyMap<string, ReadonlySet<string>>;
  /** Seconds after the bucket's end at which it is analysed. */
  readonly graceSeconds: number;
}

function touches(nodes: ReadonlySet<string>, anomaly: Anomaly, callees: BucketFindings["callees"]): boolean {
  const own = nodesOf(anomaly);
  if (own.some((node) => nodes.has(node))) return true;
  const calls = (a: string, b: string) => callees.get(a)?.has(b) ?? false;
  return own.some((node) => [...nodes].some((other) => calls(node, other) || calls(other, node)));
}

/**
 * True for a drop, a crash loop or a burning budget where an incident with harm already says why: one is open at the place, or was within the
 * window that it is worked out over. By the numbers it goes on when the fault is long over; it must neither prolong nor repeat that.
 */
function isToldAlready(state: IncidentState, anomaly: Anomaly): boolean {
  if (anomaly.opensAfter === undefined) return false;
  const own = nodesOf(anomaly);
  const since = anomaly.bucket - (anomaly.windowSeconds ?? 0);
  return (
    state.open.some((incident) => isHarmful(incident) && own.some((node) => incident.nodes.has(node))) ||
    state.spans.some((past) => past.to >= since && own.some((node) => past.nodes.includes(node)))
  );
}

/** True where requests fail or are slow, not only stay away or are served by fewer. */
function isHarmful(incident: ActiveIncident): boolean {
  return [...incident.symptoms.values()].some((a) => a.opensAfter === undefined);
}

function addSymptoms(known: ReadonlyMap<string, Anomaly>, more: readonly Anomaly[]): Map<string, Anomaly> {
  const symptoms = new Map(known);
  for (const anomaly of more) {
    const before = symptoms.get(symptomKey(anomaly));
    if (before === undefined || anomaly.log10P < before.log10P) {
      symptoms.set(symptomKey(anomaly), anomaly);
    }
  }
  return symptoms;
}

// Not the worst anomaly names the incident: late spans change p-values, and the id must outlive that.
function incidentId(findings: BucketFindings, members: readonly Anomaly[], firstBucket: number) {
  const strong = members.filter((a) => strengthOf(a, findings.tests) === "strong");
  const keys = (strong.length > 0 ? strong : members).map((a) => a.seriesKey).sort();
  const about = `${findings.tenant}\n${keys[0] ?? ""}\n${firstBucket}`;
  return createHash("sha256").update(about).digest("hex").slice(0, 16);
}

function openIncidents(
  runs: ReadonlyMap<string, number>,
  findings: BucketFindings,
  fresh: readonly Anomaly[],
): ActiveIncident[] {
  const opened: ActiveIncident[] = [];
  const left = [...fresh];
  for (let lead = left.shift(); lead !== undefined; lead = left.shift()) {
    const nodes = new Set(nodesOf(lead));
    const members = [lead];
    // Anomalies join as long as one touches what is already in the group: one fault, many alarms.
    for (let i = 0; i < left.length; i++) {
      const anomaly = left[i]!;
      if (!touches(nodes, anomaly, findings.callees)) continue;
      members.push(anomaly);
      for (const node of nodesOf(anomaly)) nodes.add(node);
      left.splice(i, 1);
      i = -1;
    }
    const firstBucket = Math.min(...members.map((a) => runs.get(witnessKey(a)) ?? findings.bucket));
    opened.push({
      id: incidentId(findings, members, firstBucket),
      status: "OPEN",
      firstBucket,
      lastBucket: findings.bucket,
      startedAt: firstBucket,
      detectedAt: findings.bucket + BUCKET_SECONDS + findings.graceSeconds,
      resolvedAt: null,
      clean: 0,
      silent: 0,
      symptoms: addSymptoms(new Map(), members),
      nodes,
      hits: NO_HITS,
      localization: null,
    });
  }
  return opened;
}

function continueIncident(
  incident: ActiveIncident,
  findings: BucketFindings,
  mine: readonly Anomaly[],
): ActiveIncident {
  if (mine.length > 0) {
    return {
      ...incident,
      lastBucket: findings.bucket,
      clean: 0,
      silent: 0,
      symptoms: addSymptoms(incident.symptoms, mine),
      nodes: new Set([...incident.nodes, ...mine.flatMap(nodesOf)]),
    };
  }
  const speaks = [...incident.symptoms.values()].some((a) => findings.judged.has(witnessKey(a)));
  const clean = incident.clean + (speaks ? 1 : 0);
  const silent = speaks ? 0 : incident.silent + 1;
  const over = clean >= CLEAN_BUCKETS || silent >= SILENT_BUCKETS;
  return {
    ...incident,
    clean,
    silent,
    status: over ? "RESOLVED" : "OPEN",
    resolvedAt: over ? incident.lastBucket + BUCKET_SECONDS : null,
  };
}

/**
 * Which anomalies continue which open incident, by incident id: those that are its symptoms, and confirmed ones that are near. What
 * joins makes the incident larger at once: a fault that showed at one service in its first second reaches the users' in the next
 * bucket over services in between, and is still one incident. Of two incidents the one that shares a node is nearer.
 */
function assignAnomalies(
  open: readonly ActiveIncident[],
  findings: BucketFindings,
  fresh: ReadonlySet<Anomaly>,
): Map<string, Anomaly[]> {
  const owned = new Map<string, Anomaly[]>(open.map((incident) => [incident.id, []]));
  const nodes = new Map(open.map((incident) => [incident.id, new Set(incident.nodes)]));
  const join = (incident: ActiveIncident, anomaly: Anomaly) => {
    owned.get(incident.id)?.push(anomaly);
    for (const node of nodesOf(anomaly)) nodes.get(incident.id)?.add(node);
  };
  let left: Anomaly[] = [];
  for (const anomaly of findings.anomalies) {
    const known = open.filter((incident) => incident.symptoms.has(symptomKey(anomaly)));
    for (const incident of known) join(incident, anomaly);
    if (known.length === 0 && fresh.has(anomaly)) left.push(anomaly);
  }
  // A replica that keeps crashing behind retries harms nobody: what its neighbours show is told apart.
  const harmful = open.filter(isHarmful);
  const nearest = (anomaly: Anomaly) => {
    const own = nodesOf(anomaly);
    return (
      open.find((incident) => own.some((node) => nodes.get(incident.id)?.has(node))) ??
      harmful.find((incident) => touches(nodes.get(incident.id) ?? incident.nodes, anomaly, findings.callees))
    );
  };
  for (let before = -1; before !== left.length;) {
    before = left.length;
    left = left.filter((anomaly) => {
      const incident = nearest(anomaly);
      if (incident !== undefined) join(incident, anomaly);
      return incident === undefined;
    });
  }
  return owned;
}

/** What only accompanies harm is told with an incident that shares its place; it neither prolongs nor widens it. */
function withAccompanying(
  incident: ActiveIncident,
  accompanying: readonly Anomaly[],
  findings: BucketFindings,
): ActiveIncident {
  const told = accompanying.filter(
    (a) => strengthOf(a, findings.tests) === "strong" && nodesOf(a).some((node) => incident.nodes.has(node)),
  );
  return told.length === 0 ? incident : { ...incident, symptoms: addSymptoms(incident.symptoms, told) };
}

// Failures hurt more than slowness, and both more than what may explain them.
const LEADING: readonly Indicator[] = ["ERRORS", "LATENCY", "SATURATION", "TRAFFIC"];

/** The indicator to localize an incident by: failures where there are any, then slowness. */
export function leadingIndicator(incident: ActiveIncident): Indicator {
  const shown = new Set([...incident.symptoms.values()].map((a) => a.indicator));
  return LEADING.find((indicator) => shown.has(indicator)) ?? "LATENCY";
}

/** Takes one bucket's findings; incidents that close in it are in `closed`, those that open are at the end of `state.open`. */
export function stepIncidents(
  state: IncidentState,
  findings: BucketFindings,
): { state: IncidentState; closed: ActiveIncident[] } {
  const runs = stepRuns(state, findings);
  const fresh = new Set(findings.anomalies.filter((anomaly) => isConfirmed(anomaly, state.runs, runs, findings)));
  for (const anomaly of fresh) if (isToldAlready(state, anomaly)) fresh.delete(anomaly);
  const isAccompanying = (a: Anomaly) => a.opensAfter !== undefined && !fresh.has(a);
  const accompanying = findings.anomalies.filter(isAccompanying);
  const harm = { ...findings, anomalies: findings.anomalies.filter((a) => !isAccompanying(a)) };
  const owned = assignAnomalies(state.open, harm, fresh);
  for (const anomaly of [...owned.values()].flat()) fresh.delete(anomaly);
  const continued = state.open.map((incident) => continueIncident(incident, findings, owned.get(incident.id) ?? []));
  const closed = continued.filter((incident) => incident.status === "RESOLVED");
  const open = [
    ...continued.filter((incident) => incident.status === "OPEN"),
    ...openIncidents(runs, findings, [...fresh]),
  ].map((incident) => withAccompanying(incident, accompanying, findings));
  const spans = [...state.spans, ...closed.map(pastOf)].slice(-100);
  return { state: { open, runs, spans }, closed };
}

/**
 * The series whose bucket must not teach what is normal: those that are symptoms of an open incident, and those that deviate
 * more than weakly. Weak deviations are part of what is normal: without them a baseline forgets how much a series varies.
 */
export function taintedSeries(state: IncidentState, anomalies: readonly Anomaly[], tests: number): Set<string> {
  const isSymptom = (a: Anomaly) => state.open.some((i) => i.symptoms.has(symptomKey(a)));
  const tainted = anomalies.filter((a) => a.opensAfter !== null && (strengthOf(a, tests) !== "weak" || isSymptom(a)));
  return new Set(tainted.map(witnessKey));
}

/** Replaces incidents of a state by newer values of the same id. */
export function withIncidents(state: IncidentState, newer: readonly ActiveIncident[]): IncidentState {
  const byId = new Map(newer.map((incident) => [incident.id, incident]));
  return { ...state, open: state.open.map((incident) => byId.get(incident.id) ?? incident) };
}
