// Changes, objects and workloads through the real ClickHouse: what a restart, another process or a replay makes of them.
// In: OTLP logs over HTTP and straight into takers. Out: what the analyzer and the API read. Bounds: one embedded server.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createObjectTaker, type TakeObjects } from "../../../ingest/changes/object-taker.ts";
import { createKafkaSink } from "../../../ingest/kafka-sink.ts";
import { DECODE_LIMITS } from "../../../ingest/otlp/limits.ts";
import { INGEST_DEFAULTS, startIngest } from "../../../ingest/role.ts";
import { createRowBlocks } from "../../../ingest/row-blocks.ts";
import { readChangePage } from "../../../storage/changes.ts";
import { readNodeZones } from "../../../storage/kubernetes-objects.ts";
import { readPlatformEvents, readRuntimes } from "../../../storage/platform-signals.ts";
import { logPayload, OBSERVED_MS, pulled, type RecordSpec, watched } from "../../fixtures/kubernetes.ts";
import { startTestStorage, type TestStorage } from "../../fixtures/storage.ts";

let server: TestStorage;
let database: TestStorage;

beforeAll(async () => {
  server = await startTestStorage({ migrate: false });
}, 60_000);
afterAll(() => server.stop());
beforeEach(async () => {
  database = await startTestStorage();
});
afterEach(() => database.stop());

const taker = (): TakeObjects => createObjectTaker(database.storage, () => OBSERVED_MS + 600_000);

const take = (takeObjects: TakeObjects, ...records: RecordSpec[]) => takeObjects("default", logPayload(records));

async function changes(tenant = "default") {
  const range = { from: "2025-12-01T00:00:00Z", to: "2026-02-01T00:00:00Z" };
  const page = await readChangePage(database.storage, { tenant, range, limit: 100, after: null });
  return page.toReversed();
}

async function select<Row>(query: string): Promise<Row[]> {
  const result = await database.storage.client.query({ query, format: "JSONEachRow" });
  return result.json<Row>();
}

function deployment(generation: number, image: string, resourceVersion = generation * 10, pod: object = {}) {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "pricing-v2",
      namespace: "shop",
      uid: "u1",
      generation,
      resourceVersion: String(resourceVersion),
      labels: { app: "pricing" },
    },
    spec: {
      template: {
        metadata: { labels: { app: "pricing", version: "v2" } },
        spec: { containers: [{ name: "app", image }], ...pod },
      },
    },
  };
}

describe("what was seen of an object", () => {
  it("is known after a restart", async () => {
    await take(taker(), watched("ADDED", deployment(4, "a:1")));
    await take(taker(), watched("MODIFIED", deployment(5, "a:2")));
    expect(await changes()).toMatchObject([{ before: "image a:1", after: "image a:2" }]);
  });

  it("is known to other processes, also to those that saw an older state", async () => {
    const [one, two] = [taker(), taker()];
    await take(one, watched("ADDED", deployment(4, "a:1")));
    await take(two, watched("MODIFIED", deployment(5, "a:2"), OBSERVED_MS + 1));
    await take(two, watched("MODIFIED", deployment(6, "a:3"), OBSERVED_MS + 2));
    await take(one, watched("MODIFIED", deployment(7, "a:4"), OBSERVED_MS + 3));
    expect((await changes()).map(({ before, after }) => [before, after])).toEqual([
      ["image a:1", "image a:2"],
      ["image a:2", "image a:3"],
      ["image a:3", "image a:4"],
    ]);
  });

  it("by two watchers at a time is one change", async () => {
    await take(taker(), watched("ADDED", deployment(4, "a:1")));
    const [one, two] = [taker(), taker()];
    await Promise.all([
      take(one, watched("MODIFIED", deployment(5, "a:2"), OBSERVED_MS + 10)),
      take(two, watched("MODIFIED", deployment(5, "a:2", 51), OBSERVED_MS + 900)),
    ]);
    const found = await changes();
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ at: "2026-01-02T03:04:05.010Z", before: "image a:1" });
  });

  it("again in a replay, whole or from the middle, is nothing new", async () => {
    const records = [
      watched("ADDED", deployment(4, "a:1")),
      watched("MODIFIED", deployment(5, "a:2")),
      watched("MODIFIED", deployment(6, "a:3")),
    ];
    await take(taker(), ...records);
    const first = await changes();
    await take(taker(), ...records);
    await take(taker(), ...records.slice(1));
    expect(first).toHaveLength(2);
    expect(await changes()).toEqual(first);
    expect(await select("SELECT count() AS n FROM changes")).toEqual([{ n: 2 }]);
  });

  it.each(["changes", "kubernetes_objects", "workloads"])(
    "is told again after %s could not be written",
    async (table) => {
      let isAway = false;
      const insertRows: typeof database.storage.insertRows = (to, rows, token) =>
        isAway && to === table
          ? Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }))
          : database.storage.insertRows(to, rows, token);
      const take2 = createObjectTaker({ query: database.storage.query, insertRows }, () => OBSERVED_MS);
      const payload = (generation: number, image: string) =>
        logPayload([
          watched(
            generation === 4 ? "ADDED" : "MODIFIED",
            deployment(generation, image, generation * 10, { runtimeClassName: image }),
          ),
        ]);
      await take2("default", payload(4, "a:1"));
      isAway = true;
      await expect(take2("default", payload(5, "a:2"))).rejects.toThrow("ECONNREFUSED");
      isAway = false;
      await take2("default", payload(5, "a:2"));
      expect(await changes()).toHaveLength(1);
      expect(await changes()).toMatchObject([{ before: "image a:1, runtimeClassName a:1" }]);
    },
  );

  it("belongs to its tenant", async () => {
    const takeObjects = taker();
    await takeObjects("one", logPayload([watched("ADDED", deployment(4, "a:1"))]));
    await takeObjects("two", logPayload([watched("MODIFIED", deployment(5, "a:2"))]));
    expect([await changes("one"), await changes("two")]).toEqual([[], []]);
  });
});

