// RFC 3339 in UTC, down to nanoseconds.
import { describe, expect, it } from "vitest";
import { instantNs, parseInstant, rangeSeconds, wholeBuckets } from "../../api/instant.ts";

describe("parseInstant", () => {
  it.each([
    ["2026-01-31T14:03:00Z", "2026-01-31T14:03:00Z"],
    ["2026-01-31t14:03:00.5z", "2026-01-31T14:03:00.5Z"],
    ["2026-01-31T14:03:00.123456789Z", "2026-01-31T14:03:00.123456789Z"],
    ["2026-01-31T14:03:00+00:00", "2026-01-31T14:03:00Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"],
  ])("%s is %s", (text, normal) => {
    expect(parseInstant(text)).toEqual({ ok: true, text: normal });
  });

  it.each([
    ["", "RFC 3339"],
    ["now", "RFC 3339"],
    ["2026-01-31", "RFC 3339"],
    ["2026-01-31 14:03:00Z", "RFC 3339"],
    ["2026-01-31T14:03Z", "RFC 3339"],
    ["2026-01-31T24:00:00Z", "RFC 3339"],
    ["2026-01-31T14:03:00.1234567890Z", "RFC 3339"],
    ["1769868180", "RFC 3339"],
    ["2026-01-31T14:03:00+08:00", "offset +08:00"],
    ["2026-02-31T14:03:00Z", "no day 2026-02-31"],
    ["2026-02-29T14:03:00Z", "no day 2026-02-29"],
    ["1969-12-31T23:59:59Z", "1970 to 2105"],
    ["2199-01-01T00:00:00Z", "1970 to 2105"],
  ])("refuses %j: %s", (text, reason) => {
    const parsed = parseInstant(text);
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? "" : parsed.reason).toContain(reason);
  });
});

describe("ranges", () => {
  it("keep nanoseconds that a number of milliseconds would lose", () => {
    expect(instantNs("2026-01-31T14:03:00.123456789Z") % 1_000_000_000n).toBe(123_456_789n);
    expect(rangeSeconds({ from: "2026-01-31T14:03:00.000000002Z", to: "2026-01-31T14:03:00.000000001Z" })).toBeLessThan(
      0,
    );
  });

  it("widen to whole buckets", () => {
    const at = Date.parse("2026-01-31T14:03:00Z") / 1000;
    const range = (from: string, to: string) =>
      wholeBuckets({ from: `2026-01-31T14:${from}Z`, to: `2026-01-31T14:${to}Z` }, 10);
    expect(range("03:00", "03:10")).toEqual({ fromSeconds: at, toSeconds: at + 10 });
    expect(range("03:09.999999999", "03:10.000000001")).toEqual({ fromSeconds: at, toSeconds: at + 20 });
  });
});
