// GraphQL input of the service graph: the filter, checked.
// In: a builder; what a client sent. Out: the input type; a filter of api/graph-filter.ts, or a refusal.
// Bounds: names a list, hops and ids as below.
import { type EntityKind, parseEntityId } from "../../model/entity.ts";
import { type GraphFilter, MAX_DEPTH } from "../graph-filter.ts";
import type { GraphLevel } from "../graph-query.ts";
import type { Health } from "../health.ts";
import { refuse } from "../refusal.ts";

const MAX_FILTER_NAMES = 200;

type List<Item> = readonly Item[] | null | undefined;

/** A filter as it was sent. */
export interface FilterInput {
  readonly clusters?: List<string>;
  readonly namespaces?: List<string>;
  readonly services?: List<string>;
  readonly operations?: List<string>;
  readonly focus?: List<string>;
  readonly health?: List<Health>;
  readonly kinds?: List<EntityKind>;
  readonly depth?: number | null | undefined;
  readonly upstream?: number | null | undefined;
  readonly downstream?: number | null | undefined;
}

const LISTS = ["clusters", "namespaces", "services", "operations", "focus", "health", "kinds"] as const;

// Names that a graph's places do not carry cannot choose among them.
function blindLists(level: GraphLevel, mergeClusters: boolean): readonly (keyof FilterInput)[] {
  return [
    ...(mergeClusters ? (["clusters"] as const) : []),
    ...(level === "CLUSTER" ? (["namespaces", "services"] as const) : []),
    ...(level === "NAMESPACE" ? (["services"] as const) : []),
    ...(level === "OPERATION" ? [] : (["operations"] as const)),
  ];
}

function hops(name: string, value: number | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  if (value < 0 || value > MAX_DEPTH) {
    throw refuse("BAD_ARGUMENT", `filter.${name} is ${value}; it may be 0 to ${MAX_DEPTH}.`);
  }
  return value;
}

/** Refuses to merge clusters where clusters are the nodes. */
export function checkMerge(level: GraphLevel, mergeClusters: boolean): void {
  if (mergeClusters && level === "CLUSTER") {
    throw refuse("BAD_ARGUMENT", "mergeClusters cannot be used at level CLUSTER: nothing would be left.");
  }
}

/** The filter that was sent, or a refusal of what it cannot mean. */
export function checkFilter(input: FilterInput, level: GraphLevel, mergeClusters: boolean): GraphFilter {
  for (const name of blindLists(level, mergeClusters)) {
    if ((input[name] ?? null) !== null) {
      const where = mergeClusters && name === "clusters" ? "where clusters are merged" : `at level ${level}`;
      throw refuse("BAD_ARGUMENT", `filter.${name} cannot be used ${where}: its nodes carry none.`);
    }
  }
  for (const name of LISTS) {
    if ((input[name]?.length ?? 0) > MAX_FILTER_NAMES) {
      throw refuse("BAD_ARGUMENT", `filter.${name} may name at most ${MAX_FILTER_NAMES}.`);
    }
  }
  for (const id of input.focus ?? []) {
    if (parseEntityId(id) === null) throw refuse("BAD_ID", `filter.focus: ${id.slice(0, 100)} is no Entity.id.`);
  }
  return {
    clusters: input.clusters ?? null,
    namespaces: input.namespaces ?? null,
    services: input.services ?? null,
    operations: input.operations ?? null,
    focus: input.focus ?? null,
    health: input.health ?? null,
    kinds: input.kinds ?? null,
    depth: hops("depth", input.depth) ?? 1,
    upstream: hops("upstream", input.upstream),
    downstream: hops("downstream", input.downstream),
  };
}
