// How far the clocks of two clusters are apart, measured by the calls between them.
// In: rows of edges with sums of (callee's clock minus caller's), taken at the middles of both spans. Out: an offset and its uncertainty a
// pair of clusters. Nothing is corrected by it: times stay as they were told.
// Rule: the middles coincide when the way there takes as long as the way back; at worst all of the gap between both spans lies on one
// side, so a mean offset is uncertain by half of the mean gap (as in NTP, RFC 5905 §8). Both directions of a pair are weighed by 1 / u².
// Bounds: a pair a row of the answer; only spans tell clocks.
import type { GraphEdgeRow } from "../storage/graph-reads.ts";

/** The clock of `to` minus the clock of `from`, milliseconds, over `calls` calls in both directions. */
export interface ClockSkew {
  readonly from: string;
  readonly to: string;
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
  readonly calls: number;
}

interface Sums {
  offsetNs: number;
  gapNs: number;
  calls: number;
}

// A gap of nothing is a clock's step, not certainty.
const UNCERTAINTY_MIN_MS = 0.001;

function byDirection(rows: readonly GraphEdgeRow[]): Map<string, Map<string, Sums>> {
  const sums = new Map<string, Map<string, Sums>>();
  for (const row of rows) {
    if (row.OffsetCalls === 0 || row.FromCluster === row.ToCluster) continue;
    if (row.FromCluster === "" || row.ToCluster === "") continue;
    const callees = sums.get(row.FromCluster) ?? new Map<string, Sums>();
    sums.set(row.FromCluster, callees);
    const sum = callees.get(row.ToCluster) ?? { offsetNs: 0, gapNs: 0, calls: 0 };
    callees.set(row.ToCluster, sum);
    sum.offsetNs += row.OffsetNs;
    // Calls that never arrived have neither gap nor offset, so the gaps belong to the calls with an offset.
    sum.gapNs += row.GapNs;
    sum.calls += row.OffsetCalls;
  }
  return sums;
}

function measured({ offsetNs, gapNs, calls }: Sums): { offsetMs: number; uncertaintyMs: number } {
  return {
    offsetMs: offsetNs / calls / 1e6,
    uncertaintyMs: Math.max(UNCERTAINTY_MIN_MS, gapNs / calls / 2 / 1e6),
  };
}

/** The skew of every pair of clusters that call each other, by name; one direction is enough. */
export function clockSkews(rows: readonly GraphEdgeRow[]): ClockSkew[] {
  const sums = byDirection(rows);
  const skews = new Map<string, ClockSkew>();
  for (const [caller, callees] of sums) {
    for (const [callee, sum] of callees) {
      const [from, to] = caller < callee ? [caller, callee] : [callee, caller];
      const own = measured(sum);
      const offsetMs = from === caller ? own.offsetMs : -own.offsetMs;
      const key = `${from}\0${to}`;
      const other = skews.get(key);
      if (other === undefined) {
        skews.set(key, { from, to, offsetMs, uncertaintyMs: own.uncertaintyMs, calls: sum.calls });
        continue;
      }
      const [a, b] = [1 / other.uncertaintyMs ** 2, 1 / own.uncertaintyMs ** 2];
      skews.set(key, {
        from,
        to,
        offsetMs: (other.offsetMs * a + offsetMs * b) / (a + b),
        // The two ways share the network, so that their errors need not cancel out: the smaller one bounds the mean.
        uncertaintyMs: Math.min(other.uncertaintyMs, own.uncertaintyMs),
        calls: other.calls + sum.calls,
      });
    }
  }
  return [...skews.values()].toSorted((a, b) => (a.from + a.to < b.from + b.to ? -1 : 1));
}
