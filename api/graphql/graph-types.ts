// GraphQL types of the service graph.
// In: a builder and the entity types. Out: the field `serviceGraph`, and the types that others add fields to.
// Bounds: range, nodes and edges by options.ts; depth of the filter ≤ 10 hops. What nobody asks for (latencies, reasons) is not read.
import { checkRange } from "../arguments.ts";
import type { GraphEdge } from "../graph-edges.ts";
import type { GraphNode } from "../graph-nodes.ts";
import { askGraph, GRAPH_LEVELS, type GraphBasis, type ServiceGraph } from "../graph-query.ts";
import type { ClockSkew } from "../graph-skew.ts";
import type { SilentCluster } from "../graph.ts";
import { HEALTH_REASONS, HEALTH_WORDS, type HealthReason } from "../health.ts";
import { instantOfSeconds } from "../instant.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";
import { checkFilter, checkMerge } from "./graph-input-types.ts";
import { addLedgerTypes } from "./graph-ledger-types.ts";
import { selectedFields } from "./selected-fields.ts";

// Reasons speak of latencies too, and gaps are of the source whose latencies are believed.
function needsHistograms(fields: ReadonlySet<string>): boolean {
  const names = ["healthReasons", "gapMs", "proxyMs"];
  return names.some((name) => fields.has(name)) || [...fields].some((name) => name.startsWith("latency"));
}

