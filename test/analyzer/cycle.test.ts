// The cycle and the localization on demand on the real ClickHouse, where a scenario cannot say it: what late data takes back,
// empty input, several tenants, a stage that fails.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CycleContext, runCycle } from "../../analyzer/cycle.ts";
import { localizeOnDemand } from "../../analyzer/on-demand.ts";
import { ANALYZER_DEFAULTS } from "../../analyzer/options.ts";
import { ASK_ANYWHERE, type LocalizeRequest } from "../../model/localization.ts";
import type { Storage } from "../../storage/client.ts";
import { readIncidentPage, readIncidentsById } from "../../storage/incidents.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { insertSpans, type TestSpan } from "../golden/span-rows.ts";
import { parseScenario } from "../scenarios/language.ts";
import { generateTraffic } from "../scenarios/traffic.ts";

const START = Date.UTC(2026, 0, 5, 10, 0, 0) / 1000;
const FAILING = `
service frontend takes 4ms calls cart
service cart takes 6ms
users call frontend 10/s
inject 60s to 90s: service cart fails 10%
expect 1 incident`;

function spansOf(tenant: string, text: string, seconds: number): TestSpan[] {
  return generateTraffic(parseScenario(tenant, text), START, seconds).map((delivery) => delivery.span);
}
const secondOf = (span: TestSpan) => Number(span.startNs / 1_000_000_000n) - START;
const pageOf = (storage: Storage, tenant: string) =>
  readIncidentPage(storage, { tenant, range: null, status: null, limit: 10, after: null });

