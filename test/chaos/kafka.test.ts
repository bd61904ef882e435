// The big run: from a real Kafka into the real ClickHouse while everything is killed, again and again, and at the end every row is there once.
// As a part of the tests it is short; `npm run chaos -- kafka` runs it in full: 20 kills of members, 5 of ClickHouse, 2 of the broker.
// Judged twice: against rows reckoned from the messages' numbers, and, table by table with all targets of views, against a calm second reading.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readIntent } from "../../ingest/kafka-intent.ts";
import type { Storage } from "../../storage/client.ts";
import { canRunKafka } from "../fixtures/kafka.ts";
import { expectedRows, messageOf, ROW_QUERIES, TOPICS } from "./kafka-traffic.ts";
import { type Member, startWorld, type World } from "./kafka-world.ts";
import { differences, digestTables } from "./same-content.ts";

const isFull = process.env["FAULTLINE_CHAOS"] === "full";
const PLAN = isFull
  ? { messages: 3_600, rounds: 20, storageKills: 5, brokerRestarts: 2, leaves: 5, timeoutMs: 900_000 }
  : { messages: 300, rounds: 2, storageKills: 1, brokerRestarts: 0, leaves: 1, timeoutMs: 180_000 };
const MEMBERS = 3;

describe.skipIf(!canRunKafka())("the big run (needs Java 17 and Maven)", { timeout: PLAN.timeoutMs }, () => {
  let world: World;
  let stressed: Storage;
  let calm: Storage;

  beforeAll(async () => {
    world = await startWorld();
    stressed = await world.openDatabase("stressed");
    calm = await world.openDatabase("calm");
  }, 400_000);
  afterAll(async () => {
    await world?.end();
  }, 60_000);

  async function until(what: string, check: () => Promise<boolean>, timeoutMs = 120_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!(await check())) {
      if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
      await sleep(100);
    }
  }

  interface Position {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly metadata: string;
  }

  async function positions(groupId: string): Promise<Position[]> {
    const found = await world.admin.fetchOffsets({ groupId, topics: Object.keys(TOPICS) }).catch(() => []);
    return found.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset, metadata }) => ({
        topic,
        partition,
        offset: Math.max(0, Number(offset)),
        metadata: metadata ?? "",
      })),
    );
  }

  async function progress(groupId: string): Promise<number> {
    return (await positions(groupId)).reduce((sum, { offset }) => sum + offset, 0);
  }

  async function isRead(groupId: string, count: number): Promise<boolean> {
    const all = await positions(groupId);
    return all.reduce((sum, { offset }) => sum + offset, 0) === count && all.every(({ metadata }) => metadata === "");
  }

  /** Chunks that were announced and not known to be finished. */
  async function interrupted(): Promise<number> {
    const all = await positions("members");
    return all.filter(({ offset, metadata }) => {
      const read = readIntent(BigInt(offset), metadata);
      return read.ok && read.intent !== null;
    }).length;
  }

  async function produce(from: number, to: number): Promise<void> {
    for (let number = from; number < to; number++) {
      const { topic, partition, value } = messageOf(number);
      await world.producer.send({ topic, acks: -1, messages: [{ partition, value }] });
      if (number % 10 === 0) await sleep(20);
    }
  }

  it("stores every message once, whoever is killed", async () => {
    const began = Date.now();
    const chunk = { chunkMaxRecords: 4 };
    const members: Member[] = [];
    for (let i = 0; i < MEMBERS; i++) members.push(await world.startMember(stressed, chunk));
    const done = { kills: 0, storageKills: 0, brokerRestarts: 0, leaves: 0, interrupted: 0 };
    /** True in `times` of the rounds, spread over all of them. */
    const isDue = (round: number, times: number): boolean =>
      Math.floor(((round + 1) * times) / PLAN.rounds) > Math.floor((round * times) / PLAN.rounds);

    for (let round = 0; round < PLAN.rounds; round++) {
      const before = await progress("members");
      const perRound = Math.floor(PLAN.messages / PLAN.rounds);
      const producing = produce(round * perRound, (round + 1) * perRound);
      await until("progress", async () => (await progress("members")) > before);
      await sleep(Math.random() * 1_000);
      if (isDue(round, PLAN.storageKills)) {
        const pid = world.server.pid();
        if (pid !== undefined) {
          process.kill(pid, "SIGKILL");
          done.storageKills++;
        }
        await sleep(Math.random() * 500);
      }
      const victim = members.shift();
      await victim?.kill();
      done.kills++;
      done.interrupted += await interrupted();
      const replacing = world.startMember(stressed, { chunkMaxRecords: 2 + (round % 3) });
      if (isDue(round, PLAN.leaves)) {
        const leaver = members.shift();
        await leaver?.leave();
        done.leaves++;
        members.push(await world.startMember(stressed, chunk));
      }
      members.push(await replacing);
      // A producer that has to send again may write twice, which is not ours to judge here: it waits.
      await producing;
      if (isDue(round, PLAN.brokerRestarts)) {
        await world.broker.restart();
        done.brokerRestarts++;
      }
      if (isFull) console.log(`round ${round + 1} of ${PLAN.rounds}, ${((Date.now() - began) / 1_000).toFixed(0)} s`);
    }
    const sent = PLAN.rounds * Math.floor(PLAN.messages / PLAN.rounds);
    await until("the rest", () => isRead("members", sent), 400_000);
    const stressedMs = Date.now() - began;
    const peakBytes = Math.max(...members.map((member) => member.peakBytes()));
    for (const member of members) await member.leave();

    // A calm second reading of the same topics, by one member, in other chunks, into another database.
    const reader = await world.startMember(calm, { groupId: "calm", chunkMaxRecords: 100, deadLetterTopic: "" });
    await until("the calm reading", () => isRead("calm", sent), 400_000);
    await reader.leave();

    const wanted = expectedRows(sent);
    for (const [name, query] of Object.entries(ROW_QUERIES) as [keyof typeof ROW_QUERIES, string][]) {
      const result = await stressed.client.query({ query, format: "JSONEachRow" });
      const rows = (await result.json<{ row: string }>()).map(({ row }) => row);
      const isAccessLog = (row: string): boolean => row.startsWith("[");
      expect(rows.filter((row) => !isAccessLog(row)).toSorted(), name).toEqual(wanted[name].toSorted());
    }
    expect(await differences(stressed, calm)).toEqual([]);

    const tables = await digestTables(stressed);
    const rowsOf = (table: string): number => tables.find((one) => one.table === table)?.rows ?? 0;
    const poison = Array.from({ length: sent }, (_, number) => messageOf(number)).filter(({ isPoison }) => isPoison);
    expect(rowsOf("spans")).toBe(wanted.spans.length);
    expect(rowsOf("span_edges")).toBe(wanted.spans.length);
    expect(rowsOf("dead_letters")).toBe(poison.length);
    // Else nothing was tried.
    expect(done).toMatchObject({ kills: PLAN.rounds, brokerRestarts: PLAN.brokerRestarts, leaves: PLAN.leaves });
    expect(done.storageKills).toBeGreaterThan(0);
    expect(done.interrupted).toBeGreaterThan(0);
    const counts = [...world.events].map(([event, count]) => `${event}: ${count}`).toSorted();
    console.log(
      [
        `${sent} messages in ${(stressedMs / 1_000).toFixed(0)} s; ${JSON.stringify(done)}; peak ${(peakBytes / 1e6).toFixed(0)} MB a member`,
        `chunks stored and told: ${world.events.get("ingest.accepted") ?? 0}`,
        ...tables
          .filter(({ rows }) => rows > 0)
          .map(({ table, rows }) => `  ${table}: ${rows} rows as in the calm reading`),
        `events: ${counts.join(", ")}`,
      ].join("\n"),
    );
  });
});
