// The graph does not depend on when spans come: any order of arrival and any split into batches ends in the same buckets.
// In: random traces (fast-check, fixed seed), cut into batches that arrive in any order. Out: edges and operations equal to those
// of all spans computed at once, and the sums of every split of the window equal to the whole.
// Bounds: calls start at most 9 s after their caller (10 s is a short span's reach, storage/queries/paired_edges.sql); some spans come twice.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planCycle } from "../../analyzer/progress.ts";
import { readArrivals, writeAnalyzed } from "../../storage/buckets.ts";
import { recomputeBuckets } from "../../storage/recompute.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { edgeLines, operationLines } from "./graph-text.ts";
import { hexId, insertSpans, type SpanKind, type TestSpan } from "./span-rows.ts";
import { T0_SECONDS } from "./trace-notation.ts";

const WINDOW_SECONDS = 40;
const RUNS = 6;
const NS = 1_000_000_000n;

interface Hop {
  readonly kind: SpanKind;
  readonly proxy: boolean;
  readonly service: number;
  readonly instance: number;
  readonly parent: number;
  readonly afterMs: number;
  readonly durationMs: number;
  readonly failed: boolean;
  readonly batch: number;
}

const hop: fc.Arbitrary<Hop> = fc.record({
  kind: fc.constantFrom<SpanKind>("Server", "Client", "Server", "Client", "Internal", "Producer", "Consumer"),
  proxy: fc.boolean(),
  service: fc.nat(3),
  instance: fc.nat(1),
  parent: fc.nat(3),
  afterMs: fc.oneof(fc.integer({ min: -100, max: 50 }), fc.integer({ min: 0, max: 9000 })),
  durationMs: fc.integer({ min: 0, max: 20_000 }),
  failed: fc.boolean(),
  batch: fc.nat(3),
});
const traces = fc.array(
  fc.record({ startMs: fc.integer({ min: 200, max: 9900 }), hops: fc.array(hop, { minLength: 1, maxLength: 8 }) }),
  { minLength: 1, maxLength: 8 },
);
type Trace = typeof traces extends fc.Arbitrary<(infer One)[]> ? One : never;

function spansOf(trace: Trace, index: number, tenant: string): (TestSpan & { batch: number })[] {
  const starts: number[] = [];
  return trace.hops.map((one, i) => {
    const above = Math.max(0, i - 1 - one.parent);
    const startMs = i === 0 ? trace.startMs : Math.min((WINDOW_SECONDS - 1) * 1000, starts[above]! + one.afterMs);
    starts.push(Math.max(0, startMs));
    return {
      tenant,
      trace: hexId(`${tenant}/${index}`, 32),
      id: hexId(`${tenant}/${index}/${i}`, 16),
      parent: i === 0 ? "" : hexId(`${tenant}/${index}/${above}`, 16),
      startNs: BigInt(T0_SECONDS) * NS + BigInt(starts[i]!) * 1_000_000n,
      durationNs: one.durationMs * 1e6,
      kind: one.kind,
      proxy: one.proxy,
      service: `s${one.service}`,
      instance: `s${one.service}-${one.instance}`,
      outcome: one.failed ? "failed" : "ok",
      peer: one.kind === "Server" || one.kind === "Internal" ? "" : `s${(one.service + 1) % 4}`,
      peerKind: one.kind === "Client" ? "service" : one.kind === "Server" || one.kind === "Internal" ? "" : "messaging",
      batch: one.batch,
    };
  });
}

describe("the graph of every split", () => {
  let db: TestStorage;
  beforeAll(async () => {
    db = await startTestStorage();
  });
  afterAll(() => db.stop());

  /** What a cycle does to the graph: plan, compute the touched buckets anew, remember. */
  async function pair(): Promise<void> {
    const { storage } = db;
    const rows = await readArrivals(storage, T0_SECONDS - 600, T0_SECONDS + 600);
    const plan = planCycle(rows, { now: T0_SECONDS + 600, graceSeconds: 6, complete: true, maxBuckets: 30 });
    for (const { from, to } of plan.recompute) await recomputeBuckets(storage, from, to);
    await writeAnalyzed(storage, plan.used, BigInt(Date.now()) * 1_000_000n);
  }
  const graphOf = async (tenant: string) => [
    ...(await edgeLines(db.storage, tenant)),
    "",
    ...(await operationLines(db.storage, tenant)),
  ];

  test("batches in any order end in the graph of all spans at once", { timeout: 400_000 }, async () => {
    const cases = fc.sample(traces, { seed: 20260105, numRuns: RUNS });
    const batched = (t: number) => `batched-${t}`;
    // All cases run as tenants side by side: every batch of every case in one insert, then one cycle.
    const spans = cases.flatMap((list, t) => list.flatMap((trace, i) => spansOf(trace, i, batched(t))));
    for (const batch of [2, 0, 3, 1]) {
      const fresh = spans.filter((span) => span.batch === batch);
      await insertSpans(db.storage, fresh);
      await pair();
      // Every third comes again, with the next batch or after the last.
      await insertSpans(
        db.storage,
        fresh.filter((_, i) => i % 3 === 0),
      );
    }
    await pair();
    const once = spans.map((span) => ({ ...span, tenant: `once-${span.tenant.slice("batched-".length)}` }));
    await insertSpans(db.storage, once);
    await recomputeBuckets(db.storage, T0_SECONDS, T0_SECONDS + WINDOW_SECONDS);
    for (const t of cases.keys()) expect(await graphOf(batched(t))).toEqual(await graphOf(`once-${t}`));
    const before = await Promise.all(cases.map((_, t) => graphOf(batched(t))));
    // Computed bucket by bucket, backwards: windows add up to the whole.
    for (let at = WINDOW_SECONDS - 10; at >= 0; at -= 10) {
      await recomputeBuckets(db.storage, T0_SECONDS + at, T0_SECONDS + at + 10);
    }
    expect(await Promise.all(cases.map((_, t) => graphOf(batched(t))))).toEqual(before);
    expect(before.flat().length).toBeGreaterThan(RUNS * 10);
  });
});
