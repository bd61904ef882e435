// Edges of the level OPERATION: callers and the operations that they called.
// In: operations with their figures, calls by caller where raw spans tell of them. Out: edges from a calling service to an operation; an
// operation whose callers are not known hangs on its own service, so that it has its place in the graph.
// Bounds: linear in the rows; both ends of every edge are nodes.
import { entityId } from "../model/entity.ts";
import { chooseLedger, NO_EXTRAS, NO_SIDE } from "../model/ledger.ts";
import type { OperationCallRow } from "../storage/operation-calls.ts";
import { type GraphEdge, makeEdge, type SecondsOf } from "./graph-edges.ts";
import type { OperationNode } from "./graph-nodes.ts";
import { operationOf, type Place, type Places } from "./graph-places.ts";
import type { EdgeAccount } from "./graph-sums.ts";

// The caller is read off a pair of spans.
const PAIR_CONFIDENCE = 0.99;
const PROTOCOL_OF_A_PART = "operation";

function accountOf(row: OperationCallRow): EdgeAccount {
  return {
    ...NO_EXTRAS,
    source: "spans",
    words: ["span-pair"],
    orphans: 0,
    caller: NO_SIDE,
    callee: {
      calls: row.Calls,
      failed: row.Failures,
      degraded: row.Degradations,
      cancelled: row.Cancellations,
      ns: row.Ns,
      histogram: row.Histogram,
    },
  };
}

interface EdgeDraft {
  readonly source: Place;
  readonly target: OperationNode;
  readonly protocol: string;
  readonly confidence: number;
  readonly accounts: EdgeAccount[];
}

function operationPlace(node: OperationNode): Place {
  return { entity: node.entity, id: node.id, bareId: node.id };
}

function partOf(node: OperationNode): EdgeAccount {
  const { requests = 0, failures = 0, degradations = 0 } = node.counts ?? {};
  const callee = {
    ...NO_SIDE,
    calls: requests,
    failed: failures,
    degraded: degradations,
    histogram: node.histogram,
  };
  return { ...NO_EXTRAS, source: "spans", words: ["inferred"], orphans: 0, caller: NO_SIDE, callee };
}

/** The edges that lead to operations, with their callers, of which `places` may have to gain some. */
export function operationEdges(
  operations: readonly OperationNode[],
  calls: readonly OperationCallRow[],
  places: Places,
  secondsOf: SecondsOf,
): { source: Place; edge: GraphEdge }[] {
  const byId = new Map(operations.map((node) => [node.id, node]));
  const called = new Set<OperationNode>();
  const edges = new Map<string, EdgeDraft>();
  for (const row of calls) {
    const service = places.at({ ...row, AtVersion: "", AtInstance: "" });
    const target = byId.get(entityId(operationOf(service, row.AtOperation)));
    if (target === undefined) continue;
    called.add(target);
    const source = places.caller({ ...row, FromVersion: "", FromInstance: "" });
    const key = `${source.id}>${target.id}#${row.CallProtocol}`;
    const edge = edges.get(key);
    // Several rows of one edge: clusters that are merged.
    if (edge !== undefined) edge.accounts.push(accountOf(row));
    else {
      const accounts = [accountOf(row)];
      edges.set(key, { source, target, protocol: row.CallProtocol, confidence: PAIR_CONFIDENCE, accounts });
    }
  }
  for (const target of operations) {
    if (called.has(target)) continue;
    // The containment is certain; that nobody tells of the callers is said by the evidence.
    edges.set(target.id, {
      source: target.service,
      target,
      protocol: PROTOCOL_OF_A_PART,
      confidence: 1,
      accounts: [partOf(target)],
    });
  }
  return [...edges.values()].map(({ source, target, protocol, confidence, accounts }) => ({
    source,
    edge: makeEdge(
      { source, target: operationPlace(target), protocol, accounts, ledger: chooseLedger(accounts) },
      confidence,
      secondsOf,
      () => false,
    ),
  }));
}
