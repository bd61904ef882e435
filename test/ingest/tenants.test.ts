// Several tenants in one block: each row belongs to whoever sent its payload, whatever else is the same.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReceiver, RECEIVER_LIMITS } from "../../ingest/receiver.ts";
import type { Receipt, Writer } from "../../ingest/writer.ts";
import { makeBlock, rowsOf, SAMPLES_AT_MS } from "../fixtures/otlp-blocks.ts";
import type { NativeRow } from "../fixtures/native-reader.ts";
import { encodeOtlp, type OtlpSignal } from "../fixtures/otlp-oracle.ts";
import { SAMPLES } from "../fixtures/otlp-samples.ts";

const PAYLOADS: Record<OtlpSignal, Uint8Array[]> = { traces: [], logs: [], metrics: [] };
for (const { signal, message } of SAMPLES) PAYLOADS[signal].push(encodeOtlp(signal, message));

interface Step {
  readonly tenant: string;
  readonly payload: number;
  /** 1: whole; less: cut there, so that it is refused and taken back. */
  readonly share: number;
  readonly endsBlock: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  tenant: fc.constantFrom("a", "b", "c", "tenant with ü"),
  payload: fc.nat({ max: 7 }),
  share: fc.oneof(fc.constant(1), fc.constantFrom(0.3, 0.6, 0.95)),
  endsBlock: fc.boolean(),
});

function rowsByTable(signal: OtlpSignal, payload: Uint8Array, tenant: string): Record<string, NativeRow[]> {
  const alone = makeBlock(signal);
  alone.decode(payload, SAMPLES_AT_MS, tenant);
  return rowsOf(alone);
}

describe.each(["traces", "logs", "metrics"] as const)("%s of several tenants in one block", (signal) => {
  it("each belong to their tenant, also where the resource is the same and after a payload was taken back", () => {
    const block = makeBlock(signal);
    const property = fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      block.clear();
      let expected: Record<string, NativeRow[]> = {};
      for (const { tenant, payload, share, endsBlock } of steps) {
        const whole = PAYLOADS[signal][payload % PAYLOADS[signal].length] ?? new Uint8Array();
        const bytes = whole.subarray(0, Math.ceil(whole.length * share));
        if (block.decode(bytes, SAMPLES_AT_MS, tenant).ok) {
          for (const [table, rows] of Object.entries(rowsByTable(signal, bytes, tenant))) {
            (expected[table] ??= []).push(...rows);
          }
        }
        if (!endsBlock) continue;
        expect(rowsOf(block)).toEqual(expected);
        block.clear();
        expected = {};
      }
      expect(rowsOf(block)).toEqual(expected);
    });
    fc.assert(property, { numRuns: 200 });
  });

  it("take turns", () => {
    const block = makeBlock(signal);
    const bytes = PAYLOADS[signal][0] ?? new Uint8Array();
    for (const tenant of ["a", "b", "a"]) block.decode(bytes, SAMPLES_AT_MS, tenant);
    for (const rows of Object.values(rowsOf(block))) {
      const tenants = rows.map((row) => row["Tenant"]);
      const third = tenants.length / 3;
      const wanted = ["a", "b", "a"].flatMap((tenant) => Array.from({ length: third }, () => tenant));
      expect(tenants).toEqual(wanted);
    }
  });
});

it("the same body of two tenants is two bodies, of one tenant a retry", async () => {
  const stored: Receipt = { ok: true, rows: 1, rejected: 0, rejectedReason: null };
  const written: string[] = [];
  const writer: Writer = {
    write: (_payload, tenant) => {
      written.push(tenant);
      return Promise.resolve(stored);
    },
    stop: async () => {},
  };
  const receiver = createReceiver({ traces: writer, logs: writer, metrics: writer }, RECEIVER_LIMITS, Date.now);
  const body = Uint8Array.of(1, 2, 3);
  const answers: boolean[] = [];
  for (const tenant of ["a", "b", "a", "a:traces", "b"]) {
    const delivery = await receiver.receive(tenant, "traces", "protobuf", body);
    answers.push(delivery.ok && delivery.duplicate);
  }
  expect(written).toEqual(["a", "b", "a:traces"]);
  expect(answers).toEqual([false, false, true, false, true]);
});
