// Which source of an edge is believed: tables for the rule, properties for what must hold whatever the rows are.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketOf, histogramCount } from "../../model/histogram.ts";
import {
  LEDGER_SOURCES,
  LEDGER_TOLERANCE,
  type LedgerRow,
  type LedgerSide,
  type LedgerSource,
  chooseLedger,
  NO_EXTRAS,
  NO_SIDE,
} from "../../model/ledger.ts";

/** A side whose calls all took `ms`. */
function side(calls: number, failed = 0, ms = 10): LedgerSide {
  const histogram = Array.from({ length: 96 }, (_, i) => (i === bucketOf(ms * 1e6) ? calls : 0));
  return { calls, failed, degraded: 0, cancelled: 0, ns: calls * ms * 1e6, histogram };
}

function row(source: LedgerSource, caller: LedgerSide, callee = NO_SIDE, more: Partial<LedgerRow> = {}): LedgerRow {
  return { ...NO_EXTRAS, source, caller, callee, ...more };
}

describe("the basis of a side", () => {
  const cases: readonly [string, LedgerRow[], LedgerSource | null, number, number][] = [
    ["nothing at all", [], null, 0, 0],
    ["spans alone", [row("spans", side(10, 1))], "spans", 10, 1],
    ["metrics alone", [row("metrics", side(10, 1))], "metrics", 10, 1],
    ["all alike", LEDGER_SOURCES.map((source) => row(source, side(100, 3))), "spans", 100, 3],
    ["within 2 %", [row("spans", side(981, 3)), row("access_logs", side(1000, 4))], "spans", 981, 3],
    ["beyond 2 %", [row("spans", side(979, 3)), row("access_logs", side(1000, 4))], "access_logs", 1000, 4],
    ["spans at 1 %", [row("spans", side(10)), row("metrics", side(1000, 20))], "metrics", 1000, 20],
    ["logs before metrics", [row("metrics", side(1000, 9)), row("access_logs", side(990, 8))], "access_logs", 990, 8],
    ["logs of errors, full spans", [row("spans", side(1000, 50)), row("access_logs", side(50, 50))], "spans", 1000, 50],
    ["logs of errors, sampled spans", [row("spans", side(10, 1)), row("access_logs", side(50, 50))], "spans", 10, 1],
    [
      "nothing succeeded at all",
      [row("spans", side(10, 10)), row("access_logs", side(1000, 1000))],
      "access_logs",
      1000,
      1000,
    ],
    [
      "hardly anything succeeded",
      [row("spans", side(100, 99)), row("access_logs", side(980, 980))],
      "access_logs",
      980,
      980,
    ],
  ];
  it.each(cases)("%s", (_, rows, basis, calls, failed) => {
    const chosen = chooseLedger(rows);
    expect([chosen.callerBasis, chosen.caller.calls, chosen.caller.failed]).toEqual([basis, calls, failed]);
    expect(chosen.calleeBasis).toBeNull();
  });

  it("is chosen for each side by itself", () => {
    const chosen = chooseLedger([
      row("spans", side(100), side(40)),
      row("access_logs", side(30), side(90, 2)),
      row("metrics", NO_SIDE, side(80)),
    ]);
    expect([chosen.callerBasis, chosen.calleeBasis]).toEqual(["spans", "access_logs"]);
    expect([chosen.caller.calls, chosen.callee.calls, chosen.callee.failed]).toEqual([100, 90, 2]);
    expect(chosen.samplingRatio).toBe(1);
  });
});

describe("latency", () => {
  it("comes from sampled spans when there are enough, and the ratio is stated", () => {
    const chosen = chooseLedger([row("spans", side(200, 0, 12)), row("metrics", side(20_000, 0, 11))]);
    expect(chosen).toMatchObject({ callerBasis: "metrics", latencyBasis: "spans", samplingRatio: 0.01 });
    expect(chosen.caller.calls).toBe(20_000);
    expect(chosen.caller.ns / histogramCount(chosen.caller.histogram)).toBe(12e6);
    expect(chosen.latencyRelativeError).toBeCloseTo(0.067, 3);
  });

  it("does not come from a handful, nor from a sample of failures or of slow calls", () => {
    const whole = row("access_logs", side(20_000, 200, 10));
    expect(chooseLedger([row("spans", side(99, 1, 10)), whole]).latencyBasis).toBe("access_logs");
    expect(chooseLedger([row("spans", side(400, 200, 10)), whole]).latencyBasis).toBe("access_logs");
    expect(chooseLedger([row("spans", side(400, 4, 80)), whole]).latencyBasis).toBe("access_logs");
    expect(chooseLedger([row("spans", side(400, 4, 10)), whole]).latencyBasis).toBe("spans");
  });

  it("from metrics is as wide as Istio's buckets around it", () => {
    const errorAt = (ms: number): number | null => chooseLedger([row("metrics", side(50, 0, ms))]).latencyRelativeError;
    expect(errorAt(0.3)).toBe(1);
    expect(errorAt(40)).toBeCloseTo(25 / 75, 6);
    expect(errorAt(300)).toBeCloseTo(250 / 750, 6);
    expect(chooseLedger([row("metrics", { ...side(50), histogram: [] })])).toMatchObject({
      latencyBasis: null,
      latencyRelativeError: null,
      caller: { calls: 50, histogram: [], ns: 0 },
    });
  });
});

