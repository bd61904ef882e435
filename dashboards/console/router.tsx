// The addresses of the console.
// In: the root component. Out: a router with typed search parameters.
// Bounds: every address shares one component, so that the map stays while the panel beside it changes.
import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { parseQuery, readUrlState, type UrlState, writeUrlState } from "./url-state.ts";
import { Root } from "./root.tsx";

const root = createRootRoute({
  component: Root,
  validateSearch: (search: Record<string, unknown>): UrlState => readUrlState(search),
});
const home = createRoute({ getParentRoute: () => root, path: "/" });
const incidents = createRoute({ getParentRoute: () => root, path: "/incidents" });
const incident = createRoute({ getParentRoute: () => root, path: "/incidents/$incidentId" });
const unknown = createRoute({ getParentRoute: () => root, path: "$" });

/** The router of the console. */
export const ROUTER = createRouter({
  routeTree: root.addChildren([home, incidents, incident, unknown]),
  parseSearch: parseQuery,
  // The router also writes what it has just parsed, before validation.
  stringifySearch: (search) => writeUrlState(readUrlState(search)),
  defaultPreload: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof ROUTER;
  }
}
