// The PetShop data set: metrics of services and databases every five minutes, and who calls whom.
// In: an unpacked folder in the original layout. Out: OTLP requests as a Collector's span metrics and service graph would write them; cases
// with their labels for the scorer.
// Reads metrics.csv, graph.csv and cases.jsonl only: no label file of the original is opened.
// Bounds: one file in memory at a time, a request for every ROWS_A_REQUEST points of time.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { z } from "zod";
import type { Indicator } from "../../model/localization.ts";
import { readCaseLines } from "./case-lines.ts";

/** What one node reports at one time; `null` where the file says nothing. */
export interface PetshopSample {
  readonly node: string;
  readonly requests: number;
  readonly latencySeconds: number | null;
  /** Upper bounds of the shares in QUANTILES, seconds; null where the file says nothing. */
  readonly quantileSeconds: readonly number[] | null;
  /** 0..1 */
  readonly availability: number | null;
}

/** All nodes at one time, unix seconds: what happened in the five minutes before. */
export interface PetshopRow {
  readonly at: number;
  readonly samples: readonly PetshopSample[];
}

/** One case: whose indicator is asked about, and when; `truth` is for the scorer alone. */
export interface PetshopCase {
  readonly id: string;
  readonly scenario: string;
  readonly metric: string;
  readonly indicator: Indicator;
  readonly target: string;
  readonly at: number;
  /** `normal`: the record without faults; null where the data set has none. */
  readonly files: { readonly metrics: string; readonly normal: string | null; readonly graph: string };
  readonly truth: string;
}

/** Seconds between two points of a node. */
export const STEP_SECONDS = 300;

const CASE_LINE = z.object({
  id: z.coerce.string(),
  scenario: z.string().default(""),
  metrics: z.string(),
  normal: z.string().nullable().default(null),
  topology: z.string(),
  target: z.object({ node: z.string(), metric: z.string(), timestamp: z.number() }),
  root_cause: z.object({ node: z.string() }),
});

const QUANTILES = [0.5, 0.9, 0.95, 0.99];
const ROWS_A_REQUEST = 20;
// The file's heading ends with the name of its index.
const INDEX = "unix_timestamp";

function readTable(file: string): string[][] {
  const rows: unknown = parse(readFileSync(file), { skip_empty_lines: true, relax_column_count: true });
  return rows as string[][];
}

/** The cases of the folder. */
export function petshopCases(folder: string): PetshopCase[] {
  return readCaseLines(folder, CASE_LINE).map((line) => {
    const { id, scenario, metrics, normal, topology, target, root_cause } = line;
    return {
      id,
      scenario,
      metric: target.metric,
      indicator: target.metric === "availability" ? "ERRORS" : "LATENCY",
      target: target.node,
      at: target.timestamp,
      files: {
        metrics: join(folder, metrics),
        normal: normal === null ? null : join(folder, normal),
        graph: join(folder, topology),
      },
      truth: root_cause.node,
    };
  });
}

/** The rows of a metrics file, in its order. */
export function petshopRows(file: string): PetshopRow[] {
  const table = readTable(file);
  const heading = table.findIndex((row) => row[0] === INDEX);
  const [nodes = [], metrics = [], statistics = []] = table;
  const columns = new Map<string, number>();
  nodes.forEach((node, i) => columns.set([node, metrics[i], statistics[i]].join("\n"), i));
  const names = [...new Set(nodes.slice(1))].toSorted();
  return table.slice(heading + 1).map((row) => {
    const cell = (node: string, metric: string, statistic: string): number | null => {
      const text = row[columns.get([node, metric, statistic].join("\n")) ?? -1] ?? "";
      return text === "" ? null : Number(text);
    };
    const samples = names.map((node): PetshopSample => {
      const quantiles = QUANTILES.map((q) => cell(node, "latency", `p${q * 100}`)).filter((v) => v !== null);
      const availability = cell(node, "availability", "Average");
      return {
        node,
        requests: Math.round(cell(node, "requests", "Sum") ?? 0),
        latencySeconds: cell(node, "latency", "Average"),
        quantileSeconds: quantiles.length === QUANTILES.length ? quantiles : null,
        availability: availability === null ? null : availability / 100,
      };
    });
    return { at: Number(row[0]), samples: samples.filter(({ requests }) => requests > 0) };
  });
}

