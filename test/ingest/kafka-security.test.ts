// Reading Kafka through secured listeners of a real broker: every login mechanism, TLS with an own authority, certificates of both sides;
// and what is told when the password, the authority or a file is wrong.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLetterTopic } from "../../ingest/kafka-letters.ts";
import { KAFKA_DEFAULTS, type KafkaOptions } from "../../ingest/kafka-options.ts";
import { startKafkaConsumer } from "../../ingest/kafka.ts";
import { setLogSink } from "../../model/events.ts";
import { loadConfig } from "../../service/config.ts";
import { findKafkaTopics, kafkaOptionsOf } from "../../service/kafka-options.ts";
import { type Certificates, makeCertificates } from "../fixtures/certificates.ts";
import { canRunKafka, type KafkaBroker, startKafka } from "../fixtures/kafka.ts";

const USER = { name: "ingest", password: "correct horse" };
const TOPIC = "otlp_spans";
const canRun = canRunKafka() && spawnSync("openssl", ["version"], { stdio: "ignore" }).status === 0;

describe.skipIf(!canRun)("secured Kafka (needs Java 17, Maven and openssl)", { timeout: 60_000 }, () => {
  let dir: string;
  let certificates: Certificates;
  let broker: KafkaBroker;
  let groups = 0;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "faultline-kafka-security-"));
    certificates = makeCertificates(dir);
    broker = await startKafka({ ...certificates, user: USER });
    const kafka = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING });
    const [admin, producer] = [
      kafka.admin(),
      kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner }),
    ];
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }], waitForLeaders: true });
    await admin.disconnect();
    await producer.connect();
    await producer.send({ topic: TOPIC, messages: [{ value: "hello" }] });
    await producer.disconnect();
  }, 400_000);
  afterAll(async () => {
    await broker?.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  afterEach(() => setLogSink(() => {}));

  function options(more: Partial<KafkaOptions>): KafkaOptions {
    return {
      ...KAFKA_DEFAULTS,
      groupId: `group-${++groups}`,
      topics: { [TOPIC]: { signal: "traces", encoding: "otlp_proto" } },
      fetchMaxWaitMs: 100,
      restartDelayMs: 200,
      chunkLingerMs: 20,
      ...more,
    };
  }

  /** Reads the topic; gives the messages and the sentences that were logged. `during` runs while it goes on. */
  async function read(
    wanted: Partial<KafkaOptions>,
    during: (sentences: readonly string[]) => Promise<void> = async () => {},
  ): Promise<{ texts: string[]; sentences: string[] }> {
    const texts: string[] = [];
    const sentences: string[] = [];
    setLogSink((_level, event, text, fields) => {
      // The first group of a broker waits a moment for its coordinator.
      if (event === "kafka.failed" && !text.includes("coordinator"))
        sentences.push(`${String(fields["code"])} ${text}`);
    });
    const consumer = startKafkaConsumer(options(wanted), {
      async store({ intent, records }, announce) {
        if (announce !== null && (await announce(intent.last)) === null) return { kind: "abandoned" };
        texts.push(...records.map(({ value }) => Buffer.from(value ?? []).toString()));
        return { kind: "stored" };
      },
    });
    try {
      await during(sentences);
      const deadline = Date.now() + 20_000;
      while (texts.length === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 25));
    } finally {
      await consumer.stop();
    }
    return { texts, sentences };
  }

  it.each(["plain", "scram-sha-256", "scram-sha-512"] as const)(
    "logs in by %s, with and without TLS",
    async (mechanism) => {
      const sasl = { mechanism, username: USER.name, password: USER.password };
      const open = await read({ brokers: [broker.secured.sasl], sasl });
      expect(open).toEqual({ texts: ["hello"], sentences: [] });
      const secured = await read({ brokers: [broker.secured.saslTls], sasl, tlsCaFile: certificates.caPem });
      expect(secured).toEqual({ texts: ["hello"], sentences: [] });
    },
  );

  it("shows a certificate of its own where brokers want one", async () => {
    const { caPem: tlsCaFile, clientCertPem: tlsCertFile, clientKeyPem: tlsKeyFile } = certificates;
    const mutual = await read({ brokers: [broker.secured.tls], tlsCaFile, tlsCertFile, tlsKeyFile });
    expect(mutual).toEqual({ texts: ["hello"], sentences: [] });
  });

  async function untilTold(sentences: readonly string[], count = 1): Promise<void> {
    const deadline = Date.now() + 40_000;
    while (sentences.length < count && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 25));
  }

  /** The first sentences that a consumer logs which reads nothing. */
  async function sentencesOf(wanted: Partial<KafkaOptions>, count: number): Promise<string[]> {
    const sentences: string[] = [];
    setLogSink((_level, _event, text, fields) => sentences.push(`${String(fields["code"])} ${text}`));
    const sink = { store: () => Promise.resolve({ kind: "stored" } as const) };
    const consumer = startKafkaConsumer(options(wanted), sink);
    await untilTold(sentences, count);
    await consumer.stop();
    return sentences.slice(0, count);
  }

  it("says in one sentence that a password is wrong, and tries again", async () => {
    const sasl = { mechanism: "scram-sha-512" as const, username: USER.name, password: "battery staple" };
    const sentences = await sentencesOf({ brokers: [broker.secured.sasl], sasl }, 3);
    expect(sentences).toHaveLength(3);
    expect(sentences[0]).toMatch(/^KAFKA_LOGIN_REFUSED .*refuses the login of ingest by scram-sha-512: /);
    expect(sentences.join()).not.toContain(sasl.password);
  });

  it("says which file, authority or certificate a TLS connection fails on", async () => {
    const brokers = [broker.secured.saslTls];
    const sasl = { mechanism: "plain" as const, username: USER.name, password: USER.password };
    const once = async (more: Partial<KafkaOptions>): Promise<string> =>
      (await sentencesOf({ brokers, sasl, ...more }, 1)).join();
    expect(await once({ tlsCaFile: certificates.strangerCaPem })).toMatch(/^KAFKA_TLS_FAILED .*certificate/);
    expect(await once({ tls: true })).toMatch(/^KAFKA_TLS_FAILED .*certificate/);
    expect(await once({ tlsCaFile: join(dir, "nowhere.pem") })).toMatch(/^KAFKA_TLS_FAILED .*nowhere\.pem/);
    const { caPem: tlsCaFile } = certificates;
    expect(await once({ brokers: [broker.secured.tls], sasl: null, tlsCaFile })).toMatch(
      /^KAFKA_TLS_FAILED .*certificate/,
    );
    expect(await once({ brokers: [broker.secured.sasl], tlsCaFile })).toMatch(/^KAFKA_TLS_FAILED /);
  });

  it("reads again with a renewed certificate file, without a restart", async () => {
    const tlsCaFile = join(dir, "renewed.pem");
    writeFileSync(tlsCaFile, "no certificate at all");
    const sasl = { mechanism: "plain" as const, username: USER.name, password: USER.password };
    const { texts, sentences } = await read({ brokers: [broker.secured.saslTls], sasl, tlsCaFile }, async (told) => {
      await untilTold(told);
      writeFileSync(tlsCaFile, readFileSync(certificates.caPem));
    });
    expect(sentences[0]).toMatch(/^KAFKA_TLS_FAILED /);
    expect(texts).toEqual(["hello"]);
  });

  it("is checked by `faultline doctor` with login and topics", async () => {
    const flags = {
      "kafka.brokers": broker.secured.saslTls,
      "kafka.tlsCaFile": certificates.caPem,
      "kafka.topics": JSON.stringify({ [TOPIC]: { signal: "traces" }, elsewhere: { signal: "logs" } }),
    };
    const optionsOf = (password: string): KafkaOptions => {
      const sasl = JSON.stringify({ mechanism: "plain", username: USER.name, password });
      return kafkaOptionsOf(
        loadConfig({ file: null, environment: {}, flags: { ...flags, "kafka.sasl": sasl } }).values,
      );
    };
    expect(await findKafkaTopics(optionsOf(USER.password))).toEqual({ present: [TOPIC], missing: ["elsewhere"] });
    await expect(findKafkaTopics(optionsOf("wrong"))).rejects.toMatchObject({ code: "KAFKA_LOGIN_REFUSED" });
  });

  it("sends dead letters through the same door, and makes the topic", async () => {
    const sasl = { mechanism: "scram-sha-256" as const, username: USER.name, password: USER.password };
    const { caPem: tlsCaFile } = certificates;
    const letterTopic = createLetterTopic(
      options({ brokers: [broker.secured.saslTls], sasl, tlsCaFile, deadLetterTopic: "letters" }),
    );
    const body = Buffer.from("{");
    const about = {
      tenant: "default",
      source: "kafka",
      signal: "logs",
      encoding: "json",
      atMs: 0,
      tables: [],
    } as const;
    await letterTopic.publish([{ ...about, origin: "otlp_logs/0/7", reason: "json_syntax", detail: "no JSON", body }]);
    await letterTopic.close();
    const kafka = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING });
    const consumer = kafka.consumer({ groupId: "reader" });
    await consumer.connect();
    await consumer.subscribe({ topic: "letters", fromBeginning: true });
    const message = await new Promise<kafkajs.KafkaMessage>((resolve) => {
      void consumer.run({ eachMessage: async ({ message: one }) => resolve(one) });
    });
    await consumer.disconnect();
    expect(String(message.key)).toBe("otlp_logs-0-7");
    expect(String(message.value)).toBe("{");
    expect(String(message.headers?.["reason"])).toBe("json_syntax");
    expect(String(message.headers?.["origin.offset"])).toBe("7");
  });
});
