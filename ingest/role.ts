// The ingest role: writers, receiver, OTLP/HTTP, OTLP/gRPC and, where brokers are configured, the Kafka consumer.
// In: storage and options. Out: a running role; telemetry that was acknowledged is in ClickHouse.
// Bounds: those of its parts, all in the options. `stop` takes no more requests, sends what is there and waits for it.
import { randomBytes, randomInt } from "node:crypto";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isStorageUnavailable, type Storage } from "../storage/client.ts";
import { createChangeTaker, withChanges } from "./change-receiver.ts";
import { GRPC_LIMITS, type GrpcLimits, startGrpc } from "./grpc.ts";
import { createHttpServer, HTTP_LIMITS, type HttpLimits } from "./http.ts";
import { createKafkaSink } from "./kafka-sink.ts";
import { KAFKA_DEFAULTS, type KafkaOptions, startKafkaConsumer } from "./kafka.ts";
import { DECODE_LIMITS, type DecodeLimits } from "./otlp/limits.ts";
import { LogBlock } from "./otlp/logs.ts";
import { MetricBlock } from "./otlp/metrics.ts";
import { ResourceMemory } from "./otlp/resource-memory.ts";
import { TraceBlock } from "./otlp/traces.ts";
import { createReceiver, RECEIVER_LIMITS, type ReceiverLimits } from "./receiver.ts";
import type { Signal } from "./signal.ts";
import { createWriter, type Writer, WRITER_LIMITS, type WriterLimits } from "./writer.ts";

/** Options of the role; port 0 takes a free one. */
export interface IngestOptions {
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly tenant: string;
  readonly decode: DecodeLimits;
  readonly writer: WriterLimits;
  readonly receiver: ReceiverLimits;
  readonly http: HttpLimits;
  readonly grpc: GrpcLimits;
  /** No brokers: no consumer. */
  readonly kafka: KafkaOptions;
}

/** Defaults: OTLP/HTTP and OTLP/gRPC on their own ports on loopback, no Kafka. */
export const INGEST_DEFAULTS: IngestOptions = {
  host: "127.0.0.1",
  httpPort: 4318,
  grpcPort: 4317,
  tenant: "default",
  decode: DECODE_LIMITS,
  writer: WRITER_LIMITS,
  receiver: RECEIVER_LIMITS,
  http: HTTP_LIMITS,
  grpc: GRPC_LIMITS,
  kafka: KAFKA_DEFAULTS,
};

const LAST_ANSWERS_MS = 1_000;
const POLL_MS = 10;

/** Starts the role; rejects with Node's error when it cannot listen. */
export async function startIngest(parts: {
  readonly storage: Storage;
  readonly options: IngestOptions;
  readonly clock?: () => number;
}): Promise<{ readonly httpUrl: string; readonly grpcUrl: string; stop(): Promise<void> }> {
  const { storage, options } = parts;
  const clock = parts.clock ?? Date.now;
  const { tenant, decode } = options;
  const makeBlock = {
    traces: (memory: ResourceMemory) => new TraceBlock(tenant, decode, memory),
    logs: (memory: ResourceMemory) => new LogBlock(tenant, decode, memory),
    metrics: (memory: ResourceMemory) => new MetricBlock(tenant, decode, memory),
  };
  const writers: Record<Signal, Writer> = {
    traces: makeWriter("traces"),
    logs: makeWriter("logs"),
    metrics: makeWriter("metrics"),
  };
  const stored = createReceiver(options.tenant, writers, options.receiver, clock);
  const receiver = withChanges(stored, storage, options.tenant, clock);
  const server = createHttpServer(receiver, options.http);
  const port = await listen(server, options.host, options.httpPort);
  const grpc = await startGrpc(receiver, { host: options.host, port: options.grpcPort }, options.grpc).catch(
    (error: unknown) => {
      server.close();
      server.closeAllConnections();
      throw error;
    },
  );
  const kafka =
    options.kafka.brokers.length === 0
      ? null
      : startKafkaConsumer(
          options.kafka,
          createKafkaSink({ storage, tenant, makeBlock, takeChanges: createChangeTaker(storage, tenant, clock) }),
        );

  function makeWriter(signal: Signal): Writer {
    // The seed of the hash tables is secret, so that nobody can choose keys that collide.
    const memory = new ResourceMemory(randomInt(2 ** 32));
    const writerId = randomBytes(9).toString("base64url");
    return createWriter(
      {
        signal,
        makeBlock: () => makeBlock[signal](memory),
        insert: ({ table, columns, chunks }, token) => storage.insertNative(table, columns, chunks, token),
        isUnavailable: isStorageUnavailable,
        writerId,
        clock,
      },
      options.writer,
    );
  }

  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    httpUrl: `http://${host}:${port}`,
    grpcUrl: `http://${host}:${grpc.port}`,
    async stop() {
      let open = 2;
      server.close(() => open--);
      void grpc.drain().then(() => open--);
      await kafka?.stop();
      await Promise.all(Object.values(writers).map((writer) => writer.stop()));
      // The last answers go out; whoever is still sending after that is told nothing and will send again.
      for (let waitedMs = 0; open > 0 && waitedMs < LAST_ANSWERS_MS; waitedMs += POLL_MS) {
        server.closeIdleConnections();
        await sleep(POLL_MS);
      }
      server.closeAllConnections();
      grpc.destroy();
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
