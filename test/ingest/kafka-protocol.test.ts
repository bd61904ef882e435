// The intent protocol with a Kafka in memory: crashes at every step, stale generations, chunks over several fetches, rebalances.
// Storage is a map of tokens, as ClickHouse's deduplication is: a token seen before stores nothing, so wrong bounds show as doubles.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Announce, KafkaChunk, KafkaSink, StoreOutcome } from "../../ingest/kafka-chunk.ts";
import type { CommittedOffset, KafkaClient, KafkaHandlers, KafkaRecord } from "../../ingest/kafka-client.ts";
import { readIntent, tokenOf, writeIntent } from "../../ingest/kafka-intent.ts";
import { KAFKA_DEFAULTS, type KafkaOptions } from "../../ingest/kafka-options.ts";
import { startKafkaConsumer } from "../../ingest/kafka.ts";

const AT = { topic: "otlp_spans", partition: 0 };
const OPTIONS: KafkaOptions = { ...KAFKA_DEFAULTS, chunkMaxRecords: 10, retryMinMs: 10, retryMaxMs: 10 };
const LINGER_MS = OPTIONS.chunkLingerMs;

/** A partition, its group's offset, and the consumers that come one after the other. */
class Broker {
  offset: bigint | null = null;
  metadata = "";
  readonly commits: string[] = [];
  generation = 0;
  readonly paused = new Set<string>();
  readonly records: KafkaRecord[];

  constructor(count: number) {
    this.records = Array.from({ length: count }, (_, i) => ({ offset: BigInt(i), value: Buffer.from(`m${i}`) }));
  }

  /** A consumer; `step` is called before each commit and may throw or hang. */
  join(sink: KafkaSink, step: (metadata: string) => Promise<void> = async () => {}, options = OPTIONS): Member {
    const name = `member ${++members}`;
    const member: Member = {
      name,
      generation: ++this.generation,
      assignment: 1,
      handlers: null as unknown as KafkaHandlers,
      position: this.offset ?? 0n,
      consumer: { stop: async () => {} },
    };
    const client: KafkaClient = {
      commit: async (assignment, _at, offset, metadata) => {
        const { generation } = member;
        await step(metadata);
        if (assignment !== member.assignment || generation !== this.generation) return "stale";
        this.apply(offset, metadata);
        return "committed";
      },
      fetchCommitted: async () => [{ ...AT, offset: this.offset, metadata: this.metadata }] as CommittedOffset[],
      pause: () => void this.paused.add(name),
      resume: () => void this.paused.delete(name),
      seek: (_at, offset) => void (member.position = offset),
      close: async () => {},
    };
    member.consumer = startKafkaConsumer(options, sink, (_options, handlers) => ((member.handlers = handlers), client));
    member.handlers.onAssigned([AT], member.assignment);
    return member;
  }

  /** What a commit does when it arrives. */
  apply(offset: bigint, metadata: string): void {
    this.offset = offset;
    this.metadata = metadata;
    this.commits.push(`${offset} ${metadata === "" ? "" : JSON.parse(metadata).end}`.trim());
  }

  /** The same member again, in a new generation. */
  rebalance(member: Member, partitions = [AT]): void {
    member.generation = ++this.generation;
    member.assignment++;
    member.position = this.offset ?? 0n;
    member.handlers.onAssigned(partitions, member.assignment);
  }

  fetch(member: Member, count: number): void {
    if (this.paused.has(member.name)) return;
    const from = member.position;
    const records = this.records.filter(({ offset }) => offset >= from).slice(0, count);
    member.position = (records.at(-1)?.offset ?? from - 1n) + 1n;
    if (records.length > 0) member.handlers.onRecords(AT, { from, next: member.position, records });
  }
}

let members = 0;

interface Member {
  readonly name: string;
  generation: number;
  assignment: number;
  handlers: KafkaHandlers;
  position: bigint;
  consumer: { stop(): Promise<void> };
}

/** Storage with deduplication. `before` and `after` an insert something may throw or hang. */
class Database implements KafkaSink {
  readonly tokens = new Map<string, string[]>();
  readonly inserts: string[] = [];
  before = async (_chunk: KafkaChunk): Promise<void> => {};
  after = async (): Promise<void> => {};