describe("the content of a Secret", () => {
  it.each(["protobuf", "json", "text"] as const)("is in no table (%s)", async (form) => {
    const secret = (version: number, value: string) => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: "db",
        namespace: "shop",
        uid: "s1",
        resourceVersion: String(version),
        annotations: {
          "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({ data: { password: value } }),
        },
      },
      data: { password: value },
    });
    const record = (type: string, object: object): RecordSpec => ({
      body: form === "text" ? JSON.stringify({ type, object }) : { type, object },
      attributes: { "k8s.resource.name": "secrets" },
    });
    const ingest = await startIngest({
      storage: database.storage,
      options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0 },
    });
    try {
      const values = ["aHVudGVyMg==", "aHVudGVyMw=="];
      for (const [index, value] of values.entries()) {
        const spec = record(index === 0 ? "ADDED" : "MODIFIED", secret(index + 1, value));
        const neighbour = { body: "a line beside it" };
        const json = {
          resourceLogs: [
            {
              scopeLogs: [
                {
                  logRecords: [spec, neighbour].map(({ body, attributes }: RecordSpec) => ({
                    observedTimeUnixNano: `${OBSERVED_MS}000000`,
                    body: jsonValue(body),
                    attributes: Object.entries(attributes ?? {}).map(([key, text]) => ({
                      key,
                      value: jsonValue(text),
                    })),
                  })),
                },
              ],
            },
          ],
        };
        const answer = await fetch(`${ingest.httpUrl}/v1/logs`, {
          method: "POST",
          headers: { "content-type": form === "json" ? "application/json" : "application/x-protobuf" },
          body: form === "json" ? JSON.stringify(json) : logPayload([spec, neighbour]),
        });
        expect(answer.status).toBe(200);
      }
    } finally {
      await ingest.stop();
    }
    expect(await changes()).toMatchObject([{ summary: "Secret db changed", before: null, after: null }]);
    const bodies = await select<{ Body: string }>("SELECT Body FROM logs ORDER BY Body");
    expect(bodies.map(({ Body }) => Body)).toEqual([
      "Secret shop/db added",
      "Secret shop/db modified",
      "a line beside it",
      "a line beside it",
    ]);
    for (const table of ["logs", "changes", "kubernetes_objects"]) {
      const rows = JSON.stringify(await select(`SELECT * FROM ${table}`));
      expect(rows).not.toContain("aHVudGVy");
      expect(rows).not.toContain("hunter");
    }
  });
});

