// Times on the command line: RFC 3339 with its zone, or so long before now; what is neither is told with an example.
// In: texts and a clock. Out: unix milliseconds, or USAGE.
import { expect, test } from "vitest";
import { checkPast, readTime } from "../../service/time-argument.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");

test.each([
  ["2026-03-01T11:00:00Z", "2026-03-01T11:00:00.000Z"],
  ["2026-03-01T11:00:00.25Z", "2026-03-01T11:00:00.250Z"],
  ["2026-03-01T19:00:00+08:00", "2026-03-01T11:00:00.000Z"],
  ["2026-03-01T01:00:00+08:00", "2026-02-28T17:00:00.000Z"],
  ["-10m", "2026-03-01T11:50:00.000Z"],
  ["-2d", "2026-02-27T12:00:00.000Z"],
])("%s", (text, instant) => {
  expect(new Date(readTime("from", text, NOW)).toISOString()).toBe(instant);
});

test.each([
  "yesterday",
  "2026-03-01",
  "2026-03-01T11:00:00",
  "2026-02-30T11:00:00Z",
  "2026-13-01T11:00:00Z",
  "10m",
  "+5m",
  "",
])("%j is refused", (text) => {
  expect(() => readTime("from", text, NOW)).toThrow(
    `--from needs a time such as 2026-11-22T22:40:00Z or -10m, not "${text}".`,
  );
});

test("a time that has not come is refused with the clock of this machine", () => {
  expect(() => checkPast("at", NOW + 1, NOW)).toThrow(
    "--at 2026-03-01T12:00:00.001Z has not come yet; it is 2026-03-01T12:00:00.000Z here.",
  );
  expect(() => checkPast("at", NOW, NOW)).not.toThrow();
});
