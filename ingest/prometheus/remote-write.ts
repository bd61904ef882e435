// Prometheus Remote Write 1.0 and 2.0 over HTTP: POST /api/v1/write, snappy, beside OTLP on its port.
// In: compressed requests. Out: their samples at the receiver, as OTLP, so that identity, limits, repeated requests and storage are those of
// OTLP; 204 when all is stored, 400 when something can never be, 429 or 503 when it should be sent again, 415 for what is not spoken.
// Source: Remote Write specifications 1.0 and 2.0. Both messages, by content type; `X-Prometheus-Remote-Write-*-Written` in every answer.
// Bounds: the size that the snappy block states is checked before it is decompressed; the OTLP form has a limit of its own.
import snappy from "snappy";
import { emitEvent } from "../../model/events.ts";
import type { EndpointAnswer, EndpointRequest, HttpEndpoint } from "../http-endpoint.ts";
import { snappyBound } from "../kafka-codec-bounds.ts";
import type { Delivery, Receiver } from "../receiver.ts";
import { type SampleRefusal, transcodeWriteRequest, type WriteRequest, type WriteVersion } from "./write-request.ts";

/** Limits of one request, in bytes. */
export interface RemoteWriteLimits {
  readonly maxDecodedBytes: number;
  /** As OTLP, where the labels of each series are written out. */
  readonly maxTranscodedBytes: number;
}

/** Limits that fit Prometheus' default of 2,000 samples a request many times over. */
export const REMOTE_WRITE_LIMITS: RemoteWriteLimits = { maxDecodedBytes: 16 << 20, maxTranscodedBytes: 64 << 20 };

/** The path that Prometheus itself takes such requests at. */
export const REMOTE_WRITE_PATH = "/api/v1/write";

const VERSION_OF_MESSAGE: ReadonlyMap<string, WriteVersion> = new Map([
  ["prometheus.WriteRequest", 1],
  ["io.prometheus.write.v2.Request", 2],
]);

const REFUSALS: Readonly<Record<SampleRefusal, string>> = {
  name: "without a metric name",
  labels: "with more than 256 labels",
  symbol: "with a reference that is not in the symbol table",
  histogram: "with a native histogram that makes no sense or is too large",
  timestamp: "with a time that cannot be",
};

/** Makes the endpoint; what it takes goes to `receiver`. */
export function createRemoteWrite(receiver: Receiver, limits: RemoteWriteLimits): HttpEndpoint {
  return {
    path: REMOTE_WRITE_PATH,
    encodings: ["snappy"],
    async handle(request) {
      const version = versionOf(request.headers["content-type"]);
      const coding = request.headers["content-encoding"];
      if (version === null || coding !== "snappy") {
        emitEvent("ingest.refused", {
          signal: "metrics",
          reason: version === null ? "content_type" : "content_encoding",
        });
        return {
          status: 415,
          body: "the body must be snappy of prometheus.WriteRequest or io.prometheus.write.v2.Request\n",
        };
      }
      const body = uncompress(request, limits.maxDecodedBytes);
      if ("status" in body) return body;
      const written = transcodeWriteRequest(version, body, limits.maxTranscodedBytes);
      if (!written.ok) return refuse(written.reason === "expansion" ? 413 : 400, written.reason, written.detail);
      for (const [reason, count] of written.refused)
        emitEvent("ingest.refused", { signal: "metrics", reason }, REFUSALS[reason], count);
      if (written.stale > 0) emitEvent("ingest.series_ended", {}, undefined, written.stale);
      if (written.bytes.length === 0) return answerOf(written, 0);
      const delivery = await receiver.receive(request.tenant, "metrics", "protobuf", written.bytes);
      return delivery.ok ? answerOf(written, delivery.rejected) : answerFailure(delivery);
    },
  };
}

/** The message that a content type names; null for one that is not known. */
function versionOf(contentType: string | undefined): WriteVersion | null {
  const [type = "", ...parameters] = (contentType ?? "").split(";").map((part) => part.trim());
  if (type.toLowerCase() !== "application/x-protobuf") return null;
  const proto = parameters.find((parameter) => parameter.toLowerCase().startsWith("proto="));
  if (proto === undefined) return 1;
  return VERSION_OF_MESSAGE.get(proto.slice("proto=".length).replaceAll('"', "")) ?? null;
}

function uncompress(request: EndpointRequest, maxBytes: number): Buffer | EndpointAnswer {
  const { buffer, byteOffset, byteLength } = request.body;
  const block = Buffer.from(buffer, byteOffset, byteLength);
  const bound = snappyBound(block);
  if (bound > maxBytes) return refuse(413, "too_large", `the request is larger than ${maxBytes} bytes, decompressed`);
  try {
    const body = snappy.uncompressSync(block, { asBuffer: true });
    return typeof body === "string" ? Buffer.from(body) : body;
  } catch {
    return refuse(400, "snappy", "the body is no snappy block");
  }
}

function refuse(status: number, reason: string, detail: string): EndpointAnswer {
  emitEvent("ingest.refused", { signal: "metrics", reason }, detail);
  return { status, headers: writtenHeaders(0, 0), body: `${reason}: ${detail}\n` };
}

/** `rejected` rows were left out by the receiver for their times; they are taken to be samples as far as there are any. */
function answerOf(written: Extract<WriteRequest, { ok: true }>, rejected: number): EndpointAnswer {
  const samples = Math.max(0, written.samples - rejected);
  const histograms = Math.max(0, written.histograms - Math.max(0, rejected - written.samples));
  const headers = writtenHeaders(samples, histograms);
  const reasons = [...written.refused].map(([reason, count]) => `${count} ${REFUSALS[reason]}`);
  if (rejected > 0) reasons.push(`${rejected} ${REFUSALS.timestamp}`);
  if (reasons.length === 0) return { status: 204, headers };
  return { status: 400, headers, body: `all is stored but for series or samples: ${reasons.join(", ")}\n` };
}

function answerFailure(failure: Extract<Delivery, { ok: false }>): EndpointAnswer {
  const { reason, detail, retryable } = failure;
  const status = retryable
    ? reason === "full"
      ? 429
      : 503
    : reason === "storage"
      ? 500
      : reason === "expansion"
        ? 413
        : 400;
  return { status, headers: writtenHeaders(0, 0), body: `${reason}: ${detail}\n` };
}

/** Exemplars are not kept. */
function writtenHeaders(samples: number, histograms: number): Record<string, string> {
  return {
    "x-prometheus-remote-write-samples-written": String(samples),
    "x-prometheus-remote-write-histograms-written": String(histograms),
    "x-prometheus-remote-write-exemplars-written": "0",
  };
}
