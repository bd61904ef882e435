// Where a request's symptom shows: services whose requests deviate, the service that the request names, places that evidence names.
// In: a request, the scene of its windows, findings of evidence. Out: symptomatic places and the indicator, or why nothing can be judged.
// Bounds: pure; Bonferroni over the services that are compared; a finding opens the question only where it says that it may.
import type { Indicator, LocalizeRequest } from "../model/localization.ts";
import { comparePoint } from "./detect.ts";
import { nodeKey } from "./history.ts";
import type { Finding } from "./localize/finding.ts";
import { reachableFrom, type Scene, type ServiceScene } from "./localize/scene.ts";
import { upperTailLog10 } from "./statistics.ts";

// One window in a hundred of quiet ones may deviate by chance, over all services that are compared.
const MAX_LOG10P = -2;
// Below these a change of traffic is what users do.
const MIN_TRAFFIC_FACTOR = 1.5;
const MIN_TRAFFIC_CALLS = 30;
// Requests come in bursts: their spread is wider than that of independent ones.
const TRAFFIC_RHO = 0.02;

/** Symptomatic places by key and the indicator that leads. */
export interface AskedSymptoms {
  readonly places: ReadonlySet<string>;
  readonly indicator: Indicator;
}

/** True when the request names a place to start from. */
export function namesPlace(request: LocalizeRequest): boolean {
  return [request.cluster, request.namespace, request.service, request.operation].some((part) => part !== null);
}

/** True when the request asks about this service. */
export function matches(service: ServiceScene, request: LocalizeRequest): boolean {
  const { entity } = service;
  return (
    (request.cluster === null || entity.cluster === request.cluster) &&
    (request.namespace === null || entity.namespace === request.namespace) &&
    (request.service === null || entity.service === request.service) &&
    (request.operation === null || service.operations.has(request.operation))
  );
}

/** The places that a request names; a service that sends no spans has the key of what is known of it. Empty where it names none. */
export function namedPlaces(scene: Scene, request: LocalizeRequest): Set<string> {
  if (!namesPlace(request)) return new Set();
  const named = [...scene.services.values()].filter((service) => matches(service, request)).map(({ key }) => key);
  if (named.length > 0 || request.service === null) return new Set(named);
  return new Set([nodeKey("service", request.cluster ?? "", request.namespace ?? "", request.service)]);
}

interface Deviation {
  readonly key: string;
  readonly indicator: Indicator;
  readonly log10P: number;
}

/** Requests per bucket against those of the baseline: a surge, or a loss. */
function compareTraffic(service: ServiceScene, buckets: { fault: number; baseline: number }): Deviation[] {
  const [now, before] = [service.fault.requests, service.baseline.requests];
  const all = now + before;
  if (all < MIN_TRAFFIC_CALLS) return [];
  const share = buckets.fault / (buckets.fault + buckets.baseline);
  const factor = now / buckets.fault / Math.max(1e-9, before / buckets.baseline);
  if (factor < MIN_TRAFFIC_FACTOR && factor > 1 / MIN_TRAFFIC_FACTOR) return [];
  const size = all / (1 + (all / (buckets.fault + buckets.baseline)) * TRAFFIC_RHO);
  const isMore = now / all > share;
  const log10P = isMore
    ? upperTailLog10((now / all) * size, size, share)
    : upperTailLog10((before / all) * size, size, 1 - share);
  return [{ key: service.key, indicator: "TRAFFIC", log10P }];
}

function compareRequests(service: ServiceScene, operation: string | null): Deviation[] {
  const { fault, baseline } = operation === null ? service : service.operations.get(operation)!;
  if (baseline.requests === 0) return [];
  const base = { calls: baseline.requests, failed: baseline.failed, hist: baseline.hist };
  const point = { calls: fault.requests, failed: fault.failed, hist: fault.hist };
  return comparePoint(point, { ...base, buckets: [], points: [base] }).map(({ indicator, log10P }) => ({
    key: service.key,
    indicator,
    log10P,
  }));
}

/** Compares each service in question with its baseline, as detection does with buckets; `buckets` = how many each window has. */
export function findSymptoms(
  scene: Scene,
  request: LocalizeRequest,
  buckets: { readonly fault: number; readonly baseline: number },
): AskedSymptoms {
  const asked = [...scene.services.values()].filter((service) => matches(service, request));
  const found = asked
    .flatMap((service) =>
      request.indicator === "TRAFFIC" ? compareTraffic(service, buckets) : compareRequests(service, request.operation),
    )
    .filter((d) => isSymptomOf(d.indicator, request.indicator))
    .filter((d) => d.log10P + Math.log10(2 * asked.length) <= MAX_LOG10P);
  const errors = found.some((d) => d.indicator === "ERRORS");
  const indicator = request.indicator ?? (errors ? ("ERRORS" as const) : ("LATENCY" as const));
  return { places: new Set(found.map((d) => d.key)), indicator };
}

// What is saturated queues first and fails then: requests show saturation by either.
const isSymptomOf = (indicator: Indicator, asked: Indicator | null) =>
  asked === null || asked === "SATURATION" || indicator === asked;

/**
 * Findings that open the question by themselves and lie where the request looks: anywhere, or below what it names. Places that are no part
 * of the scene's calls (a node, a service that only metrics tell of) are judged by the source that names them.
 */
export function openingFindings(scene: Scene, request: LocalizeRequest, findings: readonly Finding[]): Finding[] {
  const opening = findings.filter((f) => f.isSymptom === true && f.weight > 0);
  if (!namesPlace(request)) return opening;
  const reached = reachableFrom(scene, namedPlaces(scene, request));
  return opening.filter(({ place }) => {
    const node = scene.edges.get(place)?.from ?? place;
    return reached.has(node) || !scene.services.has(node);
  });
}

/** Why there is nothing to judge by requests; null when there is. */
export function whyNothing(scene: Scene, request: LocalizeRequest): string | null {
  const services = [...scene.services.values()].filter((service) => matches(service, request));
  if (services.length === 0) {
    return scene.services.size === 0
      ? "No service has traffic in the window or in its baseline."
      : "No service that the request names has traffic in the window or in its baseline; the graph lists those that have.";
  }
  if (services.every((service) => service.fault.requests === 0)) return "There is no traffic in the window.";
  if (services.every((service) => service.baseline.requests === 0)) return "There is no traffic in the baseline.";
  return null;
}
