// A made-up mesh in which nothing is wrong, for hours: what opens in it is a false incident.
// In: how many series, how long, how much their medians and failures wander. Out: how many incidents were opened, by indicator.
// Bounds: one seeded generator; durations are drawn into the stored histogram's buckets by a table, so that millions of requests take seconds.
import { learnBaselines } from "../../analyzer/baseline.ts";
import { detectAll } from "../../analyzer/detectors.ts";
import { History } from "../../analyzer/history.ts";
import { type IncidentState, NO_INCIDENTS, stepIncidents, taintedSeries } from "../../analyzer/incident.ts";
import { bucketOf, HISTOGRAM_BUCKETS } from "../../model/histogram.ts";
import type { ServiceBucketRow } from "../../storage/buckets.ts";
import { seededRandom } from "../scenarios/traffic.ts";

/** What wanders, as standard deviations of logarithms (AR(1), 0.8 from bucket to bucket); `rates` are requests in 10 s. */
export interface QuietWorld {
  readonly services: number;
  readonly buckets: number;
  readonly seed: number;
  readonly rates: readonly number[];
  readonly spread: number;
  readonly timeDrift: number;
  readonly errorDrift: number;
  readonly rateDrift: number;
  readonly errorRatio: number;
}

/** What was found where nothing was. */
export interface FalseAlarms {
  readonly opened: number;
  readonly byIndicator: Readonly<Record<string, number>>;
  readonly tests: number;
  readonly hours: number;
}

const SHIFTS = 64;
const CELLS = 1024;

/** Tables of histogram buckets, equally likely, of a lognormal with median 1 ms shifted by k/SHIFTS of a factor e. */
function quantileTable(spread: number): Uint8Array[] {
  const inverse = Array.from({ length: CELLS }, (_, i) => gaussQuantile((i + 0.5) / CELLS));
  return Array.from({ length: 16 * SHIFTS }, (_, k) => {
    const log = (k - 8 * SHIFTS) / SHIFTS;
    return Uint8Array.from(inverse, (z) => bucketOf(20e6 * Math.exp(log + spread * z)));
  });
}

/** Acklam's rational approximation of the normal quantile, good to 1e-9. */
function gaussQuantile(p: number): number {
  const q = Math.min(p, 1 - p);
  const t = Math.sqrt(-2 * Math.log(q));
  const z =
    t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);
  return p < 0.5 ? -z : z;
}

/** Runs the pure stages over the world. */
export function countFalseIncidents(world: QuietWorld): FalseAlarms {
  const random = seededRandom(world.seed);
  const gauss = () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return radius * Math.cos(2 * Math.PI * random());
  };
  const poisson = (mean: number): number => {
    if (mean > 40) return Math.max(0, Math.round(mean + Math.sqrt(mean) * gauss()));
    let [count, product] = [0, random()];
    for (const limit = Math.exp(-mean); product > limit; count++) product *= random();
    return count;
  };
  const table = quantileTable(world.spread);
  const wander = Array.from({ length: world.services }, () => ({ time: gauss(), errors: gauss(), rate: gauss() }));
  const history = new History(180, 10);
  const taints = new Map<number, ReadonlySet<string>>();
  const byIndicator: Record<string, number> = {};
  const opened = new Set<string>();
  let state: IncidentState = NO_INCIDENTS;
  let tests = 0;
  for (let bucket = 0; bucket < world.buckets * 10; bucket += 10) {
    const rows: ServiceBucketRow[] = [];
    for (const [s, w] of wander.entries()) {
      w.time = 0.8 * w.time + 0.6 * gauss();
      w.errors = 0.8 * w.errors + 0.6 * gauss();
      w.rate = 0.8 * w.rate + 0.6 * gauss();
      const requests = poisson(world.rates[s % world.rates.length]! * Math.exp(world.rateDrift * w.rate));
      if (requests === 0) continue;
      const log = world.timeDrift * w.time + ((s % 5) - 2) * 0.7;
      const cells = table[Math.min(table.length - 1, Math.max(0, Math.round(log * SHIFTS) + 8 * SHIFTS))]!;
      const hist = Array.from({ length: HISTOGRAM_BUCKETS }, () => 0);
      const ratio = Math.min(0.5, world.errorRatio * Math.exp(world.errorDrift * w.errors));
      let failed = 0;
      for (let i = 0; i < requests; i++) {
        hist[cells[Math.floor(random() * CELLS)]!]! += 1;
        if (random() < ratio) failed++;
      }
      const about = { bucket, cluster: "", namespace: "", service: `s${s}`, requests, failed, hist };
      rows.push({ ...about, degraded: 0, origin_failed: 0, total_ns: 0, self_ns: 0 });
    }
    history.replace(bucket, bucket + 10, rows, []);
    const isTainted = (key: string, b: number) => taints.get(b)?.has(key) ?? false;
    const baselines = learnBaselines(history, bucket, (one, b) => isTainted(one.key, b), 30);
    const found = detectAll(history, bucket, { baselines, isTainted });
    const about = { tenant: "t", bucket, ...found, callees: new Map(), graceSeconds: 6 };
    state = stepIncidents(state, about).state;
    taints.set(bucket, taintedSeries(state, found.anomalies, found.tests));
    taints.delete(bucket - 1810);
    for (const { id, symptoms } of state.open) {
      if (opened.has(id)) continue;
      opened.add(id);
      const what = [...symptoms.values()].map((a) => a.indicator).sort()[0] ?? "";
      byIndicator[what] = (byIndicator[what] ?? 0) + 1;
    }
    tests += found.tests;
  }
  return { opened: opened.size, byIndicator, tests, hours: (world.buckets * 10) / 3600 };
}
