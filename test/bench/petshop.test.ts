// The PetShop importer against a small data set in the original layout, and the whole way through the engine.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  petshopCalls,
  petshopCases,
  petshopRequests,
  petshopRows,
  STEP_SECONDS,
} from "../../bench/localization/petshop.ts";
import { runPetshop } from "../../bench/localization/petshop-run.ts";

const START = 1_692_608_400;
const NODES = ["Site", "Search_AWS::ECS", "Table", "servi-searc.example.com_remote"];
const STATISTICS = [
  ["latency", "Average"],
  ["latency", "p50"],
  ["latency", "p90"],
  ["latency", "p95"],
  ["latency", "p99"],
  ["requests", "Sum"],
  ["availability", "Average"],
] as const;

type Now = Readonly<Record<string, { requests: number; seconds: number; availability: number } | null>>;

/** A metrics file in the original layout: three rows of heading, then the index's name. */
function metricsFile(rows: readonly (readonly [at: number, now: Now])[]): string {
  const columns = NODES.flatMap((node) => STATISTICS.map(([metric, statistic]) => ({ node, metric, statistic })));
  const heading = [
    ["microservice", ...columns.map((c) => c.node)],
    ["metric", ...columns.map((c) => c.metric)],
    ["statistic", ...columns.map((c) => c.statistic)],
    ["unix_timestamp", ...columns.map(() => "")],
  ];
  const lines = rows.map(([at, now]) => [
    String(at),
    ...columns.map(({ node, metric, statistic }) => {
      const said = now[node];
      if (said === null || said === undefined) return "";
      if (metric === "requests") return String(said.requests);
      if (metric === "availability") return String(said.availability * 100);
      const spread = { Average: 1, p50: 0.8, p90: 1.5, p95: 2, p99: 3, Sum: 0 }[statistic];
      return String(said.seconds * spread);
    }),
  ]);
  return [...heading, ...lines].map((row) => row.join(",")).join("\n");
}

