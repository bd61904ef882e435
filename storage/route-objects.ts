// The route objects of the mesh as last seen: what a remedy starts from.
// In: a cluster and namespaces. Out: VirtualServices, DestinationRules and HTTPRoutes with their desired state by path.
// Bounds: at most 500 objects a read; an id that cannot be read is left out.
import type { Storage } from "./client.ts";

/** The kinds that are read, with the API version under which a remedy writes them. */
export const ROUTE_KINDS = {
  VirtualService: { group: "networking.istio.io", apiVersion: "networking.istio.io/v1" },
  DestinationRule: { group: "networking.istio.io", apiVersion: "networking.istio.io/v1" },
  HTTPRoute: { group: "gateway.networking.k8s.io", apiVersion: "gateway.networking.k8s.io/v1" },
} as const;
export type RouteKind = keyof typeof ROUTE_KINDS;

/** One route object; `fields` as ingest/changes/desired-state.ts makes them. */
export interface RouteObject {
  readonly kind: RouteKind;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly fields: ReadonlyMap<string, string>;
}

const KINDS = Object.entries(ROUTE_KINDS).map(([kind, { group }]) => `${kind}.${group}`);

function fromRow({ id, fields }: { id: string; fields: Record<string, string> }): RouteObject[] {
  const [cluster = "", type = "", namespace = "", name = ""] = id.split("/");
  const kind = (Object.keys(ROUTE_KINDS) as RouteKind[]).find(
    (known) => type === `${known}.${ROUTE_KINDS[known].group}`,
  );
  return kind === undefined || name === ""
    ? []
    : [{ kind, cluster, namespace, name, fields: new Map(Object.entries(fields)) }];
}

/** The route objects of some namespaces; `cluster` '' reads those of every cluster. */
export async function readRouteObjects(
  storage: Pick<Storage, "query">,
  tenant: string,
  cluster: string,
  namespaces: readonly string[],
): Promise<RouteObject[]> {
  const rows = await storage.query<{ id: string; fields: Record<string, string> }>(
    "read_route_objects",
    { tenant, cluster, namespaces: [...new Set(namespaces)], kinds: KINDS },
    { max_execution_time: 5 },
  );
  return rows.flatMap(fromRow);
}
