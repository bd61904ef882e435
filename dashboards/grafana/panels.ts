// The panels of the Grafana dashboard in reading order: what is wrong, where, how the services do, how the ingest does.
// In: the SQL of sql.ts. Out: one row of data a panel; dashboard.ts turns them into Grafana's JSON and places them.
// Bounds: every panel has a title, a sentence that says how to read it, and a unit.
import {
  ANALYSIS_LAG,
  DEAD_LETTERS,
  EDGES,
  ERROR_RATIO,
  GRAPH_LINKS,
  GRAPH_NODES,
  INGEST_DELAY,
  INGEST_RATE,
  LATENCY_P99,
  OPEN_INCIDENTS,
  REQUEST_RATE,
  SERVICES,
} from "./sql.ts";

/** One panel before it is placed; `width` is in columns of 24, `units` are by field name. */
export interface PanelSpec {
  readonly type: "timeseries" | "table" | "stat" | "nodeGraph";
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly width: number;
  readonly height: number;
  /** refId → SQL. */
  readonly queries: Readonly<Record<string, string>>;
  readonly units?: Readonly<Record<string, string>>;
  readonly overrides?: readonly unknown[];
}

const ERROR_STEPS = {
  mode: "absolute",
  steps: [
    { color: "green", value: null },
    { color: "yellow", value: 0.01 },
    { color: "red", value: 0.05 },
  ],
};

/** All panels, left to right and down. */
export const PANELS: readonly PanelSpec[] = [
  {
    type: "table",
    title: "Open incidents",
    description: "What is wrong now and why, as Faultline says it. The title opens the incident in the console.",
    unit: "none",
    width: 18,
    height: 7,
    queries: { A: OPEN_INCIDENTS },
    units: { Confidence: "percentunit" },
    overrides: [
      hide("Id"),
      override("Title", "links", [
        { title: "Open in Faultline", url: "${console}/incidents/${__data.fields.Id}", targetBlank: true },
      ]),
    ],
  },
  {
    type: "stat",
    title: "Analysis lag",
    description: "Seconds of spans that have arrived and are not analysed yet. No value before the first analysis.",
    unit: "s",
    width: 6,
    height: 7,
    queries: { A: ANALYSIS_LAG },
  },
  {
    type: "nodeGraph",
    title: "Service graph",
    description: "Who calls whom: requests a second and the share that failed; edges are red where more than 1 % fail.",
    unit: "reqps",
    width: 24,
    height: 16,
    queries: { nodes: GRAPH_NODES, edges: GRAPH_LINKS },
    overrides: [
      override("arc__ok", "color", { mode: "fixed", fixedColor: "green" }),
      override("arc__failed", "color", { mode: "fixed", fixedColor: "red" }),
      override("arc__unknown", "color", { mode: "fixed", fixedColor: "gray" }),
    ],
  },
  {
    type: "timeseries",
    title: "Request rate",
    description: "Requests a second that each service answered.",
    unit: "reqps",
    width: 8,
    height: 9,
    queries: { A: REQUEST_RATE },
  },
  {
    type: "timeseries",
    title: "Error ratio",
    description: "Share of requests that failed by their protocol: HTTP 5xx, gRPC server errors. 4xx does not count.",
    unit: "percentunit",
    width: 8,
    height: 9,
    queries: { A: ERROR_RATIO },
  },
  {
    type: "timeseries",
    title: "Latency, 99th percentile",
    description: "From Faultline's histograms, within 7 % of the true value.",
    unit: "ms",
    width: 8,
    height: 9,
    queries: { A: LATENCY_P99 },
  },
  {
    type: "table",
    title: "Services",
    description: "Rate, errors and duration of each service over the whole range.",
    unit: "none",
    width: 24,
    height: 9,
    queries: { A: SERVICES },
    units: { RequestsPerSecond: "reqps", ErrorRatio: "percentunit", LatencyP50Ms: "ms", LatencyP99Ms: "ms" },
    overrides: [override("ErrorRatio", "thresholds", ERROR_STEPS)],
  },
  {
    type: "table",
    title: "Edges",
    description:
      "Each call path with both ledgers: what the caller saw and what reached the callee. Fewer at the callee: it never arrived.",
    unit: "none",
    width: 24,
    height: 10,
    queries: { A: EDGES },
    units: {
      CallerRequestsPerSecond: "reqps",
      CalleeRequestsPerSecond: "reqps",
      CallerErrorRatio: "percentunit",
      CalleeErrorRatio: "percentunit",
      CallerLatencyP99Ms: "ms",
      CalleeLatencyP99Ms: "ms",
    },
  },
  {
    type: "timeseries",
    title: "Ingest rate",
    description: "Rows stored for each moment of event time, by signal.",
    unit: "rowsps",
    width: 8,
    height: 8,
    queries: { A: INGEST_RATE },
  },
  {
    type: "timeseries",
    title: "Ingest delay, 95th percentile",
    description: "From the end of a span to its row in ClickHouse: exporters, Kafka and ingest together.",
    unit: "s",
    width: 8,
    height: 8,
    queries: { A: INGEST_DELAY },
  },
  {
    type: "table",
    title: "Dead letters",
    description:
      "Records that could not be read and were set aside, with the newest origin (topic/partition/offset for Kafka).",
    unit: "none",
    width: 8,
    height: 8,
    queries: { A: DEAD_LETTERS },
  },
];

/** One property of one field. */
export function override(field: string, property: string, value: unknown): unknown {
  return { matcher: { id: "byName", options: field }, properties: [{ id: property, value }] };
}

function hide(field: string): unknown {
  return override(field, "custom.hidden", true);
}