const usual = (i: number): Now => {
  const breath = 1 + 0.03 * Math.sin(i * 2.4);
  return {
    Site: { requests: 500, seconds: 0.1 * breath, availability: 1 },
    "Search_AWS::ECS": { requests: 800, seconds: 0.02 * breath, availability: 1 },
    Table: { requests: 800, seconds: 0.005 * breath, availability: 1 },
    "servi-searc.example.com_remote": { requests: 60, seconds: 0.03 * breath, availability: 1 },
  };
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "faultline-petshop-"));
  const scenario = join(folder, "dataset", "quiet_hours");
  for (const name of ["noissue", "test/issue_0", "test/issue_1"]) mkdirSync(join(scenario, name), { recursive: true });
  const at = (i: number) => START + i * STEP_SECONDS;
  writeFileSync(
    join(scenario, "noissue", "metrics.csv"),
    metricsFile(Array.from({ length: 80 }, (_, i) => [at(i), usual(i)])),
  );
  writeFileSync(
    join(scenario, "graph.csv"),
    [
      ["", ...NODES].join(","),
      "Site,0,1,0,1",
      "Search_AWS::ECS,0,0,1,0",
      "Table,0,0,0,0",
      "servi-searc.example.com_remote,0,0,0,0",
    ].join("\n"),
  );
  const slow: Now = {
    ...usual(0),
    Site: { requests: 500, seconds: 0.16, availability: 1 },
    "Search_AWS::ECS": { requests: 800, seconds: 0.06, availability: 1 },
    "servi-searc.example.com_remote": { requests: 60, seconds: 0.5, availability: 1 },
  };
  const failing: Now = {
    ...usual(0),
    Site: { requests: 500, seconds: 0.1, availability: 0.97 },
    Table: { requests: 800, seconds: 0.005, availability: 0.98 },
    "Search_AWS::ECS": { requests: 800, seconds: 0.02, availability: 0.98 },
  };
  const alarm = at(-500);
  const issue = (now: Now) =>
    metricsFile([-2, -1, 0, 1, 2].map((i) => [alarm + i * STEP_SECONDS + 60, i === 0 || i === 1 ? now : usual(i)]));
  writeFileSync(join(scenario, "test/issue_0", "metrics.csv"), issue(slow));
  writeFileSync(join(scenario, "test/issue_1", "metrics.csv"), issue(failing));
  const line = (n: number, metric: string, truth: string) => ({
    id: `quiet_hours/test/issue_${n}`,
    scenario: "quiet_hours",
    metrics: `dataset/quiet_hours/test/issue_${n}/metrics.csv`,
    normal: n === 0 ? "dataset/quiet_hours/noissue/metrics.csv" : null,
    topology: "dataset/quiet_hours/graph.csv",
    target: { node: "Site", metric, agg: "Average", timestamp: alarm },
    root_cause: { node: truth },
  });
  const lines = [line(0, "latency", "Search_AWS::ECS"), line(1, "availability", "Table")];
  writeFileSync(join(folder, "cases.jsonl"), lines.map((one) => JSON.stringify(one)).join("\n"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the files", () => {
  it("become rows of nodes that had requests", () => {
    const file = join(folder, "one.csv");
    writeFileSync(
      file,
      metricsFile([[START, { Site: { requests: 10, seconds: 0.2, availability: 0.9 }, Table: null }]]),
    );
    const [row] = petshopRows(file);
    expect(row!.at).toBe(START);
    expect(row!.samples.map(({ node }) => node)).toEqual(["Site"]);
    expect(row!.samples[0]).toMatchObject({ requests: 10, latencySeconds: 0.2 });
    expect(row!.samples[0]!.availability).toBeCloseTo(0.9);
  });

  it("say who calls whom, and which cases there are", () => {
    const [first, second] = petshopCases(folder);
    expect(petshopCalls(first!.files.graph)).toEqual([
      ["Site", "Search_AWS::ECS"],
      ["Site", "servi-searc.example.com_remote"],
      ["Search_AWS::ECS", "Table"],
    ]);
    expect(first).toMatchObject({ target: "Site", indicator: "LATENCY", truth: "Search_AWS::ECS" });
    expect(second).toMatchObject({ indicator: "ERRORS", files: { normal: null } });
  });

  it("become OTLP metrics whose counts and sums are those of the files", () => {
    const file = join(folder, "one.csv");
    writeFileSync(file, metricsFile([[START, { Site: { requests: 10, seconds: 0.2, availability: 0.9 } }]]));
    const [request] = [...petshopRequests(petshopRows(file), [["Site", "Table"]])];
    expect(request!.at).toBe(START);
    expect(request!.body).toMatchObject({
      resourceMetrics: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "Site" } }] },
          scopeMetrics: [
            {
              metrics: [
                { name: "traces.span.metrics.calls", sum: { dataPoints: [{ asInt: "9" }, { asInt: "1" }] } },
                {
                  name: "traces.span.metrics.duration",
                  histogram: { dataPoints: [{ count: "10", sum: 2, bucketCounts: ["5", "4", "1", "0", "0"] }] },
                },
              ],
            },
          ],
        },
        { scopeMetrics: [{ metrics: [{ name: "traces_service_graph_request_total" }] }] },
      ],
    });
  });
});

it("through the engine: faults are found where they are, quiet windows are quiet", { timeout: 240_000 }, async () => {
  const lines: string[] = [];
  const results = await runPetshop(folder, "tiny", { maxCases: 3, tell: (line) => lines.push(line) });
  const faults = results.filter((one) => !one.control);
  expect(faults.map((one) => [one.group, one.rank, one.answer, one.verdict])).toEqual([
    ["tiny quiet_hours latency", 1, "Search_AWS::ECS", "FOUND"],
    ["tiny quiet_hours availability", 1, "Table", "FOUND"],
  ]);
  const quiet = results.filter((one) => one.control);
  expect(quiet).toHaveLength(3);
  expect(quiet.map((one) => one.verdict)).toEqual(["NO_FAULT", "NO_FAULT", "NO_FAULT"]);
  expect(lines).toHaveLength(results.length);
});
