// The page: header, the sentence, the map or table, and the panel beside it.
// In: the URL and the mesh's data. Out: everything that is on the screen.
// Bounds: decides what is shown where; how it looks is the business of the parts.
import { Loader } from "@mantine/core";
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Entity, GRAPH_LEVELS, type ServiceGraph } from "./api/types.ts";
import { stoppedSeconds } from "./freshness.ts";
import { GraphTable } from "./graph/graph-table.tsx";
import { IncidentBanner } from "./incident/banner.tsx";
import { symptomPlace } from "./incident/sentence.tsx";
import { useLanguage } from "./language/language.tsx";
import { locate } from "./map/blame.ts";
import { type MapHandle, ServiceMap } from "./map/service-map.tsx";
import { useDrawnGraph } from "./map/use-drawn-graph.ts";
import { rangeOf, stepPeriod } from "./period.ts";
import { copyText } from "./shell/copy.tsx";
import { NoAnswer, NoCalls, NoSpans } from "./shell/empty.tsx";
import { FindBox } from "./shell/find-box.tsx";
import { Header, type Preferences } from "./shell/header.tsx";
import { Help } from "./shell/help.tsx";
import { MapToolbar } from "./shell/map-toolbar.tsx";
import { moveInList, useShortcuts } from "./shell/use-shortcuts.ts";
import { SidePanel } from "./side-panel.tsx";
import { writeUrlState } from "./url-state.ts";
import { useConsoleData } from "./use-console-data.ts";
import { useUrlState } from "./use-url-state.ts";
import classes from "./workspace.module.css";

const ALL = ["all"] as const;

