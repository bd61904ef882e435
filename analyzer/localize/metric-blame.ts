// Whose excess it is: what shows at the symptom goes down along the calls, and stays where nothing below explains it.
// In: a metric scene, the symptom, an indicator. Out: for each node below the symptom its share of the excess, and its deviation.
// Bounds: pure; every node once (calls that close a circle are left out); nothing that the symptom does not reach gets a share.
import type { Indicator } from "../../model/localization.ts";
import { deviationOf, isKnown, type NodeDeviation } from "./metric-deviation.ts";
import { hostLabel, type MetricScene } from "./metric-scene.ts";

/** A node's part in the symptom; shares of all nodes add up to 1. */
export interface Blame {
  readonly key: string;
  readonly share: number;
  readonly deviation: NodeDeviation;
  /** Names under which callers also see it deviate. */
  readonly aliases: readonly string[];
  /** Callees without a history that were called in the window: what they do is the caller's doing. */
  readonly strangers: readonly string[];
}

// A callee that is as usual explains nothing; one window in ten is as far out by chance, and then its excess is small.
const EXPLAINS_LOG10P = -1;

// An address whose owner nobody knows speaks for the way to it as much as for what is behind it: beside a service that explains the same, half.
const BARE_ADDRESS = 0.5;

interface Graph {
  /** Nodes that the symptom reaches, each before those that it calls. */
  readonly order: readonly string[];
  readonly callees: ReadonlyMap<string, readonly string[]>;
}

function graphBelow(scene: MetricScene, start: string): Graph {
  const all = new Map<string, Set<string>>();
  for (const { from, to } of scene.calls) {
    const callee = scene.owners.get(to) ?? to;
    if (from !== callee) all.set(from, (all.get(from) ?? new Set()).add(callee));
  }
  const callees = new Map<string, string[]>();
  const onStack = new Set<string>();
  const order: string[] = [];
  const visit = (key: string): void => {
    onStack.add(key);
    const kept: string[] = [];
    callees.set(key, kept);
    for (const callee of [...(all.get(key) ?? [])].toSorted()) {
      if (onStack.has(callee)) continue;
      kept.push(callee);
      if (!callees.has(callee)) visit(callee);
    }
    onStack.delete(key);
    order.push(key);
  };
  visit(start);
  return { order: order.toReversed(), callees };
}

/** The deviations of all nodes, those of aliases counted as their owner's (the larger of the two). */
function allDeviations(scene: MetricScene, indicator: Indicator) {
  const deviations = new Map<string, NodeDeviation>();
  const aliases = new Map<string, string[]>();
  for (const node of scene.nodes.values()) {
    const deviation = deviationOf(node, indicator);
    if (deviation === null) continue;
    const owner = scene.owners.get(node.key);
    const key = owner ?? node.key;
    if (owner !== undefined && deviation.log10P <= EXPLAINS_LOG10P) {
      aliases.set(owner, [...(aliases.get(owner) ?? []), node.entity.service]);
    }
    const known = deviations.get(key);
    if (known === undefined || deviation.excess > known.excess) deviations.set(key, deviation);
  }
  return { deviations, aliases };
}

/** How a callee's excess divides over its callers: by calls where they are known, else by the callers' own excess. */
function allocate(
  scene: MetricScene,
  deviations: ReadonlyMap<string, NodeDeviation>,
): (caller: string, callee: string) => number {
  const callers = new Map<string, Map<string, number | null>>();
  for (const { from, to, calls } of scene.calls) {
    const callee = scene.owners.get(to) ?? to;
    const known = callers.get(callee) ?? new Map<string, number | null>();
    const before = known.get(from);
    known.set(from, before === undefined || before === null || calls === null ? calls : before + calls);
    callers.set(callee, known);
  }
  return (caller, callee) => {
    const among = callers.get(callee) ?? new Map<string, number | null>();
    const excess = deviations.get(callee)?.excess ?? 0;
    const isCounted = [...among.values()].every((calls) => calls !== null);
    const part = (key: string) => {
      // What a callee sees of callers it does not know may be the same calls as the caller in question reports.
      if (key !== caller && scene.mirrors.has(key)) return 0;
      return isCounted ? (among.get(key) ?? 0) : (deviations.get(key)?.excess ?? 0);
    };
    const total = [...among.keys()].reduce((sum, key) => sum + part(key), 0);
    return total <= 0 ? 0 : (excess * part(caller)) / total;
  };
}

const total = (parts: readonly { readonly amount: number }[]) => parts.reduce((sum, { amount }) => sum + amount, 0);

function isBareAddress(scene: MetricScene, callees: Graph["callees"], key: string): boolean {
  const isLeaf = (callees.get(key) ?? []).length === 0;
  return isLeaf && hostLabel(scene.nodes.get(key)?.entity.service ?? "") !== null;
}

/**
 * Divides the symptom's excess over the nodes below it. A node passes on to each deviating callee what that callee explains of it, in
 * proportion where they explain more than there is, and keeps the rest. A callee without a history explains nothing: that it is called at
 * all is its caller's doing.
 */
export function blameNodes(scene: MetricScene, symptom: string, indicator: Indicator): Blame[] {
  const { deviations, aliases } = allDeviations(scene, indicator);
  const { order, callees } = graphBelow(scene, symptom);
  const allocated = allocate(scene, deviations);
  const arriving = new Map<string, number>([[symptom, 1]]);
  const blames: Blame[] = [];
  for (const key of order) {
    const deviation = deviations.get(key);
    const mass = arriving.get(key) ?? 0;
    if (deviation === undefined || mass <= 0) continue;
    const below = callees.get(key) ?? [];
    const parts = below
      .filter((callee) => (deviations.get(callee)?.log10P ?? 0) <= EXPLAINS_LOG10P)
      .map((callee) => ({ callee, amount: allocated(key, callee) }));
    if (total(parts) > deviation.excess) {
      for (const part of parts) if (isBareAddress(scene, callees, part.callee)) part.amount *= BARE_ADDRESS;
    }
    const explained = total(parts);
    const whole = Math.max(deviation.excess, explained);
    for (const { callee, amount } of parts) {
      if (whole > 0) arriving.set(callee, (arriving.get(callee) ?? 0) + (mass * amount) / whole);
    }
    const strangers = below
      .map((callee) => scene.nodes.get(callee))
      .filter((node) => node !== undefined && node.fault !== null && !isKnown(node))
      .map((node) => node!.entity.service);
    const share = whole > 0 ? (mass * (whole - explained)) / whole : mass;
    blames.push({ key, share, deviation, aliases: aliases.get(key) ?? [], strangers });
  }
  return blames.sort((a, b) => b.share - a.share || (a.key < b.key ? -1 : 1));
}
