// What a link carries: reading it is the inverse of writing it, and rubbish in a link is dropped.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GRAPH_LEVELS } from "../../dashboards/console/api/types.ts";
import { choosePeriod, endsOf, periodName, rangeOf, stepPeriod } from "../../dashboards/console/period.ts";
import {
  parseQuery,
  readUrlState,
  SORT_COLUMNS,
  type UrlState,
  writeUrlState,
} from "../../dashboards/console/url-state.ts";

const read = (query: string): UrlState => readUrlState(parseQuery(query));
const NOW = Date.parse("2026-11-23T14:00:00.000Z");
const text = fc.string({ minLength: 1, maxLength: 40 });

describe("the URL", () => {
  it("keeps any state", () => {
    const states = fc.record(
      {
        last: fc.constantFrom(5 as const, 15 as const, 60 as const),
        level: fc.constantFrom(...GRAPH_LEVELS),
        view: fc.constant("table" as const),
        rows: fc.constant("calls" as const),
        sort: fc.constantFrom(...SORT_COLUMNS),
        order: fc.constant("up" as const),
        node: text,
        find: text,
        cause: fc.integer({ min: 2, max: 99 }),
        blame: fc.constant("off" as const),
        open: fc.array(text, { minLength: 1, maxLength: 4 }),
        lang: fc.constantFrom("en" as const, "zh" as const),
        theme: fc.constantFrom("light" as const, "dark" as const),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(states, (state) => {
        expect(read(writeUrlState(state))).toEqual(state);
      }),
    );
  });

  it("gives the same state from state as from text", () => {
    const state = read("?level=version&open=a%252C1,b&from=2026-11-23T10:00:00Z&to=2026-11-23T11:00:00Z");
    expect(readUrlState({ ...state })).toEqual(state);
    expect(state.open).toEqual(["a,1", "b"]);
  });

  it("is readable", () => {
    const state: UrlState = { from: "2026-11-23T10:00:00.000Z", to: "2026-11-23T11:00:00.000Z", level: "VERSION" };
    expect(writeUrlState(state)).toBe("?from=2026-11-23T10:00:00.000Z&to=2026-11-23T11:00:00.000Z&level=version");
    expect(writeUrlState({ node: "service:eu-1/shop/cart" })).toBe("?node=service:eu-1/shop/cart");
    expect(writeUrlState({})).toBe("");
  });

  it.each([
    "?last=7",
    "?level=galaxy",
    "?from=2026-11-23T11:00:00Z&to=2026-11-23T10:00:00Z",
    "?from=yesterday&to=today",
    "?from=2026-11-23T11:00:00Z",
    "?cause=0&sort=colour&view=3d&lang=xx",
    "?unknown=1",
  ])("drops %s", (query) => {
    expect(read(query)).toEqual({});
  });

  it("prefers fixed times to a sliding period", () => {
    expect(read("?last=5&from=2026-11-23T10:00:00Z&to=2026-11-23T10:30:00Z").last).toBeUndefined();
  });
});

describe("the period", () => {
  const incident = { startedAt: "2026-11-23T13:50:00.000Z", resolvedAt: null };

  it("is the last 15 minutes, unless an incident is looked at", () => {
    expect(choosePeriod({}, null)).toEqual({ kind: "last", minutes: 15 });
    expect(choosePeriod({}, incident).kind).toBe("incident");
    expect(choosePeriod({ last: 5 }, incident)).toEqual({ kind: "last", minutes: 5 });
  });

  it("runs from an incident's start to its end, or to now", () => {
    expect(rangeOf(choosePeriod({}, incident), NOW)).toEqual({
      from: "2026-11-23T13:50:00.000Z",
      to: "2026-11-23T14:00:00.000Z",
    });
    const resolved = choosePeriod({}, { ...incident, resolvedAt: "2026-11-23T13:55:00.000Z" });
    expect(rangeOf(resolved, NOW).to).toBe("2026-11-23T13:55:00.000Z");
  });

  it("is at least a minute and at most six hours", () => {
    const young = choosePeriod({}, { startedAt: "2026-11-23T13:59:55.000Z", resolvedAt: null });
    const old = choosePeriod({}, { startedAt: "2026-11-20T00:00:00.000Z", resolvedAt: null });
    expect(endsOf(young, NOW).toMs - endsOf(young, NOW).fromMs).toBe(60_000);
    expect(endsOf(old, NOW).toMs - endsOf(old, NOW).fromMs).toBe(6 * 3_600_000);
  });

  it("keeps its name while it slides, so that nothing is asked twice", () => {
    expect(periodName({ kind: "last", minutes: 15 })).toBe(periodName(choosePeriod({ last: 15 }, incident)));
    expect(periodName(choosePeriod({}, incident))).not.toBe(periodName({ kind: "last", minutes: 15 }));
  });

  it("steps by its own length and then stands still", () => {
    const before = stepPeriod({ kind: "last", minutes: 15 }, -1, NOW);
    expect(before).toEqual({ from: "2026-11-23T13:30:00.000Z", to: "2026-11-23T13:45:00.000Z" });
    const back = stepPeriod(choosePeriod(before, null), 1, NOW);
    expect(back.to).toBe("2026-11-23T14:00:00.000Z");
  });
});
