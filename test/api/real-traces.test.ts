// Traces of real meshes, through OTLP and storage to the view: Kiali's recorded Bookinfo trace, and a recorded Envoy mesh with faults.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { type TraceRow, traceRows } from "../../model/trace/rows.ts";
import { summarizeTrace } from "../../model/trace/summary.ts";
import { buildTraceView, type TraceView } from "../../model/trace/view.ts";
import { readRecording } from "../../service/recording.ts";
import { listTraces, readTrace } from "../../storage/traces.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const DATA = process.env["FAULTLINE_DATA_DIR"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const KIALI = `${DATA}/mesh-samples/kiali/responseTrace.json`;
const RECORDING = `${DATA}/mesh-lab/open-b.otlp.zst`;
const RECORDED_FRAMES = 400;

/** What a checkout is, by the topology of the recording; shipping has no spans of its own, only its sidecars'. */
const CHECKOUT = [
  "gateway",
  "frontend",
  "frontend → checkout (4)",
  "checkout → cart (4)",
  "cart → redis:redis",
  "checkout → pricing (4)",
  "pricing → tax (4)",
  "checkout → payment (4)",
  "checkout → shipping (3)",
  "shipping → inventory (3)",
  "inventory → postgresql:postgres",
  "checkout → redis:orders",
];

/** A row in words, with the spans that a call between two services has. */
function callOf({ caller, place, spans }: TraceRow): string {
  if (caller === null) return place.service;
  return caller === place
    ? `${place.service} → ${place.peer}`
    : `${caller.service} → ${place.service} (${spans.length})`;
}

let test: TestStorage;
let ingest: Awaited<ReturnType<typeof startIngest>>;

beforeAll(async () => {
  test = await startTestStorage();
  ingest = await startIngest({ storage: test.storage, options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0 } });
});

afterAll(async () => {
  await ingest.stop();
  await test.stop();
});

async function post(body: Uint8Array | string): Promise<void> {
  const response = await fetch(`${ingest.httpUrl}/v1/traces`, {
    method: "POST",
    headers: { "content-type": typeof body === "string" ? "application/json" : "application/x-protobuf" },
    body,
  });
  expect(response.status, await response.text()).toBe(200);
}

async function viewOf(traceId: string, aroundSeconds: number): Promise<TraceView> {
  const stored = await readTrace(test.storage, {
    tenant: "default",
    traceId,
    aroundSeconds,
    nowSeconds: aroundSeconds,
  });
  return buildTraceView(traceId, stored?.spans ?? []);
}

describe.runIf(existsSync(KIALI))("Kiali's Bookinfo trace, of sidecars alone", () => {
  it("is four hops, with the way of the response through reviews and ratings", async () => {
    // Tempo's answer has its own word for the resources, and ids in base64.
    const text = readFileSync(KIALI, "utf8")
      .replace('"batches"', '"resourceSpans"')
      .replace(
        /"(traceId|spanId|parentSpanId)":\s*"([^"]*)"/g,
        (_, key: string, id: string) => `"${key}": "${Buffer.from(id, "base64").toString("hex")}"`,
      );
    await post(text);
    const traceId = Buffer.from("O6VWCcPN5JZJzXfR+dzZNg==", "base64").toString("hex");
    const view = await viewOf(traceId, 1_701_779_876);
    expect(summarizeTrace(view)).toMatchObject({
      spanCount: 8,
      hopCount: 4,
      durationNs: 11_932_000,
      rootCount: 1,
      orphanCount: 0,
      spanDepth: 6,
      hopDepth: 3,
      failedCount: 0,
    });
    const rows = traceRows(view, view.folded, 0, 100).map((row) => [
      `${".".repeat(row.depth)}${row.caller?.service ?? "-"} → ${row.place.service}`,
      row.startNs / 1e3,
      row.durationNs / 1e3,
      row.networkNs === null ? null : row.networkNs / 1e3,
      row.criticalNs / 1e3,
    ]);
    expect(rows).toEqual([
      ["istio-ingressgateway → productpage", 0, 11_932, 493, 7874],
      [".productpage → details", 3410, 1334, 429, 1334],
      [".productpage → reviews", 7335, 2724, 482, 1874],
      ["..reviews → ratings", 8589, 850, 416, 850],
    ]);
    expect(view.responsePath?.doubts).toEqual([]);
  });
});

describe.runIf(existsSync(RECORDING))("a recorded Envoy mesh", () => {
  it("has whole traces, calls of up to four spans, and paths as long as the requests", async () => {
    let frames = 0;
    let first = 0;
    const waiting: Promise<void>[] = [];
    let last = 0;
    for await (const { signal, body, arrivalUnixNs } of readRecording(RECORDING)) {
      if (signal !== "T") continue;
      waiting.push(post(body));
      if (waiting.length === 40) await Promise.all(waiting.splice(0));
      first ||= Number(arrivalUnixNs / 1_000_000_000n);
      last = Number(arrivalUnixNs / 1_000_000_000n);
      frames += 1;
      if (frames === RECORDED_FRAMES) break;
    }
    await Promise.all(waiting);
    const listed = await listTraces(test.storage, {
      tenant: "default",
      fromSeconds: first - 60,
      toSeconds: last + 1,
      service: "frontend",
      operation: "",
      minDurationNs: 0,
      failedOnly: false,
      byDuration: true,
      limit: 40,
    });
    const views: TraceView[] = [];
    for (const { listed: row } of listed) {
      views.push(await viewOf(row.traceId, Number(BigInt(row.atNs) / 1_000_000_000n)));
    }
    for (const view of views) {
      const path = view.responsePath;
      const sum = path?.segments.reduce((total, { fromNs, toNs }) => total + toNs - fromNs, 0) ?? 0;
      const paused = path?.pauses.reduce((total, { fromNs, toNs }) => total + toNs - fromNs, 0) ?? 0;
      expect(sum + paused).toBeCloseTo((path?.toNs ?? 0) - (path?.fromNs ?? 0), 3);
      // One host, one clock: nothing is corrected, and nothing goes round in circles.
      expect(view.times.corrections).toEqual([]);
      expect(view.parents.cycles).toBe(0);
    }
    const whole = views.filter((view) => !view.parents.relation.includes("orphan") && view.forest.roots.length === 1);
    expect(whole.length).toBeGreaterThan(listed.length / 3);
    for (const view of whole) {
      expect(view.responsePath?.doubts).toEqual([]);
      const { durationNs, hopCount, spanCount } = summarizeTrace(view);
      const sum = view.criticalNs.reduce((total, ns) => total + ns, 0);
      expect(sum).toBeLessThanOrEqual(durationNs);
      expect(spanCount / hopCount).toBeGreaterThan(1);
    }
    const checkouts = whole.filter((view) => view.distinct.spans.length === 32);
    expect(checkouts.length).toBeGreaterThan(3);
    for (const view of checkouts) {
      const rows = traceRows(view, view.folded, 0, 100);
      expect(rows.map(callOf).sort()).toEqual([...CHECKOUT].sort());
      expect(rows.reduce((total, row) => total + row.criticalNs, 0)).toBeCloseTo(rows[0]?.durationNs ?? 0, 3);
    }
  }, 300_000);
});
