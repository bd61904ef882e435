// A pod for traffic that is written by hand, call by call, instead of drawn from a world.
// In: a name, and whether a proxy stands beside it. Out: a pod of a service that nothing else is known of.
// Bounds: pure.
import type { WorldPlace, WorldPod, WorldService } from "./world.ts";

/** The only pod of a service of this name. */
export function lonePod(name: string, told: Pick<WorldService, "hasSidecar" | "hasLogs">): WorldPod {
  const service: WorldService = {
    name,
    namespace: "shop",
    layer: 1,
    isTraced: true,
    isGateway: false,
    passesHeaders: true,
    nestsServers: false,
    isGrpc: false,
    versions: ["v1"],
    clusters: ["east"],
    ...told,
  };
  const place: WorldPlace = { service, cluster: "east", clockAheadUs: 0, pods: [], routes: [] };
  return { place, name: `${name}-0`, version: "v1", node: "worker-0", address: "10.0.0.1" };
}
