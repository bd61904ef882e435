// GraphQL types of the service graph.
// In: a builder and the entity types. Out: the field `serviceGraph`.
// Bounds: range, nodes and edges by options.ts; depth of the filter ≤ 10 hops.
import { checkRange } from "../arguments.ts";
import { type GraphFilter, MAX_DEPTH } from "../graph-filter.ts";
import { askGraph, GRAPH_LEVELS, type GraphLevel } from "../graph-query.ts";
import type { GraphEdge, GraphNode, ServiceGraph } from "../graph.ts";
import { HEALTH_WORDS } from "../health.ts";
import { refuse } from "../refusal.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";

const MAX_FILTER_NAMES = 200;

interface FilterInput {
  readonly clusters?: readonly string[] | null | undefined;
  readonly namespaces?: readonly string[] | null | undefined;
  readonly services?: readonly string[] | null | undefined;
  readonly depth?: number | null | undefined;
}

// Names that a level's places do not carry cannot choose among them.
function checkFilter(input: FilterInput, level: GraphLevel): GraphFilter {
  const blind: readonly (keyof FilterInput)[] =
    level === "CLUSTER" ? ["namespaces", "services"] : level === "NAMESPACE" ? ["services"] : [];
  for (const name of blind) {
    if ((input[name] ?? null) !== null) {
      throw refuse("BAD_ARGUMENT", `filter.${name} cannot be used at level ${level}: its nodes carry none.`);
    }
  }
  for (const name of ["clusters", "namespaces", "services"] as const) {
    if ((input[name]?.length ?? 0) > MAX_FILTER_NAMES) {
      throw refuse("BAD_ARGUMENT", `filter.${name} may name at most ${MAX_FILTER_NAMES}.`);
    }
  }
  const depth = input.depth ?? 1;
  if (depth < 0 || depth > MAX_DEPTH) {
    throw refuse("BAD_ARGUMENT", `filter.depth is ${depth}; it may be 0 to ${MAX_DEPTH}.`);
  }
  return {
    clusters: input.clusters ?? null,
    namespaces: input.namespaces ?? null,
    services: input.services ?? null,
    depth,
  };
}

/** Adds ServiceGraph and the field that asks for it. */
export function addGraphTypes(builder: ApiBuilder, { entity, timeRange, timeRangeInput }: EntityTypes): void {
  const health = builder.enumType("Health", {
    description:
      "FAILING: 10 % of the requests failed, or more. DEGRADED: 1 % failed, or 10 % got degraded answers (4xx and alike). IDLE: no requests. UNKNOWN: nothing can be measured there.",
    values: HEALTH_WORDS,
  });
  const level = builder.enumType("GraphLevel", {
    description: "OPERATION is the level SERVICE with a node for each operation beside; edges join services there.",
    values: GRAPH_LEVELS,
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
        resolve: ({ evidence }) => [...evidence],
      }),
      confidence: t.exposeFloat("confidence"),
      requestsPerSecond: t.exposeFloat("requestsPerSecond", { nullable: true }),
      errorRatio: t.exposeFloat("errorRatio", { nullable: true }),
      latencyP50Ms: t.exposeFloat("latencyP50Ms", { nullable: true }),
      latencyP99Ms: t.exposeFloat("latencyP99Ms", { nullable: true }),
      health: t.expose("health", { type: health }),
    }),
  });
  const graph = builder.objectRef<ServiceGraph>("ServiceGraph").implement({
    fields: (t) => ({
      range: t.expose("range", {
        type: timeRange,
        description: "The range that was asked for, widened to whole buckets of 10 seconds.",
      }),
      coveredSeconds: t.exposeInt("coveredSeconds", {
        description: "How much of the range was analysed; the rates are over this.",
      }),
      nodes: t.field({ type: [node], resolve: ({ nodes }) => [...nodes] }),
      edges: t.field({ type: [edge], resolve: ({ edges }) => [...edges] }),
      truncated: t.exposeBoolean("truncated", {
        description: "There is more than one answer may hold; the busiest are shown.",
      }),
      partial: t.exposeBoolean("partial", {
        description: "Some of the range has no telemetry yet, or it is not analysed yet.",
      }),
    }),
  });
  const filter = builder.inputType("GraphFilter", {
    fields: (t) => ({
      clusters: t.stringList(),
      namespaces: t.stringList(),
      services: t.stringList(),
      depth: t.int({ description: "Hops of neighbours that come along, 0..10; default 1." }),
    }),
  });
  builder.queryField("serviceGraph", (t) =>
    t.field({
      type: graph,
      args: {
        range: t.arg({ type: timeRangeInput, required: true }),
        level: t.arg({ type: level, required: true, defaultValue: "SERVICE" }),
        filter: t.arg({ type: filter }),
      },
      resolve: (_root, args, { storage, tenant, limits }) => {
        checkRange(args.range, limits.maxGraphRangeSeconds);
        return askGraph(storage, {
          tenant,
          range: args.range,
          level: args.level,
          filter: args.filter ? checkFilter(args.filter, args.level) : null,
          maxNodes: limits.maxGraphNodes,
          maxEdges: limits.maxGraphEdges,
        });
      },
    }),
  );
}
