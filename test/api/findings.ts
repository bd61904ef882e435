// Findings as the analyzer stores them, for the tests of the API and the alerts.
import { makeEntity } from "../../model/entity.ts";
import type { Localization } from "../../model/localization.ts";
import type { StoredIncident } from "../../storage/incidents.ts";

const checkout = makeEntity("SERVICE", { cluster: "east", namespace: "shop", service: "checkout" });
const pricing = makeEntity("VERSION", {
  cluster: "east",
  namespace: "shop",
  service: "pricing",
  version: "v2",
  runtime: "RUNC",
});

/** An open incident of `checkout`. */
export function makeIncident(more: Partial<StoredIncident> = {}): StoredIncident {
  return {
    id: "0123456789abcdef",
    status: "OPEN",
    title: "checkout is slow",
    startedAt: "2026-01-31T14:03:00.000Z",
    detectedAt: "2026-01-31T14:03:40.000Z",
    resolvedAt: null,
    symptoms: [
      {
        entity: checkout,
        indicator: "LATENCY",
        observed: 4100,
        expected: 200,
        unit: "ms",
        since: "2026-01-31T14:03:00.000Z",
      },
    ],
    impact: [
      { entity: checkout, affectedRatio: 0.31 },
      { entity: makeEntity("SERVICE", { cluster: "east", namespace: "shop", service: "web" }), affectedRatio: null },
    ],
    localizationId: "loc-1",
    revision: "1769868220000000000",
    ...more,
  };
}

/** A localization that blames `pricing v2`. */
export function makeLocalization(more: Partial<Localization> = {}): Localization {
  return {
    id: "loc-1",
    verdict: "FOUND",
    reason: null,
    range: { from: "2026-01-31T14:03:00.000Z", to: "2026-01-31T14:04:00.000Z" },
    baseline: { from: "2026-01-31T13:50:00.000Z", to: "2026-01-31T14:00:00.000Z" },
    onset: "2026-01-31T14:03:00.000Z",
    causes: [
      {
        rank: 1,
        confidence: 0.82,
        faultKind: "BAD_RELEASE",
        entity: pricing,
        summary: "pricing v2 (rollout)",
        evidence: [
          { source: "change", summary: "v2 began 40 s before", weight: 0.9, traceIds: [] },
          { source: "exclusive-time", summary: "p99 4.1 s on v2, 0.2 s on v1", weight: 3.2, traceIds: ["t1", "t2"] },
          { source: "log", summary: "no new log lines", weight: -0.4, traceIds: [] },
        ],
        blamePath: [checkout, makeEntity("EDGE", { ...checkout, peer: pricing }), pricing],
        change: {
          id: "change-1",
          at: "2026-01-31T14:02:20.000Z",
          kind: "rollout",
          entity: pricing,
          summary: "pricing v1 → v2",
          before: "v1",
          after: "v2",
        },
        codeRegion: null,
        remedy: { summary: "Send traffic back to v1.", patch: null },
      },
    ],
    rejected: [{ entity: checkout, reason: "waits for pricing", evidence: [] }],
    ...more,
  };
}
