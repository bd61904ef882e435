// The configuration: precedence, sources, refusals with the nearest name, redaction, and its generated reference.
// In: files, environments and flags. Out: values with sources, or one sentence.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type ConfigInput, SETTING_KEYS, loadConfig, printConfig, variableOf } from "../../service/config.ts";
import { configReference } from "../../service/config-reference.ts";

const dir = mkdtempSync(join(tmpdir(), "faultline-config-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function file(content: string, name = "faultline.yaml"): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

function load(input: Partial<ConfigInput> = {}): ReturnType<typeof loadConfig> {
  return loadConfig({ file: file("", "empty.yaml"), environment: {}, flags: {}, ...input });
}

test("flag beats environment beats file beats default, and each value knows its source", () => {
  const path = file("storage:\n  url: http://file:8123\n  user: file\n  database: file\n  dataDir: /file\n");
  const config = load({
    file: path,
    environment: { FAULTLINE_STORAGE_USER: "environment", FAULTLINE_STORAGE_DATABASE: "environment" },
    flags: { "storage.database": "flag" },
  });
  expect(config.values["storage.url"]).toBe("http://file:8123");
  expect(config.values["storage.user"]).toBe("environment");
  expect(config.values["storage.database"]).toBe("flag");
  expect(config.sources["storage.url"]).toBe(`file ${path}`);
  expect(config.sources["storage.user"]).toBe("environment FAULTLINE_STORAGE_USER");
  expect(config.sources["storage.database"]).toBe("flag --storage.database");
  expect(config.sources["api.port"]).toBe("default");
});

test("JSON files and typed texts are read", () => {
  const config = load({
    file: file('{"api": {"port": 0, "limits": {"maxDepth": 3}}}', "faultline.json"),
    environment: {
      FAULTLINE_ROLES: "ingest, api",
      FAULTLINE_KAFKA_TLS: "yes",
      FAULTLINE_KAFKA_TOPICS: '{"spans": {"signal": "traces"}}',
      FAULTLINE_TELEMETRY_SAMPLE_RATIO: "0.5",
    },
  });
  expect(config.values["api.port"]).toBe(0);
  expect(config.values["api.limits"].maxDepth).toBe(3);
  expect(config.values["api.limits"].maxAliases).toBe(30);
  expect(config.values.roles).toEqual(["ingest", "api"]);
  expect(config.values["kafka.tls"]).toBe(true);
  expect(config.values["kafka.topics"]).toEqual({ spans: { signal: "traces", encoding: "otlp_proto" } });
  expect(config.values["telemetry.sampleRatio"]).toBe(0.5);
});

test.each<[string, Partial<ConfigInput>, RegExp]>([
  [
    "a section",
    { file: file("storag:\n  url: x\n", "a.yaml") },
    /^storag in .* is not a setting; did you mean storage\?/,
  ],
  ["a key", { file: file("storage:\n  urll: x\n", "b.yaml") }, /^storage\.urll in .*; did you mean storage\.url\?/],
  [
    "a variable",
    { environment: { FAULTLINE_STORAGE_URI: "x" } },
    /FAULTLINE_STORAGE_URI is not a setting; did you mean FAULTLINE_STORAGE_URL\?/,
  ],
  ["a flag", { flags: { "api.prt": "1" } }, /--api\.prt is not a setting; did you mean --api\.port\?/],
  ["a role", { flags: { roles: "ingest,analyser" } }, /^roles\.1 \(flag --roles\) cannot be/],
  [
    "a limit",
    { file: file("api: {limits: {maxDept: 1}}", "c.yaml") },
    /maxDept is not one of its names; did you mean maxDepth\?/,
  ],
  [
    "a port",
    { environment: { FAULTLINE_API_PORT: "70000" } },
    /^api\.port \(environment FAULTLINE_API_PORT\) cannot be 70000: /,
  ],
  [
    "a number",
    { flags: { "api.port": "http" } },
    /^api\.port \(flag --api\.port\) cannot be "http": it must be a number\.$/,
  ],
  ["a bound", { flags: { "api.port": "70000" } }, /cannot be 70000: it must be at most 65535\.$/],
  ["a choice", { flags: { "log.level": "loud" } }, /cannot be "loud": it must be one of debug, info, warn, error\.$/],
  [
    "a part of a list",
    { flags: { roles: "api,foo" } },
    /^roles\.1 .* cannot be "foo": it must be one of storage, ingest, /,
  ],
  ["an empty list", { flags: { roles: "" } }, /^roles .* cannot be \[\]: it must not be empty\.$/],
  [
    "a part of limits",
    { flags: { "api.limits": '{"maxDepth":-1}' } },
    /^api\.limits\.maxDepth .* cannot be -1: it must be at/,
  ],
  ["a kind", { file: file("storage: {url: 5}", "f.yaml") }, /cannot be 5: it must be of the kind URL\.$/],
  [
    "a missing part",
    { flags: { "alerts.targets": '[{"kind":"slack"}]' } },
    /^alerts\.targets\.0\.name .*: it is missing\.$/,
  ],
  ["a short word", { file: file("foo: bar", "g.yaml") }, /^foo in .* is not a setting\.$/],
  ["a URL", { flags: { "storage.url": "localhost:8123" } }, /must be an http or https URL/],
  ["a value for a section", { file: file("storage: 5\n", "d.yaml") }, /^storage in .* must hold settings/],
  ["YAML", { file: file("storage: [\n", "e.yaml") }, /is not YAML/],
  ["an absent file", { file: join(dir, "absent.yaml") }, /cannot be read/],
])("refuses a wrong %s in one sentence", (_, input, sentence) => {
  expect(() => load(input)).toThrow(sentence);
  expect(() => load(input)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", exitCode: 2 }));
});

test("a secret is neither printed nor told in a refusal", () => {
  const config = load({ flags: { "storage.password": "hunter2", "storage.url": "http://u:hunter2@ch:8123" } });
  const printed = printConfig(config);
  expect(printed).not.toContain("hunter2");
  expect(printed).toContain('password: "***" # flag --storage.password');
  expect(() => load({ environment: { FAULTLINE_KAFKA_SASL: '{"password": "hunter2"}' } })).toThrow(/kafka\.sasl/);
  expect(() => load({ environment: { FAULTLINE_KAFKA_SASL: '{"password": "hunter2"}' } })).not.toThrow(/hunter2/);
});

test("what is printed can be read back as a file", () => {
  const first = load({ flags: { "api.port": "4000", roles: "api,storage" } });
  const second = load({ file: file(printConfig(first), "printed.yaml") });
  expect(second.values).toEqual(first.values);
});

test("variables that Kubernetes adds for a Service called faultline are passed over", () => {
  const environment = {
    FAULTLINE_SERVICE_HOST: "10.0.0.1",
    FAULTLINE_SERVICE_PORT_HTTP: "3300",
    FAULTLINE_PORT: "tcp://10.0.0.1:3300",
    FAULTLINE_API_PORT: "tcp://10.0.0.1:3300",
    FAULTLINE_PORT_3300_TCP_ADDR: "10.0.0.1",
  };
  expect(load({ environment }).values["api.port"]).toBe(3300);
});

test("every setting has its own variable", () => {
  const names = SETTING_KEYS.map(variableOf);
  expect(new Set(names).size).toBe(names.length);
  expect(variableOf("storage.dataDir")).toBe("FAULTLINE_STORAGE_DATA_DIR");
});

test("docker-compose.yml sets only variables that exist", () => {
  const compose = readFileSync(new URL("../../docker-compose.yml", import.meta.url), "utf8");
  const named = [...compose.matchAll(/^\s+(?:- )?(FAULTLINE_\w+)\s*[:=]/gm)].map((match) => match[1] ?? "");
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !SETTING_KEYS.map(variableOf).includes(name))).toEqual([]);
});

test("docs/configuration.md is what the table says", () => {
  const path = new URL("../../docs/configuration.md", import.meta.url);
  const wanted = configReference();
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, wanted);
  expect(readFileSync(path, "utf8")).toBe(wanted);
});