/** Who calls whom: caller, callee. */
export function petshopCalls(file: string): [caller: string, callee: string][] {
  const [heading = [], ...rows] = readTable(file);
  return rows.flatMap((row) =>
    heading.flatMap((callee, i): [string, string][] => (i > 0 && Number(row[i]) > 0 ? [[row[0] ?? "", callee]] : [])),
  );
}

const nano = (unixSeconds: number) => `${Math.round(unixSeconds * 1000)}000000`;
const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });
const spanOf = (at: number) => ({ startTimeUnixNano: nano(at - STEP_SECONDS), timeUnixNano: nano(at) });
const DELTA = 1;
const CUMULATIVE = 2;

/** The counts between the quantiles; each bound strictly above the one before, as OTLP demands. */
function histogramOf({ requests, quantileSeconds }: PetshopSample): {
  explicitBounds: number[];
  bucketCounts: string[];
} {
  const bounds: number[] = [];
  const counts: number[] = [];
  let below = 0;
  QUANTILES.forEach((q, i) => {
    const bound = quantileSeconds?.[i] ?? 0;
    if (bound <= (bounds.at(-1) ?? 0)) return;
    const upTo = Math.round(q * requests);
    bounds.push(bound);
    counts.push(upTo - below);
    below = upTo;
  });
  return { explicitBounds: bounds, bucketCounts: [...counts, requests - below].map(String) };
}

function nodeMetrics(sample: PetshopSample, at: number): object {
  const { node, requests, latencySeconds, availability } = sample;
  const failed = availability === null ? 0 : Math.round(requests * (1 - availability));
  const calls = (status: string, count: number) => ({
    ...spanOf(at),
    asInt: String(count),
    attributes: [attribute("span.kind", "SPAN_KIND_SERVER"), attribute("status.code", status)],
  });
  const duration = {
    ...spanOf(at),
    count: String(requests),
    sum: (latencySeconds ?? 0) * requests,
    ...histogramOf(sample),
    attributes: [attribute("span.kind", "SPAN_KIND_SERVER")],
  };
  return {
    resource: { attributes: [attribute("service.name", node)] },
    scopeMetrics: [
      {
        scope: { name: "spanmetricsconnector" },
        metrics: [
          {
            name: "traces.span.metrics.calls",
            sum: {
              aggregationTemporality: DELTA,
              isMonotonic: true,
              dataPoints: [
                calls("STATUS_CODE_UNSET", requests - failed),
                ...(failed > 0 ? [calls("STATUS_CODE_ERROR", failed)] : []),
              ],
            },
          },
          ...(latencySeconds === null
            ? []
            : [
                {
                  name: "traces.span.metrics.duration",
                  unit: "s",
                  histogram: { aggregationTemporality: DELTA, dataPoints: [duration] },
                },
              ]),
        ],
      },
    ],
  };
}

/** The calls as a counter that has not risen: the data set tells that they exist, not how many there are. */
function callMetrics(calls: readonly (readonly [string, string])[], at: number): object {
  const dataPoints = calls.map(([client, server]) => ({
    ...spanOf(at),
    asInt: "0",
    attributes: [attribute("client", client), attribute("server", server)],
  }));
  const sum = { aggregationTemporality: CUMULATIVE, isMonotonic: true, dataPoints };
  return {
    resource: { attributes: [attribute("service.name", "service-graph")] },
    scopeMetrics: [
      { scope: { name: "servicegraphconnector" }, metrics: [{ name: "traces_service_graph_request_total", sum }] },
    ],
  };
}

/** Rows and calls as OTLP/JSON metric requests, each with the newest time in it (unix seconds). */
export function* petshopRequests(
  rows: readonly PetshopRow[],
  calls: readonly (readonly [string, string])[],
): Generator<{ at: number; body: object }> {
  for (let i = 0; i < rows.length; i += ROWS_A_REQUEST) {
    const some = rows.slice(i, i + ROWS_A_REQUEST);
    const resourceMetrics = some.flatMap(({ at, samples }) => [
      ...samples.map((sample) => nodeMetrics(sample, at)),
      callMetrics(calls, at),
    ]);
    yield { at: Math.max(...some.map(({ at }) => at)), body: { resourceMetrics } };
  }
}