it("a chunk of Kafka that is stored again after a crash tells its changes once, and nothing of a Secret", async () => {
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "db", namespace: "shop", uid: "s1", resourceVersion: "1" },
    data: { password: "aHVudGVyMg==" },
  };
  const records = [
    [watched("ADDED", deployment(4, "a:1")), watched("ADDED", secret)],
    [watched("MODIFIED", deployment(5, "a:2"))],
    [watched("MODIFIED", deployment(6, "a:3"))],
  ].map((specs, index) => ({ offset: BigInt(index), value: logPayload(specs) }));
  const chunk = {
    at: { topic: "otlp_logs", partition: 0 },
    topic: { signal: "logs", encoding: "otlp_proto" },
    intent: { epoch: 1, first: 0n, last: 2n, atMs: OBSERVED_MS, alone: [] },
    records,
  } as const;
  for (let crash = 0; crash < 3; crash++) {
    const sink = createKafkaSink({
      storage: database.storage,
      tenant: "default",
      makeBlock: createRowBlocks(DECODE_LIMITS),
      takeChanges: taker(),
      publish: () => Promise.resolve(),
    });
    expect(await sink.store(chunk, null)).toEqual({ kind: "stored" });
  }
  expect(new Set((await changes()).map(({ after }) => after))).toEqual(new Set(["image a:2", "image a:3"]));
  expect(await select("SELECT count() AS n FROM changes")).toEqual([{ n: 2 }]);
  const bodies = await select<{ Body: string }>("SELECT Body FROM logs");
  expect(bodies).toHaveLength(4);
  expect(JSON.stringify(bodies)).not.toContain("aHVudGVyMg==");
});

function jsonValue(value: unknown): object {
  if (typeof value === "string") return { stringValue: value };
  return {
    kvlistValue: {
      values: Object.entries(value as object).map(([key, part]) => ({ key, value: jsonValue(part) })),
    },
  };
}

describe("workloads", () => {
  async function seen(service: string, version: string, instance: string, runtime: string, isolation = "") {
    await database.storage.insertRows("entities", [
      {
        Tenant: "default",
        Cluster: "east",
        Namespace: "shop",
        Service: service,
        Version: version,
        Instance: instance,
        Node: "n1",
        Runtime: runtime,
        Isolation: isolation,
        LastSeen: Math.floor(OBSERVED_MS / 1000),
      },
    ]);
  }

  it("lie in the zones of their nodes", async () => {
    const node = (name: string, labels: Record<string, string>) =>
      pulled({ kind: "Node", metadata: { name, uid: name, labels }, spec: {} });
    await take(taker(), node("z1", { "topology.kubernetes.io/zone": "east-a" }), node("z2", {}));
    const zones = await readNodeZones(database.storage, "default", "east", ["z1", "z2", "z3"]);
    expect([...zones]).toEqual([["z1", "east-a"]]);
    expect([...(await readNodeZones(database.storage, "default", "west", ["z1"]))]).toEqual([]);
  });

  it("say how instances run of which telemetry knows only that they are pods", async () => {
    await take(
      taker(),
      watched("ADDED", deployment(4, "a:1", 40, { runtimeClassName: "kata-qemu" })),
      pulled({
        kind: "Pod",
        metadata: { name: "cart-x", namespace: "shop", uid: "p1", labels: { app: "cart" } },
        spec: { runtimeClassName: "gvisor", nodeName: "n1", containers: [{ name: "app", image: "c:1" }] },
      }),
      pulled({
        apiVersion: "serving.knative.dev/v1",
        kind: "Revision",
        metadata: {
          name: "recommend-1",
          namespace: "shop",
          uid: "r1",
          labels: { "serving.knative.dev/service": "recommend" },
        },
        spec: { runtimeClassName: "kata", containers: [{ image: "r:1" }] },
      }),
      pulled({
        apiVersion: "kubevirt.io/v1",
        kind: "VirtualMachineInstance",
        metadata: { name: "tax-vm", namespace: "shop", uid: "v1", labels: { app: "tax" } },
        spec: {},
      }),
    );
    await seen("pricing", "v2", "pricing-v2-abc", "RUNC");
    await seen("pricing", "v1", "pricing-v1-abc", "RUNC");
    await seen("cart", "", "cart-x", "UNKNOWN");
    await seen("recommend", "", "recommend-1-deployment-x", "RUNC");
    await seen("tax", "", "virt-launcher-tax-vm-x", "KUBEVIRT", "KUBEVIRT");
    await seen("notify", "", "notify-x", "GVISOR", "GVISOR");
    const rows = await readRuntimes(database.storage, "default", ["pricing", "cart", "recommend", "tax", "notify"]);
    const found = Object.fromEntries(rows.map((row) => [row.instance, `${row.runtime}/${row.isolation}`]));
    expect(found).toEqual({
      "pricing-v2-abc": "KATA/KATA",
      // The template that is known is another version's.
      "pricing-v1-abc": "RUNC/",
      "cart-x": "GVISOR/GVISOR",
      "recommend-1-deployment-x": "FAAS/KATA",
      "virt-launcher-tax-vm-x": "KUBEVIRT/KUBEVIRT",
      "notify-x": "GVISOR/GVISOR",
    });
    const kept = await select("SELECT Service, Kind, Confidence, Rule, Gone FROM workloads FINAL ORDER BY Service");
    expect(kept).toMatchObject([
      { Service: "cart", Kind: "Pod", Rule: "rtc.gvisor" },
      { Service: "pricing", Kind: "Deployment", Rule: "rtc.kata", Gone: 0 },
      { Service: "recommend", Kind: "Revision", Rule: "faas.knative" },
      { Service: "tax", Kind: "VirtualMachineInstance", Rule: "kubevirt.name" },
    ]);
  });

  it("a template without a runtime class makes runc likely; what is deleted is gone", async () => {
    const takeObjects = taker();
    await take(takeObjects, watched("ADDED", deployment(4, "a:1")));
    await take(takeObjects, watched("DELETED", deployment(4, "a:1", 50), OBSERVED_MS + 1_000));
    const rows = await select(
      "SELECT Runtime, Isolation, round(Confidence, 2) AS Confidence, Gone FROM workloads FINAL",
    );
    expect(rows).toEqual([{ Runtime: "RUNC", Isolation: "", Confidence: 0.95, Gone: 1 }]);
  });
});

