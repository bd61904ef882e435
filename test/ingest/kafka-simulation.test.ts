// Exactly once under everything at once: hundreds of seeded histories of a group whose commits are late, lost or unanswered, whose members
// die, join and learn late, and whose storage fails before and after it has stored. Each history ends calm, and then every record is there once.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { KAFKA_DEFAULTS } from "../../ingest/kafka-options.ts";
import { CALM, SimulatedGroup } from "../fixtures/kafka-group.ts";

const HISTORIES = 300;
const PARTITIONS = 3;
const RECORDS = 60;
const OPTIONS = { ...KAFKA_DEFAULTS, chunkLingerMs: 20, retryMinMs: 5, retryMaxMs: 40 };
const TROUBLES = { commitLost: 0.04, commitLate: 0.08, answerLost: 0.04, insertFails: 0.15, blockRecords: 6 };

// Pauses by virtual time too.
vi.mock("node:timers/promises", () => ({
  setTimeout: (ms: number) => new Promise((resolve) => void setTimeout(resolve, ms)),
}));

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => void vi.useRealTimers());

/** A small generator of numbers in 0..1 (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function live(seed: number): Promise<SimulatedGroup> {
  const random = randomOf(seed);
  const group = new SimulatedGroup(random, PARTITIONS, RECORDS, OPTIONS);
  group.troubles = TROUBLES;
  for (let i = 0; i < 3; i++) group.join();
  for (let turn = 0; turn < 120; turn++) {
    await vi.advanceTimersByTimeAsync(10 + Math.floor(random() * 20));
    group.fetch();
    const luck = random();
    if (luck < 0.03) group.rebalance();
    else if (luck < 0.06) group.kill();
    else if (luck < 0.1 && group.living < 3) group.join();
  }
  group.troubles = { ...CALM, blockRecords: TROUBLES.blockRecords };
  if (group.living === 0) group.join();
  for (let turn = 0; turn < 400 && !group.isFinished; turn++) {
    await vi.advanceTimersByTimeAsync(30);
    group.fetch();
  }
  return group;
}

it(`every record is stored once in ${HISTORIES} histories`, { timeout: 120_000 }, async () => {
  const wanted = Array.from({ length: PARTITIONS }, (_, partition) =>
    Array.from({ length: RECORDS }, (_record, i) => `${partition}/${i}`),
  ).flat();
  const wrong: string[] = [];
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const group = await live(seed);
    const rows = group.rows;
    const lost = wanted.filter((row) => !rows.includes(row));
    const doubled = rows.filter((row, i) => rows.indexOf(row) !== i);
    if (!group.isFinished || lost.length + doubled.length + group.mismatches.length > 0) {
      const facts = [`finished ${group.isFinished}`, `lost ${lost.length}`, `doubled ${doubled.join(" ")}`];
      wrong.push(`seed ${seed}: ${facts.join(", ")}, other rows under ${group.mismatches.join(" ")}`);
    }
    vi.clearAllTimers();
  }
  expect(wrong).toEqual([]);
});
