// What the map is about and how it is shown: period, level, map or table, and its buttons.
// In: the URL state. Out: changes of it; zooming goes straight to the map.
// Bounds: a button that can do nothing now is not there.
import { ActionIcon, Button, NativeSelect, SegmentedControl, Tooltip } from "@mantine/core";
import type { ReactNode, RefObject } from "react";
import { GRAPH_LEVELS, type ServiceGraph } from "../api/types.ts";
import { useLanguage } from "../language/language.tsx";
import type { MapHandle } from "../map/service-map.tsx";
import type { ViewGraph } from "../map/view-graph.ts";
import type { Period } from "../period.ts";
import type { UrlState } from "../url-state.ts";
import { Icon } from "./icons.tsx";
import classes from "./map-toolbar.module.css";
import { RangePicker } from "./range-picker.tsx";

interface MapToolbarProps {
  readonly state: UrlState;
  readonly period: Period;
  readonly nowMs: number;
  readonly hasIncident: boolean;
  readonly hasBlame: boolean;
  /** Whether there is anything to zoom, group or count. */
  readonly hasNodes: boolean;
  readonly view: ViewGraph;
  readonly graph: ServiceGraph | null;
  readonly isPartial: boolean;
  readonly map: RefObject<MapHandle | null>;
  readonly onState: (patch: UrlState) => void;
  readonly onPeriod: (patch: UrlState) => void;
}

/** The bar above the map. */
export function MapToolbar(props: MapToolbarProps): ReactNode {
  const { t, tn } = useLanguage();
  const { state, view } = props;
  const isTable = state.view === "table";
  const notes = [
    view.groupedBy === null ? null : t("map.grouped", { by: t(`map.by.${view.groupedBy}`) }),
    props.graph?.truncated === true ? t("map.truncated") : null,
    props.isPartial ? t("map.partial") : null,
  ].filter((note) => note !== null);
  return (
    <>
      <div className={classes.bar}>
        <RangePicker
          period={props.period}
          hasIncident={props.hasIncident}
          nowMs={props.nowMs}
          onState={props.onPeriod}
        />
        <NativeSelect
          size="xs"
          className={classes.level}
          aria-label={t("level.label")}
          value={state.level ?? "SERVICE"}
          data={GRAPH_LEVELS.map((level) => ({ value: level, label: t(`level.${level}`) }))}
          onChange={(event) => {
            const level = GRAPH_LEVELS.find((one) => one === event.currentTarget.value);
            props.onState({ level: level === "SERVICE" ? undefined : level, node: undefined, open: undefined });
          }}
        />
        <SegmentedControl
          size="xs"
          className={classes.view}
          aria-label={t("view.label")}
          value={isTable ? "table" : "map"}
          onChange={(value) => props.onState({ view: value === "table" ? "table" : undefined })}
          data={[
            { value: "map", label: t("view.map") },
            { value: "table", label: t("view.table") },
          ]}
        />
      </div>
      {props.hasNodes && (
        <div className={classes.floating} data-table={isTable}>
          {notes.length > 0 && <span className={classes.note}>{notes.join(" · ")}</span>}
          {view.canGroup && (
            <Button
              size="compact-xs"
              variant="default"
              onClick={() => props.onState({ open: view.groupedBy === null ? undefined : ["all"], node: undefined })}
            >
              {view.groupedBy === null ? t("map.group") : t("map.ungroup")}
            </Button>
          )}
          {!isTable && props.hasBlame && (
            <Button
              size="compact-xs"
              variant="default"
              className={classes.toggle}
              aria-pressed={state.blame !== "off"}
              leftSection={<Icon name="path" size={13} />}
              onClick={() => props.onState({ blame: state.blame === "off" ? undefined : "off" })}
            >
              {t("map.blame")}
            </Button>
          )}
          {!isTable && (
            <span className={classes.zoom}>
              <ZoomButton icon="minus" label={t("map.zoom_out")} onClick={() => props.map.current?.zoom(0.8)} />
              <ZoomButton icon="fit" label={t("map.fit")} onClick={() => props.map.current?.fit()} />
              <ZoomButton icon="plus" label={t("map.zoom_in")} onClick={() => props.map.current?.zoom(1.25)} />
            </span>
          )}
          <span className={classes.count}>
            {tn("map.count.nodes", props.graph?.nodes.length ?? 0)} ·{" "}
            {tn("map.count.edges", props.graph?.edges.length ?? 0)}
          </span>
        </div>
      )}
    </>
  );
}

function ZoomButton(props: { icon: "plus" | "minus" | "fit"; label: string; onClick: () => void }): ReactNode {
  return (
    <Tooltip label={props.label} openDelay={300}>
      <ActionIcon size="sm" variant="subtle" color="gray" aria-label={props.label} onClick={props.onClick}>
        <Icon name={props.icon} size={14} />
      </ActionIcon>
    </Tooltip>
  );
}
