// Every way into the ingest role, with whole payloads to damage.
// In: a world. Out: per way its payloads, and how a damaged one is sent: taken, or refused.
import snappy from "snappy";
import type { HttpEndpoint } from "../../ingest/http-endpoint.ts";
import type { Encoding, Signal } from "../../ingest/signal.ts";
import {
  envoyLine,
  istioJson,
  istioLabels,
  istioLine,
  lineRecord,
  logsPayload,
  REQUEST,
  WAYPOINT_LINES,
  ZTUNNEL_LINES,
} from "../fixtures/access-log-samples.ts";
import { logPayload, pulled, watched } from "../fixtures/kubernetes.ts";
import { encodeOtlp, type OtlpSignal, toDescending } from "../fixtures/otlp-oracle.ts";
import { SAMPLES } from "../fixtures/otlp-samples.ts";
import { posted, type Series, writeRequestV1, writeRequestV2 } from "../fixtures/remote-write.ts";
import { HOSTILE, type World } from "./world.ts";

/** What became of a payload. */
export interface Outcome {
  readonly isTaken: boolean;
  readonly answer: string;
}

/** One way in; `signal`: which honest payloads go beside it. */
export interface Target {
  readonly name: string;
  readonly signal: Signal;
  readonly isText: boolean;
  /** True: it is decoded at once, in the same block as its honest neighbours. */
  readonly isBeside: boolean;
  readonly corpus: readonly Uint8Array[];
  send(world: World, payload: Uint8Array): Promise<Outcome>;
}

const OBJECT = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: {
    name: "catalog",
    namespace: "shop",
    uid: "8f1c",
    generation: 3,
    resourceVersion: "41",
    labels: { app: "catalog" },
    managedFields: [{ manager: "kubectl", fieldsV1: { "f:spec": {} } }],
  },
  spec: {
    replicas: 2,
    template: { spec: { runtimeClassName: "kata", containers: [{ name: "app", image: "a/b:1.2" }] } },
  },
  status: { readyReplicas: 2 },
};
const ROUTE = {
  apiVersion: "networking.istio.io/v1",
  kind: "VirtualService",
  metadata: { name: "catalog", namespace: "shop", uid: "9a", generation: 7, resourceVersion: "50" },
  spec: { hosts: ["catalog"], http: [{ route: [{ destination: { host: "catalog", subset: "v2" }, weight: 20 }] }] },
};
const POD = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "catalog-1",
    namespace: "shop",
    uid: "77",
    ownerReferences: [{ kind: "ReplicaSet", name: "catalog" }],
  },
  status: { containerStatuses: [{ name: "app", restartCount: 2, lastState: { terminated: { reason: "OOMKilled" } } }] },
};
const HOOKS: Readonly<Record<string, readonly object[]>> = {
  cdevents: [
    {
      context: {
        specversion: "0.5.0",
        id: "1",
        source: "/ci",
        type: "dev.cdevents.service.deployed.0.3.0",
        timestamp: "2026-01-02T03:00:00Z",
      },
      subject: { id: "shop/pricing", content: { environment: { id: "prod" }, artifactId: "pkg:oci/p?tag=2.3.1" } },
    },
  ],
  argocd: [
    {
      app: "shop",
      cluster: "east",
      namespace: "shop",
      phase: "Succeeded",
      revision: "8c5f2a1e4b7d9c0f3a6e5d4c3b2a19080706f5e4",
      startedAt: "2026-01-02T02:59:00Z",
      finishedAt: "2026-01-02T03:00:00Z",
      images: ["registry.example/shop/catalog:1.2.3"],
    },
  ],
  flux: [
    {
      involvedObject: { kind: "Kustomization", name: "shop", namespace: "flux-system" },
      severity: "info",
      timestamp: "2026-01-02T03:00:00Z",
      message: "Reconciliation finished",
      reason: "ReconciliationSucceeded",
      metadata: { revision: "main@sha1:8c5f2a1e", "kustomize.toolkit.fluxcd.io/revision": "main@sha1:8c5f2a1e" },
    },
  ],
  github: [
    {
      deployment_status: { state: "success", environment: "prod", updated_at: "2026-01-02T03:00:00Z" },
      deployment: { id: 7, sha: "8c5f2a1e4b7d", ref: "v1.2.3", environment: "prod", payload: { service: "catalog" } },
      repository: { full_name: "shop/catalog", name: "catalog" },
    },
  ],
};
const SERIES: readonly Series[] = [
  {
    labels: { __name__: "istio_requests_total", destination_service: "catalog.shop.svc", response_code: "200" },
    samples: [
      { value: 1, timestamp: 1_795_388_900_000 },
      { value: 7.5, timestamp: 1_795_388_900_500 },
    ],
  },
  { labels: { __name__: "latency", le: "0.5" }, samples: [{ value: 3, timestamp: 1_795_388_900_000 }] },
  {
    labels: { __name__: "native" },
    histograms: [{ countInt: 1, schema: 0, timestamp: 1_795_388_900_000 }],
    exemplars: 2,
  },
];

