// The ingest role: writers, receiver, OTLP/HTTP, OTLP/gRPC and, where brokers are configured, the Kafka consumer.
// In: storage and options. Out: a running role; telemetry that was acknowledged is in ClickHouse.
// Bounds: those of its parts, all in the options. `stop` takes no more requests, sends what is there and waits for it.
import { randomBytes, randomInt } from "node:crypto";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { AdoptOptions } from "../storage/adopt.ts";
import { isStorageUnavailable, type Storage } from "../storage/client.ts";
import { readLiveTokens } from "../storage/tokens.ts";
import { ACCESS_TIMES, createTokenAccess } from "./access.ts";
import { startAdoption } from "./adopt/follower.ts";
import { withChanges } from "./change-receiver.ts";
import { CHANGE_HOOK_DEFAULTS, type ChangeHookOptions, createChangeEndpoints } from "./changes/endpoints.ts";
import { createObjectTaker } from "./changes/object-taker.ts";
import { flushFrequentEvents } from "./frequent-events.ts";
import { GRPC_LIMITS, type GrpcLimits, startGrpc } from "./grpc.ts";
import type { HttpEndpoint } from "./http-endpoint.ts";
import { createHttpServer, HTTP_LIMITS, type HttpLimits } from "./http.ts";
import { checkKafka, startKafka } from "./kafka-role.ts";
import { KAFKA_DEFAULTS, type KafkaOptions } from "./kafka-options.ts";
import { DECODE_LIMITS, type DecodeLimits } from "./otlp/limits.ts";
import { ResourceMemory } from "./otlp/resource-memory.ts";
import { createRemoteWrite, REMOTE_WRITE_LIMITS } from "./prometheus/remote-write.ts";
import { createReceiver, RECEIVER_LIMITS, type ReceiverLimits } from "./receiver.ts";
import { createRowBlocks } from "./row-blocks.ts";
import { createSenderRules, SENDER_DEFAULTS, type SenderOptions } from "./sender-rules.ts";
import type { Signal } from "./signal.ts";
import { createTenantGuard, TENANT_LIMITS, type TenantLimits } from "./tenant-limits.ts";
import { createWriter, type Writer, WRITER_LIMITS, type WriterLimits } from "./writer.ts";

/** Options of the role; port 0 takes a free one. */
export interface IngestOptions {
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Whose data comes without a token, unless `requireToken`. */
  readonly tenant: string;
  readonly requireToken: boolean;
  readonly tenants: TenantLimits;
  readonly decode: DecodeLimits;
  readonly senders: SenderOptions;
  readonly writer: WriterLimits;
  readonly receiver: ReceiverLimits;
  readonly http: HttpLimits;
  readonly grpc: GrpcLimits;
  /** No brokers: no consumer. */
  readonly kafka: KafkaOptions;
  readonly changes: ChangeHookOptions;
  /** A table that a Collector writes, as one more source; null: none. */
  readonly adopt: AdoptOptions | null;
}

/** Defaults: OTLP/HTTP and OTLP/gRPC on their own ports on loopback, no Kafka. */
export const INGEST_DEFAULTS: IngestOptions = {
  host: "127.0.0.1",
  httpPort: 4318,
  grpcPort: 4317,
  tenant: "default",
  requireToken: false,
  tenants: TENANT_LIMITS,
  decode: DECODE_LIMITS,
  senders: SENDER_DEFAULTS,
  writer: WRITER_LIMITS,
  receiver: RECEIVER_LIMITS,
  http: HTTP_LIMITS,
  grpc: GRPC_LIMITS,
  kafka: KAFKA_DEFAULTS,
  changes: CHANGE_HOOK_DEFAULTS,
  adopt: null,
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
  checkKafka(options.kafka);
  const clock = parts.clock ?? Date.now;
  const { tenant, decode } = options;
  const tenants = createTenantGuard(options.tenants, clock);
  const makeBlock = createRowBlocks(decode, createSenderRules(options.senders, randomInt(2 ** 32), clock));
  const writers: Record<Signal, Writer> = {
    traces: makeWriter("traces"),
    logs: makeWriter("logs"),
    metrics: makeWriter("metrics"),
  };
  const stored = createReceiver(writers, options.receiver, clock);
  const takeChanges = createObjectTaker(storage, clock);
  const receiver = withChanges(stored, takeChanges);
  const access = createTokenAccess(
    { readTokens: () => readLiveTokens(storage), clock },
    { tenant, requireToken: options.requireToken, ...ACCESS_TIMES },
  );
  const endpoints: readonly HttpEndpoint[] = [
    createRemoteWrite(receiver, REMOTE_WRITE_LIMITS),
    ...createChangeEndpoints(storage, options.changes, clock),
  ];
  const server = createHttpServer(receiver, options.http, endpoints, access, tenants);
  const port = await listen(server, options.host, options.httpPort);
  const grpc = await startGrpc(
    receiver,
    { host: options.host, port: options.grpcPort },
    options.grpc,
    access,
    tenants,
  ).catch((error: unknown) => {
    server.close();
    server.closeAllConnections();
    throw error;
  });
  const adoption = await startAdoption({ storage, makeBlock: makeBlock.traces, clock }, options.adopt).catch(
    (error: unknown) => {
      server.close();
      server.closeAllConnections();
      grpc.destroy();
      throw error;
    },
  );
  const kafka = startKafka(options.kafka, { storage, tenant, makeBlock, takeChanges });

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
        tenants,
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
      await adoption.stop();
      await kafka.stop();
      await Promise.all(Object.values(writers).map((writer) => writer.stop()));
      // The last answers go out; whoever is still sending after that is told nothing and will send again.
      for (let waitedMs = 0; open > 0 && waitedMs < LAST_ANSWERS_MS; waitedMs += POLL_MS) {
        server.closeIdleConnections();
        await sleep(POLL_MS);
      }
      server.closeAllConnections();
      grpc.destroy();
      flushFrequentEvents();
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
