// Nodes of the graph: what each place answered, told by its own spans or by the calls that reached it.
// In: places, rows of what they answered, edges. Out: the contract's GraphNode as values.
// Rule: a place's own spans count, unless unsampled sources (access logs, metrics) saw more calls reach it; a place without telemetry of
// its own is told of by its callers. Latencies are its own where it has any.
// Bounds: linear in rows and edges; what was not measured is null.
import { type Entity, entityId } from "../model/entity.ts";
import { addHistogram } from "../model/histogram.ts";
import { LEDGER_TOLERANCE, type LedgerSource } from "../model/ledger.ts";
import type { GraphNodeRow } from "../storage/graph-reads.ts";
import { basisOf, outcomeSide, outcomesOf, type SecondsOf, trafficSide } from "./graph-edges.ts";
import { measure, type Measures, UNMEASURED } from "./graph-measures.ts";
import { operationOf, type Place, type Places } from "./graph-places.ts";
import { type EdgeSums, edgeCalls } from "./graph-sums.ts";
import { groupBy } from "../model/group-by.ts";
import type { HealthReason, OutcomeCounts } from "./health.ts";
import { instantOfSeconds } from "./instant.ts";

/** A place in the graph. */
export interface GraphNode extends Measures {
  readonly id: string;
  readonly entity: Entity;
  /** What its rate rests on; null where it has none. */
  readonly basis: LedgerSource | null;
  /** When it was last heard of, unix seconds; null where it is not known by telemetry of its own. */
  readonly lastSeen: number | null;
  /** Null: nothing can be measured there. */
  readonly counts: OutcomeCounts | null;
  readonly seconds: number;
  readonly histogram: readonly number[];
  /** RFC 3339; null for a place with requests, or that was heard of since. */
  readonly idleSince: string | null;
  /** Null unless asked for. */
  readonly reasons: readonly HealthReason[] | null;
}

/** What is known of a place beside its traffic. */
export interface Sighting {
  lastSeen: number;
  hasTelemetry: boolean;
}

/** Requests that a place answered; `basis` tells who counted them. */
interface Answers {
  requests: number;
  outcomes: { requests: number; failures: number; degradations: number; bytes: number };
  histogram: number[];
  basis: LedgerSource | null;
}

function noAnswers(basis: LedgerSource | null): Answers {
  return {
    requests: 0,
    outcomes: { requests: 0, failures: 0, degradations: 0, bytes: 0 },
    histogram: [],
    basis,
  };
}

function answersOf(rows: readonly GraphNodeRow[]): Answers {
  const sum = noAnswers("spans");
  for (const row of rows) {
    sum.requests += row.RequestCount;
    sum.outcomes.requests += row.RequestCount;
    sum.outcomes.failures += row.FailureCount;
    sum.outcomes.degradations += row.DegradationCount;
    // Almost every place has one row: its histogram need not be copied.
    sum.histogram = sum.histogram.length === 0 ? row.Histogram : addHistogram([...sum.histogram], row.Histogram);
  }
  return sum;
}

// `isOwn`: the place has telemetry, so failures are those that it gave; else they are what its callers got.
function inboundAnswers(edges: readonly EdgeSums[], isOwn: boolean): Answers {
  const sum = noAnswers(null);
  let most = 0;
  for (const { ledger } of edges) {
    const traffic = trafficSide(ledger);
    const outcomes = outcomesOf(isOwn ? traffic : outcomeSide(ledger));
    sum.requests += traffic.calls;
    sum.outcomes.requests += outcomes.requests;
    sum.outcomes.failures += outcomes.failures;
    sum.outcomes.degradations += outcomes.degradations;
    sum.outcomes.bytes += ledger.requestBytes + ledger.responseBytes;
    addHistogram(sum.histogram, traffic.histogram);
    if (edgeCalls(ledger) > most) {
      most = edgeCalls(ledger);
      sum.basis = basisOf(ledger);
    }
  }
  return sum;
}

// Calls that reached a place as unsampled sources count them, where they counted more than its own spans.
function isOutcounted(own: Answers, inbound: readonly EdgeSums[]): boolean {
  let calls = 0;
  let isUnsampled = false;
  for (const { ledger } of inbound) {
    calls += trafficSide(ledger).calls;
    if (basisOf(ledger) !== "spans" && trafficSide(ledger).calls > 0) isUnsampled = true;
  }
  return isUnsampled && calls > (1 + LEDGER_TOLERANCE) * own.requests;
}

/** Everything that nodes are made of. */
export interface NodeParts {
  readonly places: Iterable<Place>;
  readonly rowsOf: ReadonlyMap<Place, readonly GraphNodeRow[]>;
  readonly edges: readonly EdgeSums[];
  readonly sightings: ReadonlyMap<Place, Sighting>;
  readonly secondsOf: SecondsOf;
  /** End of the range, unix seconds. */
  readonly toSeconds: number;
}

/** A node for each place. */
export function makeNodes(parts: NodeParts): GraphNode[] {
  const { places, rowsOf, edges, sightings, secondsOf, toSeconds } = parts;
  const inboundOf = groupBy(edges, (edge) => edge.target);
  return [...places].map((place): GraphNode => {
    const { entity, id } = place;
    const seconds = secondsOf(entity.cluster);
    const sighting = sightings.get(place);
    const ownRows = rowsOf.get(place);
    const inbound = inboundOf.get(place) ?? [];
    const own = ownRows === undefined ? null : answersOf(ownRows);
    const lastSeen = sighting?.lastSeen ?? null;
    const node = { id, entity, lastSeen, seconds, idleSince: null, reasons: null };
    let told: Answers | null = own;
    if (own !== null && isOutcounted(own, inbound)) {
      const counted = inboundAnswers(inbound, true);
      told = own.histogram.length === 0 ? counted : { ...counted, histogram: own.histogram };
    } else if (own === null && inbound.length > 0) told = inboundAnswers(inbound, sighting?.hasTelemetry === true);
    // Known, and it would have told us: no traffic. Not known by its own telemetry: not measured.
    else if (own === null && sighting?.hasTelemetry === true && seconds > 0) {
      told = noAnswers("spans");
    }
    if (told === null) return { ...node, basis: null, counts: null, histogram: [], ...UNMEASURED };
    const { requests, outcomes, histogram, basis } = told;
    return {
      ...node,
      basis,
      counts: outcomes,
      histogram,
      idleSince: requests === 0 && lastSeen !== null && lastSeen < toSeconds ? instantOfSeconds(lastSeen) : null,
      ...measure(requests, outcomes, histogram, seconds),
    };
  });
}

/** An operation's node and the place that answers it. */
export interface OperationNode extends GraphNode {
  readonly service: Place;
}

/** A node for each operation, beside the nodes of their services. */
export function makeOperationNodes(
  rows: readonly GraphNodeRow[],
  places: Places,
  secondsOf: SecondsOf,
): OperationNode[] {
  return rows.map((row) => {
    const service = places.at(row);
    const entity = operationOf(service, row.AtOperation);
    const { requests, outcomes, histogram, basis } = answersOf([row]);
    const seconds = secondsOf(entity.cluster);
    return {
      id: entityId(entity),
      service,
      entity,
      lastSeen: null,
      basis,
      counts: outcomes,
      seconds,
      histogram,
      idleSince: null,
      reasons: null,
      ...measure(requests, outcomes, histogram, seconds),
    };
  });
}
