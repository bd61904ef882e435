// The changes, events and workloads in the recordings of a real mesh.
// In: ../shared/data/mesh-lab or FAULTLINE_DATA_DIR/mesh-lab. Out: what the recordings' README says is in them.
// Bounds: skipped by name where the recordings are absent; storage lives in this process; each recording is read twice, as a replay is.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createObjectTaker } from "../../../ingest/changes/object-taker.ts";
import { readRecording } from "../../../service/recording.ts";
import { createObjectStore } from "../../fixtures/kubernetes.ts";

const ROOT = resolve(fileURLToPath(new URL("../../..", import.meta.url)));
const RECORDINGS = join(process.env["FAULTLINE_DATA_DIR"] ?? join(ROOT, "../shared/data"), "mesh-lab");

const CHANGES: Readonly<Record<string, readonly string[]>> = {
  "open-a": [
    "2026-11-22T22:41:08 version:cluster-east/shop/pricing/v2 Deployment pricing-v2 changed: image updated to registry.example/shop/pricing:2.3.1",
    "2026-11-22T22:42:29 service:cluster-east/shop/notify ConfigMap notify-config changed",
    "2026-11-22T22:48:49 service:cluster-east/shop/catalog VirtualService catalog changed",
    "2026-11-22T22:50:21 service:cluster-west/shop/payment ConfigMap payment-config changed",
    "2026-11-22T22:50:21 version:cluster-east/shop/catalog/v1 Deployment catalog changed: image updated to registry.example/shop/catalog:1.9.0",
  ],
  "open-b": ["2026-11-22T23:10:18 service:cluster-east/shop/inventory VirtualService inventory changed"],
};

describe.skipIf(!existsSync(RECORDINGS))("mesh-lab", () => {
  it.each(Object.keys(CHANGES))("%s", { timeout: 120_000 }, async (name) => {
    const store = createObjectStore();
    const found: (readonly string[])[] = [];
    for (let time = 0; time < 2; time++) {
      const take = createObjectTaker(store.storage, () => Date.UTC(2026, 10, 24));
      for await (const frame of readRecording(join(RECORDINGS, `${name}.otlp.zst`))) {
        if (frame.signal === "L") await take("default", frame.body);
      }
      const changes = store.rows("changes");
      found.push(
        changes
          .map((row) => `${String(row["At"]).slice(0, 19)} ${String(row["EntityId"])} ${String(row["Summary"])}`)
          .sort(),
      );
    }
    expect(found).toEqual([CHANGES[name], CHANGES[name]]);
    const events = store.rows("platform_events").map((row) => String(row["Reason"]));
    expect([...new Set(events)].sort()).toEqual(
      name === "open-a" ? ["BackOff", "ScalingReplicaSet"] : ["Migrated", "PreparingTarget", "ScalingReplicaSet"],
    );
    const services = new Set(store.rows("workloads").map((row) => row["Service"]));
    expect([...services]).toEqual(
      expect.arrayContaining(["gateway", "frontend", "catalog", "payment", "tax", "notify"]),
    );
  });
});