function ofSignal(signal: OtlpSignal): Uint8Array[] {
  return SAMPLES.filter((sample) => sample.signal === signal).flatMap(({ message }) => {
    const bytes = encodeOtlp(signal, message);
    return [bytes, toDescending(signal, bytes)];
  });
}

/** A sample in OTLP/JSON. */
function jsonOf(value: unknown, key = ""): unknown {
  if (Buffer.isBuffer(value)) return value.toString(/traceid|spanid/i.test(key) ? "hex" : "base64");
  if (Array.isArray(value)) return value.map((item) => jsonOf(item, key));
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, jsonOf(content, name)]));
}

async function receive(world: World, signal: Signal, encoding: Encoding, body: Uint8Array): Promise<Outcome> {
  const delivery = await world.receiver.receive(HOSTILE, signal, encoding, body);
  return { isTaken: delivery.ok, answer: delivery.ok ? "taken" : delivery.reason };
}

async function ask(endpoint: HttpEndpoint, body: Uint8Array, headers: Record<string, string>): Promise<Outcome> {
  const { status } = await endpoint.handle({ tenant: HOSTILE, headers, query: new URLSearchParams(), body });
  return { isTaken: status < 300, answer: String(status) };
}

const LINES = [istioLine(REQUEST), envoyLine(REQUEST), istioJson(REQUEST), ...WAYPOINT_LINES, ...ZTUNNEL_LINES];
const SIGNALS = ["traces", "logs", "metrics"] as const;

/** Every way in. */
export const TARGETS: readonly Target[] = [
  ...SIGNALS.map((signal): Target => ({
    name: `${signal} in protobuf`,
    signal,
    isText: false,
    isBeside: true,
    corpus: ofSignal(signal),
    send: (world, payload) => receive(world, signal, "protobuf", payload),
  })),
  ...SIGNALS.map((signal): Target => ({
    name: `${signal} in JSON`,
    signal,
    isText: true,
    isBeside: true,
    corpus: SAMPLES.filter((sample) => sample.signal === signal).map(({ message }) =>
      Buffer.from(JSON.stringify(jsonOf(message))),
    ),
    send: (world, payload) => receive(world, signal, "json", payload),
  })),
  ...([1, 2] as const).map((version): Target => ({
    name: `remote write ${version}.0`,
    signal: "metrics",
    isText: false,
    isBeside: true,
    corpus: [version === 1 ? writeRequestV1(SERIES) : writeRequestV2(SERIES)],
    send: (world, payload) => {
      const { body, headers } = posted(version, payload);
      return ask(world.remoteWrite, body, headers);
    },
  })),
  {
    name: "remote write, as compressed",
    signal: "metrics",
    isText: false,
    isBeside: true,
    corpus: [snappy.compressSync(Buffer.from(writeRequestV2(SERIES)))],
    send: (world, payload) => ask(world.remoteWrite, payload, posted(2, new Uint8Array()).headers),
  },
  {
    name: "access log lines",
    signal: "logs",
    isText: true,
    isBeside: true,
    corpus: LINES.map((line) => Buffer.from(line)),
    send: (world, payload) => {
      const line = Buffer.from(payload).toString();
      return receive(world, "logs", "protobuf", logsPayload([lineRecord(line)], { "service.name": "gateway" }));
    },
  },
  {
    name: "access log attributes",
    signal: "logs",
    isText: false,
    isBeside: true,
    corpus: [logsPayload([{ body: { stringValue: "" }, attributes: istioLabels(REQUEST) }])],
    send: (world, payload) => receive(world, "logs", "protobuf", payload),
  },
  {
    name: "Kubernetes objects",
    signal: "logs",
    isText: false,
    isBeside: false,
    corpus: [
      logPayload([watched("MODIFIED", OBJECT), watched("MODIFIED", ROUTE)]),
      logPayload([watched("DELETED", ROUTE), pulled(POD)]),
      logPayload([pulled(OBJECT)]),
    ],
    send: (world, payload) => receive(world, "logs", "protobuf", payload),
  },
  {
    name: "Kubernetes objects as text",
    signal: "logs",
    isText: true,
    isBeside: false,
    corpus: [OBJECT, ROUTE, POD].map((object) => Buffer.from(JSON.stringify({ type: "MODIFIED", object }))),
    send: (world, payload) => {
      const record = { body: Buffer.from(payload).toString(), attributes: { "k8s.resource.name": "things" } };
      return receive(world, "logs", "protobuf", logPayload([record]));
    },
  },
  ...Object.entries(HOOKS).map(([source, bodies]): Target => ({
    name: `webhooks of ${source}`,
    signal: "logs",
    isText: true,
    isBeside: false,
    corpus: bodies.map((body) => Buffer.from(JSON.stringify(body))),
    send: (world, payload) => {
      const endpoint = world.hooks.find(({ path }) => path.endsWith(`/${source}`));
      if (endpoint === undefined) throw new Error(`there is no endpoint for ${source}`);
      return ask(endpoint, payload, { "content-type": "application/json", "x-github-event": "deployment_status" });
    },
  })),
];
