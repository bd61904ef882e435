// How sure an edge is: by the best evidence of each source that tells of it, and by the sources that should have told and did not.
// In: edges with their sources' accounts. Out: a probability (0..1) that calls really went between these two.
// Rule: sources are independent witnesses, so their doubts multiply: confidence = 1 - product over sources of (1 - grade). A source that
// watches both ends (it tells of other calls of the caller and of other calls to the callee), and that by its share of the calls elsewhere
// should have told of SHOULD_TELL calls or more, disagrees when it tells of none: each such source takes DISAGREEMENT of what is left.
// Bounds: a closed table of words, an unknown word counts as inferred; never above CERTAIN_MAX; linear in the edges.
import type { LedgerSource } from "../model/ledger.ts";
import { type EdgeSums, edgeCalls } from "./graph-sums.ts";

// A pair of spans is proof up to broken ids; a reporter names its peer by its own lookup; an inferred end is a name only.
const GRADES: Readonly<Record<string, number>> = {
  "span-pair": 0.99,
  link: 0.95,
  "destination-reporter": 0.95,
  "source-reporter": 0.9,
  waypoint: 0.9,
  "access-log": 0.9,
  ztunnel: 0.85,
  inferred: 0.6,
};
const CERTAIN_MAX = 0.999;
const SHOULD_TELL = 20;
const DISAGREEMENT = 0.2;

/** What a source tells of the whole graph: whose calls it counts, at whom, and what share of the calls of edges that it tells of. */
interface Witness {
  readonly callers: Set<string>;
  readonly callees: Set<string>;
  own: number;
  all: number;
}

/** Grade of a source with these evidence words: that of the best one. */
function gradeOf(words: readonly string[]): number {
  let best = 0;
  for (const word of words) best = Math.max(best, GRADES[word] ?? GRADES["inferred"] ?? 0);
  return best;
}

/** Confidence of an edge by the sources that tell of it. */
function toldConfidence({ accounts }: EdgeSums): number {
  const grades = new Map<LedgerSource, number>();
  for (const { source, words } of accounts) grades.set(source, Math.max(grades.get(source) ?? 0, gradeOf(words)));
  let doubt = 1;
  for (const grade of grades.values()) doubt *= 1 - grade;
  return Math.min(CERTAIN_MAX, 1 - doubt);
}

function witnessesOf(edges: readonly EdgeSums[]): Map<LedgerSource, Witness> {
  const witnesses = new Map<LedgerSource, Witness>();
  for (const edge of edges) {
    const calls = edgeCalls(edge.ledger);
    for (const { source, caller, callee } of edge.accounts) {
      let witness = witnesses.get(source);
      if (witness === undefined) {
        witness = { callers: new Set(), callees: new Set(), own: 0, all: 0 };
        witnesses.set(source, witness);
      }
      witness.callers.add(edge.source.id);
      witness.callees.add(edge.target.id);
      witness.own += Math.max(caller.calls, callee.calls);
      witness.all += calls;
    }
  }
  return witnesses;
}

function disagrees(edge: EdgeSums, source: LedgerSource, witness: Witness): boolean {
  if (edge.accounts.some((account) => account.source === source)) return false;
  if (!witness.callers.has(edge.source.id) || !witness.callees.has(edge.target.id)) return false;
  const share = witness.all === 0 ? 0 : Math.min(1, witness.own / witness.all);
  return edgeCalls(edge.ledger) * share >= SHOULD_TELL;
}

/** The confidence of every edge of one graph, in the order of the edges. */
export function edgeConfidences(edges: readonly EdgeSums[]): number[] {
  const witnesses = witnessesOf(edges);
  return edges.map((edge) => {
    let confidence = toldConfidence(edge);
    if (witnesses.size > 1) {
      for (const [source, witness] of witnesses) {
        if (disagrees(edge, source, witness)) confidence *= 1 - DISAGREEMENT;
      }
    }
    return Math.round(confidence * 1e4) / 1e4;
  });
}