/** The whole page below the providers. */
export function Workspace({ preferences }: { preferences: Preferences }): ReactNode {
  const url = useUrlState();
  const { state, page, set, openIncident, goHome } = url;
  const language = useLanguage();
  const { t, name, format } = language;
  const data = useConsoleData(url);
  const { incident } = data;
  const [isHelp, setHelp] = useState(false);
  const find = useRef<HTMLInputElement>(null);
  const map = useRef<MapHandle>(null);

  const causeIndex = Math.max(0, incident?.localization?.causes.findIndex((cause) => cause.rank === state.cause) ?? 0);
  const cause = incident?.localization?.causes[causeIndex] ?? null;
  const drawn = useDrawnGraph(data.graph, {
    cause: state.blame === "off" ? null : cause,
    node: state.node ?? null,
    // The table lists every place; groups are for the picture only.
    open: state.view === "table" ? ALL : state.open,
    find: state.find ?? "",
  });
  const selected = drawn.selected;
  const link = useCallback((): string => {
    const { from, to } = rangeOf(data.period, Date.now());
    const path = data.focusId === null ? location.pathname : `/incidents/${encodeURIComponent(data.focusId)}`;
    // The address of an open incident follows it; everything else is nailed to the times that are on the screen.
    const { lang: _lang, theme: _theme, ...kept } = state;
    const fixed = data.period.kind === "incident" ? kept : { ...kept, last: undefined, from, to };
    return `${location.origin}${path}${writeUrlState(fixed)}`;
  }, [data.period, data.focusId, state]);
  const select = useCallback(
    (id: string | null) => set({ node: id ?? undefined }, id === null ? "replace" : "push"),
    [set],
  );
  const showPlace = useCallback(
    (entity: Entity) => {
      const found = locate(entity, data.graph?.nodes ?? []);
      const id = found.at(-1);
      if (id !== undefined) set({ node: id });
    },
    [set, data.graph],
  );
  const incidents = data.incidents ?? [];
  const step = (by: 1 | -1): boolean => {
    if (moveInList(by)) return true;
    const at = incidents.findIndex((one) => one.id === data.focusId);
    const next = incidents[at === -1 ? 0 : at + by];
    if (next !== undefined) openIncident(next.id);
    return next !== undefined;
  };
  const back = (): boolean => {
    if (document.activeElement === find.current && find.current !== null) {
      find.current.blur();
      set({ find: undefined }, "replace");
    } else if (state.find !== undefined) set({ find: undefined }, "replace");
    else if (state.node !== undefined) set({ node: undefined }, "replace");
    else if (page.kind === "home" && data.focusId !== null) openIncident(null);
    else if (page.kind === "incident") openIncident(null);
    // Home shows the newest open incident, which is not a step back from the list.
    else if (page.kind !== "home" && data.open.length === 0) goHome();
    else return false;
    return true;
  };
  useShortcuts({
    "/": () => {
      find.current?.focus();
      find.current?.select();
    },
    j: () => step(1),
    k: () => step(-1),
    g: () => {
      const next = (GRAPH_LEVELS.indexOf(state.level ?? "SERVICE") + 1) % GRAPH_LEVELS.length;
      set({ level: GRAPH_LEVELS[next], node: undefined }, "replace");
    },
    b: () => set({ blame: state.blame === "off" ? undefined : "off" }, "replace"),
    t: () => set({ view: state.view === "table" ? undefined : "table" }, "replace"),
    "[": () => set({ last: undefined, ...stepPeriod(data.period, -1, Date.now()) }),
    "]": () => set({ last: undefined, ...stepPeriod(data.period, 1, Date.now()) }),
    "+": () => map.current?.zoom(1.25),
    "=": () => map.current?.zoom(1.25),
    "-": () => map.current?.zoom(0.8),
    "0": () => map.current?.fit(),
    y: () => void copyText(link()).then((isCopied) => isCopied && setSaid(t("incident.copied"))),
    "?": () => setHelp(true),
    Escape: back,
  });
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => setSaid(""), 1600);
    return () => clearTimeout(timer);
  }, [said]);

  const place = incident === null || incident === undefined ? null : symptomPlace(incident);
  useEffect(() => {
    document.title =
      incident === null || incident === undefined
        ? `${data.open.length > 0 ? `(${data.open.length}) ` : ""}Faultline`
        : `${incident.status === "OPEN" ? "● " : ""}${place === null ? incident.title : name(place)} · Faultline`;
  }, [incident, place, data.open.length, name]);

  const findable = useMemo(
    () => ({
      places: drawn.places,
      incidents: incidents.map((one) => ({
        id: one.id,
        label: one.title,
        detail: format.moment(one.startedAt),
        health: one.status === "OPEN" ? ("FAILING" as const) : ("HEALTHY" as const),
      })),
    }),
    [drawn.places, incidents, format],
  );
  // Places that are only known by name, from earlier or from Kubernetes, are no telemetry of this period.
  const hasNodes = data.graph !== null && hasTraffic(data.graph);
  const isUnlinked = hasNodes && data.graph?.edges.length === 0 && (state.level ?? "SERVICE") === "SERVICE";

  return (
    <div className={classes.page}>
      <a className={classes.skip} href="#panel">
        {t("app.skip")}
      </a>
      <Header
        openCount={data.incidents === null ? null : data.open.length}
        connection={data.isUnreachable ? "unreachable" : data.period.kind === "fixed" ? "fixed" : "live"}
        answeredAt={data.answeredAt}
        lagSeconds={data.status?.analysisLagSeconds ?? null}
        stoppedSeconds={stoppedSeconds(data.status)}
        isPushed={data.isPushed}
        preferences={preferences}
        onHome={goHome}
        onList={() => openIncident(null)}
        onHelp={() => setHelp(true)}
        find={
          <FindBox
            places={findable.places}
            incidents={findable.incidents}
            text={state.find ?? ""}
            onText={(text) => set({ find: text === "" ? undefined : text }, "replace")}
            onPlace={select}
            onIncident={openIncident}
            input={find}
          />
        }
      />
      {incident !== null && incident !== undefined && (
        <IncidentBanner
          incident={incident}
          causeIndex={causeIndex}
          openCount={data.open.length}
          nowMs={data.nowMs}
          link={link}
          onPlace={showPlace}
          onList={() => openIncident(null)}
        />
      )}
      <main className={classes.main}>
        {/* Every page has one heading of the first degree; where no sentence is, it is only heard. */}
        {(incident === null || incident === undefined) && <h1 className={classes.heard}>{t("app.title")}</h1>}
        <div className={classes.stage}>
          <MapToolbar
            state={state}
            period={data.period}
            nowMs={data.nowMs}
            hasIncident={data.focusId !== null}
            hasBlame={cause !== null}
            hasNodes={hasNodes}
            view={drawn.view}
            graph={data.graph}
            isPartial={data.isPartial}
            map={map}
            onState={(patch) => set(patch, "replace")}
            onPeriod={set}
          />
          {isUnlinked && <NoCalls />}
          <div className={classes.picture}>
            {hasNodes && state.view !== "table" && (
              <ServiceMap
                graph={drawn.view}
                subject={`${state.level ?? "SERVICE"} ${drawn.view.groupedBy ?? ""} ${data.focusId ?? ""}`}
                blamed={drawn.blamed}
                selected={selected}
                found={drawn.found}
                onSelect={select}
                handle={map}
              />
            )}
            {hasNodes && state.view === "table" && (
              <GraphTable
                graph={drawn.view}
                state={state}
                selected={selected}
                onState={(patch) => set(patch, "replace")}
                onSelect={select}
              />
            )}
            {data.graph !== null && !hasNodes && (
              <NoSpans
                newest={data.status?.lastBucketArrivedAt ?? null}
                onShow={(time) => {
                  const ms = Date.parse(time) + 10_000;
                  set({ last: undefined, from: new Date(ms - 900_000).toISOString(), to: new Date(ms).toISOString() });
                }}
              />
            )}
            {data.graph === null && data.graphFailure !== null && <NoAnswer failure={data.graphFailure} />}
            {data.graph === null && data.graphFailure === null && (
              <div className={classes.loading}>
                <Loader size="sm" aria-label={t("map.loading")} />
              </div>
            )}
          </div>
        </div>
        <aside className={classes.panel} id="panel" tabIndex={-1} aria-label={t("incident.list")}>
          <SidePanel
            url={url}
            data={data}
            drawn={drawn}
            causeIndex={causeIndex}
            onSelect={select}
            onPlace={showPlace}
            hasNodes={hasNodes}
          />
        </aside>
      </main>
      <div className={classes.said} role="status">
        {said !== "" && <span>{said}</span>}
      </div>
      <Help isOpen={isHelp} onClose={() => setHelp(false)} />
    </div>
  );
}

function hasTraffic({ nodes, edges }: ServiceGraph): boolean {
  return edges.length > 0 || nodes.some((node) => node.requestsPerSecond !== null);
}
