// Damaged payloads on every way in: no crash, nothing that takes half a second, honest neighbours in the same block untouched to the byte,
// and every refusal counted with a reason. FAULTLINE_FUZZ_RUNS=100000 (npm run test:fuzz) for all of it, the default is a sample;
// FAULTLINE_FUZZ_SEED repeats a failure, whose seed and payload are in its message.
import { randomInt } from "node:crypto";
import { expect, it } from "vitest";
import { istioLine, lineRecord, logsPayload, REQUEST } from "../fixtures/access-log-samples.ts";
import { SAMPLES } from "../fixtures/otlp-samples.ts";
import { encodeOtlp, type OtlpSignal, toDescending } from "../fixtures/otlp-oracle.ts";
import type { Delivery } from "../../ingest/receiver.ts";
import { mutate, randomFrom } from "./mutations.ts";
import { type Target, TARGETS } from "./targets.ts";
import { HONEST, type InsertedRows, makeWorld, type SeenEvent, type World } from "./world.ts";

const RUNS = Number(process.env["FAULTLINE_FUZZ_RUNS"] ?? 4_000);
const SEED = Number(process.env["FAULTLINE_FUZZ_SEED"] ?? randomInt(2 ** 31));
const SLOWEST_MS = 500;
const HANG_MS = 30_000;
const ROUNDS = 8;
/** Half a minute of a sample on a busy machine, an hour of a full run. */
const TIMEOUT_MS = RUNS > 10_000 ? 3_600_000 : 180_000;

interface Tally {
  taken: number;
  refused: number;
  slowestMs: number;
  readonly reasons: Map<string, number>;
}

/** Two bodies that are decoded as they come: those that tell of Kubernetes objects are not. */
function honestPayloads(signal: OtlpSignal): Uint8Array[] {
  if (signal === "logs") {
    return [
      logsPayload([{ body: { stringValue: "it works" } }, lineRecord(istioLine(REQUEST))], {
        "service.name": "catalog",
      }),
      logsPayload([lineRecord(istioLine(REQUEST))], { "service.name": "frontend" }),
    ];
  }
  const [first, last = first] = SAMPLES.filter((sample) => sample.signal === signal);
  const encode = (sample: (typeof SAMPLES)[number] | undefined): Uint8Array =>
    encodeOtlp(signal, sample?.message ?? {});
  // Two different bodies, or the second would be taken for a retry of the first.
  return [encode(first), toDescending(signal, encode(last))];
}

interface Honest {
  readonly payloads: readonly Uint8Array[];
  readonly rows: InsertedRows;
  /** The bytes of the inserts: both in one block, or, on a busy machine, each in one of its own. */
  readonly variants: readonly Buffer[];
  /** Refusals that are counted for them: the samples have rows that are left out. */
  readonly refusals: readonly SeenEvent[];
}

/** Two honest payloads of the target's signal; what comes of them alone. */
async function honestOf(world: World, { signal }: Target): Promise<Honest> {
  const payloads = honestPayloads(signal);
  const send = (payload: Uint8Array): Promise<Delivery> => world.receiver.receive(HONEST, signal, "protobuf", payload);
  const variants: Buffer[] = [];
  let rows: InsertedRows = { honest: {}, strangers: 0 };
  let refusals: SeenEvent[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    world.takeEvents();
    if (round === 0) for (const payload of payloads) await send(payload);
    else await Promise.all(payloads.map(send));
    const inserted = world.takeInserted();
    if (!variants.some((bytes) => bytes.equals(inserted.bytes))) variants.push(inserted.bytes);
    rows = inserted.rows();
    refusals = world.takeEvents().filter(isCounted);
  }
  expect(Object.values(rows.honest).flat().length).toBeGreaterThan(0);
  return { payloads, rows, variants, refusals };
}

