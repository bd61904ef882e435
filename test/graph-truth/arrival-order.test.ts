// The final graph does not depend on when and in which order telemetry arrives, only on what arrives; and nobody waits for a bucket to end.
// In: a small generated mesh with all harms, delivered in several orders and portions. Out: the same rows in storage, the same drawn graph.
// Bounds: three orders of one traffic, each in a database of its own.
import { expect, test } from "vitest";
import { compareGraph } from "../../bench/graph/compare.ts";
import { ALL_HARMS, type Delivery, NO_HARMS } from "../../bench/graph/harms.ts";
import { startPipeline } from "../../bench/graph/pipeline.ts";
import { makeArrivals, makeTraffic, rangeOf, runDeliveries, startBefore } from "../../bench/graph/scenario.ts";
import type { Storage } from "../../storage/client.ts";
import { startTestStorage } from "../fixtures/storage.ts";

const SEED = 11;
const FROM_SECONDS = startBefore(Date.now());
const traffic = makeTraffic({ services: 12, requests: 120, logs: "some", seed: SEED, fromSeconds: FROM_SECONDS });

/** Every row of a table as text, in an order of its own. */
async function rowsOf(storage: Storage, table: string): Promise<string[]> {
  const query = `SELECT * FROM ${table} ORDER BY ALL`;
  const result = await storage.client.query({ query, format: "JSONCompactEachRow" });
  return (await result.json<unknown[]>()).map((row) => JSON.stringify(row));
}

async function finalState(deliveries: readonly Delivery[]) {
  const db = await startTestStorage();
  try {
    const graph = await runDeliveries(db.storage, FROM_SECONDS, deliveries);
    const edges = graph.edges.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const stored = [...(await rowsOf(db.storage, "edge_buckets")), ...(await rowsOf(db.storage, "operation_buckets"))];
    return { edges, stored };
  } finally {
    await db.stop();
  }
}

test("any order of arrival ends in the same graph", { timeout: 900_000 }, async () => {
  const deliver = (orderSeed: number, everySeconds: number) =>
    makeArrivals(traffic, ALL_HARMS, { seed: SEED, orderSeed, everyUs: everySeconds * 1e6 });
  const first = await finalState(deliver(1, 240));
  expect(first.stored.length).toBeGreaterThan(200);
  const others = [deliver(2, 400), deliver(3, 360).toReversed()];
  for (const deliveries of others) {
    const other = await finalState(deliveries);
    expect(other.stored).toEqual(first.stored);
    expect(other.edges).toEqual(first.edges);
  }
});

test("edges are drawn after one cycle, while their bucket may still grow", { timeout: 120_000 }, async () => {
  const db = await startTestStorage();
  try {
    const pipeline = await startPipeline(db.storage, FROM_SECONDS * 1e6);
    try {
      const [delivery] = makeArrivals(traffic, NO_HARMS, { seed: SEED, orderSeed: 5, everyUs: 600e6 });
      if (delivery === undefined) throw new Error("there is no traffic");
      // Seven seconds of traffic, at the end of the seventh second: no bucket is complete.
      const until = (FROM_SECONDS + 7) * 1e6;
      // Traces that have ended by then; clocks are ahead by a quarter of a second at most.
      const open = new Set(
        delivery.spans.filter((span) => span.startUs + span.durationUs >= until - 250_000).map(({ trace }) => trace),
      );
      const spans = delivery.spans.filter(({ trace }) => !open.has(trace));
      await pipeline.deliver({ atUs: until, spans, logs: [] });
      await pipeline.analyzer.runCycle();
      const { edges } = await pipeline.drawGraph(FROM_SECONDS - 60, FROM_SECONDS + 60);
      expect(edges.length).toBeGreaterThan(5);
      // What spans alone cannot know is where a callee without telemetry lives.
      const { wrong } = compareGraph(traffic.truth, edges, false);
      expect(wrong.filter((line) => !line.endsWith(", inferred)"))).toEqual([]);
      const { from, to } = rangeOf(FROM_SECONDS);
      const whole = await pipeline.drawGraph(from, to);
      expect(whole.edges.map(({ key }) => key).sort()).toEqual(edges.map(({ key }) => key).sort());
    } finally {
      await pipeline.stop();
    }
  } finally {
    await db.stop();
  }
});
