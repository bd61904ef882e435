// OTLP/gRPC: the Export methods of the trace, logs and metrics services, plain or gzip, as raw bytes.
// In: calls. Out: an Export*ServiceResponse after the insert, the same bytes as by HTTP, or a status with the reason; where sending it again
// can help, the status carries google.rpc.RetryInfo, without which an exporter must not repeat a RESOURCE_EXHAUSTED.
// Bounds: size of a request as sent and decompressed, requests being read (grpc-reads.ts), bytes between arrival and storage over all calls,
// streams a connection, connections; dead peers are found by pings. The listener is ours, so that a busy port is Node's own error.
import { createServer, type AddressInfo, type Socket } from "node:net";
import {
  type Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  status,
} from "@grpc/grpc-js";
import { trace } from "@opentelemetry/api";
import type { Access } from "./access.ts";
import { type Decompressed, decompress } from "./decompress.ts";
import { emitFrequent } from "./frequent-events.ts";
import { type CallStatus, limitReads, NO_ROOM, type ReadCall, retryLater } from "./grpc-reads.ts";
import { exportResponse } from "./otlp/responses.ts";
import type { Delivery, Receiver } from "./receiver.ts";
import type { Signal } from "./signal.ts";
import { Room, type TenantGuard } from "./tenant-limits.ts";

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
const REFUSED_BODIES = {
  too_large: "the request is larger than the limit when it is decompressed",
  compression: "the request is no complete stream of its compression",
} as const;
// Longer than the receiver takes to answer.
const AGED_CONNECTION_GRACE_MS = 15_000;

const tracer = trace.getTracer("faultline");

/** Starts listening; rejects with Node's error when it cannot. */
export async function startGrpc(
  receiver: Receiver,
  where: { readonly host: string; readonly port: number },
  limits: GrpcLimits,
  access: Access,
  tenants: TenantGuard,
): Promise<GrpcEndpoint> {
  const room = new Room(limits.maxBytesInFlight, tenants.limits.timesFree);
  const reads = limitReads(limits, access, tenants, room);

  const server = new Server({
    interceptors: [reads.interceptor],
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
      void take(signal, call.metadata, call.request, answer);
    };
    server.addService({ Export: rawMethod(`/${SERVICES[signal]}/Export`) }, { Export });
  }

  async function take(signal: Signal, metadata: Metadata, body: Buffer, answer: sendUnaryData<Buffer>): Promise<void> {
    const call = reads.callOf(metadata);
    if (call === undefined) {
      answer({ code: status.INTERNAL, details: "defect: nobody knows whose call this is" });
      return;
    }
    const span = tracer.startSpan("ingest/grpc");
    try {
      const plain = await plainBody(call, body);
      if (!plain.ok) {
        answer(refusalOf(call.tenant, plain.reason));
        return;
      }
      tenants.spend(call.tenant, plain.bytes.length);
      const delivery = await receiver.receive(call.tenant, signal, "protobuf", plain.bytes);
      if (!delivery.ok) answer(statusOf(delivery));
      else answer(null, Buffer.from(exportResponse(signal, "protobuf", delivery.rejected, delivery.rejectedReason)));
    } finally {
      call.release();
      span.end();
    }
  }

  /** The request decompressed; afterwards only what it takes so is held. */
  async function plainBody(call: ReadCall, body: Buffer): Promise<Decompressed> {
    const encoding = call.encoding();
    const sent = call.held();
    if (encoding === null) {
      const reason = body.length > sent ? call.hold(body.length - sent) : null;
      return reason === null ? { ok: true, bytes: body } : { ok: false, reason };
    }
    const plain = await decompress(body, encoding, (bytes) => call.hold(bytes), limits.maxMessageBytes);
    call.release(sent);
    return plain;
  }

  function refusalOf(tenant: string, reason: Extract<Decompressed, { ok: false }>["reason"]): CallStatus {
    if (reason === "full" || reason === "share") {
      const told = NO_ROOM[reason];
      tenants.throttled("grpc", told.reason, tenant, told.detail);
      return retryLater(status.RESOURCE_EXHAUSTED, `${told.reason}: ${told.detail}`, limits.retryAfterSeconds);
    }
    const detail = REFUSED_BODIES[reason];
    emitFrequent("ingest.refused", { signal: "grpc", reason }, detail);
    // RESOURCE_EXHAUSTED without RetryInfo is not repeated.
    const code = reason === "too_large" ? status.RESOURCE_EXHAUSTED : status.INTERNAL;
    return { code, details: `${reason}: ${detail}` };
  }

  function statusOf(delivery: Extract<Delivery, { ok: false }>): CallStatus {
    const details = `${delivery.reason}: ${delivery.detail}`;
    if (delivery.retryable) {
      const code = delivery.reason === "share" ? status.RESOURCE_EXHAUSTED : status.UNAVAILABLE;
      return retryLater(code, details, limits.retryAfterSeconds);
    }
    return { code: delivery.reason === "storage" ? status.INTERNAL : status.INVALID_ARGUMENT, details };
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
