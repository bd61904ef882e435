// Which messages about Kubernetes objects are changes, of what, and in which words.
// In: watch and pull messages as the k8sobjects receiver sends them. Out: rows of `changes`.
// Bounds: storage lives in this process; test/ingest/changes/storage.test.ts uses the real one.
import { describe, expect, it } from "vitest";
import { createObjectTaker } from "../../../ingest/changes/object-taker.ts";
import {
  createObjectStore,
  logPayload,
  OBSERVED_MS,
  pulled,
  type RecordSpec,
  watched,
} from "../../fixtures/kubernetes.ts";

const MINUTE = 60_000;

/** Sends records one after the other to one process and gives the changes. */
async function changesOf(...records: readonly RecordSpec[]) {
  const store = createObjectStore();
  const take = createObjectTaker(store.storage, () => OBSERVED_MS + 10 * MINUTE);
  for (const record of records) await take("default", logPayload([record]));
  return store.rows("changes");
}

let version = 100;
function meta(name: string, more: object = {}) {
  return { name, namespace: "shop", uid: `uid-${name}`, resourceVersion: String(version++), ...more };
}

function deployment(generation: number, spec: object, more: object = {}) {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta("pricing-v2", { generation, labels: { app: "pricing" }, ...more }),
    spec,
    status: { observedGeneration: generation, replicas: version },
  };
}

function podSpec(image: string, more: object = {}, pod: object = {}) {
  return {
    replicas: 2,
    template: {
      metadata: { labels: { app: "pricing", version: "v2" } },
      spec: { containers: [{ name: "app", image, ...more }], ...pod },
    },
  };
}

const WRITE = { manager: "argocd", time: new Date(OBSERVED_MS).toISOString() };
const LATER_STATUS = {
  manager: "kube-controller-manager",
  subresource: "status",
  time: new Date(OBSERVED_MS + 5_000).toISOString(),
};

describe("a change", () => {
  it("is a rise of the generation, at the version that it rolls out", async () => {
    const [change, ...more] = await changesOf(
      watched("ADDED", deployment(4, podSpec("shop/pricing:2.3.0"))),
      watched("MODIFIED", deployment(5, podSpec("shop/pricing:2.3.1"))),
    );
    expect(more).toEqual([]);
    expect(change).toMatchObject({
      At: "2026-01-02T03:04:05.000Z",
      Kind: "Deployment",
      EntityId: "version:east/shop/pricing/v2",
      Summary: "Deployment pricing-v2 changed: image shop/pricing:2.3.0 → shop/pricing:2.3.1",
      Before: "image shop/pricing:2.3.0",
      After: "image shop/pricing:2.3.1",
      Origin: "k8s",
    });
  });

  it("is no status update, no snapshot, no pulled object and no second sight", async () => {
    const spec = podSpec("a:1");
    expect(
      await changesOf(
        pulled(deployment(4, spec)),
        watched("ADDED", deployment(4, spec)),
        watched("MODIFIED", deployment(4, spec, { managedFields: [WRITE] })),
        pulled(deployment(4, spec)),
      ),
    ).toEqual([]);
  });

  it("is no generation that changes nothing desired: some kinds raise it with every status", async () => {
    const spec = podSpec("a:1");
    expect(await changesOf(watched("ADDED", deployment(4, spec)), watched("MODIFIED", deployment(9, spec)))).toEqual(
      [],
    );
  });

  it("is the first sight of an object only when its spec was written last", async () => {
    const object = (managers: object[]) => deployment(5, podSpec("a:1"), { managedFields: managers });
    expect(await changesOf(watched("MODIFIED", object([WRITE])))).toHaveLength(1);
    expect(await changesOf(watched("MODIFIED", object([WRITE, LATER_STATUS])))).toEqual([]);
    expect(await changesOf(watched("MODIFIED", object([])))).toEqual([]);
  });

  it("is a new object, but not one that a watch begins with", async () => {
    const created = (agoMs: number) => ({ creationTimestamp: new Date(OBSERVED_MS - agoMs).toISOString() });
    const fresh = await changesOf(watched("ADDED", deployment(1, podSpec("a:1"), created(30_000))));
    expect(fresh).toMatchObject([
      { Summary: "Deployment pricing-v2 created: image a:1, replicas 2", At: "2026-01-02T03:03:35.000Z", Before: "" },
    ]);
    expect(await changesOf(watched("ADDED", deployment(1, podSpec("a:1"), created(20 * MINUTE))))).toEqual([]);
  });

  it("is what was deleted, once", async () => {
    const object = deployment(4, podSpec("a:1"));
    const rows = await changesOf(watched("ADDED", object), watched("DELETED", object), watched("DELETED", object));
    expect(rows).toMatchObject([
      { Summary: "Deployment pricing-v2 deleted", Before: "image a:1, replicas 2", After: "" },
    ]);
  });

  it("is told by a watch that begins again, at the time of the write", async () => {
    const wroteMs = OBSERVED_MS + 2 * MINUTE;
    const later = { managedFields: [{ manager: "helm", time: new Date(wroteMs).toISOString() }] };
    const [change] = await changesOf(
      watched("ADDED", deployment(4, podSpec("a:1"))),
      watched("ADDED", deployment(5, podSpec("a:2"), later), OBSERVED_MS + 9 * MINUTE),
    );
    expect(change).toMatchObject({ At: new Date(wroteMs).toISOString(), Before: "image a:1", After: "image a:2" });
    // Without that time nobody knows when: it may have been days ago.
    expect(
      await changesOf(
        watched("ADDED", deployment(4, podSpec("a:1"))),
        watched("ADDED", deployment(5, podSpec("a:2")), OBSERVED_MS + 9 * MINUTE),
      ),
    ).toEqual([]);
  });

  it("is told by a pull when the generation rose since the one before", async () => {
    const rows = await changesOf(pulled(deployment(4, podSpec("a:1"))), pulled(deployment(5, podSpec("a:2"))));
    expect(rows).toMatchObject([{ After: "image a:2" }]);
  });

  it("does not come again when older sights are replayed", async () => {
    const sights = [4, 5, 6].map((generation) => deployment(generation, podSpec(`a:${generation}`)));
    const records = sights.map((object, index) => watched(index === 0 ? "ADDED" : "MODIFIED", object));
    expect(await changesOf(...records, ...records, ...records)).toHaveLength(2);
  });

  it("is compared with the object that had the name before", async () => {
    const created = { uid: "another", creationTimestamp: new Date(OBSERVED_MS).toISOString() };
    const rows = await changesOf(
      watched("ADDED", deployment(4, podSpec("a:1"))),
      watched("ADDED", deployment(1, podSpec("a:2"), created)),
    );
    expect(rows).toMatchObject([{ Summary: "Deployment pricing-v2 created: image a:1 → a:2" }]);
  });
});

