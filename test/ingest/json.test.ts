// OTLP/JSON says the same as protobuf: every field, both spellings, enums by name and number, numbers as strings.
import { describe, expect, it } from "vitest";
import { transcodeJson } from "../../ingest/otlp/json.ts";
import { makeBlock, rowsOf, SAMPLES_AT_MS } from "../fixtures/otlp-blocks.ts";
import { encodeOtlp, type OtlpSignal } from "../fixtures/otlp-oracle.ts";
import { SAMPLES } from "../fixtures/otlp-samples.ts";

const ENUM_NAMES: Record<string, Record<number, string>> = {
  kind: { 2: "SPAN_KIND_SERVER", 3: "SPAN_KIND_CLIENT" },
  code: { 2: "STATUS_CODE_ERROR" },
  severityNumber: { 17: "SEVERITY_NUMBER_ERROR" },
  aggregationTemporality: { 1: "AGGREGATION_TEMPORALITY_DELTA", 2: "AGGREGATION_TEMPORALITY_CUMULATIVE" },
};

/** A sample in OTLP/JSON; `style` "names" spells fields as in the proto file and enums by name. */
function toJson(value: unknown, style: "numbers" | "names", key = ""): unknown {
  if (Buffer.isBuffer(value))
    return /traceid|spanid/i.test(key) ? value.toString("hex").toUpperCase() : value.toString("base64");
  if (Array.isArray(value)) return value.map((item) => toJson(item, style, key));
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value === "number" && style === "names") return ENUM_NAMES[key]?.[value] ?? value;
  if (typeof value !== "object" || value === null) return value;
  const snake = (name: string): string =>
    style === "names" ? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : name;
  return Object.fromEntries(
    Object.entries(value).map(([name, content]) => [snake(name), toJson(content, style, name)]),
  );
}

function rowsFrom(signal: OtlpSignal, bytes: Uint8Array): unknown {
  const block = makeBlock(signal);
  expect(block.decode(bytes, SAMPLES_AT_MS, "default")).toMatchObject({ ok: true });
  return rowsOf(block);
}

function transcoded(signal: OtlpSignal, json: unknown): Uint8Array {
  const result = transcodeJson(signal, Buffer.from(JSON.stringify(json)));
  if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
  return result.bytes;
}

describe("payloads that use every field become the same rows as in protobuf", () => {
  for (const { signal, message } of SAMPLES) {
    it.each(["numbers", "names"] as const)(`${signal}, enums as %s`, (style) => {
      expect(rowsFrom(signal, transcoded(signal, toJson(message, style)))).toEqual(
        rowsFrom(signal, encodeOtlp(signal, message)),
      );
    });
  }
});

it("unknown fields are ignored and null is absent", () => {
  const span = {
    traceId: "5b8efff798038103d269b633813fc60c",
    spanId: "eee19b7ec3c1b174",
    startTimeUnixNano: 1795388900000000000,
  };
  const plain = transcoded("traces", { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
  const noisy = transcoded("traces", {
    future: { resourceSpans: 1 },
    resourceSpans: [
      {
        resource: null,
        scopeSpans: [{ spans: [{ ...span, name: null, ["__proto__"]: 1, toString: "x", deep: [[{}]] }] }],
      },
    ],
  });
  expect(noisy).toEqual(plain);
});

describe("what is refused, and why", () => {
  const inSpan = (span: object): unknown => ({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
  const nested = (depth: number): unknown => {
    let value: unknown = { stringValue: "x" };
    for (let n = 0; n < depth; n++) value = { arrayValue: { values: [value] } };
    return inSpan({ attributes: [{ key: "k", value }] });
  };
  it.each([
    ["a list for a message", [], "json_shape", "the request"],
    ["text for a message", "x", "json_shape", "the request"],
    ["an object for a list", { resourceSpans: {} }, "json_shape", "resourceSpans"],
    ["a number for text", inSpan({ name: 5 }), "json_shape", "name"],
    ["text that is no hex", inSpan({ traceId: "zz" }), "json_shape", "traceId"],
    ["hex of half a byte", inSpan({ spanId: "abc" }), "json_shape", "spanId"],
    ["a fraction for an integer", inSpan({ startTimeUnixNano: 1.5 }), "json_shape", "startTimeUnixNano"],
    ["text for an integer", inSpan({ endTimeUnixNano: "soon" }), "json_shape", "endTimeUnixNano"],
    ["an enum of another name", inSpan({ kind: "SPAN_KIND_OTHER" }), "json_shape", "kind"],
    ["an enum out of range", inSpan({ kind: -1 }), "json_shape", "kind"],
    [
      "text for a flag",
      inSpan({ attributes: [{ key: "k", value: { boolValue: "true" } }] }),
      "json_shape",
      "boolValue",
    ],
    [
      "text for a number",
      inSpan({ attributes: [{ key: "k", value: { doubleValue: "fast" } }] }),
      "json_shape",
      "doubleValue",
    ],
    ["deep nesting", nested(100), "nesting", "nested"],
  ])("%s", (_name, json, reason, where) => {
    const result = transcodeJson("traces", Buffer.from(JSON.stringify(json)));
    expect(result).toMatchObject({ ok: false, reason });
    if (!result.ok) expect(result.detail).toContain(where);
  });

  it.each(["", "{", "nul", "{}x"])("%j is no JSON", (text) => {
    expect(transcodeJson("logs", Buffer.from(text))).toMatchObject({ ok: false, reason: "json_syntax" });
  });

  it("ten million brackets, quickly", () => {
    const startMs = performance.now();
    expect(transcodeJson("logs", Buffer.from("[".repeat(10_000_000)))).toMatchObject({ ok: false, reason: "nesting" });
    expect(performance.now() - startMs).toBeLessThan(500);
  });
});
