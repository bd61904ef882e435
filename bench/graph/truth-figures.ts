// How true the drawn graph is, at growing sizes of the mesh, when half of the spans are lost and the rest comes late and twice.
// In: sizes. Out: precision and recall of edges, the worst count where access logs tell, and what a cycle over all of it costs.
// Bounds: one database a size; the whole product runs, from the wire to the API.
import type { Comparison } from "./compare.ts";
import { compareGraph } from "./compare.ts";
import { startMeasuredEngine } from "./engine.ts";
import { ALL_HARMS } from "./harms.ts";
import { makeArrivals, makeTraffic, runDeliveries, startBefore } from "./scenario.ts";

/** One size of the experiment. */
export interface TruthResult {
  readonly services: number;
  readonly edges: number;
  readonly spans: number;
  readonly comparison: Comparison;
}

const SEED = 7;
/** So many requests a service meet every edge some ten times. */
const REQUESTS_A_SERVICE = 24;
/** How often a cycle follows what has arrived. */
const DELIVERY_US = { usual: 150_000_000, smoke: 900_000_000 } as const;

/** Runs one size, some time before `nowMs`. */
export async function measureTruth(services: number, nowMs: number, smoke: boolean): Promise<TruthResult> {
  const engine = await startMeasuredEngine("running");
  try {
    const fromSeconds = startBefore(nowMs);
    const requests = services * REQUESTS_A_SERVICE;
    const scenario = { services, requests, logs: "all", seed: SEED, fromSeconds } as const;
    const traffic = makeTraffic(scenario);
    const deliveries = makeArrivals(traffic, ALL_HARMS, {
      seed: SEED,
      orderSeed: SEED,
      everyUs: DELIVERY_US[smoke ? "smoke" : "usual"],
    });
    const { edges } = await runDeliveries(engine.storage, fromSeconds, deliveries);
    return {
      services,
      edges: traffic.truth.size,
      spans: deliveries.reduce((sum, { spans }) => sum + spans.length, 0),
      comparison: compareGraph(traffic.truth, edges, false),
    };
  } finally {
    await engine.stop();
  }
}
