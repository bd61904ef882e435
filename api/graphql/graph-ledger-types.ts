// GraphQL types of what is told of an edge's calls: both sides of the ledger, retries, flags, security, bytes.
// In: a builder. Out: references for the types that GraphEdge shows.
// Bounds: everything is derived from the chosen ledger when it is asked for; what no source told is null.
import { histogramCount, quantileMs } from "../../model/histogram.ts";
import type { ChosenLedger, LedgerSide, LedgerSource } from "../../model/ledger.ts";
import {
  basisOf,
  type FlagCount,
  flagsOf,
  meanGapMs,
  MTLS_STATES,
  mtlsOf,
  type MtlsState,
  type Retries,
  retriesOf,
} from "../graph-edges.ts";
import type { ApiBuilder } from "./builder.ts";

interface SideOfLedger {
  readonly side: LedgerSide;
  readonly basis: LedgerSource | null;
}

function sideOf(side: LedgerSide, basis: LedgerSource | null): SideOfLedger | null {
  return side.calls === 0 ? null : { side, basis };
}

function meanMs({ ns, histogram }: LedgerSide): number | null {
  const count = histogramCount(histogram);
  return count === 0 ? null : ns / count / 1e6;
}

/** Adds the types of an edge's ledger. */
export function addLedgerTypes(builder: ApiBuilder) {
  const source = builder.enumType("LedgerSource", {
    description:
      "Who counted. Sources tell of the same calls and are never added: the one that saw most is believed; within 2 %, spans before access logs before metrics.",
    values: {
      SPANS: { value: "spans" },
      ACCESS_LOGS: { value: "access_logs" },
      METRICS: { value: "metrics" },
    } as const,
  });
  const side = builder.objectRef<SideOfLedger>("LedgerSide").implement({
    description: "What one side of an edge saw. Outcomes are judged by protocol: gRPC by its status, HTTP by its code.",
    fields: (t) => ({
      calls: t.float({ resolve: (row) => row.side.calls }),
      failed: t.float({ description: "The server or the way to it failed.", resolve: (row) => row.side.failed }),
      degraded: t.float({ description: "4xx and alike.", resolve: (row) => row.side.degraded }),
      cancelled: t.float({
        description: "The caller left; nobody's failure.",
        resolve: (row) => row.side.cancelled,
      }),
      basis: t.field({ type: source, nullable: true, resolve: (row) => row.basis }),
      latencyMeanMs: t.float({ nullable: true, resolve: (row) => meanMs(row.side) }),
      latencyP50Ms: t.float({ nullable: true, resolve: (row) => quantileMs(row.side.histogram, 0.5) }),
      latencyP99Ms: t.float({ nullable: true, resolve: (row) => quantileMs(row.side.histogram, 0.99) }),
    }),
  });
  const retries = builder.objectRef<Retries>("Retries").implement({
    description: "Requests as their callers meant them, and the attempts that were made for them.",
    fields: (t) => ({
      requests: t.exposeFloat("requests"),
      attempts: t.exposeFloat("attempts"),
      factor: t.exposeFloat("factor", { nullable: true, description: "Attempts a request; 1 is no retries." }),
    }),
  });
  const flag = builder.objectRef<FlagCount>("ResponseFlagCount").implement({
    description: "Calls that Envoy or ztunnel marked with a response flag.",
    fields: (t) => ({
      flag: t.exposeString("flag"),
      count: t.exposeFloat("count"),
      owner: t.exposeString("owner", {
        description: "Where the fault lies: destination, edge, caller, local (the proxy), none, unknown.",
      }),
      meaning: t.exposeString("meaning"),
    }),
  });
  const ledger = builder.objectRef<ChosenLedger>("EdgeLedger").implement({
    description: "Both sides of an edge, kept apart: what left that did not arrive, and where the time between went.",
    fields: (t) => ({
      caller: t.field({
        type: side,
        nullable: true,
        description: "Null where nobody told.",
        resolve: (row) => sideOf(row.caller, row.callerBasis),
      }),
      callee: t.field({ type: side, nullable: true, resolve: (row) => sideOf(row.callee, row.calleeBasis) }),
      neverArrived: t.exposeFloat("neverArrived", { description: "Calls that left and that nobody saw arrive." }),
      originFailed: t.exposeFloat("originFailed", {
        description: "Failures of the caller below which nothing failed: they began on the way.",
      }),
      retries: t.field({ type: retries, resolve: retriesOf }),
      flags: t.field({ type: [flag], description: "Most frequent first.", resolve: flagsOf }),
      gapMs: t.float({
        nullable: true,
        description: "Mean time of a call between the caller's last span and the callee's first: network and queues.",
        resolve: (row) => meanGapMs(row.gapNs, row),
      }),
      proxyMs: t.float({
        nullable: true,
        description:
          "Mean time in the sidecars of both sides, told by spans of both applications and sidecars; null where it is not measured, and as known at a time.",
        // A missing measurement is stored as 0; sidecars that take no time at all do not exist.
        resolve: (row) => (row.proxyNs === 0 ? null : meanGapMs(row.proxyNs, row)),
      }),
      basis: t.field({
        type: source,
        nullable: true,
        description: "What the edge's rate rests on.",
        resolve: basisOf,
      }),
      latencyBasis: t.field({ type: source, nullable: true, resolve: (row) => row.latencyBasis }),
      samplingRatio: t.exposeFloat("samplingRatio", {
        nullable: true,
        description: "Calls in spans over calls of the basis; null where there is nothing to compare.",
      }),
      latencyRelativeError: t.exposeFloat("latencyRelativeError", {
        nullable: true,
        description: "The most that a percentile may be off by its buckets, as a share of it.",
      }),
    }),
  });
  const mtlsState = builder.enumType("MtlsState", {
    description: "SECURED: all calls of which it is known went by mutual TLS. UNKNOWN: nobody tells.",
    values: MTLS_STATES,
  });
  const mtls = builder.objectRef<{ state: MtlsState; securedRatio: number | null }>("EdgeMtls").implement({
    fields: (t) => ({
      state: t.expose("state", { type: mtlsState }),
      securedRatio: t.exposeFloat("securedRatio", {
        nullable: true,
        description: "Among the calls of which it is known.",
      }),
    }),
  });
  const bytes = builder.objectRef<ChosenLedger>("EdgeBytes").implement({
    description: "Bytes over the range, of TCP connections too.",
    fields: (t) => ({
      request: t.exposeFloat("requestBytes", { description: "From the caller to the callee." }),
      response: t.exposeFloat("responseBytes"),
    }),
  });
  return {
    source,
    ledger,
    mtls,
    bytes,
    mtlsOf,
    bytesOf: (row: ChosenLedger): ChosenLedger | null => (row.requestBytes + row.responseBytes > 0 ? row : null),
  };
}
