// A whole experiment: a mesh, its traffic, what harms it on the way, and what the product makes of it.
// In: how large, how much harm. Out: the true graph and the drawn one.
// Bounds: event times from a start that is given; the drawn range holds all of the traffic and the clocks' differences.
import type { Storage } from "../../storage/client.ts";
import { createRandom } from "../ingest/random.ts";
import { type Delivery, type Harms, keepSome, scheduleArrivals } from "./harms.ts";
import { type DrawnGraph, startPipeline } from "./pipeline.ts";
import { createTraffic, type Traffic } from "./traffic.ts";
import { createWorld, type WorldSpec } from "./world.ts";

/** What to run. */
export interface Scenario {
  readonly services: number;
  readonly requests: number;
  readonly logs: WorldSpec["logs"];
  readonly seed: number;
  /** When the traffic begins, unix seconds: a whole ten minutes, so that every run has the same buckets. */
  readonly fromSeconds: number;
}

const TRAFFIC_SECONDS = 60;
const AGE_SECONDS = 2_400;
const CLUSTERS = ["east", "west", "edge"] as const;
const CLOCK_AHEAD_US = [0, 250_000, -120_000] as const;
const USUAL_DELIVERY_US = 60_000_000;

/** A start so long before now that all of a scenario is over, and so short that nothing has been dropped for its age. */
export function startBefore(nowMs: number): number {
  return Math.floor(nowMs / 600_000) * 600 - AGE_SECONDS;
}

/** The range that holds all of a scenario's traffic. */
export function rangeOf(fromSeconds: number): { readonly from: number; readonly to: number } {
  return { from: fromSeconds - 60, to: fromSeconds + TRAFFIC_SECONDS + 60 };
}

/** The scenario's traffic; the same seed gives the same. */
export function makeTraffic({ services, requests, logs, seed, fromSeconds }: Scenario): Traffic {
  const random = createRandom(seed);
  const world = createWorld({ services, clusters: CLUSTERS, clockAheadUs: CLOCK_AHEAD_US, logs }, random);
  return createTraffic(world, random, {
    fromUs: fromSeconds * 1e6,
    lengthUs: TRAFFIC_SECONDS * 1e6,
    requests,
  });
}

/** Arrivals of the traffic; `orderSeed` and `everyUs` change when and in which order things come, never what is lost. */
export function makeArrivals(
  traffic: Traffic,
  harms: Harms,
  { seed, orderSeed, everyUs = USUAL_DELIVERY_US }: { seed: number; orderSeed: number; everyUs?: number },
): Delivery[] {
  const spans = keepSome(traffic.spans, createRandom(seed + 1), harms);
  return scheduleArrivals({ spans, logs: traffic.logs }, createRandom(orderSeed), harms, everyUs);
}

/** Sends everything with a cycle after each delivery, and draws the graph when nothing more comes. */
export async function runDeliveries(
  storage: Storage,
  fromSeconds: number,
  deliveries: readonly Delivery[],
): Promise<DrawnGraph> {
  const pipeline = await startPipeline(storage, fromSeconds * 1e6);
  try {
    for (const delivery of deliveries) {
      await pipeline.deliver(delivery);
      await pipeline.analyzer.runCycle();
    }
    const last = deliveries.at(-1)?.atUs ?? fromSeconds * 1e6;
    pipeline.setClock(last + USUAL_DELIVERY_US);
    await pipeline.analyzer.runCycle(true);
    const { from, to } = rangeOf(fromSeconds);
    return await pipeline.drawGraph(from, to);
  } finally {
    await pipeline.stop();
  }
}
