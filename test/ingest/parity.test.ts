// What is stored equals, column by column, what an independent slow decoder yields; in either field order; from JSON as from protobuf.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createPayloads } from "../../bench/ingest/corpus.ts";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { transcodeJson } from "../../ingest/otlp/json.ts";
import { readRecording } from "../../service/recording.ts";
import { encodeOtlp, expectedRows, type OtlpSignal, type Row, toDescending } from "../fixtures/otlp-oracle.ts";
import { SAMPLES } from "../fixtures/otlp-samples.ts";
import { sorted, storedRows } from "../fixtures/otlp-stored.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const DATA = process.env["FAULTLINE_DATA_DIR"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const RECORDING = `${DATA}/mesh-lab/open-b.otlp.zst`;
const JSON_SAMPLES = `${DATA}/mesh-samples/otlp`;
/** Payloads of each signal taken from the recording. */
const RECORDED_PAYLOADS = Number(process.env["FAULTLINE_PARITY_PAYLOADS"] ?? 200);
/** Spans of the benchmark's corpus. */
const CORPUS_SPANS = Number(process.env["FAULTLINE_PARITY_SPANS"] ?? 3_000);
const TABLES: Record<OtlpSignal, string[]> = {
  traces: ["spans"],
  logs: ["logs", "access_logs"],
  metrics: ["metrics_numbers", "metrics_distributions"],
};

interface Payload {
  readonly signal: OtlpSignal;
  readonly bytes: Uint8Array;
}

// Keeps the server of this file up between tests.
let server: TestStorage;
let test: TestStorage;
let ingest: Awaited<ReturnType<typeof startIngest>>;

beforeAll(async () => {
  server = await startTestStorage({ migrate: false });
});

afterAll(() => server.stop());

beforeEach(async () => {
  test = await startTestStorage();
  ingest = await startIngest({ storage: test.storage, options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0 } });
});

afterEach(async () => {
  await ingest.stop();
  await test.stop();
});

async function post(signal: OtlpSignal, body: Uint8Array, contentType: string): Promise<void> {
  const response = await fetch(`${ingest.httpUrl}/v1/${signal}`, {
    method: "POST",
    headers: { "content-type": contentType },
    body,
  });
  expect(response.status, await response.text()).toBe(200);
}

interface Difference {
  readonly table: string;
  readonly rows: { readonly stored: number; readonly wanted: number };
  readonly stored: Row | undefined;
  readonly wanted: Row | undefined;
}

/** The first row of each table that storage holds otherwise than the slow decoder reads it. */
async function differences(payloads: readonly Payload[]): Promise<Difference[]> {
  const expected: Record<string, Row[]> = {};
  for (const { signal, bytes } of payloads) {
    for (const [table, rows] of Object.entries(expectedRows(signal, bytes))) (expected[table] ??= []).push(...rows);
  }
  const found: Difference[] = [];
  for (const table of new Set(payloads.flatMap(({ signal }) => TABLES[signal]))) {
    const stored = sorted(await storedRows(test.storage, table));
    const wanted = sorted(expected[table] ?? []);
    const differing = wanted.findIndex((row, i) => JSON.stringify(row) !== JSON.stringify(stored[i]));
    if (differing < 0 && stored.length === wanted.length) continue;
    const rows = { stored: stored.length, wanted: wanted.length };
    found.push({ table, rows, stored: stored[differing], wanted: wanted[differing] });
  }
  return found;
}

/** The first frames of each signal, and of logs some with nested bodies. */
async function recordedPayloads(): Promise<Payload[]> {
  const names: Record<string, OtlpSignal> = { T: "traces", M: "metrics", L: "logs" };
  const left: Record<string, number> = { T: RECORDED_PAYLOADS, M: RECORDED_PAYLOADS, L: RECORDED_PAYLOADS };
  const payloads: Payload[] = [];
  for await (const frame of readRecording(RECORDING)) {
    const count = left[frame.signal] ?? 0;
    if (count > 0) payloads.push({ signal: names[frame.signal] ?? "traces", bytes: Uint8Array.from(frame.body) });
    left[frame.signal] = count - 1;
    if (Object.values(left).every((n) => n <= 0)) break;
  }
  return payloads;
}

const written: Payload[] = SAMPLES.map(({ signal, message }) => ({ signal, bytes: encodeOtlp(signal, message) }));

describe("stored columns equal the slow decoder's", () => {
  it.each(["ascending", "descending"])("for payloads that use every field, fields %s", async (order) => {
    const payloads =
      order === "ascending"
        ? written
        : written.map(({ signal, bytes }) => ({ signal, bytes: toDescending(signal, bytes) }));
    await Promise.all(payloads.map(({ signal, bytes }) => post(signal, bytes, "application/x-protobuf")));
    expect(await differences(written)).toEqual([]);
  });

  it.each(["ascending", "descending"] as const)(
    "for the benchmark's corpus, fields %s",
    { timeout: 120_000 },
    async (order) => {
      const spec = { name: "parity", payloadSpans: [500, 900], order, spans: CORPUS_SPANS, seed: 7 } as const;
      const payloads = [...createPayloads(spec)].map(({ bytes }): Payload => ({ signal: "traces", bytes }));
      await Promise.all(payloads.map(({ signal, bytes }) => post(signal, bytes, "application/x-protobuf")));
      expect(await differences(payloads)).toEqual([]);
    },
  );

  it.skipIf(!existsSync(RECORDING))("for a recording of a real mesh", { timeout: 120_000 }, async () => {
    const payloads = await recordedPayloads();
    expect(payloads.length).toBeGreaterThanOrEqual(3 * Math.min(RECORDED_PAYLOADS, 2_000));
    for (let i = 0; i < payloads.length; i += 64) {
      await Promise.all(
        payloads.slice(i, i + 64).map(({ signal, bytes }) => post(signal, bytes, "application/x-protobuf")),
      );
    }
    expect(await differences(payloads)).toEqual([]);
  });

  it.skipIf(!existsSync(JSON_SAMPLES))("for the JSON examples of the OTLP specification", async () => {
    const payloads: Payload[] = [];
    for (const name of readdirSync(JSON_SAMPLES)) {
      const body = readFileSync(`${JSON_SAMPLES}/${name}`);
      const signal: OtlpSignal = name.startsWith("trace") ? "traces" : name.startsWith("metrics") ? "metrics" : "logs";
      const transcoded = transcodeJson(signal, body);
      expect(transcoded, name).toMatchObject({ ok: true });
      if (transcoded.ok) payloads.push({ signal, bytes: transcoded.bytes });
      await post(signal, body, "application/json");
    }
    expect(payloads.length).toBeGreaterThan(2);
    expect(await differences(payloads)).toEqual([]);
  });
});
