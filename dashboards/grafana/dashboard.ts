// The Grafana dashboard as data: variables, panels, their units, and where they stand.
// In: the SQL of sql.ts. Out: one dashboard object in Grafana's schema.
// Bounds: 24 columns; panels are laid out by `place`, so none overlaps; every target names ${ds}, so that one import fits all.
import { override, PANELS, type PanelSpec } from "./panels.ts";
import { CLUSTER_VALUES, NAMESPACE_VALUES, SERVICE_VALUES, TENANT_VALUES } from "./sql.ts";

/** The uid of the data source that our provisioning makes. */
export const DATASOURCE_UID = "faultline-clickhouse";
/** The plugin that runs the SQL. */
export const DATASOURCE_TYPE = "grafana-clickhouse-datasource";

const PLUGIN_VERSION = "4.20.0";
const COLUMNS = 24;
const CONSOLE_URL = "http://localhost:3300";

/** One query of a panel. */
export interface PanelTarget {
  readonly refId: string;
  readonly rawSql: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly [key: string]: unknown;
}

/** One panel; `fieldConfig.defaults.unit` is always set. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig: { readonly defaults: { readonly unit: string }; readonly overrides: readonly unknown[] };
  readonly targets: readonly PanelTarget[];
  readonly [key: string]: unknown;
}

/** The whole dashboard in Grafana's JSON schema. */
export function buildDashboard(): { readonly panels: readonly Panel[]; readonly [key: string]: unknown } {
  return {
    __generated: "by dashboards/grafana/generate.ts; do not edit",
    uid: "faultline",
    title: "Faultline",
    description: "Service mesh health and root causes from Faultline's tables.",
    tags: ["faultline", "service-mesh"],
    schemaVersion: 42,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-30m", to: "now" },
    timezone: "browser",
    templating: { list: variables() },
    annotations: { list: [] },
    links: [{ type: "link", title: "Faultline console", url: "${console}", targetBlank: true, keepTime: false }],
    panels: place(PANELS),
  };
}

/** Left to right, a new line when a panel does not fit beside the last one. */
function place(specs: readonly PanelSpec[]): Panel[] {
  let x = 0;
  let y = 0;
  let lineHeight = 0;
  return specs.map((spec, index) => {
    if (x + spec.width > COLUMNS) {
      x = 0;
      y += lineHeight;
      lineHeight = 0;
    }
    const gridPos = { x, y, w: spec.width, h: spec.height };
    x += spec.width;
    lineHeight = Math.max(lineHeight, spec.height);
    return buildPanel(spec, index + 1, gridPos);
  });
}

function buildPanel(spec: PanelSpec, id: number, gridPos: Panel["gridPos"]): Panel {
  const isSeries = spec.type === "timeseries";
  const units = Object.entries(spec.units ?? {}).map(([name, unit]) => override(name, "unit", unit));
  return {
    id,
    type: spec.type,
    title: spec.title,
    description: spec.description,
    gridPos,
    datasource: { type: DATASOURCE_TYPE, uid: "${ds}" },
    ...(isSeries ? { interval: "10s" } : {}),
    fieldConfig: {
      defaults: {
        unit: spec.unit,
        ...(isSeries ? { custom: { lineWidth: 1, fillOpacity: 8, spanNulls: false } } : {}),
      },
      overrides: [...units, ...(spec.overrides ?? [])],
    },
    options: isSeries
      ? { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi", sort: "desc" } }
      : {},
    targets: Object.entries(spec.queries).map(([refId, rawSql]) => ({
      refId,
      datasource: { type: DATASOURCE_TYPE, uid: "${ds}" },
      editorType: "sql",
      queryType: isSeries ? "timeseries" : "table",
      format: isSeries ? 0 : 1,
      pluginVersion: PLUGIN_VERSION,
      rawSql,
    })),
  };
}

function variables(): unknown[] {
  return [
    {
      name: "ds",
      type: "datasource",
      label: "Data source",
      query: DATASOURCE_TYPE,
      current: { text: "Faultline", value: DATASOURCE_UID },
    },
    queryVariable("tenant", "Tenant", TENANT_VALUES, false),
    queryVariable("cluster", "Cluster", CLUSTER_VALUES, true),
    queryVariable("namespace", "Namespace", NAMESPACE_VALUES, true),
    queryVariable("service", "Service", SERVICE_VALUES, true),
    {
      name: "console",
      type: "textbox",
      label: "Console URL",
      query: CONSOLE_URL,
      current: { text: CONSOLE_URL, value: CONSOLE_URL },
    },
  ];
}

function queryVariable(name: string, label: string, rawSql: string, multi: boolean): unknown {
  return {
    name,
    label,
    type: "query",
    datasource: { type: DATASOURCE_TYPE, uid: "${ds}" },
    query: rawSql,
    definition: rawSql,
    refresh: 2,
    sort: 0,
    multi,
    includeAll: multi,
    current: multi ? { text: ["All"], value: ["$__all"] } : { text: "default", value: "default" },
  };
}
