// `faultline explain identity`: what decided, what was rejected, and what a span of that sender would be.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseCommandLine } from "../../service/command-line.ts";
import { explainIdentityCommand } from "../../service/commands/explain.ts";
import { loadConfig } from "../../service/config.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "explain-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function explain(...words: string[]): Promise<string[]> {
  const parsed = parseCommandLine(["explain", "identity", ...words]);
  const config = loadConfig({ file: null, environment: {}, flags: parsed.settingFlags });
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const code = await explainIdentityCommand({
    parsed,
    config,
    now: Date.now,
    abort: new AbortController(),
    print,
    tell: print,
  });
  expect(code).toBe(0);
  return lines;
}

async function explainJson(...words: string[]): Promise<Record<string, Record<string, unknown>>> {
  return JSON.parse((await explain(...words, "--json")).join("\n")) as Record<string, Record<string, unknown>>;
}

function write(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe("explain identity", () => {
  it("says which attribute and rule won, and what was rejected and why", async () => {
    const lines = await explain(
      "service.name=unknown_service:java",
      "k8s.deployment.name=cart",
      "k8s.namespace.name=shop",
      "service.namespace=other",
      "k8s.pod.name=${POD_NAME}",
      "service.instance.id=i-1",
    );
    expect(lines.slice(0, 10)).toEqual([
      "cluster    unknown                  no attribute says",
      "namespace  shop                     k8s.namespace.name (kubernetes)",
      '           not service.namespace = "other": of lower rank',
      "service    cart                     k8s.deployment.name (workload)",
      '           not service.name = "unknown_service:java": is what an SDK says when nobody named the service',
      "version    unknown                  no attribute says",
      "instance   i-1                      service.instance.id (service)",
      '           not k8s.pod.name = "${POD_NAME}": is a template that nobody filled in',
      "node       unknown                  no attribute says",
      "runtime    RUNC                     k8s.pod.name (default.pod, confidence 0.6)",
    ]);
    expect(lines.some((line) => line.startsWith("operation"))).toBe(false);
  });

  it("tells class apart from isolation, each with its rule and confidence", async () => {
    const answer = await explainJson("faas.name=resize", "k8s.pod.name=p", "k8s.pod.runtime_class.name=kata-qemu");
    expect(answer["runtime"]).toMatchObject({ value: "FAAS", rule: "faas.otel", confidence: 0.99 });
    expect(answer["isolation"]).toMatchObject({
      value: "KATA",
      rule: "rtc.kata",
      attribute: "k8s.pod.runtime_class.name",
    });
    const lines = await explain("faas.name=resize", "k8s.pod.runtime_class.name=kata-qemu");
    expect(lines).toContain("runtime    FAAS                     faas.name (faas.otel, confidence 0.99)");
  });

  it("takes a proxy's word only where the span is a proxy's", async () => {
    const words = [
      "service.name=istio-proxy",
      "span:istio.canonical_service=cart",
      "span:node_id=sidecar~10.0.0.7~cart-1.shop~x",
    ];
    expect((await explainJson(...words))["service"]).toMatchObject({ value: "istio-proxy" });
    const proxy = await explainJson(...words, "span:component=proxy");
    expect(proxy["service"]).toMatchObject({ value: "cart", rule: "canonical" });
    expect(proxy["instance"]).toMatchObject({ value: "cart-1", rule: "node-id" });
  });

  it("says what a span of that sender would be", async () => {
    const answer = await explainJson(
      "service.name=cart",
      "service.namespace=shop",
      "http.request.method=GET",
      "http.route=/users/:id",
      "http.response.status_code=503",
    );
    expect(answer["span"]).toEqual({
      operation: "GET /users/{id}",
      protocol: "http",
      peer: "",
      peerKind: "",
      outcome: "failed",
      responseCode: 503,
      isProxy: false,
    });
    const client = await explainJson(
      "service.name=cart",
      "--span-kind=client",
      "--span-name=SELECT * FROM items WHERE id = 5",
    );
    expect(client["span"]).toMatchObject({ operation: "SELECT items", protocol: "" });
  });

  it("renames by the aliases of the configuration, and says so", async () => {
    const answer = await explainJson(
      "service.name=legacy-cart",
      "service.namespace=old",
      '--identity.aliases={"old/legacy-cart":"shop/cart"}',
    );
    expect(answer["service"]).toMatchObject({ value: "cart", rule: "alias", attribute: "service.name" });
    expect(answer["namespace"]).toMatchObject({ value: "shop", rule: "alias" });
    expect(answer["service"]?.["rejected"]).toEqual([
      { value: "legacy-cart", attribute: "service.name", rule: "service", reason: "renamed by identity.aliases" },
    ]);
  });

  it.each([
    ["a flat object", { "service.name": "cart", "k8s.pod.name": "cart-1" }],
    ["resource and span", { resource: { "service.name": "cart", "k8s.pod.name": "cart-1" }, span: {} }],
    [
      "a Resource of OTLP",
      {
        attributes: [
          { key: "service.name", value: { stringValue: "cart" } },
          { key: "k8s.pod.name", value: { stringValue: "cart-1" } },
          { key: "service.name", value: { stringValue: "second" } },
        ],
      },
    ],
    [
      "an export request",
      {
        resourceSpans: [
          {
            resource: {
              attributes: [
                { key: "service.name", value: { stringValue: "cart" } },
                { key: "k8s.pod.name", value: { stringValue: "cart-1" } },
              ],
            },
            scopeSpans: [
              {
                spans: [
                  {
                    name: "GET /items/42",
                    kind: 2,
                    attributes: [{ key: "http.method", value: { stringValue: "GET" } }],
                  },
                ],
              },
            ],
          },
        ],
      },
    ],
  ])("reads %s from a file", async (name, content) => {
    const answer = await explainJson("--file", write(`${name}.json`, content));
    expect(answer["service"]).toMatchObject({ value: "cart" });
    expect(answer["instance"]).toMatchObject({ value: "cart-1" });
    if (name === "an export request") expect(answer["span"]).toMatchObject({ operation: "GET /items/{id}" });
  });

  it.each([
    [[], "explain identity needs attributes: KEY=VALUE, or --file FILE."],
    [["service.name"], '"service.name" is not KEY=VALUE.'],
    [["=x"], '"=x" is not KEY=VALUE.'],
    [["span:=x"], '"span:=x" names no attribute before the =.'],
    [
      ["a=b", "--span-kind=sideways"],
      '--span-kind is one of internal, server, client, producer, consumer, not "sideways".',
    ],
    [
      ["--file", "/nowhere/x.json"],
      "/nowhere/x.json cannot be read: ENOENT: no such file or directory, open '/nowhere/x.json'.",
    ],
  ])("answers the mistake %j with one sentence", async (words, sentence) => {
    await expect(explain(...words)).rejects.toMatchObject({ code: "USAGE", message: sentence });
  });

  it.each([
    ["no JSON", "{", "is not JSON."],
    ["no object", "[1]", "must hold an object."],
    ["a pair without a key", '{"attributes":[{"value":{}}]}', "has an attribute without a key."],
  ])("answers a file with %s with one sentence", async (name, content, sentence) => {
    const path = write(`${name}.txt`, content);
    await expect(explain("--file", path)).rejects.toMatchObject({ code: "USAGE", message: `${path} ${sentence}` });
  });
});
