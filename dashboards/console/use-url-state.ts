// Reads and changes what the URL says.
// In: the router. Out: the typed state, the page, and ways to change either.
// Bounds: a change of what is looked at makes a history entry; typing and fine settings replace the current one.
import { useLocation, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import { readUrlState, type UrlState } from "./url-state.ts";

/** The page: home (which shows the newest open incident), the list, one incident, or an unknown address. */
export type Page =
  | { readonly kind: "home" | "incidents" | "unknown" }
  | { readonly kind: "incident"; readonly id: string };

/** The URL as state. */
export interface UrlControl {
  readonly state: UrlState;
  readonly page: Page;
  /** Changes some of the state; undefined removes. */
  readonly set: (patch: UrlState, how?: "push" | "replace") => void;
  /** Goes to an incident, or to the list (null); leaves behind what belongs to the earlier one. */
  readonly openIncident: (id: string | null) => void;
  readonly goHome: () => void;
}

/** State of another incident must not follow: its place, its cause, its period. */
const OWN_STATE = { node: undefined, cause: undefined, from: undefined, to: undefined, blame: undefined } as const;

/** The URL of this page as state. */
export function useUrlState(): UrlControl {
  const search: Record<string, unknown> = useSearch({ strict: false });
  const state = readUrlState(search);
  const params: { incidentId?: string } = useParams({ strict: false });
  const path = useLocation({ select: (location) => location.pathname });
  const navigate = useNavigate();
  const set = useCallback(
    (patch: UrlState, how: "push" | "replace" = "push") => {
      void navigate({ to: ".", search: (was: UrlState) => ({ ...was, ...patch }), replace: how === "replace" });
    },
    [navigate],
  );
  const openIncident = useCallback(
    (id: string | null) => {
      const search = (was: UrlState): UrlState => ({ ...was, ...OWN_STATE });
      if (id === null) void navigate({ to: "/incidents", search });
      else void navigate({ to: "/incidents/$incidentId", params: { incidentId: id }, search });
    },
    [navigate],
  );
  const goHome = useCallback(() => {
    void navigate({ to: "/", search: (was: UrlState) => ({ ...was, ...OWN_STATE }) });
  }, [navigate]);
  return { state, page: pageOf(path, params.incidentId), set, openIncident, goHome };
}

function pageOf(path: string, incidentId: string | undefined): Page {
  if (incidentId !== undefined) return { kind: "incident", id: incidentId };
  if (path === "/") return { kind: "home" };
  return { kind: path === "/incidents" || path === "/incidents/" ? "incidents" : "unknown" };
}
