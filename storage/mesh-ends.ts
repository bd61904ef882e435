// What one reporter of a mesh does not know of an edge, from what the others say in the same bucket.
// In: labels of increases of one bucket. Out: the same with clusters filled in, the callee's service, and whether they are of a waypoint's own hop.
// Bounds: pure; a guess is made only where all that is known agrees. One bucket at a time, so that its edges do not depend on what was read with it.
import { splitFlags } from "../model/outcome.ts";
import type { MeshLabels } from "./mesh-metrics.ts";

/** Labels that say more than the reporter did. */
export interface NamedLabels {
  readonly labels: MeshLabels;
  /** The service that is called, which may be another than the reporter's name for it. */
  readonly dst: string;
  /** True of connections to or from a waypoint: a hop of the mesh, not a call of one service by another. */
  readonly isHop: boolean;
}

// Flags of calls that ended before an instance was reached (model/response-flags.ts has their meanings).
const NEVER_ARRIVED = new Set("UH UF UO NR NC NFCF DF RL RLSE UAEX FI OM CONNECT DENY".split(" "));

/** True of calls that no instance took: their flags say so and no workload answered. */
export function isNeverArrived(row: MeshLabels): boolean {
  return row.dst_workload === "" && splitFlags(row.flags).some((flag) => NEVER_ARRIVED.has(flag));
}

/** Names callee and clusters. */
export function nameBothEnds(rows: readonly MeshLabels[]): NamedLabels[] {
  const services = servicesByHost(rows);
  const clusters = clustersByService(rows);
  const waypoints = waypointWorkloads(rows);
  const gateways = gatewayVersions(rows);
  return rows.map((said) => {
    const isToWaypoint = said.proxy === "ztunnel" && waypoints.has(`${said.dst_namespace}\0${said.dst_service}`);
    const isFromWaypoint = said.proxy === "ztunnel" && waypoints.has(`${said.src_namespace}\0${said.src_service}`);
    // Behind a waypoint is the service that was asked for.
    const dst = isToWaypoint ? waypointTarget(said, services) : destinationOf(said, services);
    const srcCluster = said.src_cluster || (clusters.get(`${said.src_namespace}\0${said.src_service}`) ?? "");
    const dstCluster = said.dst_cluster || (clusters.get(`${said.dst_namespace}\0${dst}`) ?? "");
    const isGateway = said.dst_version === "" && said.dst_workload === "" && !isNeverArrived(said);
    const dstVersion = isGateway ? (gateways.get(`${said.dst_namespace}\0${dst}`) ?? "") : said.dst_version;
    const isKnown =
      srcCluster === said.src_cluster && dstCluster === said.dst_cluster && dstVersion === said.dst_version;
    const labels = isKnown
      ? said
      : { ...said, src_cluster: srcCluster, dst_cluster: dstCluster, dst_version: dstVersion };
    return { labels, dst, isHop: isToWaypoint || isFromWaypoint };
  });
}

/** Hosts that only one service answered for, so that failures before an answer are that service's too. */
function servicesByHost(rows: readonly MeshLabels[]): Map<string, string | null> {
  const services = new Map<string, string | null>();
  for (const { dst_host: host, dst_workload: workload, dst_service: service, proxy } of rows) {
    if (host === "" || workload === "" || proxy === "ztunnel") continue;
    const known = services.get(host);
    services.set(host, known === undefined || known === service ? service : null);
  }
  return services;
}

/** Clusters of services that are in one only, for reporters that know just their own side's. */
function clustersByService(rows: readonly MeshLabels[]): Map<string, string | null> {
  const clusters = new Map<string, string | null>();
  const note = (cluster: string, namespace: string, service: string): void => {
    if (cluster === "" || service === "") return;
    const key = `${namespace}\0${service}`;
    const known = clusters.get(key);
    clusters.set(key, known === undefined || known === cluster ? cluster : null);
  };
  for (const row of rows) {
    note(row.src_cluster, row.src_namespace, row.src_service);
    note(row.dst_cluster, row.dst_namespace, row.dst_service);
  }
  return clusters;
}

/** Versions of services that call and are never said to answer, gateways that is: a call to one and its own calls are stitched by it. */
function gatewayVersions(rows: readonly MeshLabels[]): Map<string, string | null> {
  const versions = new Map<string, string | null>();
  for (const { src_namespace: namespace, src_service: service, src_version: version } of rows) {
    if (service === "") continue;
    const key = `${namespace}\0${service}`;
    const known = versions.get(key);
    versions.set(key, known === undefined || known === version ? version : null);
  }
  for (const row of rows) if (row.dst_workload !== "") versions.delete(`${row.dst_namespace}\0${row.dst_service}`);
  return versions;
}

/**
 * Workloads that ztunnel connects callers to under the name of a service which, by a waypoint's own report, other workloads answer for. Telemetry says
 * in no other way which workloads are waypoints.
 */
function waypointWorkloads(rows: readonly MeshLabels[]): Set<string> {
  const answering = new Map<string, Set<string>>();
  for (const row of rows) {
    if (row.reporter !== "waypoint" || row.dst_workload === "") continue;
    const name = serviceName(row);
    answering.set(name, (answering.get(name) ?? new Set()).add(row.dst_service));
  }
  const waypoints = new Set<string>();
  for (const row of rows) {
    if (row.proxy !== "ztunnel" || row.dst_workload === "") continue;
    const services = answering.get(serviceName(row));
    if (services !== undefined && !services.has(row.dst_service))
      waypoints.add(`${row.dst_namespace}\0${row.dst_service}`);
  }
  return waypoints;
}

function waypointTarget(row: MeshLabels, services: ReadonlyMap<string, string | null>): string {
  return services.get(row.dst_host) ?? serviceName(row).split("\0")[1] ?? row.dst_service;
}

/** Namespace and short name of the called service; hosts are written with and without domain and port. */
function serviceName(row: MeshLabels): string {
  const [name = "", namespace = row.dst_namespace] = (row.dst_host.split(":")[0] ?? "").split(".");
  return `${namespace}\0${name}`;
}

function destinationOf(row: MeshLabels, services: ReadonlyMap<string, string | null>): string {
  return row.dst_workload === "" ? (services.get(row.dst_host) ?? row.dst_service) : row.dst_service;
}
