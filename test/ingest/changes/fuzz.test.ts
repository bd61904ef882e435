// The readers of Kubernetes objects, events and webhooks under input of any shape.
// In: objects grown at random, real ones with parts replaced, payloads with bytes flipped. Out: no exception, no hang, nothing unbounded.
// Bounds: FAULTLINE_FUZZ_RUNS payloads (2000 by default), seeded, so that a failure comes again.
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { CHANGE_HOOK_DEFAULTS, createChangeEndpoints } from "../../../ingest/changes/endpoints.ts";
import { createObjectTaker } from "../../../ingest/changes/object-taker.ts";
import { hideSecrets } from "../../../ingest/changes/secret-bodies.ts";
import { readLogRecords, replaceBodies } from "../../../ingest/otlp/log-objects.ts";
import { setLogSink } from "../../../model/events.ts";
import { createObjectStore, logPayload, OBSERVED_MS, watched } from "../../fixtures/kubernetes.ts";

const RUNS = Number(process.env["FAULTLINE_FUZZ_RUNS"] ?? 2_000);
const SLOWEST_MS = 500;
/** CPU time of this process in ms: what a busy machine does meanwhile does not count. */
const cpuMs = (): number => process.cpuUsage().user / 1_000;

const OPTIONS = { numRuns: RUNS, seed: 20260102 } as const;

const words = fc.constantFrom(
  ...`
    kind metadata spec status name namespace uid generation resourceVersion labels data template containers image
    env value valueFrom http route weight destination host backendRefs rules hosts selector matchLabels
    managedFields time subresource annotations ownerReferences controller regarding reason note series
    containerStatuses lastState terminated finishedAt creationTimestamp __proto__ constructor toString app type
    object app.kubernetes.io/name context subject content deployment repository involvedObject phase revision
    images payload
  `
    .trim()
    .split(/\s+/),
);
const scalars = fc.oneof(
  fc.constantFrom("Deployment", "Secret", "ConfigMap", "VirtualService", "Event", "Pod", "Revision", "Rollout", "Node"),
  fc.constantFrom(
    "MODIFIED",
    "ADDED",
    "DELETED",
    "2026-01-02T03:04:05Z",
    "+275760-09-13T00:00:00Z",
    "%",
    "a/b/c",
    "\u0000",
  ),
  fc.constantFrom(
    "dev.cdevents.service.deployed.0.3.0",
    "pkg:oci/x@%E0%A4%A?tag=",
    "ReconciliationSucceeded",
    "Kustomization",
  ),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
);
const { any } = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 6, withCrossShrink: false }, scalars, tie("object"), tie("list")),
  object: fc.dictionary(fc.oneof({ weight: 9, arbitrary: words }, { weight: 1, arbitrary: fc.string() }), tie("any"), {
    maxKeys: 8,
  }),
  list: fc.array(tie("any"), { maxLength: 5 }),
}));

const REAL = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "a", namespace: "b", uid: "c", generation: 2, resourceVersion: "7", labels: { app: "a" } },
  spec: { replicas: 1, template: { metadata: { labels: {} }, spec: { containers: [{ name: "app", image: "a:1" }] } } },
  status: { phase: "Running" },
};

/** A real object in which one part is something else. */
const damaged = fc.tuple(fc.nat(), any).map(([at, part]) => {
  const copy = structuredClone(REAL) as Record<string, unknown>;
  const places: [Record<string, unknown>, string][] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value)) {
      places.push([value as Record<string, unknown>, key]);
      visit((value as Record<string, unknown>)[key]);
    }
  };
  visit(copy);
  const [owner, key] = places[at % places.length]!;
  owner[key] = part;
  return copy;
});
const verbs = fc.constantFrom("ADDED" as const, "MODIFIED" as const, "DELETED" as const);

const defects: string[] = [];
setLogSink((_level, event, text, fields) => {
  if (fields["reason"] === "defect" || event === "ingest.insert_failed") defects.push(text);
});
afterEach(() => {
  const met = defects.splice(0);
  if (met.length > 0) throw new Error(met.join("\n"));
});

const isShort = (row: Record<string, unknown>): boolean => JSON.stringify(row).length < 60_000;

it("objects of any shape", async () => {
  const store = createObjectStore();
  const take = createObjectTaker(store.storage, () => OBSERVED_MS);
  await fc.assert(
    fc.asyncProperty(fc.oneof(any, damaged), verbs, fc.boolean(), async (object, verb, isText) => {
      const from = cpuMs();
      const body = { type: verb, object };
      const record = isText ? { ...watched(verb, null), body: JSON.stringify(body) } : watched(verb, object);
      await take("default", logPayload([record]));
      expect(cpuMs() - from).toBeLessThan(SLOWEST_MS);
    }),
    OPTIONS,
  );
  const rows = ["changes", "kubernetes_objects", "workloads", "platform_events"].flatMap(store.rows);
  expect(rows.length).toBeGreaterThan(RUNS / 20);
  expect(rows.every(isShort)).toBe(true);
  // What storage would refuse: half characters, and times that no column holds.
  expect(JSON.stringify(rows)).not.toMatch(/(?<!\\)(\\\\)*\\ud[89a-f]/);
  for (const row of rows) if ("At" in row) expect(String(row["At"])).toMatch(/^20\d\d-/);
});

