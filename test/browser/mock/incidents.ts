// Incidents of the mock shop: one open, with a full finding; one resolved; one that could not be explained.
// In: the moment that counts as now (unix ms). Out: incidents in the shape of the GraphQL schema, newest first.
// Bounds: all times hang on `now`, so that a test sees the same ages in every run.
import { place, shopService } from "./mesh.ts";

/** Ids of the incidents, as in their links. */
export const INCIDENT_IDS = { open: "7f3c91d2a4be", resolved: "1c05be77d210", unexplained: "e9a2440b16cc" } as const;

/** The incidents as of `now`. */
export function shopIncidents(now: number, isOpen: boolean): Record<string, unknown>[] {
  const at = (secondsAgo: number): string => new Date(now - secondsAgo * 1000).toISOString();
  const pricing2 = shopService("pricing", "v2");
  const path = [shopService("gateway"), shopService("frontend"), shopService("catalog"), pricing2];
  const open = {
    id: INCIDENT_IDS.open,
    status: isOpen ? "OPEN" : "RESOLVED",
    title: "gateway latency 182 ms → 688 ms",
    startedAt: at(400),
    detectedAt: at(372),
    resolvedAt: isOpen ? null : at(10),
    symptoms: [
      {
        entity: shopService("gateway"),
        indicator: "LATENCY",
        observed: 688,
        expected: 182,
        unit: "ms",
        since: at(400),
      },
      {
        entity: shopService("pricing"),
        indicator: "ERRORS",
        observed: 0.118,
        expected: 0.001,
        unit: "ratio",
        since: at(390),
      },
    ],
    impact: [
      { entity: shopService("gateway"), affectedRatio: 0.31 },
      { entity: shopService("catalog"), affectedRatio: 0.42 },
      { entity: shopService("cart"), affectedRatio: 0.17 },
    ],
    localization: {
      id: "loc-1",
      verdict: "FOUND",
      reason: null,
      range: { from: at(460), to: at(60) },
      baseline: { from: at(1360), to: at(460) },
      onset: at(400),
      causes: [
        {
          rank: 1,
          confidence: 0.87,
          faultKind: "BAD_RELEASE",
          entity: pricing2,
          summary:
            "pricing v2 spends 385 ms of its own time in 96 % of its requests and fails 39 % of them; pricing v1, beside it, is unchanged at 17 ms.",
          evidence: [
            {
              source: "cohort-version",
              summary:
                "Requests through pricing v2 take 402 ms (median), through v1 17 ms; 1,912 and 4,461 requests compared.",
              weight: 4.6,
              traceIds: [
                "4bf92f3577b34da6a3ce929d0e0e4736",
                "9d2f17c0a6e84b02b1f4cc51d7e03a98",
                "c4a1e0f2b97d4d3fa2f6b61e7d559312",
              ],
            },
            {
              source: "exclusive-time",
              summary: "Of the 506 ms that gateway's slow requests gained, 385 ms are pricing's own time.",
              weight: 3.1,
              traceIds: ["4bf92f3577b34da6a3ce929d0e0e4736"],
            },
            {
              source: "error-origin",
              summary: "97 % of the failed traces have their first error in pricing v2 (INTERNAL).",
              weight: 2.4,
              traceIds: ["e0c1d7a59b0f4c26ab8c47a9f12b3d77"],
            },
            {
              source: "change",
              summary: "pricing v2 was rolled out 42 s before the onset.",
              weight: 1.3,
              traceIds: [],
            },
            {
              source: "saturation",
              summary: "CPU of the pricing v2 instances is at 34 %, as before.",
              weight: -0.6,
              traceIds: [],
            },
          ],
          blamePath: path,
          change: {
            id: "change-1",
            at: at(442),
            kind: "deployment",
            entity: shopService("pricing"),
            summary: "Deployment pricing-v2 rolled out (weight 0 % → 30 %)",
            before: "image: registry.shop.example/pricing:2.3.1",
            after: "image: registry.shop.example/pricing:2.4.0",
          },
          codeRegion: "RuleEngine.evaluateDiscounts",
          remedy: {
            summary: "Send pricing's traffic back to v1 until v2 is repaired.",
            patch: [
              "apiVersion: networking.istio.io/v1",
              "kind: VirtualService",
              "metadata: { name: pricing, namespace: shop }",
              "spec:",
              "  hosts: [pricing]",
              "  http:",
              "    - route:",
              "        - destination: { host: pricing, subset: v1 }",
              "          weight: 100",
            ].join("\n"),
          },
        },
        {
          rank: 2,
          confidence: 0.08,
          faultKind: "NETWORK",
          entity: place("EDGE", {
            cluster: "eu-1",
            namespace: "shop",
            service: "catalog",
            peer: shopService("pricing"),
          }),
          summary: "The way from catalog to pricing adds 9 ms that neither side accounts for.",
          evidence: [
            {
              source: "ledger-gap",
              summary: "Caller minus callee latency rose from 2 ms to 9 ms.",
              weight: 0.7,
              traceIds: [],
            },
          ],
          blamePath: [shopService("gateway"), shopService("frontend"), shopService("catalog"), shopService("pricing")],
          change: null,
          codeRegion: null,
          remedy: null,
        },
      ],
      rejected: [
        {
          entity: shopService("postgres"),
          reason:
            "Its latency is unchanged (p99 8.7 ms, before 8.9 ms), and slow requests wait for it no longer than fast ones.",
          evidence: [],
        },
        {
          entity: shopService("tax"),
          reason: "pricing v1 calls it as often as v2 and is not slow.",
          evidence: [],
        },
        {
          entity: place("NODE", { cluster: "eu-1", node: "node-3", name: "node node-3" }),
          reason: "Other instances on node-3 are healthy; the slow instances run on three nodes.",
          evidence: [],
        },
      ],
    },
  };
  const unexplained = {
    id: INCIDENT_IDS.unexplained,
    status: "RESOLVED",
    title: "notify errors 0 → 6 %",
    startedAt: at(5400),
    detectedAt: at(5370),
    resolvedAt: at(5200),
    symptoms: [
      {
        entity: shopService("notify"),
        indicator: "ERRORS",
        observed: 0.06,
        expected: 0,
        unit: "ratio",
        since: at(5400),
      },
    ],
    impact: [{ entity: shopService("notify"), affectedRatio: 0.06 }],
    localization: {
      id: "loc-2",
      verdict: "INCONCLUSIVE",
      reason: "only 14 requests failed, too few to tell the candidates apart.",
      range: { from: at(5460), to: at(5200) },
      baseline: { from: at(6360), to: at(5460) },
      onset: at(5400),
      causes: [],
      rejected: [],
    },
  };
  const inventory = shopService("inventory");
  const resolved = {
    id: INCIDENT_IDS.resolved,
    status: "RESOLVED",
    title: "checkout errors 0.1 % → 12 %",
    startedAt: at(9600),
    detectedAt: at(9581),
    resolvedAt: at(9210),
    symptoms: [
      {
        entity: shopService("checkout"),
        indicator: "ERRORS",
        observed: 0.12,
        expected: 0.001,
        unit: "ratio",
        since: at(9600),
      },
    ],
    impact: [{ entity: shopService("checkout"), affectedRatio: 0.12 }],
    localization: {
      id: "loc-3",
      verdict: "FOUND",
      reason: null,
      range: { from: at(9660), to: at(9210) },
      baseline: { from: at(10_560), to: at(9660) },
      onset: at(9600),
      causes: [
        {
          rank: 1,
          confidence: 0.94,
          faultKind: "CRASH",
          entity: inventory,
          summary: "inventory restarted five times; its callers got connection failures (UF) meanwhile.",
          evidence: [
            {
              source: "restart",
              summary: "Five restarts in six minutes, none in the hour before.",
              weight: 5.2,
              traceIds: [],
            },
            { source: "response-flag", summary: "UF on 12 % of shipping → inventory.", weight: 3.3, traceIds: [] },
          ],
          blamePath: [shopService("checkout"), shopService("shipping"), inventory],
          change: null,
          codeRegion: null,
          remedy: null,
        },
      ],
      rejected: [],
    },
  };
  return [open, unexplained, resolved];
}

/** Changes of the last minutes. */
export function shopChanges(now: number): Record<string, unknown>[] {
  return [
    {
      id: "change-1",
      at: new Date(now - 442_000).toISOString(),
      kind: "deployment",
      entity: shopService("pricing"),
      summary: "Deployment pricing-v2 rolled out (weight 0 % → 30 %)",
      before: "image: registry.shop.example/pricing:2.3.1",
      after: "image: registry.shop.example/pricing:2.4.0",
    },
  ];
}
