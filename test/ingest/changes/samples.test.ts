// The Collector's own golden files and Kiali's objects, as they are sent.
// In: ../shared/data/mesh-samples or FAULTLINE_DATA_DIR/mesh-samples. Out: changes, events, none of them for snapshots.
// Bounds: skipped by name where the samples are absent; storage lives in this process.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createObjectTaker } from "../../../ingest/changes/object-taker.ts";
import { createObjectStore, logPayload, OBSERVED_MS, watched } from "../../fixtures/kubernetes.ts";
import { encodeOtlp, type Message } from "../../fixtures/otlp-oracle.ts";

const ROOT = resolve(fileURLToPath(new URL("../../..", import.meta.url)));
const SAMPLES = join(process.env["FAULTLINE_DATA_DIR"] ?? join(ROOT, "../shared/data"), "mesh-samples");
const read = (file: string): string => readFileSync(join(SAMPLES, file), "utf8");

async function taken(...payloads: readonly Uint8Array[]) {
  const store = createObjectStore();
  const take = createObjectTaker(store.storage, () => OBSERVED_MS);
  for (const payload of payloads) await take("default", payload);
  return store;
}

describe.skipIf(!existsSync(SAMPLES))("mesh-samples", () => {
  it.each([
    ["pull_namespaces", 5, 0],
    ["watch_namespaces", 1, 0],
    ["watch_events", 0, 1],
    // An event that expires is no event.
    ["watch_events_core", 0, 0],
  ])("otelcol/%s: %i objects, %i events, no change", async (name, objects, events) => {
    const payload = encodeOtlp("logs", parse(read(`otelcol/${name}.yaml`)) as Message);
    const store = await taken(payload, payload);
    expect(store.rows("changes")).toEqual([]);
    expect(new Set(store.rows("kubernetes_objects").map((row) => row["Id"])).size).toBe(objects);
    const told = store.rows("platform_events");
    expect(told).toHaveLength(events);
    for (const event of told) expect(event).toMatchObject({ Reason: "TestEvent", Severity: "Warning" });
  });

  it("otelcol/k8sevents_watch_events: an event with its object", async () => {
    const sample = parse(read("otelcol/k8sevents_watch_events.yaml")) as Message;
    const store = await taken(encodeOtlp("logs", sample));
    expect(store.rows("platform_events")).toMatchObject([
      { Kind: "Pod", Name: "test-pod", Node: "test-node", Namespace: "test-k8sevents-e2e", Reason: "TestEvent" },
    ]);
  });

  it("otlp/events.json: an event of another kind is left alone", async () => {
    const store = await taken(
      encodeOtlp("logs", JSON.parse(read("otlp/events.json").replaceAll(/"(\d+)"/g, '"$1"')) as Message),
    );
    expect(["changes", "platform_events", "kubernetes_objects"].flatMap(store.rows)).toEqual([]);
  });

  it("kiali: weights of the reviews route, labels of its subsets", async () => {
    const route = JSON.parse(read("kiali/reviews-virtualservice.json")) as Record<string, never>;
    const rule = JSON.parse(read("kiali/reviews-destinationrule.json")) as Record<string, never>;
    const at = (object: object, generation: number, change: (text: string) => string) => {
      const copy = JSON.parse(change(JSON.stringify(object))) as { metadata: object };
      return { ...copy, metadata: { ...copy.metadata, uid: "u", generation, resourceVersion: String(generation) } };
    };
    const store = await taken(
      logPayload([
        watched(
          "ADDED",
          at(route, 1, (text) => text),
        ),
        watched(
          "ADDED",
          at(rule, 1, (text) => text),
        ),
      ]),
      logPayload([
        watched(
          "MODIFIED",
          at(route, 2, (text) => text.replaceAll('"weight":33', '"weight":1').replace("34", "98")),
        ),
        watched(
          "MODIFIED",
          at(rule, 2, (text) => text.replace('"version":"v3"', '"version":"v2"')),
        ),
      ]),
    );
    expect(store.rows("changes").map((row) => [row["EntityId"], row["Before"], row["After"]])).toEqual([
      [
        "service:east/bookinfo/reviews",
        "http[0].weights reviews v1 33, reviews v2 33, reviews v3 34",
        "http[0].weights reviews v1 1, reviews v2 1, reviews v3 98",
      ],
      ["service:east/bookinfo/reviews", "subsets[v3].labels.version v3", "subsets[v3].labels.version v2"],
    ]);
  });

  it("argo-rollouts and flagger: their objects are read", async () => {
    const documents = [
      ...read("argo-rollouts/istio-subset-split.yaml").split("\n---\n"),
      read("flagger/istio-canary.yaml"),
    ];
    const objects = documents.map((text) => parse(text) as Message);
    const store = await taken(logPayload(objects.map((object) => watched("ADDED", object))));
    expect(store.rows("kubernetes_objects")).toHaveLength(5);
    expect(store.rows("workloads")).toMatchObject([
      { Service: "istio-subset-split", Kind: "Rollout", Runtime: "RUNC" },
    ]);
  });
});
