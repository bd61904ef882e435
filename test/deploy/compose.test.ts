// docker-compose.yml without Docker: its schema, and that what it names exists: services, volumes, files, settings, topics.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { KAFKA_DEFAULTS } from "../../ingest/kafka-options.ts";
import { loadConfig } from "../../service/config.ts";
import { ROLE_NAMES } from "../../service/settings.ts";

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  command?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  restart?: string;
}
interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const text = readFileSync(join(ROOT, "docker-compose.yml"), "utf8");
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);

/** What `${NAME:-default}` means where NAME is not set. */
const withDefaults = (value: string): string => value.replace(/\$\{(\w+):-([^}]*)\}/g, "$2");
const isFaultline = ([, service]: [string, Service]): boolean => service.image?.startsWith("faultline:") ?? false;

describe("docker-compose.yml", () => {
  it("follows the Compose Specification", () => {
    const linter = dirname(createRequire(import.meta.url).resolve("dclint/package.json"));
    const schema = JSON.parse(readFileSync(join(linter, "schemas/compose.schema.json"), "utf8"));
    // The schema gives formats of Docker's own; they say nothing that the pattern beside them does not.
    const validate = new Ajv({ strict: false, validateFormats: false }).compile({ ...schema, $schema: undefined });
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ ...compose, services: { broken: { image: 3, port: [] } } })).toBe(false);
  });

  it("has ClickHouse, Kafka, a Collector, Grafana, and Faultline by role from one image", () => {
    const images = services.map(([, service]) => service.image?.replace(/:.*$/, ""));
    expect(images).toEqual(
      expect.arrayContaining([
        "clickhouse/clickhouse-server",
        "apache/kafka",
        "otel/opentelemetry-collector-contrib",
        "grafana/grafana",
      ]),
    );
    const ours = services.filter(isFaultline);
    expect(new Set(ours.map(([, service]) => service.image)).size).toBe(1);
    expect(ours.filter(([, service]) => service.build !== undefined)).toHaveLength(1);
    for (const [name, service] of ours) {
      expect(service.command).toEqual(["serve", "--roles", name]);
      expect(ROLE_NAMES).toContain(name);
    }
    expect(ours.map(([name]) => name).toSorted()).toEqual(["analyzer", "api", "ingest"]);
  });

  it("pins every image to a version", () => {
    const tags = services.map(
      ([name, service]) => `${name} ${withDefaults(service.image ?? "").split(":")[1] ?? "latest"}`,
    );
    expect(tags.filter((tag) => !/ \d+\.\d+(\.\d+)*$/.test(tag))).toEqual([]);
  });

  it("lets services wait only for what exists and can be waited for", () => {
    const wrong = services.flatMap(([name, service]) =>
      Object.entries(service.depends_on ?? {})
        .filter(([target, { condition }]) => {
          const needed = compose.services[target];
          if (condition === "service_healthy") return needed?.healthcheck?.test[0] !== "CMD";
          return condition !== "service_completed_successfully" || needed?.restart !== "no";
        })
        .map(([target, { condition }]) => `${name} waits for ${target} ${condition}`),
    );
    expect(wrong).toEqual([]);
    expect(services.filter(([, service]) => service.depends_on !== undefined).length).toBeGreaterThan(4);
  });

  it("checks the health of every service that can be asked", () => {
    const unchecked = services.filter(([, service]) => service.healthcheck === undefined).map(([name]) => name);
    // A job that ends, an image without a shell, and a role without a port.
    expect(unchecked.toSorted()).toEqual(["analyzer", "collector", "kafka-topics"]);
    expect(compose.services["collector"]?.ports).toContain("127.0.0.1:13133:13133");
  });

  it("mounts declared volumes, and files of the repository read-only", () => {
    const mounts = services.flatMap(([, service]) => service.volumes ?? []);
    const wrong = mounts.filter((mount) => {
      const [source = "", target = "", mode] = mount.split(":");
      if (!target.startsWith("/")) return true;
      if (source.startsWith("./")) return mode !== "ro" || !existsSync(join(ROOT, source));
      return !Object.hasOwn(compose.volumes, source);
    });
    expect(wrong).toEqual([]);
  });

  it("uses every declared volume", () => {
    const used = services.flatMap(([, service]) => service.volumes ?? []).map((mount) => mount.split(":")[0]);
    expect(used).toEqual(expect.arrayContaining(Object.keys(compose.volumes)));
  });

  it("publishes each port once, on loopback only", () => {
    const published = services.flatMap(([, service]) => service.ports ?? []);
    expect(published.every((port) => /^127\.0\.0\.1:\d+:\d+$/.test(port))).toBe(true);
    const hostPorts = published.map((port) => port.split(":")[1]);
    expect(new Set(hostPorts).size).toBe(hostPorts.length);
  });

  it.each(services.filter(isFaultline))(
    "%s is given settings that exist and values that are valid",
    (name, service) => {
      const environment = Object.fromEntries(
        Object.entries(service.environment ?? {}).map(([key, value]) => [key, withDefaults(String(value))]),
      );
      const { values, sources } = loadConfig({ file: "/dev/null", environment, flags: { roles: name } });
      expect(values["storage.url"]).toBe("http://clickhouse:8123");
      expect(Object.values(sources).filter((source) => source.startsWith("environment"))).toHaveLength(
        Object.keys(environment).length,
      );
      expect(values["kafka.brokers"]).toEqual(name === "ingest" ? ["kafka:9092"] : []);
    },
  );

  it("names one ClickHouse user, password and database everywhere", () => {
    const clickhouse = compose.services["clickhouse"]?.environment ?? {};
    const grafana = compose.services["grafana"]?.environment ?? {};
    for (const [, service] of services.filter(isFaultline)) {
      expect(service.environment?.["FAULTLINE_STORAGE_USER"]).toBe(clickhouse["CLICKHOUSE_USER"]);
      expect(service.environment?.["FAULTLINE_STORAGE_PASSWORD"]).toBe(clickhouse["CLICKHOUSE_PASSWORD"]);
      expect(service.environment?.["FAULTLINE_STORAGE_DATABASE"]).toBe(grafana["CLICKHOUSE_DATABASE"]);
    }
    expect(grafana["CLICKHOUSE_USER"]).toBe(clickhouse["CLICKHOUSE_USER"]);
    expect(grafana["CLICKHOUSE_PASSWORD"]).toBe(clickhouse["CLICKHOUSE_PASSWORD"]);
  });

  it("writes no password that the environment cannot replace", () => {
    const secrets = services.flatMap(([, service]) =>
      Object.entries(service.environment ?? {}).filter(([key]) => /PASSWORD|SECRET|TOKEN/.test(key)),
    );
    expect(secrets.length).toBeGreaterThan(3);
    expect(secrets.filter(([, value]) => !/^\$\{\w+:-\w+\}$/.test(value))).toEqual([]);
  });

  it("runs the Kafka that the tests run", () => {
    const pom = readFileSync(join(ROOT, "test/fixtures/kafka-pom.xml"), "utf8");
    const tested = /kafka_2\.13<\/artifactId>\s*<version>([^<]+)/.exec(pom)?.[1];
    for (const name of ["kafka", "kafka-topics"])
      expect(compose.services[name]?.image).toBe(`apache/kafka:${tested ?? "none"}`);
  });

  it("makes the topics that the consumer reads by default", () => {
    const command = compose.services["kafka-topics"]?.command?.join(" ") ?? "";
    const made = /for topic in ([\w ]+);/.exec(command)?.[1]?.split(" ");
    expect(made).toEqual(Object.keys(KAFKA_DEFAULTS.topics));
  });
});

