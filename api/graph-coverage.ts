// How complete a graph is, in a flag and in sentences.
// In: coverage of a range (storage/graph-reads.ts). Out: whether something is missing, and what.
// Bounds: at most one sentence a kind and a silent cluster; nothing here changes figures.
import type { LedgerSource } from "../model/ledger.ts";
import type { BucketRange, GraphCoverage } from "../storage/graph-reads.ts";
import { instantOfSeconds } from "./instant.ts";
import { refuse } from "./refusal.ts";

/** A graph's completeness; `warnings` are sentences for a person. */
export interface Completeness {
  readonly partial: boolean;
  readonly warnings: readonly string[];
}

const SOURCE_NAMES: Readonly<Record<LedgerSource, string>> = {
  spans: "spans",
  access_logs: "access logs",
  metrics: "mesh metrics",
};

/** Refuses a range that ends before anything that is kept of it. */
export function checkKept(range: BucketRange, coverage: GraphCoverage, isKnownAt: boolean): void {
  if (range.toSeconds > coverage.FirstAvailable) return;
  const since = instantOfSeconds(coverage.FirstAvailable);
  const what = isKnownAt
    ? "What a graph as known at a time is computed from, raw telemetry,"
    : "What this graph is drawn from";
  throw refuse("NOT_KEPT", `${what} is kept since ${since}; the range ends at ${instantOfSeconds(range.toSeconds)}.`);
}

/** What of a range is missing or not final. Gaps without telemetry between two buckets are idle time, not missing. */
export function completenessOf(range: BucketRange, coverage: GraphCoverage, isKnownAt: boolean): Completeness {
  const wanted = range.toSeconds - range.fromSeconds;
  const warnings: string[] = [];
  let partial = false;
  const lack = (sentence: string): void => {
    partial = true;
    warnings.push(sentence);
  };
  if (range.fromSeconds < coverage.FirstAvailable) {
    lack(`Nothing before ${instantOfSeconds(coverage.FirstAvailable)} is kept at this grain.`);
  }
  const covered = Math.round(coverage.CoveredSeconds);
  const kept = range.toSeconds - Math.max(range.fromSeconds, coverage.FirstAvailable);
  if (covered < kept) lack(`Telemetry covers ${covered} s of the ${wanted} s asked for.`);
  if (covered > wanted) {
    warnings.push(`Of this range only sums of whole ${coverage.Grain} are kept: all figures are over ${covered} s.`);
  }
  if (coverage.Missing.length > 0) lack(`${coverage.Missing.length} buckets of 10 s wait to be put into the graph.`);
  if (coverage.OutdatedCount > 0)
    lack(`${coverage.OutdatedCount} buckets of 10 s have grown since they were put into it.`);
  for (const { cluster, lastSeen } of coverage.Silent) {
    lack(
      `Cluster ${cluster} has told nothing since ${instantOfSeconds(lastSeen)}; its rates are over the time until then.`,
    );
  }
  for (const { source, seconds } of coverage.BySource) {
    // Less than half: a source that began, ended or stutters; figures rest on it for a part of the range only.
    if (seconds > 0 && seconds < coverage.CoveredSeconds / 2) {
      warnings.push(`There are ${SOURCE_NAMES[source]} for ${seconds} s of the range only.`);
    }
  }
  if (isKnownAt) {
    warnings.push("As known at a time: from spans and access logs; mesh metrics do not tell when they became known.");
  }
  return { partial, warnings };
}
