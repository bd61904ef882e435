// Faultline's own telemetry and log lines: what leaves the process, and that storing it cannot cause the next export.
// In: spans, counts and events. Out: OTLP requests at a collector of our own; lines on stderr.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { trace } from "@opentelemetry/api";
import { afterEach, expect, test, vi } from "vitest";
import { emitEvent } from "../../model/events.ts";
import { startLogging } from "../../service/logging.ts";
import { startTelemetry } from "../../service/telemetry.ts";

const OPTIONS = { serviceName: "faultline-test", sampleRatio: 1, ingestSpans: false };

afterEach(() => vi.restoreAllMocks());

function takeStderr(): { text: string } {
  const taken = { text: "" };
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    taken.text += String(chunk);
    return true;
  });
  return taken;
}

// First: the counter of the events is made once a process, and must be made after the SDK has started.
test("traces, metrics and logs leave by OTLP, but not the spans of the ingest stages", async () => {
  const received = new Map<string, string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = request.url ?? "";
      received.set(path, (received.get(path) ?? "") + Buffer.concat(chunks).toString("latin1"));
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const otlpEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", "");
  try {
    const telemetry = await startTelemetry({ ...OPTIONS, otlpEndpoint });
    const taken = takeStderr();
    startLogging({ level: "info", format: "json", file: null });
    const tracer = trace.getTracer("faultline");
    for (const name of ["ingest/otlp/traces", "ingest/writer", "analyzer/graph"]) tracer.startSpan(name).end();
    emitEvent("alert.given_up", { kind: "slack" }, "no such channel");
    await telemetry?.stop();
    expect(taken.text).toBe("");
  } finally {
    server.close();
    vi.unstubAllEnvs();
  }
  expect([...received.keys()].sort()).toEqual(["/v1/logs", "/v1/metrics", "/v1/traces"]);
  expect(received.get("/v1/traces")).toContain("analyzer/graph");
  expect(received.get("/v1/traces")).not.toContain("ingest/");
  expect(received.get("/v1/traces")).toContain("faultline-test");
  expect(received.get("/v1/metrics")).toContain("faultline.events");
  expect(received.get("/v1/metrics")).toContain("alert.given_up");
  expect(received.get("/v1/logs")).toContain("no such channel");
});

test("is off without an endpoint", async () => {
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", "");
  expect(await startTelemetry({ ...OPTIONS, otlpEndpoint: "" })).toBeNull();
  vi.unstubAllEnvs();
});

test("events are lines from the level up, as text or JSON, with their fields", () => {
  const taken = takeStderr();
  startLogging({ level: "info", format: "text", file: null });
  emitEvent("ingest.accepted", { signal: "traces" });
  emitEvent("incident.opened", { service: "cart" }, "cart is slow");
  expect(taken.text).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} warn {2}incident\.opened an incident was opened: cart is slow service="cart"\n$/,
  );
});
