// Cluster link: do the calls between two clusters lose time or fail on the way, in both directions, while others do not?
// In: the scene. Out: at most one finding a pair of clusters, with the excess of all edges that cross between them.
// Bounds: pure; edges with fewer than MIN_CALLS in either window have no voice, and two at least must agree: one bad edge is an edge.
import { type Entity, makeEntity } from "../../model/entity.ts";
import type { Indicator } from "../../model/localization.ts";
import { logit } from "../statistics.ts";
import { duration, type Finding, percent } from "./finding.ts";
import type { EdgeScene, EdgeSide, Scene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

const MIN_CALLS = 10;
const MIN_EDGES = 2;
const GUILTY_SHARE = 0.6;
const SPARED_SHARE = 0.25;
const MIN_RISE_NS = 1_000_000;
const MIN_RISE_RATIO = 0.3;
const MIN_RISE_FAILED = 0.03;

interface Voice {
  readonly edge: EdgeScene;
  /** "east|west", names sorted; '' within one cluster. */
  readonly link: string;
  readonly rise: number;
  readonly deviates: boolean;
}

/** What is lost on the way per call: time that no callee span covers, or failures that the callee did not see. */
function lostOf(side: EdgeSide, indicator: Indicator): number {
  return (indicator === "ERRORS" ? side.originFailed : side.gapNs) / side.callerCalls;
}

function voiceOf(edge: EdgeScene, indicator: Indicator): Voice | null {
  const [from, to] = [edge.entity.cluster, edge.target.cluster];
  if (edge.virtual || from === "" || to === "") return null;
  if (edge.fault.callerCalls < MIN_CALLS || edge.baseline.callerCalls < MIN_CALLS) return null;
  const before = lostOf(edge.baseline, indicator);
  const rise = lostOf(edge.fault, indicator) - before;
  const deviates =
    indicator === "ERRORS" ? rise >= MIN_RISE_FAILED : rise >= MIN_RISE_NS && rise >= MIN_RISE_RATIO * before;
  return { edge, link: from === to ? "" : [from, to].toSorted().join("|"), rise, deviates };
}

const sum = (voices: readonly Voice[]) =>
  voices.reduce((total, { edge, rise, deviates }) => total + (deviates ? rise * edge.fault.callerCalls : 0), 0);

/** The two ends of a link as an edge between clusters, the one that calls more first. */
function linkEntity(voices: readonly Voice[]): Entity {
  const calls = new Map<string, number>();
  for (const { edge } of voices) {
    const from = edge.entity.cluster;
    calls.set(from, (calls.get(from) ?? 0) + edge.fault.callerCalls);
  }
  const [first = ""] = [...calls].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0] ?? [];
  const [a = "", b = ""] = voices[0]!.link.split("|");
  return makeEntity("EDGE", { cluster: first, peer: makeEntity("CLUSTER", { cluster: first === a ? b : a }) });
}

/** Links between clusters on which calls lose time or fail, for one indicator. */
export function findBadLinks(scene: Scene, indicator: Indicator): Finding[] {
  const voices = [...scene.edges.values()].map((edge) => voiceOf(edge, indicator)).filter((voice) => voice !== null);
  const total = sum(voices);
  if (total <= 0) return [];
  const links = new Set(voices.map((v) => v.link).filter((link) => link !== ""));
  return [...links].flatMap((link): Finding[] => {
    const [across, others] = [voices.filter((v) => v.link === link), voices.filter((v) => v.link !== link)];
    const bad = across.filter((v) => v.deviates);
    if (bad.length < MIN_EDGES || bad.length < GUILTY_SHARE * across.length) return [];
    const badOthers = others.filter((v) => v.deviates).length;
    if (badOthers > SPARED_SHARE * others.length) return [];
    // A callee that all of them have in common would explain them as well; a common caller would show on its other edges, too.
    if (new Set(bad.map((v) => v.edge.to)).size < 2) return [];
    const share = sum(bad) / total;
    const mean = sum(bad) / bad.reduce((n, v) => n + v.edge.fault.callerCalls, 0);
    const lost = indicator === "ERRORS" ? `+${percent(mean)} failures` : `+${duration(mean / 1e6)}`;
    const [a = "", b = ""] = link.split("|");
    return [
      {
        place: `link|${link}`,
        source: "cluster-link",
        indicator,
        weight: WEIGHTS.share * logit(share) + WEIGHTS.significant + WEIGHTS.together,
        excess: sum(bad),
        summary: `${bad.length} of ${across.length} edges between ${a} and ${b} lose ${lost} a call on the way, of the other edges ${badOthers} of ${others.length}`,
        kinds: { CLUSTER_LINK: 4 },
        entity: linkEntity(bad),
      },
    ];
  });
}
