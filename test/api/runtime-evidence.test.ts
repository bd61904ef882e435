// How things run, from the wire to the graph: every class by telemetry or by the cluster's own objects, isolation apart, with what decided.
// In: spans and Kubernetes objects by the real ingest. Out: GraphNode.runtimeEvidence.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { RUNTIME_CLASSES } from "../../model/entity.ts";
import { logPayload, pulled } from "../fixtures/kubernetes.ts";
import { encodeOtlp, type Message } from "../fixtures/otlp-oracle.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { type Json, startTestApi, type TestApi } from "./server-fixture.ts";

const NOW_MS = Math.floor(Date.now() / 1000) * 1000 - 60_000;
/** Every case has a pod of its own, POD_NAME stands for it. */
const POD_NAME = "%";
const POD = { "k8s.pod.name": POD_NAME, "k8s.namespace.name": "shop", "k8s.cluster.name": "east" };

interface Case {
  readonly name: string;
  /** What its spans carry. */
  readonly sent?: Readonly<Record<string, string>>;
  /** Its objects in the cluster. */
  readonly objects?: readonly object[];
  readonly runtime: string;
  readonly isolation: string | null;
  readonly rule: string | null;
  readonly attribute: string | null;
  readonly origin?: string;
}

function pod(name: string, spec: object, metadata: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${name}-pod`,
      namespace: "shop",
      uid: name,
      resourceVersion: "1",
      labels: { app: name },
      ...metadata,
    },
    spec: { containers: [{ name: "app", image: "registry.example/app:1" }], ...spec },
  };
}

function deployment(name: string, template: object): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "shop", uid: `d-${name}`, resourceVersion: "1", generation: 1 },
    spec: { template: { metadata: { labels: { app: name } }, ...template } },
  };
}

const RUNTIME_CLASS = "k8s.pod.runtime_class.name";
const KNATIVE = "k8s.pod.label.serving.knative.dev/revision";
const DECLARED = "faultline.runtime_class";
const containers = { containers: [{ name: "app", image: "registry.example/app:1" }] };

const CASES: readonly Case[] = [
  // By telemetry alone.
  { name: "plain", sent: POD, runtime: "RUNC", isolation: null, rule: "default.pod", attribute: "k8s.pod.name" },
  {
    name: "kata",
    sent: { ...POD, [RUNTIME_CLASS]: "kata-qemu" },
    runtime: "KATA",
    isolation: "KATA",
    rule: "rtc.kata",
    attribute: RUNTIME_CLASS,
  },
  {
    name: "gvisor",
    sent: { ...POD, "container.runtime.name": "runsc" },
    runtime: "GVISOR",
    isolation: "GVISOR",
    rule: "rtc.gvisor",
    attribute: "container.runtime.name",
  },
  {
    name: "kubevirt",
    sent: { ...POD, "k8s.pod.label.kubevirt.io": "virt-launcher" },
    runtime: "KUBEVIRT",
    isolation: "KUBEVIRT",
    rule: "kubevirt.label",
    attribute: "k8s.pod.label.kubevirt.io",
  },
  {
    name: "machine",
    sent: { "host.id": "h-1", "host.name": "h-1" },
    runtime: "VM",
    isolation: "VM",
    rule: "vm.host",
    attribute: "host.id",
  },
  {
    name: "cloud-machine",
    sent: { "cloud.platform": "aws_ec2" },
    runtime: "VM",
    isolation: "VM",
    rule: "vm.platform",
    attribute: "cloud.platform",
  },
  {
    name: "unikraft",
    sent: { ...POD, "container.image.name": "unikraft.org/nginx" },
    runtime: "UNIKERNEL",
    isolation: "UNIKERNEL",
    rule: "image.unikernel",
    attribute: "container.image.name",
  },
  {
    name: "urunc",
    sent: { ...POD, [RUNTIME_CLASS]: "urunc" },
    runtime: "UNIKERNEL",
    isolation: "UNIKERNEL",
    rule: "rtc.unikernel",
    attribute: RUNTIME_CLASS,
  },
  {
    name: "mirage",
    sent: { "process.runtime.name": "mirage" },
    runtime: "UNIKERNEL",
    isolation: "UNIKERNEL",
    rule: "proc.mirage",
    attribute: "process.runtime.name",
  },
  {
    name: "mirage-declared",
    sent: { [DECLARED]: "mirageos" },
    runtime: "UNIKERNEL",
    isolation: "UNIKERNEL",
    rule: "declared",
    attribute: DECLARED,
  },
  {
    name: "halvm",
    sent: { [DECLARED]: "halvm" },
    runtime: "UNIKERNEL",
    isolation: "UNIKERNEL",
    rule: "declared",
    attribute: DECLARED,
  },
  {
    name: "drawbridge",
    sent: { [DECLARED]: "drawbridge" },
    runtime: "LIBRARY_OS",
    isolation: "LIBRARY_OS",
    rule: "declared",
    attribute: DECLARED,
  },
  {
    name: "gramine",
    sent: { ...POD, [DECLARED]: "gramine" },
    runtime: "LIBRARY_OS",
    isolation: "LIBRARY_OS",
    rule: "declared",
    attribute: DECLARED,
  },
  {
    name: "lambda",
    sent: { "cloud.platform": "aws_lambda" },
    runtime: "FAAS",
    isolation: null,
    rule: "faas.platform",
    attribute: "cloud.platform",
  },
  {
    name: "function",
    sent: { "faas.name": "resize" },
    runtime: "FAAS",
    isolation: null,
    rule: "faas.otel",
    attribute: "faas.name",
  },
  {
    name: "knative",
    sent: { ...POD, [KNATIVE]: "r-1" },
    runtime: "FAAS",
    isolation: null,
    rule: "faas.knative",
    attribute: KNATIVE,
  },
  {
    name: "knative-on-kata",
    sent: { ...POD, [KNATIVE]: "r-1", [RUNTIME_CLASS]: "kata" },
    runtime: "FAAS",
    isolation: "KATA",
    rule: "faas.knative",
    attribute: KNATIVE,
  },
  {
    name: "openfaas-on-gvisor",
    sent: { ...POD, "k8s.pod.label.faas_function": "f", [RUNTIME_CLASS]: "gvisor" },
    runtime: "FAAS",
    isolation: "GVISOR",
    rule: "faas.openfaas",
    attribute: "k8s.pod.label.faas_function",
  },
  { name: "nobody-says", sent: {}, runtime: "UNKNOWN", isolation: null, rule: "unknown", attribute: "" },
  // Telemetry says "some pod"; the pod's own object says more.
  {
    name: "kata-by-object",
    sent: POD,
    objects: [pod("kata-by-object", { runtimeClassName: "kata-clh" })],
    runtime: "KATA",
    isolation: "KATA",
    rule: "rtc.kata",
    attribute: RUNTIME_CLASS,
    origin: "KUBERNETES",
  },
  {
    name: "plain-by-template",
    sent: { ...POD, "k8s.pod.name": "other-pod" },
    objects: [deployment("plain-by-template", { spec: containers })],
    runtime: "RUNC",
    isolation: null,
    rule: "default.pod",
    attribute: "k8s.pod.name",
    origin: "KUBERNETES",
  },
  {
    name: "declared-by-template",
    sent: { ...POD, "k8s.pod.name": "other-pod" },
    objects: [
      deployment("declared-by-template", {
        metadata: { labels: { app: "declared-by-template" }, annotations: { "faultline.io/runtime": "mirage" } },
        spec: containers,
      }),
    ],
    runtime: "UNIKERNEL",
    isolation: "UNIKERNEL",
    rule: "declared",
    attribute: "k8s.pod.annotation.faultline.io/runtime",
    origin: "KUBERNETES",
  },
  // Its labels name it otherwise than its telemetry: a pod's name is enough.
  {
    name: "named-otherwise",
    sent: POD,
    objects: [pod("named-otherwise", { runtimeClassName: "kata" }, { labels: { app: "legacy-name" } })],
    runtime: "KATA",
    isolation: "KATA",
    rule: "rtc.kata",
    attribute: RUNTIME_CLASS,
    origin: "KUBERNETES",
  },
  // What telemetry names stands, whatever an object says.
  {
    name: "telemetry-stands",
    sent: { ...POD, "faas.name": "f" },
    objects: [pod("telemetry-stands", { runtimeClassName: "kata" })],
    runtime: "FAAS",
    isolation: null,
    rule: "faas.otel",
    attribute: "faas.name",
  },
  // No telemetry at all.
  {
    name: "silent-gvisor",
    objects: [pod("silent-gvisor", { runtimeClassName: "gvisor" })],
    runtime: "GVISOR",
    isolation: "GVISOR",
    rule: "rtc.gvisor",
    attribute: RUNTIME_CLASS,
    origin: "KUBERNETES",
  },
];

const attribute = (key: string, stringValue: string): Message => ({ key, value: { stringValue } });

function tracesOf(cases: readonly Case[]): Uint8Array {
  return encodeOtlp("traces", {
    resourceSpans: cases.map(({ name, sent = {} }, i) => ({
      resource: {
        attributes: Object.entries({ "service.name": name, ...sent }).map(([key, value]) =>
          attribute(key, value === POD_NAME ? `${name}-pod` : value),
        ),
      },
      scopeSpans: [
        {
          spans: [
            {
              traceId: Buffer.alloc(16, i + 1),
              spanId: Buffer.alloc(8, i + 1),
              name: "GET /",
              kind: 2,
              startTimeUnixNano: String(BigInt(NOW_MS) * 1_000_000n),
              endTimeUnixNano: String(BigInt(NOW_MS + 3) * 1_000_000n),
            },
          ],
        },
      ],
    })),
  });
}

let database: TestStorage;
let api: TestApi;
beforeAll(async () => {
  database = await startTestStorage();
  const ingest = await startIngest({
    storage: database.storage,
    options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0 },
  });
  const send = async (path: string, body: Uint8Array): Promise<void> => {
    const headers = { "content-type": "application/x-protobuf" };
    const answer = await fetch(`${ingest.httpUrl}${path}`, { method: "POST", headers, body: new Uint8Array(body) });
    expect([path, answer.status]).toEqual([path, 200]);
  };
  await send("/v1/traces", tracesOf(CASES.filter((one) => one.sent !== undefined)));
  const objects = CASES.flatMap((one) => one.objects ?? []);
  await send("/v1/logs", logPayload(objects.map((object) => pulled(object, NOW_MS))));
  await ingest.stop();
  api = await startTestApi(database.storage);
});
afterAll(async () => {
  await api.stop();
  await database.stop();
});

const RANGE = {
  from: new Date(NOW_MS - 30_000).toISOString(),
  to: new Date(NOW_MS + 30_000).toISOString(),
};

async function nodesAt(level: string): Promise<Json[]> {
  const answer = await api.ask(
    `query ($range: TimeRangeInput!) { serviceGraph(range: $range, level: ${level}) { nodes {
      entity { kind service runtime isolation }
      runtimeEvidence { runtime isolation rule attribute confidence origin count } } } }`,
    { range: RANGE },
  );
  expect(answer.errors).toBeUndefined();
  return answer.data.serviceGraph.nodes;
}

describe("runtime evidence", () => {
  let nodes: Json[] = [];
  beforeAll(async () => {
    nodes = await nodesAt("SERVICE");
  });

  it.each(CASES)("of $name: $runtime isolated by $isolation, by the rule $rule", (one) => {
    const node = nodes.find((candidate) => candidate.entity.service === one.name);
    expect(node.runtimeEvidence).toEqual([
      {
        runtime: one.runtime,
        isolation: one.isolation,
        rule: one.rule,
        attribute: one.attribute,
        confidence: expect.any(Number),
        origin: one.origin ?? "TELEMETRY",
        count: 1,
      },
    ]);
    // The node's own class is the same verdict.
    expect([node.entity.runtime, node.entity.isolation]).toEqual([one.runtime, one.isolation]);
  });

  it("has a case of every class", () => {
    expect(RUNTIME_CLASSES.filter((name) => !CASES.some((one) => one.runtime === name))).toEqual([]);
  });

  it("is surer of what it saw in the cluster than of what any pod's spans say", () => {
    const sure = (name: string): number =>
      nodes.find((candidate) => candidate.entity.service === name).runtimeEvidence[0].confidence;
    expect([sure("plain"), sure("plain-by-template"), sure("nobody-says"), sure("drawbridge")]).toEqual([
      0.6, 0.95, 0, 1,
    ]);
  });

  it("is there for instances too, and not for clusters", async () => {
    const instances = await nodesAt("INSTANCE");
    const kata = instances.find((node) => node.entity.service === "knative-on-kata");
    expect(kata.runtimeEvidence).toMatchObject([{ runtime: "FAAS", isolation: "KATA", rule: "faas.knative" }]);
    const clusters = await nodesAt("CLUSTER");
    expect(clusters.flatMap((node) => node.runtimeEvidence)).toEqual([]);
  });
});
