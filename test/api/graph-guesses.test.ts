// Where calls went that nobody saw arrive, and which unknown callers are known.
// In: rows by hand. Out: rows whose guesses were put where the rest says, and nothing else changed.
import { expect, test } from "vitest";
import { placeGuesses } from "../../api/graph-guesses.ts";
import type { GraphEdgeRow, GraphEntityRow } from "../../storage/graph-reads.ts";
import { edge } from "./graph-rows.ts";

const guess = (from: string, to: string, more: Partial<GraphEdgeRow> = {}) =>
  edge(from, to, { EvidenceWords: ["inferred"], CallerRequests: 5, ...more });
const told = (from: string, to: string, more: Partial<GraphEdgeRow> = {}) =>
  edge(from, to, { Source: "access_logs", EvidenceWords: ["access-log"], CallerRequests: 9, ...more });
const seen = (service: string, cluster: string, namespace = "shop"): GraphEntityRow => ({
  AtCluster: cluster,
  AtNamespace: namespace,
  AtService: service,
  AtVersion: "",
  AtInstance: "",
  Runtimes: [],
  Isolations: [],
  Nodes: [],
  LastSeen: 0,
  Telemetry: true,
});
/** Where the rows lead, as text. */
const targets = (rows: readonly GraphEdgeRow[], entities: readonly GraphEntityRow[] = []): string[] =>
  placeGuesses(rows, entities).map((row) => `${row.Source} ${row.ToCluster}/${row.ToNamespace}/${row.ToService}`);

test("a guess goes to the proven place of that name which the same caller calls most", () => {
  const west = edge("cart", "stock", { ToCluster: "west", CallerRequests: 3, CalleeRequests: 3 });
  const north = edge("cart", "stock", { ToCluster: "north", CallerRequests: 30, CalleeRequests: 30 });
  expect(targets([guess("cart", "stock"), west, north])[0]).toBe("spans north/shop/stock");
});

test("a place that telemetry comes from is no guess", () => {
  const west = edge("cart", "stock", { ToCluster: "west", CallerRequests: 30, CalleeRequests: 30 });
  expect(targets([guess("cart", "stock"), west], [seen("stock", "east")])[0]).toBe("spans east/shop/stock");
});

test("where access logs name the namespace of a callee without telemetry, spans follow, also those of another caller", () => {
  const named = told("cart", "legacy", { ToNamespace: "old" });
  expect(targets([guess("cart", "legacy"), guess("web", "legacy"), named])).toEqual([
    "spans east/old/legacy",
    "spans east/old/legacy",
    "access_logs east/old/legacy",
  ]);
});

test("of a name that is proven in several clusters, the guessed cluster's is taken, else none", () => {
  const places = [seen("stock", "west", "a"), seen("stock", "north", "b")];
  expect(targets([guess("cart", "stock")], places)).toEqual(["spans east/shop/stock"]);
  expect(targets([guess("cart", "stock")], [...places, seen("stock", "east", "c")])).toEqual(["spans east/c/stock"]);
  expect(targets([guess("cart", "stock")], places.slice(0, 1))).toEqual(["spans west/a/stock"]);
});

test("access logs keep what arrived somewhere without a proxy, and move only what never arrived, within its namespace", () => {
  const west = told("cart", "stock", { ToCluster: "west", CalleeRequests: 9 });
  expect(targets([told("cart", "stock", { NeverArrived: 9 }), west])[0]).toBe("access_logs west/shop/stock");
  expect(targets([told("cart", "stock", { NeverArrived: 2 }), west])[0]).toBe("access_logs east/shop/stock");
  const elsewhere = told("cart", "stock", { ToCluster: "west", ToNamespace: "old", CalleeRequests: 9 });
  expect(targets([told("cart", "stock", { NeverArrived: 9 }), elsewhere])[0]).toBe("access_logs east/shop/stock");
});

test("databases, proven edges and levels without names stay", () => {
  const rows = [
    guess("cart", "postgresql:stock", { ToKind: "database" }),
    edge("cart", "stock", { CallerRequests: 4, CalleeRequests: 4 }),
    guess("", "", { FromKind: "service", ToNamespace: "" }),
  ];
  expect(placeGuesses(rows, [seen("stock", "west")])).toEqual(rows);
});

test("callers without proxies are unknown to access logs; spans know them", () => {
  const unknown = told("", "stock", { CallerRequests: 0, CalleeRequests: 9 });
  const known = edge("cart", "stock", { CallerRequests: 4, CalleeRequests: 4 });
  const root = edge("", "stock", { CalleeRequests: 1 });
  expect(targets([unknown, known])).toEqual(["spans east/shop/stock"]);
  // Spans of true roots: somebody unknown does call.
  expect(targets([unknown, known, root])).toHaveLength(3);
  // The caller has a proxy whose own logs would have named it.
  expect(targets([unknown, known, told("cart", "pay")])).toHaveLength(3);
});
