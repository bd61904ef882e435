// All detectors of a bucket in one place: failures and latency, rates, saturation.
// In: the history with the bucket, its baselines, what the platform says. Out: anomalies, strongest first; what was judged; how many tests.
// Bounds: pure; one pass over the series each.
// False discoveries: every p-value is multiplied by the tests of its bucket (Bonferroni, strengthOf in detect.ts), which bounds the chance of
//   any false alarm in a bucket, not only their share; Benjamini-Hochberg would let a large fault raise the noise beside it.
import type { SaturationRow } from "../storage/saturation.ts";
import type { Baseline } from "./baseline.ts";
import { type Anomaly, detectBucket } from "./detect.ts";
import type { History, Series } from "./history.ts";
import { detectSaturation } from "./saturation.ts";
import { detectTraffic, type UsualRate } from "./traffic.ts";

/** What one bucket shows. */
export interface Detected {
  readonly anomalies: Anomaly[];
  /** What could be judged, by witnessKey of witness.ts: only that can be clean. */
  readonly judged: Set<string>;
  readonly tests: number;
}

/** What the detectors need beside the history. */
export interface DetectorInput {
  readonly baselines: ReadonlyMap<string, Baseline>;
  /** By witnessKey and bucket: must not teach what is normal. */
  readonly isTainted: (key: string, bucket: number) => boolean;
  readonly saturation?: readonly SaturationRow[];
  readonly usualRate?: UsualRate;
  readonly burns?: { readonly anomalies: readonly Anomaly[]; readonly judged: ReadonlySet<string> };
}

/** Runs every detector on one bucket. */
export function detectAll(history: History, bucket: number, input: DetectorInput): Detected {
  const isSeriesTainted = (series: Series, at: number) => input.isTainted(series.key, at);
  const parts = [
    detectBucket(history, bucket, input.baselines, isSeriesTainted),
    detectTraffic(history, bucket, input.isTainted, input.usualRate),
    detectSaturation(input.saturation ?? [], bucket),
  ];
  const anomalies = [...parts.flatMap((part) => part.anomalies), ...(input.burns?.anomalies ?? [])];
  anomalies.sort((a, b) => a.log10P - b.log10P || (a.seriesKey < b.seriesKey ? -1 : 1));
  return {
    anomalies,
    judged: new Set([...parts.flatMap((part) => [...part.judged]), ...(input.burns?.judged ?? [])]),
    tests: parts.reduce((sum, part) => sum + part.tests, 0),
  };
}
