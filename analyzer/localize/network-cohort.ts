// Network cohort: calls lose time on the way on every edge of one service, to it and from it, and on few others: its own network is slow.
// In: the scene. Out: findings at services; the edges have findings of their own by the ledger's gap (exclusive-time.ts).
// Time on the way is what the caller waits beyond what the callee takes. One bad edge speaks for the edge, or for that end of it which has
//   no other; all edges of a service speak for the service, for as many independent faults at once would have to be chance.
// What a service answers takes the way back over its inbound edges, so these may speak alone. Edges between clusters are the link's to explain,
//   delays that the mesh injects on purpose the policy's.
// Bounds: pure; edges with fewer than MIN_CALLS calls in either window have no voice; at most one finding a service.
import { logit } from "../statistics.ts";
import { shiftLog10 } from "./exclusive-time.ts";
import { duration, type Finding, percent } from "./finding.ts";
import type { EdgeScene, Scene } from "./scene.ts";
import { NETWORK_WEIGHTS, WEIGHTS } from "./weights.ts";

const MIN_CALLS = 10;
const INJECTED_DELAY = "DI";
// What load does to the way is less than this.
const MIN_RISE_RATIO = 0.5;
const MIN_RISE_NS = 2_000_000;
// Of a service's edges so many lose time, and of all the time that is lost so much is lost there.
// A starved process waits on the way as well: a resource at its end outvotes it.
const VOTE = 2;
// The caller's waits as a whole must have shifted, too: a few calls during a pause of the runtime are none of the network's doing.
const MAX_LOG10P = -3;
const GUILTY_SHARE = 0.75;
const MIN_EXCESS_SHARE = 0.5;

interface Voice {
  readonly edge: EdgeScene;
  readonly rise: number;
  readonly excess: number;
  readonly isSlow: boolean;
}

function voiceOf(edge: EdgeScene): Voice | null {
  const { fault, baseline, entity, target } = edge;
  if (entity.cluster !== target.cluster || fault.flags.has(INJECTED_DELAY)) return null;
  if (edge.virtual || fault.callerCalls < MIN_CALLS || baseline.callerCalls < MIN_CALLS) return null;
  const [now, before] = [fault.gapNs / fault.callerCalls, baseline.gapNs / baseline.callerCalls];
  const rise = now - before;
  const isMaterial = rise >= MIN_RISE_NS && rise >= MIN_RISE_RATIO * before;
  const isSlow = isMaterial && shiftLog10(fault.callerHist, baseline.callerHist) <= MAX_LOG10P;
  return { edge, rise, excess: isSlow ? rise * fault.callerCalls : 0, isSlow };
}

const riseOf = (now: number, calls: number, before: number, callsBefore: number) =>
  calls === 0 || callsBefore === 0 ? 0 : Math.max(0, now / calls - before / callsBefore) * calls;

/** All time that is lost anywhere: on the way, in services, at callees that tell nothing of themselves; nanoseconds. */
function allTimeLost(scene: Scene): number {
  let total = 0;
  for (const { fault, baseline } of scene.services.values()) {
    total += riseOf(fault.selfNs, fault.requests, baseline.selfNs, baseline.requests);
  }
  for (const { fault, baseline, virtual } of scene.edges.values()) {
    total += virtual
      ? riseOf(fault.callerNs, fault.callerCalls, baseline.callerNs, baseline.callerCalls)
      : riseOf(fault.gapNs, fault.callerCalls, baseline.gapNs, baseline.callerCalls);
  }
  return total;
}

const excessOf = (voices: readonly Voice[]) => voices.reduce((sum, { excess }) => sum + excess, 0);

function describe(service: string, slow: readonly Voice[], all: readonly Voice[], share: number): string {
  const calls = slow.reduce((sum, { edge }) => sum + edge.fault.callerCalls, 0);
  const names = slow.map(({ edge }) => `${edge.entity.service} → ${edge.target.service}`).toSorted();
  return `on ${slow.length} of ${all.length} edges of ${service} (${names.slice(0, 4).join(", ")}) calls spend ${duration(excessOf(slow) / calls / 1e6)} more on the way than before: ${percent(share)} of all time lost anywhere`;
}

const isGuilty = (voices: readonly Voice[]) =>
  voices.length > 0 && voices.filter(({ isSlow }) => isSlow).length >= GUILTY_SHARE * voices.length;

/** The voices of edges that begin or end at each node. */
function voicesByEnd(voices: readonly Voice[]): Map<string, Voice[]> {
  const ends = new Map<string, Voice[]>();
  for (const voice of voices) {
    for (const key of new Set([voice.edge.from, voice.edge.to])) {
      const known = ends.get(key);
      if (known === undefined) ends.set(key, [voice]);
      else known.push(voice);
    }
  }
  return ends;
}

/** Which of a service's `own` edges speak together: all of them, else those to it, where nearly each of them is slow. */
function speakingEdges(own: readonly Voice[], key: string): readonly Voice[] {
  const inbound = own.filter(({ edge }) => edge.to === key);
  return [own, inbound].find(isGuilty) ?? [];
}

/** Services whose edges all lose time on the way. */
export function findSlowNetworks(scene: Scene): Finding[] {
  const voices = [...scene.edges.values()].map(voiceOf).filter((voice) => voice !== null);
  const total = allTimeLost(scene);
  if (total <= 0) return [];
  const ends = voicesByEnd(voices);
  const speaking = new Map([...scene.services.keys()].map((key) => [key, speakingEdges(ends.get(key) ?? [], key)]));
  return [...scene.services.values()].flatMap((service): Finding[] => {
    const own = speaking.get(service.key)!;
    const slow = own.filter(({ isSlow }) => isSlow);
    const share = excessOf(slow) / total;
    if (slow.length === 0 || share < MIN_EXCESS_SHARE) return [];
    const others = new Set(slow.map(({ edge }) => (edge.from === service.key ? edge.to : edge.from)));
    // Where every other end has as much to answer for, nothing says which end it is: the edges speak for themselves.
    if ([...others].every((key) => speaking.get(key)!.length >= own.length)) return [];
    const together = slow.length > 1 ? NETWORK_WEIGHTS.together : NETWORK_WEIGHTS.onlyEdge;
    return [
      {
        place: service.key,
        source: "network-cohort",
        indicator: "LATENCY",
        weight: WEIGHTS.share * logit(share) + WEIGHTS.significant + together,
        excess: excessOf(slow),
        summary: describe(service.entity.service, slow, own, share),
        kinds: { NETWORK: VOTE },
        isSymptom: true,
      },
    ];
  });
}