it("events with attributes of any kind", async () => {
  const store = createObjectStore();
  const take = createObjectTaker(store.storage, () => OBSERVED_MS);
  await fc.assert(
    fc.asyncProperty(any, any, any, async (uid, count, body) => {
      const attributes = { "k8s.event.reason": "BackOff", "k8s.event.uid": uid, "k8s.event.count": count };
      await take("default", logPayload([{ body, attributes, resource: { "k8s.object.name": uid } }]));
    }),
    OPTIONS,
  );
  expect(store.rows("platform_events").length).toBeGreaterThan(0);
});

it("payloads with flipped, cut and doubled bytes", async () => {
  const secret = { ...REAL, kind: "Secret", data: { password: "aHVudGVyMg==" } };
  const whole = logPayload([watched("ADDED", REAL), watched("MODIFIED", secret), { body: "a line" }]);
  const take = createObjectTaker(createObjectStore().storage, () => OBSERVED_MS);
  const mutation = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(mutation, fc.nat(whole.length), fc.boolean(), async (flips, length, isCut) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, value] of flips) bytes[at] = value;
      const payload = isCut ? bytes.subarray(0, length) : bytes;
      const from = cpuMs();
      await take("default", payload);
      hideSecrets(payload);
      expect(cpuMs() - from).toBeLessThan(SLOWEST_MS);
    }),
    OPTIONS,
  );
  const hidden = Buffer.from(hideSecrets(whole));
  expect(hidden.includes("aHVudGVyMg==")).toBe(false);
  expect([...readLogRecords(hidden)].map(({ body }) => (typeof body === "string" ? body : "object"))).toEqual([
    "object",
    "Secret b/a modified",
    "a line",
  ]);
  expect(Buffer.from(replaceBodies(whole, new Map())).equals(whole)).toBe(true);
});

it("webhooks of any shape", async () => {
  const store = createObjectStore();
  const endpoints = createChangeEndpoints(store.storage, CHANGE_HOOK_DEFAULTS, () => OBSERVED_MS);
  await fc.assert(
    fc.asyncProperty(any, fc.nat(3), any, async (body, index, name) => {
      const answer = await endpoints[index]!.handle({
        tenant: "default",
        headers: { "x-github-event": index === 3 ? "deployment_status" : String(JSON.stringify(name)) },
        query: new URLSearchParams(),
        body: Buffer.from(JSON.stringify(body)),
      });
      expect([200, 202, 400]).toContain(answer.status);
    }),
    OPTIONS,
  );
});

it("nesting, width and length have an end", async () => {
  const store = createObjectStore();
  const take = createObjectTaker(store.storage, () => OBSERVED_MS);
  const deep = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;
  const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, n])));
  const long = JSON.stringify({ text: "x".repeat(3 << 20) });
  const lines = JSON.stringify("key: value\n".repeat(200_000));
  const meta = '"metadata":{"name":"n","namespace":"s","generation":1}';
  for (const body of [
    `{"kind":"Gizmo",${meta},"spec":${deep}}`,
    `{"kind":"Gizmo",${meta},"spec":${wide}}`,
    `{"kind":"Gizmo",${meta},"spec":${long}}`,
    `{"kind":"ConfigMap",${meta},"data":{"f":${lines}}}`,
    `{"kind":"Pod",${meta},"spec":{},"metadata":{"name":"p","labels":${wide}}}`,
    `{"kind":"Deployment","metadata":{"name":"${"n".repeat(1 << 20)}"},"spec":{}}`,
    `{"kind":"HTTPRoute",${meta},"spec":{"rules":[{"backendRefs":[{"name":"${"n".repeat(1 << 20)}"}]}]}}`,
    `{"kind":"Event",${meta},"type":"Warning","reason":"${"r".repeat(1 << 20)}","note":"${"n".repeat(1 << 20)}"}`,
  ]) {
    const payload = logPayload([{ body, attributes: { "k8s.resource.name": "gizmos" } }]);
    const from = cpuMs();
    await take("default", payload);
    expect(cpuMs() - from).toBeLessThan(SLOWEST_MS);
  }
  for (const row of ["changes", "kubernetes_objects", "workloads", "platform_events"].flatMap(store.rows))
    expect(isShort(row)).toBe(true);
});
