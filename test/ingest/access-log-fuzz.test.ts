// Hostile access logs: whatever the bytes of a line or label are, a record becomes one row or one log, at once, and its neighbours stay.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accessLogRows } from "../fixtures/access-log-rows.ts";
import {
  ACCESS_LOGS_AT_MS,
  envoyLine,
  istioJson,
  istioLabels,
  istioLine,
  lineRecord,
  logsPayload,
  REQUEST,
  WAYPOINT_LINES,
  ZTUNNEL_LINES,
} from "../fixtures/access-log-samples.ts";
import { makeBlock, rowsOf } from "../fixtures/otlp-blocks.ts";
import { encodeOtlp, type Message } from "../fixtures/otlp-oracle.ts";

const RUNS = Number(process.env["FAULTLINE_FUZZ_RUNS"] ?? 2_000);
const SLOWEST_MS = 500;
const LINES = [istioLine(REQUEST), envoyLine(REQUEST), istioJson(REQUEST), ...WAYPOINT_LINES, ...ZTUNNEL_LINES];
const PIECES = [
  '"',
  "\\",
  "\\u",
  "{",
  "}",
  "[",
  "]",
  " ",
  "=",
  ":",
  ",",
  "-",
  "|",
  "\u0000",
  "ÿ",
  "💥",
  "9".repeat(400),
  "[".repeat(3000),
];

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  drop: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 30 })),
  piece: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 3 }), fc.string({ unit: "binary", maxLength: 8 })),
});
const mutated = fc
  .tuple(fc.constantFrom(...LINES), fc.array(edit, { minLength: 1, maxLength: 3 }))
  .map(([line, edits]) => {
    let text = line;
    for (const { at, drop, piece } of edits) {
      const position = Math.floor(at * text.length);
      text = text.slice(0, position) + piece + text.slice(position + drop);
    }
    return Buffer.from(text).toString();
  });

const neighbour = logsPayload([lineRecord(istioLine(REQUEST))], { "service.name": "frontend" });
const alone = makeBlock("logs");
alone.decode(neighbour, ACCESS_LOGS_AT_MS, "default");
const [neighbourRow] = accessLogRows(rowsOf(alone));

const block = makeBlock("logs");

function check(payload: Uint8Array): boolean {
  block.clear();
  expect(block.decode(neighbour, ACCESS_LOGS_AT_MS, "default")).toMatchObject({ ok: true });
  // CPU time: a busy machine is no hang.
  const started = process.cpuUsage();
  const outcome = block.decode(payload, ACCESS_LOGS_AT_MS, "default");
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1000).toBeLessThan(SLOWEST_MS);
  expect(block.decode(neighbour, ACCESS_LOGS_AT_MS, "default")).toMatchObject({ ok: true });
  if (!outcome.ok) expect(outcome.reason).not.toBe("defect");
  else expect(outcome.rows + outcome.rejected).toBe(1);
  const tables = rowsOf(block);
  const rows = accessLogRows(tables);
  expect([rows[0], rows.at(-1)]).toEqual([neighbourRow, neighbourRow]);
  expect(rows.length + (tables["logs"]?.length ?? 0)).toBe(2 + (outcome.ok ? outcome.rows : 0));
  return rows.length > 2;
}

describe("mutated access logs", () => {
  it("as lines", { timeout: 600_000 }, () => {
    let read = 0;
    fc.assert(
      fc.property(mutated, (line) => {
        if (check(logsPayload([lineRecord(line)], { "service.name": "frontend" }))) read++;
      }),
      { numRuns: RUNS },
    );
    // Otherwise nothing but the first check was tried.
    expect(read).toBeGreaterThan(RUNS / 50);
    expect(read).toBeLessThan(RUNS);
  });

  it("as labels and maps of any shape", { timeout: 600_000 }, () => {
    const value: fc.Arbitrary<Message> = fc.oneof(
      mutated.map((stringValue) => ({ stringValue })),
      fc.integer().map((intValue) => ({ intValue })),
      fc.double().map((doubleValue) => ({ doubleValue })),
      fc.constant({ kvlistValue: { values: istioLabels(REQUEST) } }),
      fc.constant({}),
    );
    const key = fc.constantFrom(
      "response_flags",
      "upstream_cluster",
      "duration",
      "path",
      "src.addr",
      "upstream_peer",
      "start_time",
      "grpc_status",
      "node_id",
      "own",
    );
    let read = 0;
    fc.assert(
      fc.property(fc.array(fc.record({ key, value }), { maxLength: 12 }), fc.boolean(), (labels, isMap) => {
        const record = isMap ? { body: { kvlistValue: { values: labels } } } : { attributes: labels };
        if (check(encodeOtlp("logs", { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] }))) read++;
      }),
      { numRuns: RUNS },
    );
    expect(read).toBeGreaterThan(RUNS / 50);
  });
});
