// Faultline's own traces, metrics and logs, by the OpenTelemetry SDK; off unless an endpoint is configured.
// In: telemetry.* settings and the standard OTEL_* variables. Out: registered global providers, and how to flush and stop them.
// Bounds: batches and queues of the SDK (512 spans a batch, 2048 queued, one metric export a minute). No loop: where Faultline
// receives its own telemetry, storing it would make spans again, so the spans of ingest stages are dropped before the export.
import type { Context } from "@opentelemetry/api";
import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace-base";

/** `otlpEndpoint` empty leaves it to OTEL_EXPORTER_OTLP_ENDPOINT; `sampleRatio` is 0..1. */
export interface TelemetryOptions {
  readonly otlpEndpoint: string;
  readonly serviceName: string;
  readonly sampleRatio: number;
  readonly ingestSpans: boolean;
}

const INGEST_STAGE = /^ingest\//;

/** Starts the SDK, or null when no endpoint is given; `stop` flushes. Must run before the first event is emitted. */
export async function startTelemetry(options: TelemetryOptions): Promise<{ stop(): Promise<void> } | null> {
  const endpoint = options.otlpEndpoint || process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] || "";
  if (endpoint === "") return null;
  // The SDK takes the endpoint for its metric and log exporters from the environment only.
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint;
  process.env["OTEL_SERVICE_NAME"] ??= options.serviceName;
  // Loading the SDK takes longer than all the rest of a start, so it is loaded only where it is used.
  const [{ NodeSDK }, { OTLPTraceExporter }, traceSdk] = await Promise.all([
    import("@opentelemetry/sdk-node"),
    import("@opentelemetry/exporter-trace-otlp-proto"),
    import("@opentelemetry/sdk-trace-base"),
  ]);
  const batches = new traceSdk.BatchSpanProcessor(new OTLPTraceExporter());
  const sdk = new NodeSDK({
    sampler: new traceSdk.ParentBasedSampler({ root: new traceSdk.TraceIdRatioBasedSampler(options.sampleRatio) }),
    spanProcessors: [options.ingestSpans ? batches : withoutSpans(INGEST_STAGE, batches)],
    instrumentations: [],
  });
  sdk.start();
  return { stop: () => sdk.shutdown() };
}

/** A processor that hands on every span whose name does not match. */
export function withoutSpans(name: RegExp, next: SpanProcessor): SpanProcessor {
  return {
    onStart: (span: Span, parent: Context) => next.onStart(span, parent),
    onEnd: (span: ReadableSpan) => {
      if (!name.test(span.name)) next.onEnd(span);
    },
    forceFlush: () => next.forceFlush(),
    shutdown: () => next.shutdown(),
  };
}
