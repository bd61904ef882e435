// OTLP/gRPC: the Export methods of the trace, logs and metrics services, plain or gzip, as raw bytes.
// In: calls. Out: an Export*ServiceResponse after the insert, the same bytes as by HTTP, or a status with the reason; where sending it again
// can help, the status carries google.rpc.RetryInfo, without which an exporter must not repeat a RESOURCE_EXHAUSTED.
// Bounds: size of a request as sent and decompressed, requests being read (grpc-reads.ts), bytes between arrival and storage over all calls,
// streams a connection, connections; dead peers are found by pings. The listener is ours, so that a busy port is Node's own error.
import { createServer, type AddressInfo, type Socket } from "node:net";
import { Metadata, type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { trace } from "@opentelemetry/api";
import { emitEvent } from "../model/events.ts";
import { type CallStatus, limitReads } from "./grpc-reads.ts";
import { exportResponse, retryStatus } from "./otlp/responses.ts";
import type { Delivery, Receiver } from "./receiver.ts";
import type { Signal } from "./signal.ts";

/** Limits of the endpoint; sizes in bytes, times in milliseconds. */
export interface GrpcLimits {
  /** Of a request, as sent and decompressed. */
  readonly maxMessageBytes: number;
  readonly maxBytesInFlight: number;
  readonly maxReads: number;
  readonly readTimeoutMs: number;
  readonly maxStreamsPerConnection: number;
  readonly maxConnections: number;
  /** A connection without traffic is pinged this often, */
  readonly keepAliveMs: number;
  /** closed when no answer comes for this long, */
  readonly keepAliveTimeoutMs: number;
  /** and closed when it had no call for this long. */
  readonly maxConnectionIdleMs: number;
  /** Senders connect anew after this long, so that they spread over new replicas. */
  readonly maxConnectionAgeMs: number;
  readonly retryAfterSeconds: number;
}

/** Limits for senders with default settings. */
export const GRPC_LIMITS: GrpcLimits = {
  maxMessageBytes: 64 << 20,
  maxBytesInFlight: 64 << 20,
  maxReads: 16,
  readTimeoutMs: 10_000,
  maxStreamsPerConnection: 128,
  maxConnections: 4_096,
  keepAliveMs: 60_000,
  keepAliveTimeoutMs: 20_000,
  maxConnectionIdleMs: 600_000,
  maxConnectionAgeMs: 1_800_000,
  retryAfterSeconds: 1,
};

/** A running endpoint. */
export interface GrpcEndpoint {
  readonly port: number;
  /** Takes no more calls; resolves when the open ones are answered and every connection is closed. */
  drain(): Promise<void>;
  /** Ends what is still open. */
  destroy(): void;
}

const SERVICES: Readonly<Record<Signal, string>> = {
  traces: "opentelemetry.proto.collector.trace.v1.TraceService",
  logs: "opentelemetry.proto.collector.logs.v1.LogsService",
  metrics: "opentelemetry.proto.collector.metrics.v1.MetricsService",
};
// Longer than the receiver takes to answer.
const AGED_CONNECTION_GRACE_MS = 15_000;

const tracer = trace.getTracer("faultline");

/** Starts listening; rejects with Node's error when it cannot. */
export async function startGrpc(
  receiver: Receiver,
  where: { readonly host: string; readonly port: number },
  limits: GrpcLimits,
): Promise<GrpcEndpoint> {
  let bytesInFlight = 0;

  const server = new Server({
    interceptors: [limitReads(limits, (detail) => retryLater(status.RESOURCE_EXHAUSTED, `reads: ${detail}`))],
    "grpc.max_receive_message_length": limits.maxMessageBytes,
    "grpc.max_concurrent_streams": limits.maxStreamsPerConnection,
    "grpc.keepalive_time_ms": limits.keepAliveMs,
    "grpc.keepalive_timeout_ms": limits.keepAliveTimeoutMs,
    "grpc.max_connection_idle_ms": limits.maxConnectionIdleMs,
    "grpc.max_connection_age_ms": limits.maxConnectionAgeMs,
    "grpc.max_connection_age_grace_ms": AGED_CONNECTION_GRACE_MS,
    // Statistics for a service that nobody asks here.
    "grpc.enable_channelz": 0,
  });
  for (const signal of ["traces", "logs", "metrics"] as const) {
    const Export = (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void => {
      void take(signal, call.request, answer);
    };
    server.addService({ Export: rawMethod(`/${SERVICES[signal]}/Export`) }, { Export });
  }

  async function take(signal: Signal, body: Buffer, answer: sendUnaryData<Buffer>): Promise<void> {
    if (bytesInFlight > 0 && bytesInFlight + body.length > limits.maxBytesInFlight) {
      const detail = "too many bytes are on their way";
      emitEvent("ingest.throttled", { signal: "grpc", reason: "in_flight" }, detail);
      answer(retryLater(status.RESOURCE_EXHAUSTED, `in_flight: ${detail}`));
      return;
    }
    const span = tracer.startSpan("ingest/grpc");
    bytesInFlight += body.length;
    try {
      const delivery = await receiver.receive(signal, "protobuf", body);
      if (!delivery.ok) answer(statusOf(delivery));
      else answer(null, Buffer.from(exportResponse(signal, "protobuf", delivery.rejected, delivery.rejectedReason)));
    } finally {
      bytesInFlight -= body.length;
      span.end();
    }
  }

  function statusOf(delivery: Extract<Delivery, { ok: false }>): CallStatus {
    const details = `${delivery.reason}: ${delivery.detail}`;
    if (delivery.retryable) return retryLater(status.UNAVAILABLE, details);
    return { code: delivery.reason === "storage" ? status.INTERNAL : status.INVALID_ARGUMENT, details };
  }

  function retryLater(code: status, details: string): CallStatus {
    const metadata = new Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from(retryStatus(code, details, limits.retryAfterSeconds)));
    return { code, details, metadata };
  }

  const connections = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    connections.injectConnection(socket);
  });
  listener.maxConnections = limits.maxConnections;
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(where.port, where.host, () => {
      listener.off("error", reject);
      resolve();
    });
  });

  return {
    port: (listener.address() as AddressInfo).port,
    drain: async () => {
      const isClosed = new Promise<void>((resolve) => listener.close(() => resolve()));
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      await isClosed;
    },
    destroy: () => {
      server.forceShutdown();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function rawMethod(path: string) {
  const pass = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: pass,
    requestDeserialize: pass,
    responseSerialize: pass,
    responseDeserialize: pass,
  };
}