  async store(chunk: KafkaChunk, announce: Announce | null): Promise<StoreOutcome> {
    if (announce !== null && (await announce(chunk.intent.last)) === null) return { kind: "abandoned" };
    await this.before(chunk);
    const token = tokenOf(chunk.intent, chunk.at, "spans");
    const texts = chunk.records.map(({ value }) => Buffer.from(value ?? []).toString());
    this.inserts.push(token);
    const known = this.tokens.get(token);
    if (known !== undefined && known.join() !== texts.join()) throw new Error(`other rows under ${token}`);
    this.tokens.set(token, texts);
    await this.after();
    return { kind: "stored" };
  }

  get rows(): string[] {
    return [...this.tokens.values()].flat();
  }
}

const never = (): Promise<void> => new Promise(() => {});
const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);
const pass = (ms = LINGER_MS): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Reads the rest, whatever the sizes of the fetches. */
async function finish(broker: Broker, member: Member): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await pass(100);
    broker.fetch(member, 3);
  }
  await pass();
}

describe("a crash", () => {
  it.each([
    ["before the intent is committed", "intent"],
    ["before the insert", "insert"],
    ["after the insert", "inserted"],
    ["before the last commit", "done"],
  ])("%s: the same chunk is stored under the same token", async (_, where) => {
    const broker = new Broker(25);
    const database = new Database();
    if (where === "insert") database.before = never;
    if (where === "inserted") database.after = never;
    const crashed = broker.join(database, (metadata) =>
      where === (metadata === "" ? "done" : "intent") ? never() : Promise.resolve(),
    );
    await pass(0);
    broker.fetch(crashed, 7);
    await pass();
    const wasAnnounced = where !== "intent";
    const wasStored = where === "inserted" || where === "done";
    expect(broker.commits).toEqual(wasAnnounced ? ["0 6"] : []);
    expect(database.rows).toEqual(wasStored ? texts(7) : []);

    // The next one reads with other sizes, and would cut other chunks.
    database.before = async () => {};
    database.after = async () => {};
    await finish(broker, broker.join(database));
    expect(database.rows).toEqual(texts(25));
    if (wasAnnounced) expect(database.inserts.filter((token) => token === "1:otlp_spans:0:0-6:spans")).not.toEqual([]);
    if (wasStored) expect(database.inserts.filter((token) => token.includes(":0-6:"))).toHaveLength(2);
    expect([broker.offset, broker.metadata]).toEqual([25n, ""]);
  });

  it("and a replay keep the epoch and the arrival time of the first attempt", async () => {
    const broker = new Broker(5);
    const database = new Database();
    database.before = never;
    broker.fetch(broker.join(database), 0);
    const first = broker.join(database);
    await pass(0);
    broker.fetch(first, 5);
    await pass();
    const begun = readIntent(broker.offset, broker.metadata);
    await pass(60_000);
    const seen: KafkaChunk[] = [];
    database.before = async (chunk) => void seen.push(chunk);
    await finish(
      broker,
      broker.join(database, async () => {}, { ...OPTIONS, epoch: 2 }),
    );
    expect(begun).toEqual({ ok: true, intent: seen[0]?.intent });
    expect(seen[0]?.intent.epoch).toBe(1);
  });
});

describe("a stale generation", () => {
  it("is told before anything is stored", async () => {
    const broker = new Broker(8);
    const database = new Database();
    const stale = broker.join(database);
    await pass(0);
    broker.fetch(stale, 8);
    broker.generation++;
    await pass(10_000);
    expect(database.inserts).toEqual([]);
    expect(broker.commits).toEqual([]);
    // It joins again, and the messages are read again.
    broker.rebalance(stale);
    await finish(broker, stale);
    expect(database.rows).toEqual(texts(8));
  });

  it("commits nothing over what the next owner has begun", async () => {
    const broker = new Broker(20);
    const database = new Database();
    let release = (): void => {};
    database.before = () => new Promise((resolve) => (release = resolve));
    const slow = broker.join(database);
    await pass(0);
    broker.fetch(slow, 5);
    await pass();
    database.before = async () => {};
    const next = broker.join(database);
    await finish(broker, next);
    expect(broker.offset).toBe(20n);
    release();
    await pass(5_000);
    expect([broker.offset, broker.metadata]).toEqual([20n, ""]);
    expect(database.rows.toSorted()).toEqual(texts(20).toSorted());
    // The late insert came under the token of the chunk that the next owner had rebuilt.
    expect(database.inserts.filter((token) => token.includes(":0-4:"))).toHaveLength(2);
  });
});

