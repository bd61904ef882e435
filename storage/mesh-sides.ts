// What one side of an edge saw, added up from increases of mesh metrics.
// In: increases. Out: calls by outcome, durations, bytes, flags, retries, calls with and without mutual TLS.
// Bounds: pure; fields are sums, whole where the increases are.
import { HISTOGRAM_BUCKETS, HISTOGRAM_FLOOR_NS, HISTOGRAM_GROWTH, bucketOf } from "../model/histogram.ts";
import { judgeOutcome, type Outcome, splitFlags } from "../model/outcome.ts";
import type { MeshIncrease, MeshLabels, MeshRise } from "./mesh-metrics.ts";

/** What one side saw. Calls are requests, or connections where the protocol is tcp. */
export interface MeshSide {
  calls: number;
  failed: number;
  degraded: number;
  cancelled: number;
  retries: number;
  durationMs: number;
  /** Observations behind `durationMs` and `histogram`. */
  timed: number;
  /** Buckets of model/histogram.ts, fractions. */
  readonly histogram: number[];
  requestBytes: number;
  responseBytes: number;
  messages: number;
  /** Calls known to be with and without mutual TLS. */
  secured: number;
  plain: number;
  readonly flags: Record<string, number>;
}

// A gRPC library of old wrote -1 as an unsigned number.
const MAX_GRPC_STATUS = 16;
const NS_PER_MS = 1e6;

/** A side that has seen nothing. */
export function newSide(): MeshSide {
  return {
    calls: 0,
    failed: 0,
    degraded: 0,
    cancelled: 0,
    retries: 0,
    durationMs: 0,
    timed: 0,
    histogram: [],
    requestBytes: 0,
    responseBytes: 0,
    messages: 0,
    secured: 0,
    plain: 0,
    flags: {},
  };
}

/** Adds what one report says; `retriesAlone` of Envoy's statistics, where others tell the rest. */
export function addIncrease(side: MeshSide, { labels, rises }: MeshIncrease, retriesAlone: boolean): void {
  for (const rise of rises) {
    if (rise.measure === "upstream_retries") side.retries += rise.amount;
    else if (!retriesAlone) addRise(side, labels, rise);
  }
}

function addRise(side: MeshSide, labels: MeshLabels, rise: MeshRise): void {
  const { amount, total } = rise;
  switch (rise.measure) {
    case "requests":
      addCalls(side, labels, amount);
      addOutcome(side, labels, amount);
      addFlags(side, labels, amount);
      break;
    case "tcp_connections_opened":
      addCalls(side, labels, amount);
      break;
    case "upstream_requests":
      side.calls += amount;
      break;
    case "upstream_response_classes":
      addOutcome(side, labels, amount);
      break;
    case "request_duration_ms":
    case "upstream_duration_ms":
      side.durationMs += total;
      side.timed += amount;
      addDurations(side.histogram, rise);
      break;
    case "request_bytes":
      side.requestBytes += total;
      break;
    case "response_bytes":
      side.responseBytes += total;
      break;
    case "tcp_request_bytes":
      side.requestBytes += amount;
      break;
    case "tcp_response_bytes":
      side.responseBytes += amount;
      break;
    case "request_messages":
    case "response_messages":
      side.messages += amount;
      break;
    case "tcp_connections_closed":
      // Only at its end is a connection known to have failed.
      if (splitFlags(labels.flags).length > 0) side.failed += amount;
      addFlags(side, labels, amount);
      break;
    default:
  }
}

function addCalls(side: MeshSide, labels: MeshLabels, amount: number): void {
  side.calls += amount;
  if (labels.security === "mutual_tls") side.secured += amount;
  else if (labels.security === "none") side.plain += amount;
}

function addFlags(side: MeshSide, labels: MeshLabels, amount: number): void {
  if (amount === 0) return;
  for (const flag of splitFlags(labels.flags)) side.flags[flag] = (side.flags[flag] ?? 0) + amount;
}

function addOutcome(side: MeshSide, labels: MeshLabels, amount: number): void {
  const outcome = outcomeOf(labels);
  if (outcome !== "ok") side[outcome] += amount;
}

function outcomeOf(labels: MeshLabels): Outcome {
  const { code, grpc_status: status } = labels;
  const httpStatus = /^[1-5]xx$/.test(code) ? Number(code[0]) * 100 : /^\d+$/.test(code) ? Number(code) : -1;
  const grpcStatus = labels.protocol === "grpc" && /^\d+$/.test(status) ? Number(status) : -1;
  return judgeOutcome({
    // No status at all: the caller got no answer.
    spanError: code === "0" || code === "-",
    isServerSide: labels.reporter !== "source",
    httpStatus,
    grpcStatus: grpcStatus > MAX_GRPC_STATUS ? -1 : grpcStatus,
    responseFlags: labels.flags,
  });
}

/** Adds a histogram of milliseconds: each bucket's observations are spread evenly on the logarithmic scale between its bounds. */
function addDurations(histogram: number[], { starts, bounds, counts }: MeshRise): void {
  if (counts.length > 0) while (histogram.length < HISTOGRAM_BUCKETS) histogram.push(0);
  for (const [i, bound] of bounds.entries()) {
    const count = counts[i] ?? 0;
    if (count <= 0) continue;
    const from = position((starts[i] ?? 0) * NS_PER_MS);
    // Above the last bound nothing is known but that it is above.
    const to = bound === null ? from : position(bound * NS_PER_MS);
    if (to - from < 1e-9) {
      const index = Math.min(HISTOGRAM_BUCKETS - 1, Math.floor(from));
      histogram[index] = (histogram[index] ?? 0) + count;
      continue;
    }
    for (let index = Math.floor(from); index < to && index < HISTOGRAM_BUCKETS; index++) {
      const share = (Math.min(to, index + 1) - Math.max(from, index)) / (to - from);
      histogram[index] = (histogram[index] ?? 0) + count * share;
    }
  }
}

/** Where a duration lies among the buckets: whole part the bucket, fraction inside it. */
function position(ns: number): number {
  if (ns <= 0) return 0;
  if (ns < HISTOGRAM_FLOOR_NS) return ns / HISTOGRAM_FLOOR_NS;
  const exact = 1 + Math.log(ns / HISTOGRAM_FLOOR_NS) / Math.log(HISTOGRAM_GROWTH);
  return Math.min(HISTOGRAM_BUCKETS - 1e-6, Math.max(exact, bucketOf(ns)));
}
