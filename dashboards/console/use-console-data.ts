// What the page knows of the mesh: incidents, the incident that is looked at, the graph, recent changes.
// In: the URL. Out: the newest answers, the period in force, and how the connection is.
// Bounds: four operations, each every few seconds and only while somebody looks; a pushed incident asks at once.
import { useEffect, useState } from "react";
import type { RequestFailure } from "./api/client.ts";
import { CHANGES, INCIDENT, INCIDENTS, SERVICE_GRAPH } from "./api/documents.ts";
import type { Change, Incident, ListedIncident, ServiceGraph, ServiceStatus } from "./api/types.ts";
import { useIncidentFeed } from "./api/use-incident-feed.ts";
import { useLiveQuery } from "./api/use-live-query.ts";
import { isWorthTelling } from "./freshness.ts";
import { choosePeriod, type Period, periodName, rangeOf } from "./period.ts";
import type { UrlControl } from "./use-url-state.ts";

const GRAPH_MS = 5000;
const INCIDENTS_MS = 5000;
/** With push the list is still asked for: the status line and the lasting times need it. */
const INCIDENTS_PUSHED_MS = 10_000;
const CHANGES_MS = 15_000;
const LIST_FIRST = 50;
const CHANGES_FIRST = 20;

/** Everything that the page shows. `incident` is undefined while it is read, null when there is none of its id. */
export interface ConsoleData {
  readonly incidents: readonly ListedIncident[] | null;
  readonly hasMoreIncidents: boolean;
  readonly open: readonly ListedIncident[];
  readonly focusId: string | null;
  readonly incident: Incident | null | undefined;
  readonly period: Period;
  readonly graph: ServiceGraph | null;
  readonly graphFailure: RequestFailure | null;
  readonly graphSubject: string;
  /** Whether the graph lacks more than the newest seconds. */
  readonly isPartial: boolean;
  readonly changes: readonly Change[];
  readonly status: ServiceStatus | null;
  readonly answeredAt: number | null;
  readonly isUnreachable: boolean;
  readonly isPushed: boolean;
  /** The clock of the page, unix ms; it moves with the answers. */
  readonly nowMs: number;
}

/** Reads what the URL asks for and keeps it fresh. */
export function useConsoleData({ state, page }: UrlControl): ConsoleData {
  const feed = useIncidentFeed();
  const listed = useLiveQuery(INCIDENTS, () => ({ first: LIST_FIRST }), {
    subject: "incidents",
    everyMs: feed.isConnected ? INCIDENTS_PUSHED_MS : INCIDENTS_MS,
    nudge: feed.changes,
  });
  const incidents = listed.data?.incidents.nodes ?? null;
  const open = incidents?.filter((incident) => incident.status === "OPEN") ?? [];
  const focusId = page.kind === "incident" ? page.id : page.kind === "home" ? (open[0]?.id ?? null) : null;

  const focused = useLiveQuery(INCIDENT, focusId === null ? null : () => ({ id: focusId }), {
    subject: focusId ?? "",
    everyMs: INCIDENTS_MS,
    nudge: feed.changes,
  });
  const incident = focusId === null ? null : focused.data === null ? undefined : focused.data.incident;

  // Until it is known what the page is about, the map would be asked for twice.
  const isDecided =
    state.from !== undefined ||
    (page.kind === "home" && incidents !== null && focusId === null) ||
    (focusId === null && page.kind !== "home") ||
    (focusId !== null && incident !== undefined) ||
    listed.failure !== null;
  const period = choosePeriod(state, incident ?? null);
  const level = state.level ?? "SERVICE";
  const graphSubject = `${level} ${periodName(period)}`;
  const isSliding = period.kind === "last" || (period.kind === "incident" && period.toMs === null);
  const graph = useLiveQuery(SERVICE_GRAPH, isDecided ? (nowMs) => ({ range: rangeOf(period, nowMs), level }) : null, {
    subject: graphSubject,
    everyMs: isSliding ? GRAPH_MS : null,
    keep: true,
  });
  const wantsChanges = isDecided && focusId === null;
  const changes = useLiveQuery(
    CHANGES,
    wantsChanges ? (nowMs) => ({ range: rangeOf(period, nowMs), first: CHANGES_FIRST }) : null,
    { subject: periodName(period), everyMs: isSliding ? CHANGES_MS : null },
  );

  const [nowMs, setNow] = useState(() => Date.now());
  const answeredAt = Math.max(listed.answeredAt ?? 0, graph.answeredAt ?? 0);
  useEffect(() => setNow(Date.now()), [answeredAt]);

  return {
    incidents,
    hasMoreIncidents: listed.data?.incidents.pageInfo.hasNextPage ?? false,
    open,
    focusId,
    incident,
    period,
    graph: graph.data?.serviceGraph ?? null,
    graphFailure: graph.failure,
    graphSubject,
    isPartial: graph.data?.serviceGraph.partial === true && isWorthTelling(listed.data?.status ?? null, isSliding),
    changes: changes.data?.changes.nodes ?? [],
    status: listed.data?.status ?? null,
    answeredAt: answeredAt === 0 ? null : answeredAt,
    isUnreachable: listed.failure?.reason === "unreachable" || graph.failure?.reason === "unreachable",
    isPushed: feed.isConnected,
    nowMs,
  };
}