it("objects may come as JSON text", async () => {
  const text = (type: string, object: object): RecordSpec => ({
    body: JSON.stringify({ type, object }),
    attributes: { "k8s.resource.name": "deployments" },
  });
  const rows = await changesOf(
    text("ADDED", deployment(4, podSpec("a:1"))),
    text("MODIFIED", deployment(5, podSpec("a:2"))),
  );
  expect(rows).toMatchObject([{ Before: "image a:1", After: "image a:2" }]);
});

it("what the API server notes for itself is not read", async () => {
  const noise = {
    managedFields: [{ ...WRITE, fieldsV1: { "f:spec": { "f:replicas": {} } } }],
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({ noise: "x".repeat(5_000) }) },
  };
  const rows = await changesOf(watched("MODIFIED", deployment(5, podSpec("a:1"), noise)));
  expect(JSON.stringify(rows)).not.toMatch(/f:spec|noise/);
});

/** The change between two states of one object. */
async function difference(kind: string, before: object, after: object, more: object = {}) {
  const object = (generation: number, content: object) => ({
    kind,
    metadata: meta("thing", { ...("spec" in content ? { generation } : {}), ...more }),
    ...content,
  });
  const rows = await changesOf(watched("ADDED", object(1, before)), watched("MODIFIED", object(2, after)));
  expect(rows).toHaveLength(1);
  return rows[0] ?? {};
}

const route = (...weights: number[]) => ({
  spec: {
    hosts: ["reviews.bookinfo.svc.cluster.local"],
    http: [
      {
        route: weights.map((weight, index) => ({
          destination: { host: "reviews.bookinfo.svc.cluster.local", subset: `v${index + 1}` },
          weight,
        })),
      },
    ],
  },
});

