// When the analyzer's cycles begin: from start to start one interval, with a pause where a cycle takes longer than that.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ANALYZER_DEFAULTS } from "../../analyzer/options.ts";
import { startAnalyzer } from "../../analyzer/role.ts";
import type { Storage } from "../../storage/client.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Seconds at which cycles began, when the first read of each takes so long. */
async function startsOf(slowSeconds: number, untilSeconds: number): Promise<number[]> {
  const started: number[] = [];
  let isFirst = true;
  const begun = performance.now();
  const storage = {
    query: async (name: string) => {
      // A cycle's first read; the next ones of the same cycle come at once.
      if (name === "read_arrivals" && isFirst) {
        isFirst = false;
        started.push(Math.round((performance.now() - begun) / 1000));
        await new Promise((resolve) => setTimeout(resolve, slowSeconds * 1000));
      } else if (name === "read_arrivals") isFirst = true;
      return [];
    },
    command: () => Promise.resolve(),
    insertRows: () => Promise.resolve(),
  } as unknown as Storage;
  const analyzer = await startAnalyzer({ storage, options: { ...ANALYZER_DEFAULTS, intervalSeconds: 10 } });
  await vi.advanceTimersByTimeAsync(untilSeconds * 1000);
  const stopping = analyzer.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  await stopping;
  return started;
}

it.each([
  ["are not put off by how long they take", 4, 45, [10, 20, 30, 40]],
  ["leave a tenth of the interval where they take longer than it", 12, 50, [10, 23, 36, 49]],
])("cycles %s", async (_, slowSeconds, untilSeconds, expected) => {
  expect(await startsOf(slowSeconds, untilSeconds)).toEqual(expected);
});