describe("what only some sources tell", () => {
  it("is taken from the basis where it tells, else from the one that tells most", () => {
    const chosen = chooseLedger([
      row("spans", side(100, 5), side(100, 2), { gapNs: 5, proxyNs: 2, originFailed: 3, neverArrived: 1 }),
      row("access_logs", side(100, 5), NO_SIDE, { flags: { UF: 3 }, retries: 2, requestBytes: 7, responseBytes: 9 }),
      row("metrics", side(100, 5), NO_SIDE, { flags: { UF: 1, UH: 1 }, securedCalls: 90, plainCalls: 10 }),
    ]);
    expect(chosen).toMatchObject({
      gapNs: 5,
      gapCalls: 100,
      proxyNs: 2,
      originFailed: 3,
      neverArrived: 1,
      flags: { UF: 3 },
      retries: 2,
      requestBytes: 7,
      responseBytes: 9,
      securedCalls: 90,
      plainCalls: 10,
    });
  });

  it("adds up over rows of one source", () => {
    const half = row("access_logs", side(3, 1), side(2), { retries: 1, flags: { UF: 1 } });
    expect(chooseLedger([half, half])).toEqual(
      chooseLedger([row("access_logs", side(6, 2), side(4), { retries: 2, flags: { UF: 2 } })]),
    );
  });
});

const sides = fc
  .record({
    ok: fc.nat(3000),
    failed: fc.nat(300),
    degraded: fc.nat(100),
    cancelled: fc.nat(100),
    ms: fc.integer({ min: 1, max: 90_000 }),
    timed: fc.boolean(),
  })
  .map(({ ok, failed, degraded, cancelled, ms, timed }): LedgerSide => {
    const calls = ok + failed + degraded + cancelled;
    const measured = side(calls, failed, ms);
    return timed ? { ...measured, degraded, cancelled } : { ...measured, degraded, cancelled, ns: 0, histogram: [] };
  });
const rows = fc.array(
  fc.record({
    source: fc.constantFrom(...LEDGER_SOURCES),
    caller: sides,
    callee: sides,
    neverArrived: fc.nat(100),
    originFailed: fc.nat(100),
    gapNs: fc.nat(),
    proxyNs: fc.nat(),
    retries: fc.nat(100),
    requestBytes: fc.nat(),
    responseBytes: fc.nat(),
    securedCalls: fc.nat(1000),
    plainCalls: fc.nat(1000),
    flags: fc.dictionary(fc.constantFrom("UF", "UH", "URX"), fc.nat(50)),
  }),
  { maxLength: 3 },
);
const oneEach = rows.map((list) =>
  LEDGER_SOURCES.flatMap((source) => list.filter((r) => r.source === source).slice(0, 1)),
);

describe("whatever the rows", () => {
  it("the order of rows does not matter", () => {
    fc.assert(
      fc.property(rows, (list) => {
        expect(chooseLedger(list.toReversed())).toEqual(chooseLedger(list));
      }),
    );
  });

  it("no figure is larger than the largest of a source, none is negative, and failures do not exceed calls", () => {
    fc.assert(
      fc.property(oneEach, (list) => {
        const chosen = chooseLedger(list);
        for (const at of ["caller", "callee"] as const) {
          const own = list.filter((r) => r.source === chosen[`${at}Basis`]).map((r) => r[at])[0] ?? NO_SIDE;
          const { calls, failed, degraded, cancelled, ns, histogram } = chosen[at];
          expect({ calls, failed, degraded, cancelled }).toEqual({
            calls: own.calls,
            failed: own.failed,
            degraded: own.degraded,
            cancelled: own.cancelled,
          });
          expect(failed + degraded + cancelled).toBeLessThanOrEqual(calls);
          expect(
            list.some((r) => r[at].ns === ns && histogramCount(r[at].histogram) === histogramCount(histogram)) ||
              ns === 0,
          ).toBe(true);
          expect(Math.min(calls, failed, degraded, cancelled, ns, ...histogram)).toBeGreaterThanOrEqual(0);
        }
        for (const figure of [
          "neverArrived",
          "originFailed",
          "gapNs",
          "proxyNs",
          "retries",
          "requestBytes",
          "responseBytes",
          "securedCalls",
          "plainCalls",
        ] as const) {
          expect([0, ...list.map((r) => r[figure])]).toContain(chosen[figure]);
        }
      }),
    );
  });

  it("the basis saw at least 98 % of what any source with successes saw", () => {
    fc.assert(
      fc.property(oneEach, (list) => {
        const succeeding = list.filter(
          ({ caller }) => caller.calls > caller.failed + caller.degraded + caller.cancelled,
        );
        const most = Math.max(0, ...succeeding.map(({ caller }) => caller.calls));
        expect(chooseLedger(list).caller.calls).toBeGreaterThanOrEqual((1 - LEDGER_TOLERANCE) * most);
      }),
    );
  });
});
