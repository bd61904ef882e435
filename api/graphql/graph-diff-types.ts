// GraphQL types of what differs between two windows of the service graph.
// In: a builder, the entity types and those of the graph. Out: the field `serviceGraphDiff`.
// Bounds: each window as one graph.
import { checkRange } from "../arguments.ts";
import type { GraphEdge } from "../graph-edges.ts";
import { askGraphDiff, type DiffWindow, type GraphDiff } from "../graph-diff-query.ts";
import { type FigureChange, GRAPH_CHANGES, type ItemChange } from "../graph-diff.ts";
import type { GraphNode } from "../graph-nodes.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";
import { checkFilter, checkMerge } from "./graph-input-types.ts";
import type { GraphTypes } from "./graph-types.ts";

/** Adds GraphDiff and the field that asks for it. */
export function addGraphDiffTypes(builder: ApiBuilder, places: EntityTypes, types: GraphTypes): void {
  const { timeRange, timeRangeInput } = places;
  const change = builder.enumType("GraphChange", {
    description:
      "ADDED: calls in b only. REMOVED: calls in a only. CHANGED: a figure changed by more than chance and by enough to matter (rate by a fifth, error ratio by 0.01, a percentile by 15 %).",
    values: GRAPH_CHANGES,
  });
  const figure = builder.objectRef<FigureChange>("FigureChange").implement({
    description: "One figure in both windows.",
    fields: (t) => ({
      a: t.exposeFloat("a", { nullable: true }),
      b: t.exposeFloat("b", { nullable: true }),
      difference: t.exposeFloat("difference", { nullable: true, description: "b minus a." }),
      ratio: t.exposeFloat("ratio", { nullable: true, description: "b over a." }),
      pValue: t.exposeFloat("pValue", {
        nullable: true,
        description:
          "Probability of such a difference by chance: Poisson counts for rates, two proportions for error ratios and percentiles.",
      }),
      significant: t.exposeBoolean("isSignificant", {
        description:
          "By more than chance (one in a hundred of all found in this answer may be chance) and enough to matter.",
      }),
    }),
  });
  const figures = <Item>(item: ReturnType<typeof builder.objectRef<ItemChange<Item>>>): void =>
    builder.objectFields(item, (t) => ({
      change: t.expose("change", { type: change }),
      significant: t.exposeBoolean("isSignificant", {
        description: "For ADDED and REMOVED: whether the absence is more than chance.",
      }),
      requestsPerSecond: t.expose("requestsPerSecond", { type: figure }),
      errorRatio: t.expose("errorRatio", { type: figure }),
      latencyP50Ms: t.expose("latencyP50Ms", { type: figure }),
      latencyP99Ms: t.expose("latencyP99Ms", { type: figure }),
    }));
  const nodeChange = builder.objectRef<ItemChange<GraphNode>>("GraphNodeChange");
  nodeChange.implement({
    fields: (t) => ({
      a: t.expose("a", { type: types.node, nullable: true }),
      b: t.expose("b", { type: types.node, nullable: true }),
    }),
  });
  const edgeChange = builder.objectRef<ItemChange<GraphEdge>>("GraphEdgeChange");
  edgeChange.implement({
    fields: (t) => ({
      a: t.expose("a", { type: types.edge, nullable: true }),
      b: t.expose("b", { type: types.edge, nullable: true }),
    }),
  });
  figures(nodeChange);
  figures(edgeChange);
  const window = builder.objectRef<DiffWindow>("GraphDiffWindow").implement({
    fields: (t) => ({
      range: t.expose("range", { type: timeRange }),
      coveredSeconds: t.int({ resolve: (row) => Math.round(row.coveredSeconds) }),
      partial: t.exposeBoolean("partial"),
      warnings: t.stringList({ resolve: (row) => [...row.warnings] }),
      grain: t.expose("grain", { type: types.grain }),
    }),
  });
  const diff = builder.objectRef<GraphDiff>("GraphDiff").implement({
    description: "What differs from window a to window b.",
    fields: (t) => ({
      a: t.expose("a", { type: window }),
      b: t.expose("b", { type: window }),
      nodes: t.field({ type: [nodeChange], resolve: (row) => [...row.nodes] }),
      edges: t.field({ type: [edgeChange], resolve: (row) => [...row.edges] }),
      truncated: t.exposeBoolean("truncated"),
    }),
  });
  builder.queryField("serviceGraphDiff", (t) =>
    t.field({
      type: diff,
      args: {
        a: t.arg({ type: timeRangeInput, required: true, description: "The window to compare with." }),
        b: t.arg({ type: timeRangeInput, required: true }),
        level: t.arg({ type: types.level, required: true, defaultValue: "SERVICE" }),
        filter: t.arg({ type: types.filter, description: "Among the places of both windows together." }),
        mergeClusters: t.arg.boolean({ required: true, defaultValue: false }),
      },
      resolve: (_root, args, { storage, tenant, limits, now }) => {
        for (const range of [args.a, args.b]) checkRange(range, limits.maxGraphRangeSeconds);
        checkMerge(args.level, args.mergeClusters);
        return askGraphDiff(storage, {
          tenant,
          a: args.a,
          b: args.b,
          level: args.level,
          filter: args.filter ? checkFilter(args.filter, args.level, args.mergeClusters) : null,
          mergeClusters: args.mergeClusters,
          histograms: true,
          maxNodes: limits.maxGraphNodes,
          maxEdges: limits.maxGraphEdges,
          nowSeconds: now() / 1000,
        });
      },
    }),
  );
}
