// What an upstream cluster's name says: which way the request went, and to whom.
// In: `outbound|PORT|SUBSET|HOST`, `inbound|PORT||`, `inbound-vip|PORT|PROTOCOL/SUBSET|HOST` (waypoints), the SNI form
// `outbound_.PORT_.SUBSET_.HOST`, `PassthroughCluster`, `BlackHoleCluster`, any other name. Out: direction, host parts, kind.
// Bounds: pure, called once a distinct name and block; a host that is an address names nobody.

import { cleanName, isAddress, withoutPort } from "../../model/names.ts";

/** Which way the reporting proxy passed the request; '' when it does not say. */
export type Direction = "" | "inbound" | "outbound";
/** What a callee is; the words of edge_buckets.DstKind. */
export type CalleeKind = "service" | "external";

/** What a cluster name says; unknown parts are ''. */
export interface Upstream {
  readonly direction: Direction;
  readonly isWaypoint: boolean;
  readonly kind: CalleeKind;
  /** Service name of a mesh host, the whole host of an external one, the name of a virtual cluster. */
  readonly service: string;
  /** '' when the host does not name it: it is the caller's then, or there is none. */
  readonly namespace: string;
  readonly subset: string;
}

const NOBODY: Upstream = {
  direction: "",
  isWaypoint: false,
  kind: "service",
  service: "",
  namespace: "",
  subset: "",
};
const MAX_NAME = 200;

/** Reads an upstream cluster. */
export function readUpstream(cluster: string): Upstream {
  const name = cluster.endsWith(";") ? cluster.slice(0, -1) : cluster;
  if (name === "" || name === "-") return NOBODY;
  const [way = "", , subset = "", ...hosts] = name.split("|");
  const host = hosts.join("|");
  if (hosts.length > 0 || way === "inbound" || way === "outbound") {
    const isWaypoint = way.startsWith("inbound-");
    // A waypoint writes `http` or `http/SUBSET` where a sidecar writes the subset.
    const said = isWaypoint ? subset.split("/").slice(1).join("/") : subset;
    const direction = way.startsWith("inbound") ? "inbound" : way.startsWith("outbound") ? "outbound" : "";
    return { ...readHost(host), direction, isWaypoint, subset: said };
  }
  if (name.startsWith("outbound_.")) return { ...readServerName(name), direction: "outbound" };
  if (name.startsWith("InboundPassthrough")) return { ...NOBODY, direction: "inbound" };
  if (/^(PassthroughCluster|BlackHoleCluster)/.test(name)) {
    return { ...NOBODY, direction: "outbound", kind: "external", service: name };
  }
  return { ...NOBODY, service: name.slice(0, MAX_NAME) };
}

/** Reads a server name of Istio's mutual TLS, `outbound_.9080_.v1_.reviews.shop.svc.cluster.local`; nobody when it is another. */
export function readServerName(name: string): Upstream {
  const match = /^outbound_\.\d*_\.([^_]*)_\.(.+)$/.exec(name);
  return match === null ? NOBODY : { ...readHost(match[2] ?? ""), subset: match[1] ?? "" };
}

/** Reads a host with or without a port: `reviews.shop.svc.cluster.local`, `reviews`, `api.example.com:443`. */
export function readHost(hostAndPort: string): Upstream {
  const host = withoutPort(cleanName(hostAndPort, MAX_NAME)).toLowerCase();
  if (host === "" || host === "-" || host === "localhost" || host === "*" || isAddress(host)) return NOBODY;
  const [service = "", namespace = "", third] = host.split(".");
  if (namespace === "") return { ...NOBODY, service: host };
  if (third === "svc") return { ...NOBODY, service, namespace };
  return { ...NOBODY, kind: "external", service: host };
}

/** `reviews.shop` is short for a service when `shop` is the namespace of whoever says it. */
export function withinNamespace(upstream: Upstream, namespace: string): Upstream {
  const end = `.${namespace}`;
  if (upstream.kind !== "external" || namespace === "" || !upstream.service.endsWith(end)) return upstream;
  const service = upstream.service.slice(0, -end.length);
  return service === "" || service.includes(".") ? upstream : { ...upstream, kind: "service", service, namespace };
}
