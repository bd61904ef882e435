// Edges of the graph, from their sums: which side's figures count, and what else is told of the calls.
// In: edges with their chosen ledger (api/graph-sums.ts). Out: the contract's GraphEdge as values.
// Rule: rate and latency are the callee's where something arrived and its cluster still tells, else the caller's; failures are the
// caller's where there is one, because it also sees what never arrived.
// Bounds: what no source told is null.
import type { ChosenLedger, LedgerSide, LedgerSource } from "../model/ledger.ts";
import { flagMeaning, type FlagOwner } from "../model/response-flags.ts";
import type { EdgeSums } from "./graph-sums.ts";
import { measure, type Measures, ratio } from "./graph-measures.ts";
import type { Place } from "./graph-places.ts";
import type { OutcomeCounts } from "./health.ts";

/** Seconds of the range that a cluster told of; '' is any cluster. */
export type SecondsOf = (cluster: string) => number;

/** A caller and a callee; `source` and `target` are ids of nodes of the same graph. */
export interface GraphEdge extends Measures {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly protocol: string;
  readonly evidence: readonly string[];
  readonly confidence: number;
  /** Null where a cluster is not known or clusters are merged. */
  readonly isCrossCluster: boolean | null;
  readonly ledger: ChosenLedger;
  /** Calls and seconds that the rate is made of. */
  readonly calls: number;
  readonly seconds: number;
  readonly outcomes: OutcomeCounts;
  readonly histogram: readonly number[];
}

/** How calls are secured: all known ones by mutual TLS, none of them, some, or nobody tells. */
export const MTLS_STATES = ["SECURED", "PLAIN", "MIXED", "UNKNOWN"] as const;
export type MtlsState = (typeof MTLS_STATES)[number];

/** Attempts that are made of logical requests: `factor` is attempts a request, null without requests. */
export interface Retries {
  readonly requests: number;
  readonly attempts: number;
  readonly factor: number | null;
}

/** A response flag of an edge's calls, with who answers for it. */
export interface FlagCount {
  readonly flag: string;
  readonly count: number;
  readonly owner: FlagOwner;
  readonly meaning: string;
}

/** The side whose rate and latency count; the histogram may be the other's where this one has none. */
export function trafficSide(ledger: ChosenLedger, isCalleeSilent = false): LedgerSide {
  const isCallee = ledger.callee.calls > 0 && !(isCalleeSilent && ledger.caller.calls > 0);
  return isCallee ? ledger.callee : ledger.caller;
}

/** Calls by outcome of a side; a caller that left is neither a failure nor a degraded answer. */
export function outcomesOf(side: LedgerSide): OutcomeCounts {
  return { requests: side.calls, failures: side.failed, degradations: side.degraded };
}

/** The side whose failures count. */
export function outcomeSide(ledger: ChosenLedger): LedgerSide {
  return ledger.caller.calls > 0 ? ledger.caller : ledger.callee;
}

/** The source that an edge's rate rests on; null where no calls are told. */
export function basisOf(ledger: ChosenLedger): LedgerSource | null {
  return ledger.callee.calls > 0 ? ledger.calleeBasis : ledger.callerBasis;
}

/** The state of mutual TLS and the share of the calls known to be secured among those that are known at all (0..1). */
export function mtlsOf({ securedCalls, plainCalls }: ChosenLedger): {
  state: MtlsState;
  securedRatio: number | null;
} {
  const securedRatio = ratio(securedCalls, securedCalls + plainCalls);
  if (securedRatio === null) return { state: "UNKNOWN", securedRatio };
  return { state: securedRatio === 1 ? "SECURED" : securedRatio === 0 ? "PLAIN" : "MIXED", securedRatio };
}

/**
 * Requests as their callers meant them and the attempts made for them. Attempts are told by the caller's side; where one source tells of both
 * sides and is all there is, what arrived beyond what left was attempted too.
 */
export function retriesOf(ledger: ChosenLedger): Retries {
  const { caller, callee } = ledger;
  const arrived = ledger.callerBasis === ledger.calleeBasis ? callee.calls : 0;
  const attempts = caller.calls === 0 ? callee.calls : Math.max(caller.calls + ledger.retries, arrived);
  const requests = caller.calls === 0 ? callee.calls : caller.calls;
  return { requests, attempts, factor: ratio(attempts, requests) };
}

/** The flags of an edge, most frequent first. */
export function flagsOf({ flags }: ChosenLedger): FlagCount[] {
  return Object.entries(flags)
    .map(([flag, count]) => {
      const { owner, name } = flagMeaning(flag);
      return { flag, count, owner, meaning: name };
    })
    .toSorted((a, b) => b.count - a.count || (a.flag < b.flag ? -1 : 1));
}

/** Mean of a time that is a sum over calls with a known gap, milliseconds; null where no call has one. */
export function meanGapMs(ns: number, ledger: ChosenLedger): number | null {
  return ledger.gapCalls === 0 ? null : ns / ledger.gapCalls / 1e6;
}

/** The stable id of an edge: caller, callee and protocol. The node that an instance runs on is no part of it. */
export function edgeId(source: Place, target: Place, protocol: string): string {
  // As entityId writes an EDGE. The kind of the caller matters too: a queue and a service may share a name.
  const parts = source.bareId.slice(source.bareId.indexOf(":"));
  return `${source.entity.kind.toLowerCase()}-edge${parts}>${target.bareId}#${encodeURIComponent(protocol)}`;
}

function isCrossCluster(source: Place, target: Place): boolean | null {
  const [from, to] = [source.entity.cluster, target.entity.cluster];
  return from === "" || to === "" ? null : from !== to;
}

function evidenceOf({ accounts }: EdgeSums): readonly string[] {
  const [only] = accounts;
  if (accounts.length === 1 && only !== undefined && only.words.length < 2) return only.words;
  return [...new Set(accounts.flatMap((account) => account.words))].toSorted();
}

/** An edge of the graph; `isSilent` tells of clusters that fell silent within the range. */
export function makeEdge(
  sums: EdgeSums,
  confidence: number,
  secondsOf: SecondsOf,
  isSilent: (cluster: string) => boolean,
): GraphEdge {
  const { source, target, protocol, ledger } = sums;
  const side = trafficSide(ledger, isSilent(target.entity.cluster));
  const cluster = side === ledger.callee ? target.entity.cluster : source.entity.cluster;
  const seconds = secondsOf(cluster);
  const other = side === ledger.callee ? ledger.caller : ledger.callee;
  const histogram = side.histogram.length > 0 ? side.histogram : other.histogram;
  // Bytes tell of a connection that was open before the range, where a protocol has no requests.
  const outcomes = { ...outcomesOf(outcomeSide(ledger)), bytes: ledger.requestBytes + ledger.responseBytes };
  return {
    id: edgeId(source, target, protocol),
    source: source.id,
    target: target.id,
    protocol,
    evidence: evidenceOf(sums),
    confidence,
    isCrossCluster: isCrossCluster(source, target),
    ledger,
    calls: side.calls,
    seconds,
    outcomes,
    histogram,
    ...measure(side.calls, outcomes, histogram, seconds),
  };
}
