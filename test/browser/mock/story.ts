// The story around the mock shop's incidents: a timeline, what callers met, earlier ones, a trace, a check.
// In: the moment that counts as now (unix ms), an incident, an id. Out: parts in the shape of the GraphQL schema.
// Bounds: one story for all; times hang on the incident's own.
import { place, shopService } from "./mesh.ts";

/** Timeline, entry impact and similar incidents of an incident. */
export function shopStory(now: number, incident: Record<string, unknown>): Record<string, unknown> {
  const start = Date.parse(String(incident["startedAt"]));
  const at = (seconds: number): string => new Date(start + seconds * 1000).toISOString();
  const operation = (service: string, name: string): unknown =>
    place("OPERATION", { cluster: "east", namespace: "shop", service, operation: name, name: `${service} ${name}` });
  return {
    timeline: [
      {
        at: at(-42),
        kind: "CHANGE",
        entity: shopService("pricing", "v2"),
        summary: "Deployment pricing-v2 rolled out",
      },
      { at: at(0), kind: "ONSET", entity: shopService("pricing", "v2"), summary: "pricing v2 spends its own time" },
      { at: at(5), kind: "SPREAD", entity: shopService("catalog"), summary: "catalog: latency rises" },
      { at: at(5), kind: "SPREAD", entity: shopService("gateway"), summary: "gateway: latency rises" },
      { at: at(28), kind: "DETECTION", entity: null, summary: "gateway latency 182 ms → 688 ms" },
    ],
    entryImpact: [
      { entity: operation("gateway", "GET /product/{id}"), requests: 373, affectedRequests: 63, affectedRatio: 0.17 },
      { entity: operation("gateway", "GET /health"), requests: 90, affectedRequests: 0, affectedRatio: 0 },
      { entity: operation("cart", "POST /cart/{id}"), requests: 70, affectedRequests: 9, affectedRatio: 0.13 },
    ],
    similar: [
      {
        similarity: 0.72,
        reason: "the same place and kind of fault",
        incident: {
          id: "1c05be77d210",
          title: "checkout: errors",
          startedAt: new Date(now - 86_400_000).toISOString(),
        },
      },
    ],
  };
}

/** A trace of three calls whose last one failed; null for an id that ends in 0. */
export function shopTrace(id: string): Record<string, unknown> | null {
  if (id.endsWith("0")) return null;
  const row = (index: number, service: string, startMs: number, durationMs: number, isOrigin: boolean): unknown => ({
    index,
    depth: index,
    entity: shopService(service),
    operation: `GET /${service}`,
    outcome: index === 0 ? "OK" : "FAILED",
    isFailureOrigin: isOrigin,
    message: isOrigin ? "no stock" : null,
    startMs,
    durationMs,
    exclusiveMs: durationMs / 2,
  });
  return {
    durationMs: 688,
    hopCount: 3,
    rows: [row(0, "gateway", 0, 688, false), row(1, "catalog", 20, 600, false), row(2, "pricing", 30, 560, true)],
  };
}

/** The answer of "Why (not) an incident?" for a service. */
export function shopCheck(service: string, at: string): Record<string, unknown> {
  return {
    range: { from: at, to: at },
    incidentId: null,
    sentence: `No incident: no indicator of ${service} deviates enough.`,
    checks: [
      {
        entity: shopService(service),
        indicator: "ERRORS",
        verdict: "NORMAL",
        sentence: "failures 0 %, before 0 %: the effect is too small.",
      },
    ],
  };
}