describe("what changed, in one line", () => {
  it.each([
    [
      "environment",
      { spec: podSpec("a:1", { env: [{ name: "LEVEL", value: "info" }] }) },
      {
        spec: podSpec("a:1", {
          env: [
            { name: "LEVEL", value: "debug" },
            { name: "MODE", value: "fast" },
          ],
        }),
      },
      "env LEVEL info, no env MODE",
      "env LEVEL debug, env MODE fast",
    ],
    [
      "environment from elsewhere",
      { spec: podSpec("a:1", { env: [{ name: "DB", valueFrom: { secretKeyRef: { name: "db", key: "url" } } }] }) },
      { spec: podSpec("a:1", { env: [{ name: "DB", valueFrom: { secretKeyRef: { name: "db2", key: "url" } } }] }) },
      "env DB from secretKeyRef db/url",
      "env DB from secretKeyRef db2/url",
    ],
    [
      "resources",
      { spec: podSpec("a:1", { resources: { limits: { cpu: "1", memory: "1Gi" } } }) },
      { spec: podSpec("a:1", { resources: { limits: { cpu: "400m", memory: "1Gi" } } }) },
      "cpu limit 1",
      "cpu limit 400m",
    ],
    ["replicas", { spec: podSpec("a:1") }, { spec: { ...podSpec("a:1"), replicas: 5 } }, "replicas 2", "replicas 5"],
    [
      "runtime class",
      { spec: podSpec("a:1") },
      { spec: podSpec("a:1", {}, { runtimeClassName: "kata-qemu" }) },
      "no runtimeClassName",
      "runtimeClassName kata-qemu",
    ],
    [
      "probes",
      { spec: podSpec("a:1", { livenessProbe: { periodSeconds: 10 } }) },
      { spec: podSpec("a:1", { livenessProbe: { periodSeconds: 1 } }) },
      "liveness probe periodSeconds 10",
      "liveness probe periodSeconds 1",
    ],
    [
      "node selector",
      { spec: podSpec("a:1", {}, { nodeSelector: { zone: "a" } }) },
      { spec: podSpec("a:1", {}, { nodeSelector: { zone: "b" } }) },
      "nodeSelector zone a",
      "nodeSelector zone b",
    ],
    [
      "paused",
      { spec: { ...podSpec("a:1"), paused: false } },
      { spec: { ...podSpec("a:1"), paused: true } },
      "paused false",
      "paused true",
    ],
  ])("%s", async (_name, before, after, expectedBefore, expectedAfter) => {
    expect(await difference("Deployment", before, after)).toMatchObject({
      Before: expectedBefore,
      After: expectedAfter,
    });
  });

  it("weights of a route", async () => {
    expect(await difference("VirtualService", route(90, 10), route(50, 50))).toMatchObject({
      EntityId: "service:east/bookinfo/reviews",
      Before: "http[0].weights reviews v1 90, reviews v2 10",
      After: "http[0].weights reviews v1 50, reviews v2 50",
    });
    const rule = (a: number, b: number) => ({
      spec: {
        rules: [
          {
            backendRefs: [
              { name: "web-v1", weight: a },
              { name: "web-v2", weight: b },
            ],
          },
        ],
      },
    });
    expect(await difference("HTTPRoute", rule(1, 0), rule(9, 1))).toMatchObject({
      EntityId: "service:east/shop/web-v1",
      After: "rules[0].weights web-v1 9, web-v2 1",
    });
  });

  it("subsets, outlier detection and pools of a destination rule", async () => {
    const rule = (errors: number, label: string, pending: number) => ({
      spec: {
        host: "reviews",
        subsets: [{ name: "v1", labels: { version: label } }],
        trafficPolicy: {
          outlierDetection: { consecutive5xxErrors: errors },
          connectionPool: { http: { http1MaxPendingRequests: pending } },
        },
      },
    });
    expect(await difference("DestinationRule", rule(5, "v1", 100), rule(1, "v3", 1))).toMatchObject({
      EntityId: "service:east/shop/reviews",
      After:
        "subsets[v1].labels.version v3, connectionPool http.http1MaxPendingRequests 1, outlierDetection consecutive5xxErrors 1",
    });
  });

  it.each([
    ["AuthorizationPolicy", { action: "ALLOW" }, { action: "DENY" }, { app: "cart" }, "service:east/shop/cart"],
    ["PeerAuthentication", { mtls: { mode: "PERMISSIVE" } }, { mtls: { mode: "STRICT" } }, null, "namespace:east/shop"],
    [
      "EnvoyFilter",
      { configPatches: [{ applyTo: "A" }] },
      { configPatches: [{ applyTo: "B" }] },
      null,
      "namespace:east/shop",
    ],
  ])("%s is about what it selects", async (kind, before, after, labels, entity) => {
    const selector = labels === null ? {} : { selector: { matchLabels: labels } };
    const change = await difference(kind, { spec: { ...before, ...selector } }, { spec: { ...after, ...selector } });
    expect(change).toMatchObject({ EntityId: entity });
    expect(change["Before"]).not.toBe(change["After"]);
  });

  it("replicas of an autoscaler, at the workload that it scales", async () => {
    const scaler = (max: number) => ({
      spec: { scaleTargetRef: { kind: "Deployment", name: "cart" }, maxReplicas: max },
    });
    expect(await difference("HorizontalPodAutoscaler", scaler(3), scaler(9))).toMatchObject({
      EntityId: "service:east/shop/cart",
      Summary: "HorizontalPodAutoscaler thing changed: maxReplicas 3 → 9",
    });
  });

  it("lines of a ConfigMap, without what is secret by its name", async () => {
    const config = (level: string, password: string) => ({
      data: { "app.yaml": `log:\n  level: ${level}\n  db_password: ${password}\n`, mode: "fast" },
    });
    const change = await difference("ConfigMap", config("info", "hunter2"), config("debug", "hunter3"), {
      labels: { app: "payment" },
    });
    expect(change).toMatchObject({ EntityId: "service:east/shop/payment" });
    expect(change["After"]).toMatch(/app\.yaml: level debug/);
    expect(JSON.stringify(change)).not.toContain("hunter");
  });

  it("of a Secret only that it changed", async () => {
    const secret = (value: string) => ({ data: { password: Buffer.from(value).toString("base64") }, type: "Opaque" });
    const change = await difference("Secret", secret("hunter2"), secret("hunter3"));
    expect(change).toMatchObject({ Summary: "Secret thing changed", Before: "", After: "" });
  });

  it("whatever else a kind that nobody knows has, a bounded part of it", async () => {
    const wide = (value: string) => ({
      spec: Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`field${n}`, value.repeat(500)])),
    });
    const change = await difference("Gizmo", wide("a"), wide("b"));
    expect(String(change["After"]).length).toBeLessThan(1_000);
    expect(change["After"]).toMatch(/and \d+ more$/);
  });
});

