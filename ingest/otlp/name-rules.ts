// What a name that a block meets for the first time is written as: operations, peers and response flags.
// In: the text as it was met, how it was come by, and whose it is. Out: the name within the limits of its owner.
// Bounds: asked once a name, owner and block; what passes a limit becomes OVERFLOW_NAME and is counted (ingest/cardinality.ts).
import { type Aliases, aliasOf } from "../../model/identity.ts";
import { cleanName, flawOf, OVERFLOW_NAME } from "../../model/names.ts";
import {
  declaredRoute,
  derivedRoute,
  fitsRoute,
  nameTemplate,
  routeShape,
  stableDestination,
} from "../../model/operation-name.ts";
import type { ServiceNames, TenantNames } from "../cardinality.ts";
import { PEER_DATABASE, PEER_EXTERNAL, PEER_MESSAGING, PEER_NONE } from "./peer.ts";

/** How an operation was come by: the span's name or words of its attributes, */
export const SOURCE_NAME = 1;
/** a route that the sender declared for a call it makes, */
export const SOURCE_ROUTE = 2;
/** a route that it declared for a call it serves, */
export const SOURCE_ROUTE_OF_SERVER = 3;
/** the template of a path, */
export const SOURCE_PATH = 4;
/** or that of a path which a proxy saw on its way into the service. */
export const SOURCE_PATH_OF_SERVER = 5;

const MAX_PEER_CHARACTERS = 200;
const HOST = /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$|^\[[0-9a-f:]+\]$/;
/** What stands for a callee whose name says nothing. */
const UNKNOWN_PEER = "unknown";

/** The operation of a service. */
export function judgeOperation(met: string, source: number, names: ServiceNames): string {
  return names.judgeOnce(`${source}${met}`, () => operationOf(met, source, names));
}

function operationOf(met: string, source: number, names: ServiceNames): string {
  switch (source) {
    case SOURCE_ROUTE:
      return names.admit("operation", declaredRoute(met));
    case SOURCE_ROUTE_OF_SERVER: {
      const route = declaredRoute(met);
      const name = names.admit("operation", route);
      if (name !== OVERFLOW_NAME) names.keepRoute(routeShape(route), route);
      return name;
    }
    case SOURCE_PATH:
      return names.admit("operation", derivedRoute(met));
    case SOURCE_PATH_OF_SERVER:
      return names.admit("operation", routeOf(derivedRoute(met), names));
    default:
      return names.admit("operation", nameTemplate(met));
  }
}

/** The route that the application declared for a path, by its shape or else the one with the fewest placeholders that it fits. */
function routeOf(path: string, names: ServiceNames): string {
  const declared = names.routeOf(routeShape(path));
  if (declared !== undefined) return declared;
  let best = path;
  let fewest = Number.POSITIVE_INFINITY;
  for (const route of names.routesLike(path)) {
    const placeholders = route.split("{").length;
    if (placeholders < fewest && fitsRoute(path, route)) {
      best = route;
      fewest = placeholders;
    }
  }
  return best;
}

/** The callee that a span names; `kind` is one of peer.ts. */
export function judgePeer(met: string, kind: number, tenant: TenantNames, aliases: Aliases): string {
  if (kind === PEER_NONE) return "";
  const clean = cleanName(met, MAX_PEER_CHARACTERS);
  if (kind === PEER_MESSAGING || kind === PEER_DATABASE) return tenant.admit("peer", stableDestination(clean));
  const flaw = flawOf(clean);
  if (flaw !== null && flaw !== "an address") return UNKNOWN_PEER;
  if (kind === PEER_EXTERNAL) {
    const isCluster = clean.startsWith("PassthroughCluster") || clean.startsWith("BlackHoleCluster");
    const host = clean.toLowerCase().replace(/\.$/, "");
    // What no resolver would take is a Host header that somebody made up.
    return isCluster ? clean : HOST.test(host) ? tenant.admit("peer", host) : UNKNOWN_PEER;
  }
  return tenant.admit("peer", aliasOf(aliases, "", clean)?.service ?? clean);
}

/** Envoy's flags, as a set in text. */
export function judgeResponseFlags(met: string, tenant: TenantNames): string {
  return tenant.admit("response_flags", cleanName(met, MAX_PEER_CHARACTERS));
}
