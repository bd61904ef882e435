// Jaeger's dependencies against Jaeger's rule, written down again plainly: equal over recordings and over generated traces, at any window.
// In: the mesh-lab, and random traces (deep, cyclic, cut off, told twice, of any kinds). Out: GET /api/dependencies and its form of v3.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readDependencies } from "../../storage/dependencies.ts";
import { hexId, insertSpans, type TestSpan } from "../golden/span-rows.ts";
import { type Json, startTestApi, type TestApi } from "../api/server-fixture.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { hasRecordings, type PlainSpan, plainSpans, recordedRequests, storeRequests } from "./plain-spans.ts";

type Oracle = Pick<PlainSpan, "traceId" | "spanId" | "parentSpanId" | "service" | "startNs" | "endNs">;

/** Jaeger's rule (v2 memory store): of each trace that lies in the window, one call a span whose parent is in the trace. */
function jaegersDependencies(spans: readonly Oracle[], fromMs: number, toMs: number): Record<string, number> {
  const traces = new Map<string, Map<string, Oracle>>();
  for (const span of spans) {
    const trace = traces.get(span.traceId) ?? new Map<string, Oracle>();
    trace.set(`${span.spanId} ${span.parentSpanId}`, span);
    traces.set(span.traceId, trace);
  }
  const calls: Record<string, number> = {};
  for (const trace of traces.values()) {
    const list = [...trace.values()];
    if (list.some((span) => span.startNs < BigInt(fromMs) * 1_000_000n || span.endNs > BigInt(toMs) * 1_000_000n))
      continue;
    for (const span of list) {
      if (span.parentSpanId === "") continue;
      const parent = list.find((other) => other.spanId === span.parentSpanId);
      if (parent === undefined) continue;
      const key = `${parent.service} -> ${span.service}`;
      calls[key] = (calls[key] ?? 0) + 1;
    }
  }
  return calls;
}

interface Link {
  parent: string;
  child: string;
  callCount: number;
}

const asRecord = (links: readonly Link[]): Record<string, number> =>
  Object.fromEntries(links.map((link) => [`${link.parent} -> ${link.child}`, Number(link.callCount)]));

let database: TestStorage;
beforeAll(async () => {
  database = await startTestStorage();
});
afterAll(() => database.stop());

async function ask(api: TestApi, path: string): Promise<{ status: number; body: Json }> {
  const answer = await fetch(`${api.url}${path}`);
  return { status: answer.status, body: await answer.json() };
}

describe.skipIf(!hasRecordings)("the mesh-lab", () => {
  it.each(["open-a", "open-b"])("%s has Jaeger's dependencies", { timeout: 240_000 }, async (name) => {
    const requests = await recordedRequests(name, 100);
    const spans = requests.flatMap(plainSpans);
    expect(spans.length).toBeGreaterThan(20_000);
    await storeRequests(database.storage, requests, name);
    const api = await startTestApi(database.storage, { options: { tenant: name } });
    const startMs = Number(
      spans.reduce((least, span) => (span.startNs < least ? span.startNs : least), spans[0]!.startNs) / 1_000_000n,
    );
    const endMs = Number(spans.reduce((most, span) => (span.endNs > most ? span.endNs : most), 0n) / 1_000_000n) + 1;
    // All of it, by a long look back (summed blocks) and by a short one; a part of it, whose ends cut traces.
    for (const [fromMs, toMs] of [
      [endMs - 86_400_000, endMs + 7_200_000],
      [startMs, endMs],
      [startMs + 20_123, startMs + 61_456],
    ] as const) {
      const expected = jaegersDependencies(spans, fromMs, toMs);
      const { status, body } = await ask(api, `/api/dependencies?endTs=${toMs}&lookback=${toMs - fromMs}`);
      expect(status).toBe(200);
      expect(asRecord(body.data)).toEqual(expected);
      expect(Object.keys(expected).length).toBeGreaterThan(30);
      const times = `startTime=${new Date(fromMs).toISOString()}&endTime=${new Date(toMs).toISOString()}`;
      expect(asRecord((await ask(api, `/api/v3/dependencies?${times}`)).body.dependencies)).toEqual(expected);
    }
    await api.stop();
  });
});

const START_S = Date.UTC(2026, 2, 1, 9) / 1000;
const traceArbitrary = fc.record({
  startMs: fc.integer({ min: 0, max: 3_600_000 }),
  spans: fc.array(
    fc.record({
      service: fc.constantFrom("a", "b", "c", 'ü/"x\\', ""),
      /** Whose child: an earlier or a later span, itself, nobody, or one that never arrived. */
      parent: fc.integer({ min: -2, max: 7 }),
      offsetMs: fc.integer({ min: 0, max: 90_000 }),
      durationMs: fc.integer({ min: 0, max: 90_000 }),
      kind: fc.constantFrom("Internal", "Server", "Client", "Producer", "Consumer"),
      copies: fc.constantFrom(1, 1, 1, 2),
    }),
    { minLength: 1, maxLength: 8 },
  ),
});
const windowArbitrary = fc.record({
  fromMs: fc.integer({ min: -400_000, max: 3_900_000 }),
  lengthMs: fc.integer({ min: 0, max: 5_000_000 }),
});

describe("generated traces", () => {
  let run = 0;
  it("have Jaeger's dependencies in every window, also when more arrive", { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(traceArbitrary, { minLength: 1, maxLength: 25 }),
        fc.array(windowArbitrary, { minLength: 1, maxLength: 4 }),
        async (traces, windows) => {
          const tenant = `generated-${++run}`;
          const rows = traces.flatMap((trace, t) =>
            trace.spans.flatMap((span, s): TestSpan[] => {
              const parent = span.parent === -1 ? "" : hexId(`${span.parent}`, 16);
              const one: TestSpan = {
                tenant,
                trace: hexId(`${tenant} ${t}`, 32),
                id: hexId(`${s}`, 16),
                parent,
                startNs: BigInt(START_S * 1000 + trace.startMs + span.offsetMs) * 1_000_000n,
                durationNs: span.durationMs * 1_000_000,
                kind: span.kind,
                service: span.service,
              };
              return Array.from({ length: span.copies }, () => one);
            }),
          );
          const half = rows.slice(0, Math.ceil(rows.length / 2));
          for (const [stored, sum] of [
            [half, half],
            [rows.slice(half.length), rows],
          ] as const) {
            await insertSpans(database.storage, stored);
            const spans = sum.map((row) => ({
              traceId: row.trace,
              spanId: row.id,
              parentSpanId: row.parent,
              service: row.service,
              startNs: row.startNs,
              endNs: row.startNs + BigInt(row.durationNs),
            }));
            for (const window of windows) {
              const fromMs = START_S * 1000 + window.fromMs;
              const toMs = fromMs + window.lengthMs;
              const answer = await readDependencies(database.storage, {
                tenant,
                fromMs,
                toMs,
                budgetMs: 200_000,
                now: Date.now,
              });
              expect(answer.ok && asRecord(answer.links)).toEqual(jaegersDependencies(spans, fromMs, toMs));
            }
          }
        },
      ),
      { numRuns: 12 },
    );
  });
});