function hanging(): { readonly promise: Promise<never>; readonly cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${HANG_MS} ms`)), HANG_MS);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}

/** CPU time of this process: what a busy machine does meanwhile does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function isCounted({ event, reason }: SeenEvent): boolean {
  return reason !== "" && (event === "ingest.refused" || event === "ingest.dead_letter");
}

/** The events without those of `others`, each once. */
function withoutOnce(events: readonly SeenEvent[], others: readonly SeenEvent[]): SeenEvent[] {
  const left = [...events];
  for (const { reason } of others) {
    const at = left.findIndex((event) => event.reason === reason);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}

async function fuzz(target: Target, runs: number, seed: number): Promise<Tally> {
  const world = makeWorld();
  const random = randomFrom(seed);
  const tally: Tally = { taken: 0, refused: 0, slowestMs: 0, reasons: new Map() };
  try {
    const clean = await honestOf(world, target);
    for (const payload of target.corpus) expect(await target.send(world, payload)).toMatchObject({ isTaken: true });
    world.takeInserted();
    for (let run = 0; run < runs; run++) {
      const whole = target.corpus[Math.floor(random() * target.corpus.length)] ?? new Uint8Array();
      const payload = mutate(whole, target.corpus, target.isText, random);
      const where = `${target.name}, seed ${SEED}, run ${run}: ${Buffer.from(payload).toString("base64").slice(0, 2_000)}`;
      world.takeEvents();
      const honest = (payload: Uint8Array | undefined) =>
        world.receiver.receive(HONEST, target.signal, "protobuf", payload ?? new Uint8Array());
      const startMs = cpuMs();
      const hang = hanging();
      const all = Promise.all([honest(clean.payloads[0]), target.send(world, payload), honest(clean.payloads[1])]);
      const [before, outcome, after] = await Promise.race([all, hang.promise]).catch((error: unknown) => {
        throw new Error(where, { cause: error });
      });
      hang.cancel();
      const tookMs = cpuMs() - startMs;
      tally.slowestMs = Math.max(tally.slowestMs, tookMs);
      if (tookMs > SLOWEST_MS) throw new Error(`${tookMs} ms of CPU: ${where}`);
      if (!before.ok || !after.ok) throw new Error(`an honest payload was refused: ${where}`);
      const inserted = world.takeInserted();
      if (outcome.isTaken) {
        tally.taken++;
        expect(inserted.rows(), where).toEqual(clean.rows);
        continue;
      }
      tally.refused++;
      if (outcome.answer.startsWith("5") || outcome.answer === "defect") throw new Error(`${outcome.answer}: ${where}`);
      const counted = withoutOnce(world.takeEvents().filter(isCounted), clean.refusals);
      expect(counted, `${outcome.answer} was not counted: ${where}`).not.toEqual([]);
      for (const { reason } of counted) tally.reasons.set(reason, (tally.reasons.get(reason) ?? 0) + 1);
      // A refused payload leaves nothing at all in the block that it was in; remote write may be refused in part.
      if (clean.variants.some((bytes) => bytes.equals(inserted.bytes))) continue;
      expect(target.isBeside && !outcome.answer.startsWith("4"), where).toBe(false);
      expect(inserted.rows(), where).toEqual(clean.rows);
    }
  } finally {
    await world.stop();
  }
  return tally;
}

it.each(TARGETS)("$name", { timeout: TIMEOUT_MS }, async (target) => {
  const runs = Math.ceil(RUNS / TARGETS.length);
  const { taken, refused, slowestMs, reasons } = await fuzz(target, runs, SEED + TARGETS.indexOf(target));
  console.log(
    `${target.name}: ${runs} payloads, ${taken} taken, ${refused} refused ` +
      `(${[...reasons].map(([reason, count]) => `${reason} ${count}`).join(", ")}), slowest ${slowestMs.toFixed(0)} ms of CPU`,
  );
  expect(taken, "damage so great that everything is refused finds nothing").toBeGreaterThan(0);
});