/** Adds ServiceGraph and the field that asks for it. */
export function addGraphTypes(builder: ApiBuilder, places: EntityTypes) {
  const { entity, entityKind, timeRange, timeRangeInput } = places;
  const { source, ledger, mtls, mtlsOf, bytes, bytesOf } = addLedgerTypes(builder);
  const health = builder.enumType("Health", {
    description:
      "FAILING: 10 % of the requests failed, or more. DEGRADED: 1 % failed, or 10 % got degraded answers (4xx and alike). IDLE: no requests. UNKNOWN: nothing can be measured there.",
    values: HEALTH_WORDS,
  });
  const level = builder.enumType("GraphLevel", {
    description:
      "OPERATION is the level SERVICE with a node for each operation beside: edges join services, and callers with the operations that they call (an operation whose callers are not known hangs on its own service).",
    values: GRAPH_LEVELS,
  });
  const reasonCode = builder.enumType("HealthReasonCode", {
    description:
      "LATENCY: the 99th percentile is twice that of the time before (as long as the range, an hour at most), or more; it does not change the word.",
    values: HEALTH_REASONS,
  });
  const reason = builder.objectRef<HealthReason>("HealthReason").implement({
    fields: (t) => ({
      code: t.expose("code", { type: reasonCode }),
      summary: t.exposeString("summary", { description: "One sentence with figures." }),
    }),
  });
  const node = builder.objectRef<GraphNode>("GraphNode").implement({
    description: "Rates are over the part of the range that was analysed. What was not measured is null.",
    fields: (t) => ({
      entity: t.expose("entity", { type: entity }),
      requestsPerSecond: t.exposeFloat("requestsPerSecond", { nullable: true }),
      errorRatio: t.exposeFloat("errorRatio", { nullable: true }),
      latencyP50Ms: t.exposeFloat("latencyP50Ms", { nullable: true }),
      latencyP99Ms: t.exposeFloat("latencyP99Ms", { nullable: true }),
      health: t.expose("health", { type: health }),
      healthReasons: t.field({
        type: [reason],
        description: "Worst first; empty where all is well.",
        resolve: (row) => [...(row.reasons ?? [])],
      }),
      basis: t.field({
        type: source,
        nullable: true,
        description:
          "What the rate rests on; for a place without telemetry of its own, what its callers' largest edge rests on.",
        resolve: (row) => row.basis,
      }),
      idleSince: t.field({
        type: "DateTime",
        nullable: true,
        description:
          "For a place without requests: when it was last heard of, where that was before the end of the range.",
        resolve: (row) => row.idleSince,
      }),
    }),
  });
  const edge = builder.objectRef<GraphEdge>("GraphEdge").implement({
    description:
      "Rate and latency as the callee saw them where something arrived, else as the caller did; failures as the caller saw them where it can.",
    fields: (t) => ({
      id: t.exposeID("id"),
      source: t.exposeID("source", {
        description: "Entity.id of the caller and of the callee; both are among the graph's nodes.",
      }),
      target: t.exposeID("target"),
      protocol: t.exposeString("protocol"),
      evidence: t.stringList({
        description: "span-pair, link, access-log, source-reporter, destination-reporter, waypoint, ztunnel, inferred",
        resolve: (row) => [...row.evidence],
      }),
      confidence: t.exposeFloat("confidence", {
        description:
          "Probability that calls really went between these two: doubts of independent sources multiply; a source that watches both ends and tells of none lowers it.",
      }),
      requestsPerSecond: t.exposeFloat("requestsPerSecond", { nullable: true }),
      errorRatio: t.exposeFloat("errorRatio", { nullable: true }),
      latencyP50Ms: t.exposeFloat("latencyP50Ms", { nullable: true }),
      latencyP99Ms: t.exposeFloat("latencyP99Ms", { nullable: true }),
      health: t.expose("health", { type: health }),
      crossCluster: t.exposeBoolean("isCrossCluster", {
        nullable: true,
        description: "Null where a cluster is not known, or clusters are merged.",
      }),
      ledger: t.expose("ledger", { type: ledger }),
      mtls: t.field({ type: mtls, resolve: (row) => mtlsOf(row.ledger) }),
      bytes: t.field({
        type: bytes,
        nullable: true,
        description: "Null where nobody tells.",
        resolve: (row) => bytesOf(row.ledger),
      }),
    }),
  });
  const basis = builder.objectRef<GraphBasis>("GraphBasis").implement({
    description: "What a graph rests on.",
    fields: (t) => ({
      source: t.expose("source", { type: source }),
      seconds: t.exposeInt("seconds", { description: "Of the range, in which it told of any call." }),
      edges: t.exposeInt("edges", { description: "Shown edges whose rate is its." }),
    }),
  });
  const silent = builder.objectRef<SilentCluster>("SilentCluster").implement({
    description:
      "A cluster that told of calls in the range or the hour before, and then nothing for more than a minute.",
    fields: (t) => ({
      cluster: t.exposeString("cluster"),
      lastSeen: t.field({ type: "DateTime", resolve: (row) => instantOfSeconds(row.lastSeen) }),
    }),
  });
  const skew = builder.objectRef<ClockSkew>("ClockSkew").implement({
    description:
      "How far the clocks of two clusters are apart, by the middles of both spans of the calls between them. Times are shown as they were told.",
    fields: (t) => ({
      from: t.exposeString("from"),
      to: t.exposeString("to"),
      offsetMs: t.exposeFloat("offsetMs", { description: "The clock of `to` minus the clock of `from`." }),
      uncertaintyMs: t.exposeFloat("uncertaintyMs", {
        description:
          "Half of the mean time that the callee does not account for: the way may be that much longer one way.",
      }),
      calls: t.exposeFloat("calls"),
    }),
  });
  const grain = builder.enumType("GraphGrain", {
    description:
      "The coarsest table that was read; the ends of the range are always exact to 10 s where these are kept.",
    values: {
      TEN_SECONDS: { value: "buckets" },
      MINUTES: { value: "minutes" },
      HOURS: { value: "hours" },
    } as const,
  });
  const graph = builder.objectRef<ServiceGraph>("ServiceGraph").implement({
    fields: (t) => ({
      range: t.expose("range", {
        type: timeRange,
        description: "The range that was asked for, widened to whole buckets of 10 seconds.",
      }),
      coveredSeconds: t.int({
        description: "How much of the range was analysed; the rates are over this.",
        resolve: (row) => Math.round(row.coveredSeconds),
      }),
      nodes: t.field({ type: [node], resolve: ({ nodes }) => [...nodes] }),
      edges: t.field({ type: [edge], resolve: ({ edges }) => [...edges] }),
      truncated: t.exposeBoolean("truncated", {
        description: "There is more than one answer may hold; the busiest are shown.",
      }),
      partial: t.exposeBoolean("partial", {
        description:
          "Some of the range has no telemetry yet, is not analysed yet, or is missing for a cluster; `warnings` tell.",
      }),
      warnings: t.stringList({
        description: "What is missing or not final, a sentence each.",
        resolve: ({ warnings }) => [...warnings],
      }),
      grain: t.expose("grain", { type: grain }),
      basis: t.field({ type: [basis], resolve: (row) => [...row.basis] }),
      silentClusters: t.field({ type: [silent], resolve: ({ silentClusters }) => [...silentClusters] }),
      clockSkew: t.field({ type: [skew], resolve: ({ clockSkew }) => [...clockSkew] }),
    }),
  });
  const filter = builder.inputType("GraphFilter", {
    description: "Places that are in every list, and their neighbours. An empty list keeps none.",
    fields: (t) => ({
      clusters: t.stringList(),
      namespaces: t.stringList(),
      services: t.stringList(),
      depth: t.int({ description: "Hops of neighbours that come along, callers and callees alike, 0..10; default 1." }),
      upstream: t.int({
        description: "Hops of callers, 0..10. With `upstream` or `downstream` only their hops come along, not `depth`.",
      }),
      downstream: t.int({ description: "Hops of callees, 0..10." }),
      focus: t.idList({ description: "Entity.id of places; each stands for everything in it." }),
      operations: t.stringList({ description: "At the level OPERATION." }),
      health: t.field({ type: [health] }),
      kinds: t.field({ type: [entityKind] }),
    }),
  });
  builder.queryField("serviceGraph", (t) =>
    t.field({
      type: graph,
      args: {
        range: t.arg({ type: timeRangeInput, required: true }),
        level: t.arg({ type: level, required: true, defaultValue: "SERVICE" }),
        filter: t.arg({ type: filter }),
        knownAt: t.arg({
          type: "DateTime",
          description:
            "The graph as it was known then: computed anew from the spans and access logs that had been stored; an hour at most.",
        }),
        mergeClusters: t.arg.boolean({
          required: true,
          defaultValue: false,
          description: "One node for a service that runs in several clusters; its cluster is null.",
        }),
      },
      resolve: (_root, args, context, info) => {
        const { storage, tenant, limits } = context;
        checkRange(args.range, limits.maxGraphRangeSeconds);
        checkMerge(args.level, args.mergeClusters);
        const fields = selectedFields(info);
        return askGraph(storage, {
          tenant,
          range: args.range,
          level: args.level,
          filter: args.filter ? checkFilter(args.filter, args.level, args.mergeClusters) : null,
          knownAt: args.knownAt ?? null,
          mergeClusters: args.mergeClusters,
          histograms: needsHistograms(fields),
          reasons: fields.has("healthReasons"),
          skew: fields.has("clockSkew"),
          maxNodes: limits.maxGraphNodes,
          maxEdges: limits.maxGraphEdges,
          nowSeconds: context.now() / 1000,
        });
      },
    }),
  );
  return { node, edge, level, filter, health, grain, source };
}

/** References of `addGraphTypes`. */
export type GraphTypes = ReturnType<typeof addGraphTypes>;
