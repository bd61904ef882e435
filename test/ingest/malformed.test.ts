// Hostile and broken payloads: no crash, no hang, a reason for each refusal, and no trace in the block that others share.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { transcodeJson } from "../../ingest/otlp/json.ts";
import { bytesOf, makeBlock, rowsOf, SAMPLES_AT_MS } from "../fixtures/otlp-blocks.ts";
import { encodeOtlp, type OtlpSignal, toDescending } from "../fixtures/otlp-oracle.ts";
import { SAMPLES } from "../fixtures/otlp-samples.ts";

const RUNS = Number(process.env["FAULTLINE_FUZZ_RUNS"] ?? 2_000);
const PAYLOADS: Record<OtlpSignal, Uint8Array[]> = { traces: [], logs: [], metrics: [] };
for (const { signal, message } of SAMPLES) {
  const bytes = encodeOtlp(signal, message);
  PAYLOADS[signal].push(bytes, toDescending(signal, bytes));
}

interface Mutation {
  readonly kind: "set" | "cut" | "insert" | "copy" | "drop";
  readonly at: number;
  readonly length: number;
  readonly byte: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom("set", "cut", "insert", "copy", "drop"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 40 }),
  byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x00, 0x0a, 0x12, 0x7f, 0x80, 0xff)),
});

function mutate(payload: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  let bytes = Buffer.from(payload);
  for (const { kind, at, length, byte } of mutations) {
    const position = Math.floor(at * bytes.length);
    const before = bytes.subarray(0, position);
    if (kind === "set" && position < bytes.length) bytes[position] = byte;
    else if (kind === "cut") bytes = Buffer.from(before);
    else if (kind === "insert") bytes = Buffer.concat([before, Buffer.alloc(length, byte), bytes.subarray(position)]);
    else if (kind === "copy")
      bytes = Buffer.concat([before, bytes.subarray(position, position + length), bytes.subarray(position)]);
    else bytes = Buffer.concat([before, bytes.subarray(position + length)]);
  }
  return Uint8Array.from(bytes);
}

describe.each(["traces", "logs", "metrics"] as const)("%s", (signal) => {
  const [good = new Uint8Array(), other = good] = PAYLOADS[signal];
  const clean = makeBlock(signal);
  clean.decode(good, SAMPLES_AT_MS, "default");
  const goodRows = rowsOf(clean);
  clean.decode(other, SAMPLES_AT_MS, "default");
  const cleanBytes = bytesOf(clean);
  const cleanCount = clean.rows;

  it(
    "a mutated payload is refused with a reason or leaves whole rows, and its neighbours are as if alone",
    { timeout: 120_000 },
    () => {
      let refused = 0;
      let accepted = 0;
      const block = makeBlock(signal);
      fc.assert(
        fc.property(
          fc.constantFrom(...PAYLOADS[signal]),
          fc.array(mutation, { minLength: 1, maxLength: 6 }),
          (payload, mutations) => {
            block.clear();
            block.decode(good, SAMPLES_AT_MS, "default");
            const startMs = performance.now();
            const outcome = block.decode(mutate(payload, mutations), SAMPLES_AT_MS, "default");
            expect(performance.now() - startMs).toBeLessThan(500);
            expect(block.decode(other, SAMPLES_AT_MS, "default")).toMatchObject({ ok: true });
            if (!outcome.ok) {
              refused++;
              expect(outcome.reason).toMatch(/^(truncated|overrun|bad_varint|bad_tag|bad_wire_type)$/);
              expect(bytesOf(block).equals(cleanBytes)).toBe(true);
              return;
            }
            accepted++;
            expect(block.rows).toBe(cleanCount + outcome.rows);
            if (accepted % 8 !== 0) return;
            for (const [table, rows] of Object.entries(rowsOf(block))) {
              const mine = goodRows[table] ?? [];
              expect(rows.slice(0, mine.length)).toEqual(mine);
              expect(rows.slice(rows.length - mine.length)).toEqual(mine);
            }
          },
        ),
        { numRuns: RUNS },
      );
      expect(refused).toBeGreaterThan(RUNS / 10);
      expect(accepted).toBeGreaterThan(RUNS / 10);
    },
  );

  it("random bytes are refused", () => {
    const block = makeBlock(signal);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 400 }), (bytes) => {
        const before = block.rows;
        const outcome = block.decode(bytes, SAMPLES_AT_MS, "default");
        expect(block.rows).toBe(before + (outcome.ok ? outcome.rows : 0));
      }),
      { numRuns: RUNS },
    );
  });

  it("a payload cut at any byte is refused, or ends between two groups", () => {
    const block = makeBlock(signal);
    let accepted = 0;
    for (let length = 0; length < good.length; length++) {
      const outcome = block.decode(good.subarray(0, length), SAMPLES_AT_MS, "default");
      if (outcome.ok) accepted++;
      else expect(outcome.reason).toBe("truncated");
      block.clear();
    }
    expect(accepted).toBeLessThan(6);
  });
});

