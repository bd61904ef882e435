// The rows of the tables behind the map, sorted.
// In: places and calls with figures. Out: rows in the order that the URL asks for.
// Bounds: what was not measured comes last in either direction; equal rows keep the order of their names.
import { HEALTHS, type RedFigures } from "../api/types.ts";
import type { ViewEdge, ViewNode } from "../map/view-graph.ts";
import type { SortColumn } from "../url-state.ts";

/** One row: a place, or a call with both names. */
export interface Row extends RedFigures {
  readonly id: string;
  readonly name: string;
  readonly callee: string;
  readonly detail: string;
  /** The place to open. */
  readonly opens: string;
}

/** Rows of places. */
export function placeRows(nodes: readonly ViewNode[]): Row[] {
  return nodes.map((node) => ({ ...node, name: node.label, callee: "", opens: node.id }));
}

/** Rows of calls; `opens` is the callee. */
export function callRows(edges: readonly ViewEdge[], nodes: readonly ViewNode[]): Row[] {
  const labels = new Map(nodes.map((node) => [node.id, node.label]));
  return edges.map((edge) => ({
    ...edge,
    name: labels.get(edge.source) ?? "",
    callee: labels.get(edge.target) ?? "",
    detail: edge.protocols.join(", "),
    opens: edge.target,
  }));
}

function figureOf(row: Row, column: SortColumn): number | null {
  switch (column) {
    case "health":
      return HEALTHS.length - HEALTHS.indexOf(row.health);
    case "rate":
      return row.requestsPerSecond;
    case "errors":
      return row.errorRatio;
    case "p50":
      return row.latencyP50Ms;
    case "p99":
      return row.latencyP99Ms;
    case "name":
    case "caller":
    case "callee":
      return null;
  }
}

/** Sorts rows; `up` is from small to large. Without a column: the worst first, then the busiest. */
export function sortRows(rows: readonly Row[], column: SortColumn | null, isUp: boolean): Row[] {
  const byName = (a: Row, b: Row): number => a.name.localeCompare(b.name) || a.callee.localeCompare(b.callee);
  if (column === null) {
    return rows.toSorted(
      (a, b) =>
        HEALTHS.indexOf(a.health) - HEALTHS.indexOf(b.health) ||
        (b.requestsPerSecond ?? -1) - (a.requestsPerSecond ?? -1) ||
        byName(a, b),
    );
  }
  const way = isUp ? 1 : -1;
  if (column === "callee") return rows.toSorted((a, b) => way * a.callee.localeCompare(b.callee) || byName(a, b));
  if (column === "name" || column === "caller") return rows.toSorted((a, b) => way * byName(a, b));
  return rows.toSorted((a, b) => {
    const [x, y] = [figureOf(a, column), figureOf(b, column)];
    if (x === null || y === null) return x === y ? byName(a, b) : x === null ? 1 : -1;
    return way * (x - y) || byName(a, b);
  });
}

/** Rows whose names contain the text, whatever the case. */
export function findRows(rows: readonly Row[], text: string): Row[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [...rows];
  return rows.filter((row) => `${row.name} ${row.callee} ${row.detail}`.toLowerCase().includes(wanted));
}
