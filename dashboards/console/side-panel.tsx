// The panel beside the map: a place, a finding, or the incidents.
// In: the URL, the mesh's data, what is drawn. Out: one of them.
// Bounds: the choice of a place comes first, then the incident that is looked at, then the list.
import { Loader } from "@mantine/core";
import type { ReactNode } from "react";
import type { Entity } from "./api/types.ts";
import { PlacePanel } from "./graph/place-panel.tsx";
import { FindingPanel } from "./incident/finding-panel.tsx";
import { IncidentList } from "./incident/incident-list.tsx";
import { useLanguage } from "./language/language.tsx";
import type { DrawnGraph } from "./map/use-drawn-graph.ts";
import { EmptyState } from "./shell/empty.tsx";
import { rangeOf } from "./period.ts";
import type { ConsoleData } from "./use-console-data.ts";
import type { UrlControl } from "./use-url-state.ts";
import classes from "./workspace.module.css";

// What happened in the newest seconds is not analysed yet.
const BUCKET_MS = 20_000;

interface SidePanelProps {
  readonly url: UrlControl;
  readonly data: ConsoleData;
  readonly drawn: DrawnGraph;
  readonly causeIndex: number;
  readonly hasNodes: boolean;
  readonly onSelect: (id: string | null) => void;
  readonly onPlace: (entity: Entity) => void;
}

/** What the page says beside the map. */
export function SidePanel({ url, data, drawn, causeIndex, hasNodes, onSelect, onPlace }: SidePanelProps): ReactNode {
  const { state, page, set, openIncident, goHome } = url;
  const { t } = useLanguage();
  const { incident } = data;
  const chosen = drawn.selected === null ? undefined : drawn.view.nodes.find((node) => node.id === drawn.selected);
  if (chosen !== undefined) {
    return (
      <PlacePanel
        node={chosen}
        graph={drawn.view}
        at={askedTime(data)}
        memberName={drawn.nameOfId}
        onSelect={onSelect}
        onOpenGroup={(id) => set({ open: [...(state.open ?? []), id], node: undefined }, "replace")}
      />
    );
  }
  if (page.kind === "unknown") {
    return (
      <EmptyState title={t("notfound.title")}>
        <button type="button" className={classes.text} onClick={goHome}>
          {t("notfound.home")}
        </button>
      </EmptyState>
    );
  }
  if (incident === undefined) {
    return (
      <div className={classes.loading}>
        <Loader size="sm" aria-label={t("incident.loading")} />
      </div>
    );
  }
  const isGone = state.node !== undefined && drawn.selected === null && data.graph !== null;
  const gone = isGone ? <p className={classes.gone}>{t("panel.gone")}</p> : null;
  if (incident !== null) {
    return (
      <>
        {gone}
        <FindingPanel
          incident={incident}
          causeIndex={causeIndex}
          onList={() => openIncident(null)}
          onIncident={openIncident}
          onCause={(rank) => set({ cause: rank === 1 ? undefined : rank })}
          onPlace={onPlace}
        />
      </>
    );
  }
  return (
    <>
      {gone}
      {page.kind === "incident" && <EmptyState title={t("incident.missing")} />}
      {page.kind === "home" && data.incidents !== null && hasNodes && <Quiet data={data} drawn={drawn} />}
      {data.incidents !== null && (
        <IncidentList
          incidents={data.incidents}
          hasMore={data.hasMoreIncidents}
          changes={data.changes}
          nowMs={data.nowMs}
          onOpen={openIncident}
        />
      )}
    </>
  );
}

function Quiet({ data, drawn }: { data: ConsoleData; drawn: DrawnGraph }): ReactNode {
  const { t, tn } = useLanguage();
  const unhealthy = drawn.places.filter(({ health }) => health === "FAILING" || health === "DEGRADED").length;
  const period =
    data.period.kind === "last"
      ? t("quiet.period.last", { minutes: String(data.period.minutes) })
      : t("quiet.period.fixed");
  return (
    <div className={classes.quiet} data-testid="quiet">
      <h2>{t("quiet.title")}</h2>
      <p>{t("quiet.text", { period, health: unhealthy === 0 ? t("map.healthy") : tn("map.unhealthy", unhealthy) })}</p>
    </div>
  );
}

/** What "Why (not)?" is asked about: when the incident was detected, else the last whole bucket of the period. */
function askedTime({ incident, period, nowMs }: ConsoleData): string {
  if (period.kind === "incident" && incident !== null && incident !== undefined) return incident.detectedAt;
  const endMs = Math.min(Date.parse(rangeOf(period, nowMs).to), nowMs);
  return new Date(endMs - BUCKET_MS).toISOString();
}