describe("a rebalance", () => {
  it("in the middle of an insert: the same member goes on, each message once", async () => {
    const broker = new Broker(20);
    const database = new Database();
    let release = (): void => {};
    database.after = () => new Promise((resolve) => (release = resolve));
    const member = broker.join(database);
    await pass(0);
    broker.fetch(member, 9);
    await pass();
    broker.rebalance(member);
    broker.fetch(member, 4);
    database.after = async () => {};
    await pass(5_000);
    expect(database.inserts).toHaveLength(1);
    release();
    await finish(broker, member);
    expect(database.rows).toEqual(texts(20));
    expect(broker.offset).toBe(20n);
  });

  it("that takes the partition away ends the retries of its chunk", async () => {
    vi.useRealTimers();
    const wait = (ms: number): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, ms));
    const broker = new Broker(5);
    const database = new Database();
    let attempts = 0;
    database.before = async () => {
      attempts++;
      throw new Error("storage is away");
    };
    const member = broker.join(database, async () => {}, { ...OPTIONS, chunkLingerMs: 1 });
    await wait(5);
    broker.fetch(member, 5);
    await wait(200);
    expect(attempts).toBeGreaterThan(3);
    broker.rebalance(member, []);
    await wait(30);
    const until = attempts;
    await wait(100);
    expect(attempts).toBe(until);
    expect(broker.commits).toEqual(["0 4"]);
  });
});

describe("reading", () => {
  it("rebuilds a chunk over many fetches, past the limits at which it would pause", async () => {
    const broker = new Broker(30);
    broker.offset = 0n;
    broker.metadata = writeIntent({ epoch: 1, first: 0n, last: 19n, atMs: 1, alone: [] });
    const database = new Database();
    const member = broker.join(database, async () => {}, { ...OPTIONS, partitionMaxBytes: 10, bufferMaxBytes: 10 });
    await pass(0);
    for (let i = 0; i < 19; i++) broker.fetch(member, 1);
    await pass(5_000);
    expect(database.inserts).toEqual([]);
    expect(broker.paused.has(member.name)).toBe(false);
    broker.fetch(member, 1);
    await pass(0);
    expect(database.inserts).toEqual(["1:otlp_spans:0:0-19:spans"]);
    expect(broker.offset).toBe(20n);
  });

  it("of other messages than the committed offset's is put right", async () => {
    const broker = new Broker(20);
    broker.offset = 3n;
    const database = new Database();
    const member = broker.join(database);
    await pass(0);
    member.position = 12n;
    await finish(broker, member);
    expect(database.rows).toEqual(texts(20).slice(3));
  });

  it("goes on where retention has removed a begun chunk", async () => {
    const broker = new Broker(20);
    broker.offset = 0n;
    broker.metadata = writeIntent({ epoch: 1, first: 0n, last: 9n, atMs: 1, alone: [] });
    broker.records.splice(0, 15);
    const database = new Database();
    await finish(broker, broker.join(database));
    expect(database.rows).toEqual(texts(20).slice(15));
    expect(broker.offset).toBe(20n);
  });

  it("takes metadata of another program for none", async () => {
    const broker = new Broker(4);
    broker.offset = 1n;
    broker.metadata = "somebody else's note";
    const database = new Database();
    await finish(broker, broker.join(database));
    expect(database.rows).toEqual(texts(4).slice(1));
  });
});

it("a part that storage refuses is noted in the intent before its messages are stored one by one", async () => {
  const broker = new Broker(3);
  const alone: (readonly string[])[] = [];
  const noted: string[] = [];
  const sink: KafkaSink = {
    async store({ intent }, announce) {
      await announce?.(intent.last);
      alone.push(intent.alone);
      noted.push(broker.metadata);
      return intent.alone.length === 0 ? { kind: "refused", table: "spans" } : { kind: "stored" };
    },
  };
  await finish(broker, broker.join(sink));
  expect(alone).toEqual([[], ["spans"]]);
  expect(readIntent(0n, noted[1] ?? "")).toMatchObject({ ok: true, intent: { last: 2n, alone: ["spans"] } });
  expect([broker.offset, broker.metadata]).toEqual([3n, ""]);
});
