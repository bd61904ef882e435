// What storage holds of the graph, one line an edge or operation, as the *.golden files say it.
// In: a tenant. Out: sorted lines of edge_buckets and operation_buckets, histograms checked against the counts. An edge is one row of pairing,
// and another where time in proxies was measured; they are added up as every reader does.
// Bounds: version v1 and instance NAME-1 are left out, as are zeros.
import type { Storage } from "../../storage/client.ts";
import { T0_SECONDS } from "./trace-notation.ts";

/** Columns as text, whatever their type; Flags apart. */
interface Row {
  readonly text: (column: string) => string;
  readonly flags: Readonly<Record<string, number>>;
}

const EDGE_ENDS = ["Src", "Dst"].flatMap((end) =>
  ["Kind", "Cluster", "Namespace", "Service", "Version", "Instance"].map((part) => `${end}${part}`),
);
const EDGE_SUMS = ["Caller", "Callee"]
  .flatMap((side) => ["Calls", "Failed", "Degraded", "Cancelled", "Ns"].map((figure) => `${side}${figure}`))
  .concat("NeverArrived", "OriginFailed", "GapNs", "ProxyNs", "Retries", "OffsetNs", "OffsetCalls");

const EDGES = `
  SELECT toUnixTimestamp(Bucket) AS at, ${EDGE_ENDS.join(", ")}, Protocol, Evidence, countIf(e.ProxyNs = 0) AS PairedRows, count() AS AllRows,
    ${EDGE_SUMS.map((name) => `sum(e.${name}) AS ${name}`).join(", ")}, sumMap(e.Flags) AS Flags,
    sum(arraySum(e.CallerHist)) AS CallerHist, sum(arraySum(e.CalleeHist)) AS CalleeHist
  FROM edge_buckets AS e WHERE Tenant = {tenant:String} GROUP BY Bucket, ${EDGE_ENDS.join(", ")}, Protocol, Evidence`;
const OPERATIONS = `
  SELECT * REPLACE (arraySum(Hist) AS Hist, arraySum(SelfHist) AS SelfHist), toUnixTimestamp(Bucket) AS at
  FROM operation_buckets WHERE Tenant = {tenant:String}`;

async function readRows(storage: Storage, query: string, tenant: string): Promise<Row[]> {
  const result = await storage.client.query({
    query,
    query_params: { tenant },
    format: "JSONEachRow",
  });
  const rows = await result.json<Record<string, string | number> & { Flags: Record<string, number> }>();
  return rows.map((row) => ({ text: (column) => String(row[column] ?? ""), flags: row.Flags }));
}

const ms = (ns: string | number) => `${Number((Number(ns) / 1e6).toFixed(3))}ms`;
const second = (row: Row) => `${Number(row.text("at")) - T0_SECONDS}s`;

function workload(kind: string, parts: (string | undefined)[]): string {
  const [cluster = "", namespace = "", name = "", version = "", instance = ""] = parts;
  if (kind === "unknown") return "users";
  const usual = kind === "messaging" ? "east/" : "east/shop";
  const home = [usual, "/"].includes(`${cluster}/${namespace}`) ? "" : `${cluster}/${namespace}/`;
  const prefix = { service: "", database: "db:", messaging: "topic:", external: "host:" }[kind] ?? `${kind}:`;
  const tag = version === "v1" || version === "" ? "" : `@${version}`;
  const one = instance === `${name}-1` || instance === "" ? "" : `#${instance}`;
  return `${prefix}${home}${name}${tag}${one}`;
}

function side(row: Row, name: "Caller" | "Callee"): string {
  const calls = Number(row.text(`${name}Calls`));
  if (calls === 0) return "";
  const outcomes = ["Failed", "Degraded", "Cancelled"]
    .map((word) => ({ word, count: Number(row.text(`${name}${word}`)) }))
    .filter(({ count }) => count > 0)
    .map(({ word, count }) => ` (${count} ${word.toLowerCase()})`);
  const hist = row.text(`${name}Hist`);
  const counted = Number(hist) === calls ? "" : ` HISTOGRAM OF ${hist}`;
  return `${name.toLowerCase()} ${calls}${outcomes.join("")} ${ms(row.text(`${name}Ns`))}${counted}`;
}

function figures(row: Row, names: Readonly<Record<string, string>>): string[] {
  const counts = Object.entries(names)
    .filter(([column]) => Number(row.text(column)) > 0)
    .map(([column, word]) => `${word} ${column.endsWith("Ns") ? ms(row.text(column)) : row.text(column)}`);
  const flags = Object.entries(row.flags).map(([flag, count]) => `${flag}×${count}`);
  return flags.length === 0 ? counts : [...counts, `flags ${flags.sort().join(" ")}`];
}

/** The edges of a tenant. */
export async function edgeLines(storage: Storage, tenant: string): Promise<string[]> {
  const rows = await readRows(storage, EDGES, tenant);
  return rows
    .map((row) => {
      const end = (p: "Src" | "Dst") =>
        workload(
          row.text(`${p}Kind`),
          ["Cluster", "Namespace", "Service", "Version", "Instance"].map((f) => row.text(`${p}${f}`)),
        );
      if (row.text("PairedRows") !== "1" || Number(row.text("AllRows")) > 2) {
        throw new Error(
          `${row.text("AllRows")} rows, ${row.text("PairedRows")} of them of pairing: ${end("Src")} > ${end("Dst")}`,
        );
      }
      const facts = [
        side(row, "Caller"),
        side(row, "Callee"),
        ...figures(row, {
          NeverArrived: "never arrived",
          OriginFailed: "origin failed",
          GapNs: "gap",
          ProxyNs: "proxies",
          Retries: "retries",
          OffsetCalls: "clocks compared",
          OffsetNs: "clock ahead",
        }),
      ].filter((text) => text !== "");
      return `${second(row)} ${end("Src")} > ${end("Dst")} ${row.text("Protocol")} ${row.text("Evidence")}: ${facts.join(", ")}`;
    })
    .sort();
}

/** What each instance of a tenant did. */
export async function operationLines(storage: Storage, tenant: string): Promise<string[]> {
  const rows = await readRows(storage, OPERATIONS, tenant);
  return rows
    .map((row) => {
      const who = workload(
        "service",
        ["Cluster", "Namespace", "Service", "Version", "Instance"].map((f) => row.text(f)),
      );
      const facts = figures(row, {
        Requests: "requests",
        Failed: "failed",
        Degraded: "degraded",
        Cancelled: "cancelled",
        OriginFailed: "origin failed",
        TotalNs: "total",
        SelfNs: "own",
      });
      const [hist, operation] = [row.text("Hist"), row.text("Operation")];
      const counted = hist === row.text("Requests") ? "" : ` HISTOGRAM OF ${hist}`;
      return `${second(row)} ${who} ${operation === "" ? "-" : operation}: ${facts.join(", ")}${counted}`;
    })
    .sort();
}