it("a rollout's phases are changes, its other status is none", async () => {
  const rollout = (generation: number, status: object) => ({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: meta("web", { generation }),
    spec: podSpec("a:1"),
    status,
  });
  const rows = await changesOf(
    watched("ADDED", rollout(1, { phase: "Healthy", readyReplicas: 2 })),
    watched("MODIFIED", rollout(1, { phase: "Healthy", readyReplicas: 1 })),
    watched("MODIFIED", rollout(2, { phase: "Paused", currentStepIndex: 1 })),
    watched("MODIFIED", rollout(3, { phase: "Degraded", abort: true })),
  );
  expect(rows.map((row) => row["After"])).toEqual(["phase Paused", "phase Degraded (aborted)"]);
});

it("a Knative revision is compared with the one before of the same configuration", async () => {
  const revision = (number: number, image: string) => ({
    apiVersion: "serving.knative.dev/v1",
    kind: "Revision",
    metadata: meta(`recommend-0000${number}`, {
      generation: 1,
      creationTimestamp: new Date(OBSERVED_MS + number * 1_000).toISOString(),
      labels: { "serving.knative.dev/configuration": "recommend", "serving.knative.dev/service": "recommend" },
    }),
    spec: { containers: [{ image }] },
  });
  const rows = await changesOf(
    watched("ADDED", revision(1, "r:1"), OBSERVED_MS + 20 * MINUTE),
    watched("ADDED", revision(2, "r:2"), OBSERVED_MS + 3_000),
  );
  expect(rows).toMatchObject([
    { EntityId: "service:east/shop/recommend", Summary: "Revision recommend-00002 created: image r:1 → r:2" },
  ]);
});

it("what only follows from other objects is no change", async () => {
  const fresh = { creationTimestamp: new Date(OBSERVED_MS).toISOString() };
  const kinds = ["Pod", "ReplicaSet", "Event", "EndpointSlice", "Lease", "PolicyReport"];
  const owned = { ...fresh, ownerReferences: [{ kind: "CronJob", name: "nightly", controller: true }] };
  expect(
    await changesOf(
      ...kinds.map((kind) => watched("ADDED", { kind, metadata: meta("x", fresh) })),
      watched("ADDED", { kind: "ConfigMap", metadata: meta("cluster-autoscaler-status", fresh), data: { at: "1" } }),
      watched("ADDED", { kind: "Job", metadata: meta("nightly-1", owned), spec: {} }),
    ),
  ).toEqual([]);
});

it.each([null, 7, "text", "{", "[]", [], {}, { type: "MODIFIED" }, { type: "MODIFIED", object: { kind: "Pod" } }])(
  "%j is no object",
  async (body) => {
    expect(await changesOf({ body, attributes: { "k8s.resource.name": "pods" } })).toEqual([]);
  },
);