interface Collector {
  receivers: Record<string, unknown>;
  processors: Record<string, unknown>;
  exporters: { kafka: { brokers: string[]; producer: Record<string, unknown> } & Record<string, unknown> };
  extensions: Record<string, unknown>;
  service: {
    extensions: string[];
    pipelines: Record<string, Record<"receivers" | "processors" | "exporters", string[]>>;
  };
}

describe("the Collector's configuration", () => {
  const collector = parse(readFileSync(join(ROOT, "deploy/compose/collector.yaml"), "utf8")) as Collector;

  it("has a pipeline for each signal, made of declared components, and none unused", () => {
    expect(Object.keys(collector.service.pipelines).toSorted()).toEqual(["logs", "metrics", "traces"]);
    for (const kind of ["receivers", "processors", "exporters"] as const) {
      const used = new Set(Object.values(collector.service.pipelines).flatMap((pipeline) => pipeline[kind]));
      expect([...used].toSorted()).toEqual(Object.keys(collector[kind]).toSorted());
    }
    expect(collector.service.extensions.toSorted()).toEqual(Object.keys(collector.extensions).toSorted());
  });

  it("writes what the consumer's defaults read", () => {
    for (const [topic, { signal, encoding }] of Object.entries(KAFKA_DEFAULTS.topics)) {
      expect(collector.exporters.kafka[signal]).toEqual({ topic, encoding });
    }
    expect(collector.exporters.kafka.brokers).toEqual(["kafka:9092"]);
    expect(collector.exporters.kafka.producer["required_acks"]).toBe(-1);
  });

  it("sends messages that the broker takes", () => {
    const limit = Number(compose.services["kafka"]?.environment?.["KAFKA_MESSAGE_MAX_BYTES"]);
    expect(collector.exporters.kafka.producer["max_message_bytes"]).toBeLessThan(limit);
    // A broker sends the first batch whole, however little a fetch asks for (test/ingest/kafka.test.ts reads such a one).
    expect(limit).toBeLessThanOrEqual(KAFKA_DEFAULTS.chunkMaxBytes);
  });
});

describe("deploy/Dockerfile", () => {
  const lines = readFileSync(join(ROOT, "deploy/Dockerfile"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));

  it("copies files that exist, from stages that exist", () => {
    const stages = lines.flatMap((line) => /^FROM \S+ AS (\w+)$/.exec(line)?.[1] ?? []);
    const copies = lines.filter((line) => line.startsWith("COPY "));
    const wrong = copies.filter((line) => {
      const from = /^COPY --from=(\w+) /.exec(line)?.[1];
      if (from !== undefined) return !stages.includes(from);
      return !line
        .split(" ")
        .slice(1, -1)
        .every((file) => existsSync(join(ROOT, file)));
    });
    expect(copies.length).toBeGreaterThan(4);
    expect(wrong).toEqual([]);
  });

  it("builds from the Node line that the package asks for, and does not run as root", () => {
    const engines = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { engines: { node: string } })
      .engines.node;
    const bases = lines.filter((line) => line.startsWith("FROM "));
    expect(bases.length).toBeGreaterThan(1);
    for (const base of bases) expect(base).toMatch(new RegExp(`^FROM node:${engines.replace(">=", "")}-`));
    expect(lines).toContain("USER node");
  });
});
