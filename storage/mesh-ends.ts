// What one reporter of a mesh does not know of an edge, from what the others in the window say.
// In: increases of one window. Out: the same rows with clusters filled in, and the callee's service.
// Bounds: pure; a guess is made only where all that is known agrees.
import type { MeshIncrease } from "./mesh-metrics.ts";

/** A row and the service it calls, which may be another than its own name for it. */
export interface NamedIncrease {
  readonly row: MeshIncrease;
  readonly dst: string;
}

/** Names callee and clusters of each row. */
export function nameBothEnds(rows: readonly MeshIncrease[]): NamedIncrease[] {
  const services = servicesByHost(rows);
  const clusters = clustersByService(rows);
  return rows.map((said) => {
    const dst = destinationOf(said, services);
    const row = {
      ...said,
      src_cluster: said.src_cluster || (clusters.get(`${said.src_namespace}\0${said.src_service}`) ?? ""),
      dst_cluster: said.dst_cluster || (clusters.get(`${said.dst_namespace}\0${dst}`) ?? ""),
    };
    return { row, dst };
  });
}

/** Hosts that only one service answered for, so that failures before an answer are that service's too. */
function servicesByHost(rows: readonly MeshIncrease[]): Map<string, string | null> {
  const services = new Map<string, string | null>();
  for (const { dst_host: host, dst_workload: workload, dst_service: service } of rows) {
    if (host === "" || workload === "") continue;
    const known = services.get(host);
    services.set(host, known === undefined || known === service ? service : null);
  }
  return services;
}

/** Clusters of services that are in one only, for reporters that know just their own side's. */
function clustersByService(rows: readonly MeshIncrease[]): Map<string, string | null> {
  const clusters = new Map<string, string | null>();
  const note = (cluster: string, service: string): void => {
    const known = clusters.get(service);
    if (cluster !== "") clusters.set(service, known === undefined || known === cluster ? cluster : null);
  };
  for (const row of rows) {
    note(row.src_cluster, `${row.src_namespace}\0${row.src_service}`);
    note(row.dst_cluster, `${row.dst_namespace}\0${row.dst_service}`);
  }
  return clusters;
}

function destinationOf(row: MeshIncrease, services: ReadonlyMap<string, string | null>): string {
  return row.dst_workload === "" ? (services.get(row.dst_host) ?? row.dst_service) : row.dst_service;
}
