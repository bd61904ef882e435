// What the console says of old telemetry and of a map that is not whole.
// In: lags. Out: seconds, or whether to tell.
import { expect, test } from "vitest";
import { isWorthTelling, stoppedSeconds } from "../../dashboards/console/freshness.ts";

test.each([
  [null, null],
  [{ ingestLagSeconds: null }, null],
  [{ ingestLagSeconds: 15 }, null],
  [{ ingestLagSeconds: 2400 }, 2400],
])("%j: stopped for %s s", (status, seconds) => {
  expect(stoppedSeconds(status)).toBe(seconds);
});

test.each<[string, number | null, number | null, boolean, boolean]>([
  ["a fixed period", 5, 15, false, true],
  ["the newest seconds of a sliding one", 5, 20, true, false],
  ["an analysis that is behind", 5, 300, true, true],
  ["an analysis that has done nothing yet", 5, null, true, true],
  ["telemetry that has stopped, all of it analysed", 2400, 2400, true, false],
  ["no telemetry at all", null, null, true, false],
])("partial, %s", (_, ingestLagSeconds, analysisLagSeconds, isSliding, told) => {
  expect(isWorthTelling({ ingestLagSeconds, analysisLagSeconds }, isSliding)).toBe(told);
});