describe("the cycle", () => {
  let db: TestStorage;
  let now = START;
  const contextOf = (storage: Storage): CycleContext => {
    return { storage, options: ANALYZER_DEFAULTS, memories: new Map(), now: () => now * 1000 };
  };
  beforeAll(async () => {
    db = await startTestStorage();
  });
  afterAll(() => db.stop());

  test("runs on empty input", async () => {
    expect(await runCycle(contextOf(db.storage), true)).toEqual({
      buckets: 0,
      opened: 0,
      resolved: 0,
      analyzedUntil: null,
    });
  });

  test("late data takes an incident back", async () => {
    const context = contextOf(db.storage);
    const quiet = FAILING.replace("fails 10%", "slower by 0ms");
    const spans = spansOf("withdrawn", quiet, 80);
    // Of the last full bucket only a few requests have arrived, all of them failed.
    const isLast = (span: TestSpan) => secondOf(span) >= 60 && secondOf(span) < 70;
    const early = spans
      .filter(isLast)
      .slice(0, 60)
      .map((span) => ({ ...span, outcome: "failed" as const }));
    const earlyIds = new Set(early.map((span) => span.id));
    now = START + 80;
    await insertSpans(db.storage, [...spans.filter((span) => !isLast(span)), ...early]);
    expect(await runCycle(context)).toMatchObject({ opened: 1 });
    const [incident] = await pageOf(db.storage, "withdrawn");
    expect(incident).toMatchObject({ status: "OPEN", startedAt: new Date((START + 60) * 1000).toISOString() });

    now += 10;
    const late = spans.filter((span) => isLast(span) && !earlyIds.has(span.id));
    const many = Array.from({ length: 60 }, (_, copy) =>
      late.map((s) => ({ ...s, trace: `${s.trace.slice(0, -2)}${String(copy).padStart(2, "0")}` })),
    );
    await insertSpans(db.storage, many.flat());
    await runCycle(context);
    expect(await pageOf(db.storage, "withdrawn")).toEqual([]);
    const [known] = await readIncidentsById(db.storage, "withdrawn", [incident!.id]);
    expect(known!.status).toBe("WITHDRAWN");
  });

  test("late data in one early bucket makes everything after it be analysed again", async () => {
    const context = contextOf(db.storage);
    now = START + 100;
    const spans = spansOf("early-late", FAILING.replace("10%", "0%"), 90);
    const isLate = (span: TestSpan) => secondOf(span) >= 20 && secondOf(span) < 30 && span.trace < "8";
    await insertSpans(
      db.storage,
      spans.filter((span) => !isLate(span)),
    );
    const first = await runCycle(context, true);
    await insertSpans(db.storage, spans.filter(isLate));
    const second = await runCycle(context, true);
    expect(second.analyzedUntil).toBe(first.analyzedUntil);
    expect(second.buckets).toBe((first.analyzedUntil! - (START + 20)) / 10);
  });

  test("a stage that fails loses nothing: the next cycle does it again", async () => {
    now = START + 130;
    const spans = spansOf("failing-stage", FAILING, 100);
    await insertSpans(db.storage, spans);
    const broken: Storage = {
      ...db.storage,
      insertRows: (table, rows, token) =>
        table === "incidents" ? Promise.reject(new Error("disk full")) : db.storage.insertRows(table, rows, token),
    };
    const context = contextOf(broken);
    await expect(runCycle(context, true)).rejects.toThrow("disk full");
    expect(await pageOf(db.storage, "failing-stage")).toEqual([]);
    await runCycle({ ...context, storage: db.storage }, true);
    const incidents = await pageOf(db.storage, "failing-stage");
    expect(incidents).toHaveLength(1);
    expect(incidents[0]).toMatchObject({ startedAt: expect.stringMatching(/T10:01:0[0-2]/) as string });
  });

  test("a clock that is an hour ahead neither completes buckets nor stops the others", async () => {
    const context = contextOf(db.storage);
    now = START + 75;
    const spans = spansOf("future", FAILING.replace("10%", "60%"), 75);
    await insertSpans(db.storage, [
      ...spans,
      { ...spans[0]!, id: "00000000000000aa", startNs: spans[0]!.startNs + 3_600_000_000_000n },
    ]);
    const { analyzedUntil } = await runCycle(context);
    expect(analyzedUntil! - START).toBeLessThanOrEqual(70);
  });

  describe("localization on demand", () => {
    const iso = (second: number) => new Date((START + second) * 1000).toISOString();
    const ask = (from: number, to: number, more: Partial<LocalizeRequest> = {}) => {
      const range = { from: iso(from), to: iso(to) };
      return localizeOnDemand(
        db.storage,
        { tenant: "failing-stage", range, ...ASK_ANYWHERE, maxCauses: 5, ...more },
        now * 1000,
      );
    };
    test.each([
      { name: "the fault's window", from: 60, to: 90, more: {}, verdict: "FOUND", cause: "cart" },
      { name: "a quiet window", from: 40, to: 60, more: {}, verdict: "NO_FAULT", cause: undefined },
      {
        name: "nothing before it to compare with",
        from: 0,
        to: 20,
        more: {},
        verdict: "INCONCLUSIVE",
        cause: undefined,
      },
      { name: "a window without traffic", from: 600, to: 660, more: {}, verdict: "INCONCLUSIVE", cause: undefined },
      {
        name: "a service that does not exist",
        from: 60,
        to: 90,
        more: { service: "nobody" },
        verdict: "INCONCLUSIVE",
        cause: undefined,
      },
      { name: "one service", from: 60, to: 90, more: { service: "frontend" }, verdict: "FOUND", cause: "cart" },
      {
        name: "latency, where only failures rose",
        from: 60,
        to: 90,
        more: { indicator: "LATENCY" as const },
        verdict: "NO_FAULT",
        cause: undefined,
      },
    ])("$name: $verdict", async ({ from, to, more, verdict, cause }) => {
      const answer = await ask(from, to, more);
      expect([answer.verdict, answer.causes[0]?.entity.service]).toEqual([verdict, cause]);
      expect(answer.reason === null).toBe(verdict === "FOUND");
    });
    test("the same question has the same id and answer", async () => {
      expect(await ask(60, 90)).toEqual(await ask(60, 90));
    });
  });
});
