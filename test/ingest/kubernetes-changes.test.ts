// Which messages of the k8sobjects receiver are changes, and of what.
// In: watch messages as the receiver sends them. Out: a change with its place, or none.
// Bounds: pure; no storage.
import { expect, test } from "vitest";
import { ObjectWatch } from "../../ingest/kubernetes-changes.ts";

const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

function deployment(generation: number, image: string, managers: object[] = []) {
  return {
    kind: "Deployment",
    metadata: {
      name: "pricing-v2",
      namespace: "shop",
      generation,
      managedFields: managers,
      labels: { app: "pricing" },
    },
    spec: {
      replicas: 2,
      template: {
        metadata: { labels: { app: "pricing", version: "v2" } },
        spec: { containers: [{ name: "app", image }] },
      },
    },
  };
}

const SPEC_WRITE = { manager: "argocd", time: "2026-01-02T03:04:05Z" };
const LATER_STATUS = { manager: "kube-controller-manager", subresource: "status", time: "2026-01-02T03:05:00Z" };

test("a rise of the generation is a change with before and after, at the version that it rolls out", () => {
  const watch = new ObjectWatch();
  expect(watch.read({ type: "ADDED", object: deployment(4, "shop/pricing:2.3.0") }, "east", AT_MS)).toBeNull();
  const change = watch.read({ type: "MODIFIED", object: deployment(5, "shop/pricing:2.3.1") }, "east", AT_MS);
  expect(change).toMatchObject({
    at: "2026-01-02T03:04:05.000Z",
    kind: "Deployment",
    summary: "Deployment pricing-v2 changed",
    before: "shop/pricing:2.3.0, 2 replicas",
    after: "shop/pricing:2.3.1, 2 replicas",
    entity: { kind: "VERSION", cluster: "east", namespace: "shop", service: "pricing", version: "v2" },
  });
});

test("status churn, snapshots and pulled objects are no changes", () => {
  const watch = new ObjectWatch();
  const object = deployment(4, "shop/pricing:2.3.0");
  expect(watch.read(object, "east", AT_MS)).toBeNull();
  expect(watch.read({ type: "ADDED", object }, "east", AT_MS)).toBeNull();
  expect(watch.read({ type: "MODIFIED", object }, "east", AT_MS)).toBeNull();
});

test("the first message of an object counts only when its spec was written last", () => {
  const changed = { type: "MODIFIED", object: deployment(5, "a:1", [SPEC_WRITE]) };
  const churned = { type: "MODIFIED", object: deployment(5, "a:1", [SPEC_WRITE, LATER_STATUS]) };
  const silent = { type: "MODIFIED", object: deployment(5, "a:1") };
  expect(new ObjectWatch().read(changed, "east", AT_MS)).not.toBeNull();
  expect(new ObjectWatch().read(churned, "east", AT_MS)).toBeNull();
  expect(new ObjectWatch().read(silent, "east", AT_MS)).toBeNull();
});

test("a route belongs to the service that it routes to", () => {
  const route = (retries: number) => ({
    kind: "VirtualService",
    metadata: { name: "catalog-vs", namespace: "mesh", generation: retries },
    spec: { hosts: ["catalog.shop.svc.cluster.local"], http: [{ retries: { attempts: retries } }] },
  });
  const watch = new ObjectWatch();
  watch.read({ type: "ADDED", object: route(1) }, "east", AT_MS);
  const change = watch.read({ type: "MODIFIED", object: route(2) }, "east", AT_MS);
  expect(change?.entity).toMatchObject({ kind: "SERVICE", namespace: "shop", service: "catalog" });
});

test("ConfigMaps without a generation change with their data", () => {
  const config = (level: string) => ({
    kind: "ConfigMap",
    metadata: { name: "payment", namespace: "shop", labels: { app: "payment" } },
    data: { level },
  });
  const watch = new ObjectWatch();
  watch.read({ type: "ADDED", object: config("info") }, "east", AT_MS);
  expect(watch.read({ type: "MODIFIED", object: config("info") }, "east", AT_MS)).toBeNull();
  expect(watch.read({ type: "MODIFIED", object: config("debug") }, "east", AT_MS)?.entity.service).toBe("payment");
});

test.each([null, 7, "text", [], {}, { type: "MODIFIED" }, { type: "MODIFIED", object: { kind: "Pod" } }])(
  "%j is no object message",
  (body) => {
    expect(new ObjectWatch().read(body, "east", AT_MS)).toBeNull();
  },
);
