// The tables behind the map: every place and every call, with what the picture only hints at.
// In: what is drawn, the sort order. Out: two tables that can be sorted and walked by keyboard.
// Bounds: ROW_LIMIT rows until the reader asks for all.
import { Button, SegmentedControl } from "@mantine/core";
import { type ReactNode, useMemo, useState } from "react";
import { useLanguage } from "../language/language.tsx";
import type { ViewGraph } from "../map/view-graph.ts";
import { HealthShape } from "../shell/icons.tsx";
import type { SortColumn, UrlState } from "../url-state.ts";
import classes from "./graph.module.css";
import { callRows, findRows, placeRows, type Row, sortRows } from "./rows.ts";

const ROW_LIMIT = 200;
const FIGURES = ["rate", "errors", "p50", "p99"] as const;

interface GraphTableProps {
  readonly graph: ViewGraph;
  readonly state: UrlState;
  readonly selected: string | null;
  readonly onState: (patch: UrlState) => void;
  readonly onSelect: (id: string) => void;
}

/** The table of places or calls. */
export function GraphTable({ graph, state, selected, onState, onSelect }: GraphTableProps): ReactNode {
  const { t, format } = useLanguage();
  const [isWhole, setWhole] = useState(false);
  const isCalls = state.rows === "calls";
  const isUp = state.order === "up";
  const rows = useMemo(() => {
    const all = isCalls ? callRows(graph.edges, graph.nodes) : placeRows(graph.nodes);
    return sortRows(findRows(all, state.find ?? ""), state.sort ?? null, isUp);
  }, [graph, isCalls, state.sort, state.find, isUp]);
  const shown = isWhole ? rows : rows.slice(0, ROW_LIMIT);
  const columns: readonly (readonly [SortColumn, string, string?])[] = [
    ...(isCalls
      ? ([
          ["caller", t("table.caller")],
          ["callee", t("table.callee")],
        ] as const)
      : ([["name", t("table.name")]] as const)),
    ["health", t("table.status")],
    ...FIGURES.map((figure) => [figure, t(`red.${figure}`), t(`red.${figure}.long`)] as const),
  ];
  return (
    <div className={classes.tables} data-testid="table">
      <SegmentedControl
        size="xs"
        value={isCalls ? "calls" : "places"}
        onChange={(value) =>
          onState({ rows: value === "calls" ? "calls" : undefined, sort: undefined, order: undefined })
        }
        data={[
          { value: "places", label: `${t("table.services")} ${format.count(graph.nodes.length)}` },
          { value: "calls", label: `${t("table.edges")} ${format.count(graph.edges.length)}` },
        ]}
      />
      <div className={classes.scroll}>
        <table className={classes.table}>
          <caption>{isCalls ? t("table.caption.edges") : t("table.caption.services")}</caption>
          <thead>
            <tr>
              {columns.map(([column, label, title]) => (
                <th
                  key={column}
                  scope="col"
                  aria-sort={state.sort === column ? (isUp ? "ascending" : "descending") : "none"}
                  data-number={(FIGURES as readonly string[]).includes(column)}
                >
                  <button type="button" title={title} onClick={() => onState(nextSort(state, column))}>
                    {label}
                    <span aria-hidden>{state.sort === column ? (isUp ? "↑" : "↓") : ""}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <TableRow
                key={row.id}
                row={row}
                isCall={isCalls}
                isSelected={row.opens === selected && !isCalls}
                onSelect={onSelect}
              />
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p className={classes.nothing}>{t("table.empty")}</p>}
        {rows.length > shown.length && (
          <Button variant="subtle" size="xs" mt="xs" onClick={() => setWhole(true)}>
            {t("table.more", { count: format.count(rows.length) })}
          </Button>
        )}
      </div>
    </div>
  );
}

/** Large first, then small first, then the default order again; names the other way round. */
function nextSort(state: UrlState, column: SortColumn): UrlState {
  const isName = column === "name" || column === "caller" || column === "callee";
  const first = isName ? "up" : undefined;
  if (state.sort !== column) return { sort: column, order: first };
  if (state.order === first) return { sort: column, order: isName ? undefined : "up" };
  return { sort: undefined, order: undefined };
}

function TableRow(props: {
  row: Row;
  isCall: boolean;
  isSelected: boolean;
  onSelect: (id: string) => void;
}): ReactNode {
  const { t, format } = useLanguage();
  const { row } = props;
  const missing = <span title={t("red.none")}>–</span>;
  const figures: (string | null)[] = [
    row.requestsPerSecond === null ? null : t("red.per_second", { value: format.rate(row.requestsPerSecond) }),
    row.errorRatio === null ? null : format.ratio(row.errorRatio),
    row.latencyP50Ms === null ? null : format.latency(row.latencyP50Ms),
    row.latencyP99Ms === null ? null : format.latency(row.latencyP99Ms),
  ];
  return (
    <tr aria-selected={props.isSelected} onClick={() => props.onSelect(row.opens)}>
      <th scope="row">
        <button type="button" data-list-item>
          {row.name}
        </button>
        {!props.isCall && row.detail !== "" && <small>{row.detail}</small>}
      </th>
      {props.isCall && (
        <td>
          {row.callee}
          {row.detail !== "" && <small>{row.detail}</small>}
        </td>
      )}
      <td>
        <span className={classes.health}>
          <HealthShape health={row.health} />
          {t(`health.${row.health}`)}
        </span>
      </td>
      {figures.map((figure, i) => (
        <td key={FIGURES[i]} data-number="true" data-bad={i === 1 && (row.errorRatio ?? 0) >= 0.01}>
          {figure ?? missing}
        </td>
      ))}
    </tr>
  );
}
