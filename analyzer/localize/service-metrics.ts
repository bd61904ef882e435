// Service metrics: what requests, failures and mean latency say of services that no span, access log or proxy tells of.
// In: a metric scene, a symptom, an indicator. Out: whether there is a fault at all, and findings at the nodes that explain it.
// Bounds: pure; a finding for every node with a share of the symptom's excess, at most MAX_FINDINGS.
import type { Indicator } from "../../model/localization.ts";
import type { EvidenceSource } from "./evidence.ts";
import { duration, type Excess, type Finding, percent, weighExcesses } from "./finding.ts";
import { type Blame, blameNodes } from "./metric-blame.ts";
import { deviationOf } from "./metric-deviation.ts";
import type { MetricScene } from "./metric-scene.ts";

/** One symptom in metrics; `log10P` is how improbable it and what explains it are together, without a fault. */
export interface MetricSymptom {
  readonly key: string;
  readonly indicator: Indicator;
  readonly log10P: number;
  readonly blames: readonly Blame[];
}

const MAX_FINDINGS = 20;

// The symptom and what explains it are measured apart, so both p-values count: Fisher's product, P(p1 p2 <= x) = x (1 - ln x).
function combined(log10P: number): number {
  return Math.min(0, log10P + Math.log10(1 - log10P * Math.LN10));
}

/**
 * How far a node is from its history, together with what explains it; null where its history is too short. A symptom that points the
 * other way is none, whatever happens below it: asynchronous work may stall without anybody waiting for it.
 */
export function judgeSymptom(scene: MetricScene, key: string, indicator: Indicator): MetricSymptom | null {
  const node = scene.nodes.get(key);
  const deviation = node === undefined ? null : deviationOf(node, indicator);
  if (deviation === null) return null;
  if (deviation.excess <= 0) return { key, indicator, log10P: 0, blames: [] };
  const blames = blameNodes(scene, key, indicator);
  const [best] = blames;
  if (best === undefined || best.key === key) return { key, indicator, log10P: deviation.log10P, blames };
  // The best of so many nodes.
  const explained = Math.min(0, best.deviation.log10P + Math.log10(blames.length));
  return { key, indicator, log10P: combined(deviation.log10P + explained), blames };
}

const NANOSECONDS_PER_MS = 1e6;

function describeBlame(
  scene: MetricScene,
  { key, deviation, aliases, strangers }: Blame,
  indicator: Indicator,
): string {
  const name = scene.nodes.get(key)?.entity.service ?? key;
  const { observed, expected, requests } = deviation;
  const count = Math.round(requests);
  const what =
    indicator === "ERRORS"
      ? `${percent(observed)} of ${name}'s ${count} requests fail, by its metrics usually ${percent(expected)}`
      : `${name}'s requests take ${duration(observed)} on average over ${count} requests, by its metrics usually ${duration(expected)}`;
  const also = aliases.length === 0 ? "" : `; callers see the same of ${aliases.join(", ")}`;
  const new_ = strangers.length === 0 ? "" : `; it calls ${strangers.join(", ")}, which it hardly did before`;
  return `${what}${also}${new_}, and what it calls does not explain it`;
}

/** What a judged symptom says of each node that explains part of it. */
export function findServiceMetrics(scene: MetricScene, symptom: MetricSymptom): Finding[] {
  const { key, indicator, blames } = symptom;
  const node = scene.nodes.get(key);
  const whole = node === undefined ? 0 : (deviationOf(node, indicator)?.excess ?? 0);
  const unit = indicator === "ERRORS" ? 1 : NANOSECONDS_PER_MS;
  const excesses = blames
    .filter((blame) => blame.share > 0)
    .slice(0, MAX_FINDINGS)
    .map((blame): Excess => ({
      place: blame.key,
      source: "service-metrics",
      excess: blame.share * whole * unit,
      log10P: blame.deviation.log10P,
      summary: describeBlame(scene, blame, indicator),
      kinds: indicator === "ERRORS" ? { CODE_ERROR: 1 } : { LATENCY: 1 },
    }));
  return weighExcesses(indicator, excesses).map((finding) => ({ ...finding, isSymptom: true }));
}

/** The source for evidence.ts: what was read of metrics for the question, nothing where spans tell of the symptom. */
export const SERVICE_METRICS: EvidenceSource = {
  name: "service-metrics",
  collect: ({ question: { metrics } }) =>
    Promise.resolve(metrics === undefined ? [] : findServiceMetrics(metrics.scene, metrics.symptom)),
};
