// Gives the causes of an answer what a person may do about them.
// In: causes. Out: the same with remedies.
// Bounds: one bounded read for all of them; where it fails the causes stand without a manifest, for the answer matters more.
import { reasonOf } from "../../model/errors.ts";
import { emitEvent } from "../../model/events.ts";
import type { Cause } from "../../model/localization.ts";
import type { Storage } from "../../storage/client.ts";
import { readRouteObjects, type RouteObject } from "../../storage/route-objects.ts";
import { suggestRemedy } from "./remedy.ts";

// Where Istio looks for routes that are valid for the whole mesh.
const ROOT_NAMESPACE = "istio-system";

/** The causes with their remedies. */
export async function attachRemedies(storage: Storage, tenant: string, causes: readonly Cause[]): Promise<Cause[]> {
  if (causes.length === 0) return [];
  const namespaces = causes.flatMap(({ entity }) => [entity.namespace, entity.peer?.namespace ?? entity.namespace]);
  const known = await readRouteObjects(storage, tenant, "", [...namespaces, ROOT_NAMESPACE]).catch(
    (error: unknown): RouteObject[] => {
      emitEvent("localize.source_failed", { source: "remedy" }, reasonOf(error));
      return [];
    },
  );
  return causes.map((cause) => ({ ...cause, remedy: suggestRemedy(cause, known) }));
}
