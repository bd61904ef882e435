// What one kind of evidence says of one place.
// In: nothing; types and the one formula that weighs a share. Out: findings, summed by rank.ts.
// Bounds: a finding names a place by its key: a service or edge key of scene.ts, `node|cluster|name`, `link|clusterA|clusterB`, or any
//   other with an `entity` that says what it is; weights are log-likelihood ratios in nats.
import type { Entity } from "../../model/entity.ts";
import type { FaultKind, Indicator } from "../../model/localization.ts";
import { logit } from "../statistics.ts";
import { WEIGHTS } from "./weights.ts";

/** One statement on one place; `excess` is failures (ERRORS) or nanoseconds (LATENCY) beyond the baseline. */
export interface Finding {
  readonly place: string;
  readonly source: string;
  readonly indicator: Indicator;
  readonly weight: number;
  readonly excess: number;
  readonly summary: string;
  /** Votes for a fault kind, in nats. */
  readonly kinds: Partial<Record<FaultKind, number>>;
  /** Class and line, method, file or log template that it points to. */
  readonly codeRegion?: string;
  /** The instances of the place that it narrows to, named as in storage. */
  readonly instances?: readonly string[];
  /** Strong enough by itself to ask whether there is a fault at all, where neither failures nor latency of spans deviate. */
  readonly isSymptom?: boolean;
  /** What the place is, where its key is no service or edge of the scene: a node, a link between clusters. */
  readonly entity?: Entity;
}

/** A place's excess before the shares are known. */
export interface Excess {
  readonly place: string;
  readonly source: string;
  readonly excess: number;
  readonly log10P: number;
  readonly summary: string;
  readonly kinds: Partial<Record<FaultKind, number>>;
}

const SIGNIFICANT_LOG10P = -3;

/** Weighs excesses by their share of the whole: share * logit + significance. */
export function weighExcesses(indicator: Indicator, excesses: readonly Excess[]): Finding[] {
  const total = excesses.reduce((sum, e) => sum + Math.max(0, e.excess), 0);
  if (total <= 0) return [];
  return excesses
    .filter((e) => e.excess > 0)
    .map((e) => {
      const significance = e.log10P <= SIGNIFICANT_LOG10P ? WEIGHTS.significant : WEIGHTS.insignificant;
      return {
        place: e.place,
        source: e.source,
        indicator,
        weight: WEIGHTS.share * logit(e.excess / total) + significance,
        excess: e.excess,
        summary: `${e.summary} (${percent(e.excess / total)} of the excess)`,
        kinds: e.kinds,
      };
    });
}

/** 0.314 → "31 %", 0.004 → "0.4 %". */
export function percent(ratio: number): string {
  const value = ratio * 100;
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1)} %`;
}

/** Milliseconds for people: "0.42 ms", "42 ms", "1.3 s". */
export function duration(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms >= 10_000 ? 0 : 1)} s`;
  return `${ms >= 10 ? ms.toFixed(0) : ms.toPrecision(2)} ms`;
}
