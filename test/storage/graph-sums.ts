// What graph reads have to answer, by brute force over the buckets, and both in a form that can be compared.
import type { GraphEdgeRow, GraphNodeRow } from "../../storage/graph-reads.ts";
import type { Storage } from "../../storage/client.ts";

const ENDS = ["Kind", "Cluster", "Namespace", "Service", "Version"];

type Figures = Record<string, Record<string, unknown>>;

function trimmed(values: Record<string, unknown>): Record<string, unknown> {
  const cut = (counts: unknown) => {
    const list = [...(counts as number[])];
    while (list.at(-1) === 0) list.pop();
    return list;
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, name.endsWith("istogram") ? cut(value) : value]),
  );
}

/** Edges by their place and source. */
export function edgeFigures(rows: readonly GraphEdgeRow[]): Figures {
  const entries = rows.map((row): [string, Record<string, unknown>] => {
    const { FromInstance, ToInstance, EvidenceWords, Flags, ...rest } = row;
    const values: Record<string, unknown> = { ...rest };
    const parts = ["From", "To"].flatMap((side) => ENDS.map((end) => values[`${side}${end}`]));
    const key = [...parts, row.EdgeProtocol, row.Source, FromInstance, ToInstance].join("|");
    const flags = Object.fromEntries(Object.entries(Flags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    return [key, { ...trimmed(values), EvidenceWords: EvidenceWords.toSorted(), Flags: flags }];
  });
  expectUnique(entries);
  return Object.fromEntries(entries);
}

/** Operations by their place. */
export function nodeFigures(rows: readonly GraphNodeRow[]): Figures {
  const entries = rows.map((row): [string, Record<string, unknown>] => {
    const key = [row.AtCluster, row.AtNamespace, row.AtService, row.AtVersion, row.AtOperation].join("|");
    return [key, trimmed({ ...row })];
  });
  expectUnique(entries);
  return Object.fromEntries(entries);
}

function expectUnique(entries: readonly (readonly [string, unknown])[]): void {
  const keys = entries.map(([key]) => key);
  if (new Set(keys).size !== keys.length) throw new Error("two rows of one place");
}

async function rowsOf<Row>(storage: Storage, query: string): Promise<Row[]> {
  const result = await storage.client.query({ query, format: "JSONEachRow" });
  return result.json<Row>();
}

/** Edges of [from, to) straight from edge_buckets, by version. */
export async function bruteEdges(storage: Storage, from: number, to: number): Promise<Figures> {
  const ends = ["Src", "Dst"].flatMap((side) =>
    ENDS.map((end) => `${side}${end} AS ${side === "Src" ? "From" : "To"}${end}`),
  );
  const renamed: Readonly<Record<string, string>> = {
    CallerCalls: "CallerRequests",
    CallerFailed: "CallerFailures",
    CallerDegraded: "CallerDegradations",
    CalleeCalls: "CalleeRequests",
    CalleeFailed: "CalleeFailures",
    CalleeDegraded: "CalleeDegradations",
  };
  const others =
    "CallerCancelled CallerNs CalleeCancelled CalleeNs NeverArrived OriginFailed GapNs ProxyNs Retries RequestBytes ResponseBytes";
  const more = "SecuredCalls PlainCalls OffsetNs OffsetCalls";
  const columns = [...Object.keys(renamed), ...others.split(" "), ...more.split(" ")];
  const sums = columns.map((column) => `sum(b.${column}) AS ${renamed[column] ?? column}`);
  sums.push("sumIf(b.CalleeCalls, b.SrcKind = 'unknown' AND b.Evidence = 'inferred') AS OrphanRequests");
  const rows = await rowsOf<GraphEdgeRow>(
    storage,
    `SELECT ${ends.join(", ")}, '' AS FromInstance, '' AS ToInstance, Protocol AS EdgeProtocol, Source,
       groupUniqArray(b.Evidence) AS EvidenceWords, sumForEach(b.CallerHist) AS CallerHistogram,
       sumForEach(b.CalleeHist) AS CalleeHistogram, sumMap(b.Flags) AS Flags, ${sums.join(", ")}
     FROM edge_buckets AS b WHERE Tenant = 'default' AND Bucket >= ${from} AND Bucket < ${to}
     GROUP BY ALL`,
  );
  return edgeFigures(rows);
}

/** Operations of [from, to) straight from operation_buckets, by version. */
export async function bruteNodes(storage: Storage, from: number, to: number): Promise<Figures> {
  const rows = await rowsOf<GraphNodeRow>(
    storage,
    `SELECT Cluster AS AtCluster, Namespace AS AtNamespace, Service AS AtService, Version AS AtVersion, '' AS AtInstance,
       Operation AS AtOperation, sum(b.Requests) AS RequestCount, sum(b.Failed) AS FailureCount, sum(b.Degraded) AS DegradationCount,
       sum(b.Cancelled) AS CancelledCount, sum(b.OriginFailed) AS OriginFailedCount, sum(b.TotalNs) AS TotalNs,
       sum(b.SelfNs) AS SelfNs, sumForEach(b.Hist) AS Histogram
     FROM operation_buckets AS b WHERE Tenant = 'default' AND Bucket >= ${from} AND Bucket < ${to}
     GROUP BY ALL`,
  );
  return nodeFigures(rows);
}