describe("platform events", () => {
  const event = (reason: string, severityText: string, uid: string, message = "it happened"): RecordSpec => ({
    body: message,
    severityText,
    timeMs: OBSERVED_MS,
    resource: { "k8s.object.kind": "Pod", "k8s.object.name": "cart-x", "k8s.node.name": "n1" },
    attributes: {
      "k8s.event.reason": reason,
      "k8s.event.uid": uid,
      "k8s.event.count": 1,
      "k8s.namespace.name": "shop",
    },
  });

  it("are what may explain a fault, once each; none is a change", async () => {
    const records = [
      event("Scheduled", "Normal", "e1"),
      event("Pulled", "Normal", "e2"),
      event("BackOff", "Warning", "e3", "Back-off restarting failed container"),
      event("FailedScheduling", "Warning", "e4"),
      event("ScalingReplicaSet", "Normal", "e5"),
      event("Pulled", "Warning", "e6"),
    ];
    await take(taker(), ...records);
    await take(taker(), ...records, event("BackOff", "Warning", "e7", "Back-off restarting failed container"));
    const second = OBSERVED_MS / 1000;
    const rows = await readPlatformEvents(database.storage, "default", second - 1, second + 1);
    expect(rows.map(({ reason, events }) => `${reason} ${events}`).sort()).toEqual([
      "BackOff 2",
      "FailedScheduling 1",
      "Pulled 1",
      "ScalingReplicaSet 1",
    ]);
    expect(await changes()).toEqual([]);
  });

  it("include Event objects of both API groups, and containers that were killed", async () => {
    const times = { creationTimestamp: new Date(OBSERVED_MS).toISOString() };
    await take(
      taker(),
      watched("ADDED", {
        kind: "Event",
        metadata: { name: "a", namespace: "shop", uid: "x1", ...times },
        regarding: { kind: "Node", name: "n1" },
        type: "Warning",
        reason: "NodeNotReady",
        note: "Node n1 status is now: NodeNotReady",
      }),
      watched("MODIFIED", {
        kind: "Event",
        metadata: { name: "b", namespace: "shop", uid: "x2", ...times },
        involvedObject: { kind: "Pod", name: "cart-x", namespace: "shop" },
        type: "Warning",
        reason: "Evicted",
        message: "The node was low on resource: memory",
      }),
      watched("MODIFIED", {
        kind: "Pod",
        metadata: { name: "cart-x", namespace: "shop", uid: "p1" },
        spec: { nodeName: "n1" },
        status: {
          containerStatuses: [
            {
              name: "app",
              restartCount: 3,
              lastState: {
                terminated: { reason: "OOMKilled", exitCode: 137, finishedAt: new Date(OBSERVED_MS).toISOString() },
              },
            },
          ],
        },
      }),
    );
    const second = OBSERVED_MS / 1000;
    const rows = await readPlatformEvents(database.storage, "default", second - 1, second + 1);
    expect(rows.map(({ kind, name, reason }) => `${kind} ${name} ${reason}`).sort()).toEqual([
      "Node n1 NodeNotReady",
      "Pod cart-x Evicted",
      "Pod cart-x OOMKilled",
    ]);
  });
});
