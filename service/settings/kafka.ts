// The settings of reading Kafka: brokers, group, topics, security, dead letters.
// In: the defaults of the consumer. Out: rows of the table of settings.
// Bounds: a key is `kafka.name`; units are in the names.
import { z } from "zod";
import { KAFKA_DEFAULTS, type KafkaOptions } from "../../ingest/kafka-options.ts";
import { flag, integer, structure, text, texts } from "../setting-kinds.ts";

const topics = z.record(
  z.string().min(1),
  z.strictObject({
    signal: z.enum(["traces", "metrics", "logs"]),
    encoding: z.enum(["otlp_proto", "otlp_json"]).default("otlp_proto"),
    tenant: z.string().min(1).exactOptional(),
  }),
);
const sasl = z
  .strictObject({
    mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]),
    username: z.string(),
    password: z.string(),
  })
  .nullable();

/** The rows, in the order in which they are printed. */
export const KAFKA_SETTINGS = {
  "kafka.brokers": texts(KAFKA_DEFAULTS.brokers, "Kafka brokers as host:port. Empty: no consumer."),
  "kafka.clientId": text(KAFKA_DEFAULTS.clientId, "How this consumer calls itself."),
  "kafka.groupId": text(KAFKA_DEFAULTS.groupId, "The consumer group; processes of one group share the partitions."),
  "kafka.topics": structure<KafkaOptions["topics"]>(
    "signal, encoding and tenant by topic",
    topics,
    KAFKA_DEFAULTS.topics,
    "What each topic carries: `signal` traces, metrics or logs; `encoding` otlp_proto or otlp_json; `tenant` whose it is (the process's when it is not given).",
  ),
  "kafka.deadLetterTopic": text(
    KAFKA_DEFAULTS.deadLetterTopic,
    "The topic to which messages go that can never be stored, besides the table `dead_letters`; made when it is missing. Empty: no topic.",
  ),
  "kafka.epoch": integer(
    KAFKA_DEFAULTS.epoch,
    { min: 0, max: 2 ** 31 },
    "Keeps apart what is stored from Kafka: another number after a topic was made anew, for a deliberate second reading, and for each Kafka cluster that feeds this database.",
  ),
  "kafka.sessionTimeoutMs": integer(
    KAFKA_DEFAULTS.sessionTimeoutMs,
    { min: 1_000, max: 1_800_000 },
    "After this long without a heartbeat the group takes a process for dead and gives its partitions to others.",
  ),
  "kafka.chunkLingerMs": integer(
    KAFKA_DEFAULTS.chunkLingerMs,
    { min: 1, max: 60_000 },
    "How long the first message of a chunk waits for more. Shorter stores sooner, and shortens the time over which a replay is recognised (docs/kafka.md).",
  ),
  "kafka.bufferMaxBytes": integer(
    KAFKA_DEFAULTS.bufferMaxBytes,
    { min: 1 << 20, max: 2 ** 40 },
    "How much may be read and not stored yet; each partition has an equal share and is paused past it.",
  ),
  "kafka.tls": flag(KAFKA_DEFAULTS.tls, "Whether to talk TLS to the brokers; a certificate file below means that too."),
  "kafka.tlsCaFile": text(
    KAFKA_DEFAULTS.tlsCaFile,
    "PEM file of the authority that signed the brokers' certificates. Empty: those that Node knows.",
  ),
  "kafka.tlsCertFile": text(
    KAFKA_DEFAULTS.tlsCertFile,
    "PEM file of this client's certificate, where brokers want one.",
  ),
  "kafka.tlsKeyFile": text(KAFKA_DEFAULTS.tlsKeyFile, "PEM file of the key of that certificate."),
  "kafka.sasl": structure<KafkaOptions["sasl"]>(
    "login",
    sasl,
    KAFKA_DEFAULTS.sasl,
    "How to log in: `mechanism` plain, scram-sha-256 or scram-sha-512, `username`, `password`; null: not at all.",
    true,
  ),
} as const;
