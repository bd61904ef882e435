// The smallest edits of routes and traffic policies that take a fault off the users.
// In: a spec as manifest.ts rebuilds it, and what to take away or to shift. Out: the edited spec, or null where there is nothing to edit.
// Bounds: pure; the given spec is left as it is; only routes to the service in question are touched.
import type { Mapping, Value } from "./manifest.ts";

/** Istio's default number of retries. */
const DEFAULT_RETRIES = 2;

function isMapping(value: Value | undefined): value is Mapping {
  return typeof value === "object" && !Array.isArray(value);
}

function mappings(value: Value | undefined): Mapping[] {
  return Array.isArray(value) ? value.filter(isMapping) : [];
}

const hostOf = (destination: Mapping): string => {
  const inner = destination["destination"];
  const host = isMapping(inner) ? inner["host"] : destination["name"];
  return typeof host === "string" ? host : "";
};

/** True when a host means the service: `catalog`, `catalog.shop`, `catalog.shop.svc.cluster.local`. */
export function isHostOf(host: string, service: string, namespace: string): boolean {
  const [name, space, ...rest] = host.split(".");
  if (name !== service) return false;
  return space === undefined || ((namespace === "" || space === namespace) && (rest.length === 0 || rest[0] === "svc"));
}

/** Edits the routes that lead to a service; null when `edit` changed none of them. */
function editRoutes(
  spec: Mapping,
  service: string,
  namespace: string,
  edit: (route: Mapping) => boolean,
): Mapping | null {
  const copy = structuredClone(spec);
  const leadsThere = (route: Mapping) =>
    [...mappings(route["route"]), ...mappings(route["backendRefs"])].some((d) =>
      isHostOf(hostOf(d), service, namespace),
    );
  const routes = [...mappings(copy["http"]), ...mappings(copy["rules"])].filter(leadsThere);
  // Every route is edited, so no short cut.
  return routes.map(edit).some(Boolean) ? copy : null;
}

/** Takes one setting (such as `fault` or `timeout`) off the routes to a service. */
export function withoutSetting(spec: Mapping, service: string, namespace: string, setting: string): Mapping | null {
  return editRoutes(spec, service, namespace, (route) => {
    const had = route[setting] !== undefined;
    delete route[setting];
    return had;
  });
}

/** Lowers the retries of the routes to a service to Istio's default. */
export function withDefaultRetries(spec: Mapping, service: string, namespace: string): Mapping | null {
  return editRoutes(spec, service, namespace, (route) => {
    const retries = route["retries"];
    if (!isMapping(retries) || typeof retries["attempts"] !== "number" || retries["attempts"] <= DEFAULT_RETRIES) {
      return false;
    }
    retries["attempts"] = DEFAULT_RETRIES;
    delete retries["backoff"];
    return true;
  });
}

function subsetOf(destination: Mapping): string {
  const inner = destination["destination"];
  const subset = isMapping(inner) ? inner["subset"] : destination["name"];
  return typeof subset === "string" ? subset : "";
}

// A subset or a backend is a version's when it bears its name: `v2`, `pricing-v2`.
const isOfVersion = (subset: string, version: string): boolean => subset === version || subset.endsWith(`-${version}`);

/** Shifts all of a version's share to the other destinations, in proportion; null when no route splits by version. */
export function withoutVersion(spec: Mapping, service: string, namespace: string, version: string): Mapping | null {
  const copy = structuredClone(spec);
  let edited = false;
  for (const route of [...mappings(copy["http"]), ...mappings(copy["rules"])]) {
    const destinations = [...mappings(route["route"]), ...mappings(route["backendRefs"])];
    const bad = destinations.filter((d) => isOfVersion(subsetOf(d), version));
    const good = destinations.filter((d) => !bad.includes(d));
    const isOurs = destinations.some((d) => {
      const name = hostOf(d).split(".")[0] ?? "";
      return name === service || name.startsWith(`${service}-`) || isHostOf(hostOf(d), service, namespace);
    });
    const weightOf = (d: Mapping) =>
      typeof d["weight"] === "number" ? d["weight"] : destinations.length === 1 ? 100 : 1;
    const freed = bad.reduce((sum, d) => sum + weightOf(d), 0);
    if (!isOurs || good.length === 0 || freed === 0) continue;
    const kept = good.reduce((sum, d) => sum + weightOf(d), 0);
    let left = kept + freed;
    for (const [index, d] of good.entries()) {
      const isLast = index === good.length - 1;
      const share = isLast ? left : Math.round((kept === 0 ? 1 / good.length : weightOf(d) / kept) * (kept + freed));
      d["weight"] = Math.min(left, share);
      left -= d["weight"];
    }
    for (const d of bad) d["weight"] = 0;
    edited = true;
  }
  return edited ? copy : null;
}

/** A rule that takes failing instances out of the load balancing for a while. */
export function withOutlierDetection(spec: Mapping): Mapping | null {
  const policy = spec["trafficPolicy"];
  const known = isMapping(policy) ? policy : {};
  if (known["outlierDetection"] !== undefined) return null;
  const outlierDetection = {
    consecutive5xxErrors: 5,
    interval: "10s",
    baseEjectionTime: "60s",
    maxEjectionPercent: 50,
  };
  return { ...spec, trafficPolicy: { ...known, outlierDetection } };
}

/** A rule that sends a request to the instance that has the fewest in flight. */
export function withLeastRequest(spec: Mapping): Mapping | null {
  const policy = spec["trafficPolicy"];
  const known = isMapping(policy) ? policy : {};
  const balancer = known["loadBalancer"];
  if (isMapping(balancer) && balancer["simple"] === "LEAST_REQUEST") return null;
  return { ...spec, trafficPolicy: { ...known, loadBalancer: { simple: "LEAST_REQUEST" } } };
}

const POOL_LIMITS = ["maxConnections", "http1MaxPendingRequests", "http2MaxRequests", "maxRetries"] as const;

/** Doubles the limits that a circuit breaker has; null when the rule states none. */
export function withDoubledPool(spec: Mapping): Mapping | null {
  const copy = structuredClone(spec);
  const policy = copy["trafficPolicy"];
  const pool = isMapping(policy) ? policy["connectionPool"] : undefined;
  if (!isMapping(pool)) return null;
  let edited = false;
  for (const part of [pool["tcp"], pool["http"]]) {
    if (!isMapping(part)) continue;
    for (const limit of POOL_LIMITS) {
      const value = part[limit];
      if (typeof value !== "number") continue;
      part[limit] = value * 2;
      edited = true;
    }
  }
  return edited ? copy : null;
}