describe("JSON", () => {
  it("any JSON value is transcoded or refused with a reason, never thrown at", () => {
    const key = fc.constantFrom(
      "resourceSpans",
      "scopeSpans",
      "spans",
      "traceId",
      "kind",
      "attributes",
      "key",
      "value",
      "arrayValue",
      "kvlistValue",
      "values",
      "intValue",
      "doubleValue",
      "stringValue",
      "__proto__",
      "constructor",
      "startTimeUnixNano",
      "resource",
      "events",
      "unknown",
    );
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { depthSize: "large", withCrossShrink: true },
        fc.oneof(
          fc.integer(),
          fc.double(),
          fc.string(),
          fc.boolean(),
          fc.constant(null),
          fc.constantFrom("5", "0a", "SPAN_KIND_CLIENT", "-9223372036854775808"),
        ),
        fc.array(tie("json"), { maxLength: 4 }),
        fc.dictionary(key, tie("json"), { maxKeys: 5 }),
      ),
    }));
    const block = makeBlock("traces");
    fc.assert(
      fc.property(json, (value) => {
        const result = transcodeJson("traces", Buffer.from(JSON.stringify({ resourceSpans: [value] })));
        if (result.ok) expect(block.decode(result.bytes, SAMPLES_AT_MS, "default")).toMatchObject({ ok: true });
        else expect(result.reason).toMatch(/^json_shape|nesting$/);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("bounds", () => {
  const T = "1795388900000000000";
  const span = (n: number, more = {}): object => ({
    traceId: Buffer.alloc(16, 1),
    spanId: Buffer.from([0, 0, 0, 0, 0, 1, n >> 8, n & 255]),
    startTimeUnixNano: T,
    endTimeUnixNano: T,
    ...more,
  });
  const traces = (spans: object[], resource = {}): Uint8Array =>
    encodeOtlp("traces", { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
  const spansOf = (block: ReturnType<typeof makeBlock>): Record<string, unknown>[] => rowsOf(block)["spans"] ?? [];

  it("a long value is cut at a character and counted", () => {
    const block = makeBlock("traces", { maxValueBytes: 10 });
    const attributes = [
      { key: "a", value: { stringValue: "123456789é" } },
      { key: "b", value: { stringValue: "1234567890" } },
    ];
    expect(block.decode(traces([span(1, { attributes })]), SAMPLES_AT_MS, "default")).toMatchObject({
      ok: true,
      truncated: 1,
    });
    expect(spansOf(block)[0]?.["SpanAttributes"]).toEqual([
      ["a", "123456789"],
      ["b", "1234567890"],
    ]);
  });

  it("attributes, events and links past their number are left out and counted", () => {
    const block = makeBlock("traces", { maxAttributes: 2, maxEvents: 1, maxLinks: 1 });
    const attributes = ["a", "b", "c", "d"].map((key) => ({ key, value: { intValue: "1" } }));
    const link = { traceId: Buffer.alloc(16, 2), spanId: Buffer.alloc(8, 2) };
    const body = traces([
      span(1, { attributes, events: [{ name: "x" }, { name: "y" }], links: [link, link, link] }),
      span(2),
    ]);
    expect(block.decode(body, SAMPLES_AT_MS, "default")).toMatchObject({ ok: true, rows: 2, truncated: 5 });
    const [first, second] = spansOf(block);
    expect(first).toMatchObject({
      SpanAttributes: [
        ["a", "1"],
        ["b", "1"],
      ],
      "Events.Name": ["x"],
    });
    expect(first?.["Links.SpanId"]).toEqual(["0202020202020202"]);
    expect(second).toMatchObject({ SpanAttributes: [], "Events.Name": [], "Links.SpanId": [] });
  });

  it("what is nested too deeply becomes null and is counted", () => {
    const field = (tag: number, content: Buffer): Buffer => {
      const { length } = content;
      return Buffer.concat([
        Buffer.from(length < 0x80 ? [tag, length] : [tag, (length & 0x7f) | 0x80, length >> 7]),
        content,
      ]);
    };
    // AnyValue {5: ArrayValue {1: AnyValue}}
    let value = field(0x0a, Buffer.from("bottom"));
    for (let n = 0; n < 500; n++) value = field(0x2a, field(0x0a, value));
    const attribute = field(0x32, Buffer.concat([field(0x0a, Buffer.from("deep")), field(0x12, value)]));
    const record = Buffer.concat([Buffer.from("0900e82d32b180ea18", "hex"), attribute]);
    const block = makeBlock("logs", { maxDepth: 3 });
    expect(block.decode(field(0x0a, field(0x12, field(0x12, record))), SAMPLES_AT_MS, "default")).toMatchObject({
      ok: true,
      truncated: 1,
    });
    expect(rowsOf(block)["logs"]?.[0]?.["LogAttributes"]).toEqual([["deep", "[[[null]]]"]]);
  });

  it("a resource repeated on many rows is refused when its expansion is too large, before it is written", () => {
    const resource = { attributes: [{ key: "big", value: { stringValue: "x".repeat(10_000) } }] };
    const body = traces(
      Array.from({ length: 500 }, (_, n) => span(n)),
      resource,
    );
    const block = makeBlock("traces", { maxExpandedBytes: 1 << 20 });
    expect(block.decode(body, SAMPLES_AT_MS, "default")).toEqual({ ok: false, reason: "expansion" });
    expect(block.rows).toBe(0);
    expect(makeBlock("traces").decode(body, SAMPLES_AT_MS, "default")).toMatchObject({ ok: true, rows: 500 });
  });

  it.each([
    ["0", "timestamp"],
    ["946684799000000000", "timestamp"],
    [String(BigInt(SAMPLES_AT_MS + 86_401_000) * 1_000_000n), "timestamp"],
    ["18446744073709551615", "timestamp"],
  ])("a span at %s ns is left out", (startTimeUnixNano, reason) => {
    const block = makeBlock("traces");
    const body = traces([span(1, { startTimeUnixNano, attributes: [{ key: "gone", value: {} }] }), span(2)]);
    expect(block.decode(body, SAMPLES_AT_MS, "default")).toMatchObject({
      ok: true,
      rows: 1,
      rejected: 1,
      rejectedReason: reason,
    });
    expect(spansOf(block)).toMatchObject([{ SpanId: "0000000000010002", SpanAttributes: [] }]);
  });

  it("rows older than the limit are left out, rows of more hours than storage has room for too", () => {
    const old = makeBlock("traces", { maxAgeSeconds: 60 });
    const hoursAgo = (n: number): object =>
      span(n, { startTimeUnixNano: String(BigInt(T) - BigInt(n) * 3_600_000_000_000n) });
    expect(old.decode(traces([span(1), hoursAgo(2)]), SAMPLES_AT_MS, "default")).toMatchObject({
      rows: 1,
      rejected: 1,
      rejectedReason: "timestamp",
    });
    const wide = makeBlock("traces");
    const body = traces(Array.from({ length: 100 }, (_, n) => hoursAgo(n)));
    expect(wide.decode(body, SAMPLES_AT_MS, "default")).toMatchObject({
      rows: 48,
      rejected: 52,
      rejectedReason: "hours",
    });
    expect(wide.isCrowded).toBe(true);
  });

  it("many distinct names make a block crowded and are kept all the same", () => {
    const block = makeBlock("traces");
    const body = traces(Array.from({ length: 40_000 }, (_, n) => span(n % 60_000, { name: `operation ${n}` })));
    expect(block.decode(body, SAMPLES_AT_MS, "default")).toMatchObject({ ok: true, rows: 40_000 });
    expect(block.isCrowded).toBe(true);
    expect(new Set(spansOf(block).map((row) => row["SpanName"])).size).toBe(40_000);
  });

  it("an absurd duration is 0 and counted", () => {
    const block = makeBlock("traces");
    expect(
      block.decode(traces([span(1, { endTimeUnixNano: "18446744073709551615" })]), SAMPLES_AT_MS, "default"),
    ).toMatchObject({
      truncated: 1,
    });
    expect(spansOf(block)).toMatchObject([{ Duration: 0n }]);
  });
});

it("a payload without a row leaves nothing in the block, however many resources it names", () => {
  const block = makeBlock("traces");
  const before = block.bytes;
  for (let n = 0; n < 100; n++) {
    const resource = { attributes: [{ key: "service.name", value: { stringValue: `s${n}` } }] };
    const bytes = encodeOtlp("traces", { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: `n${n}` } }] }] });
    expect(block.decode(bytes, SAMPLES_AT_MS, "default")).toMatchObject({ ok: true, rows: 0 });
  }
  expect([block.rows, block.bytes, block.isCrowded]).toEqual([0, before, false]);
  const other = makeBlock("traces");
  const [payload = new Uint8Array()] = PAYLOADS.traces;
  for (const one of [block, other]) one.decode(payload, SAMPLES_AT_MS, "default");
  expect(bytesOf(block).equals(bytesOf(other))).toBe(true);
});
