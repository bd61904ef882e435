// GraphQL types of places and times: Entity, its enums, time ranges.
// In: a builder. Out: references for the types that name a place or a period.
// Bounds: an unknown part ('' in storage) is null.
import { ENTITY_KINDS, type Entity, entityId, entityName, RUNTIME_CLASSES } from "../../model/entity.ts";
import type { TimeRange } from "../../model/localization.ts";
import type { ApiBuilder } from "./builder.ts";

/** Adds Entity, TimeRange and TimeRangeInput. */
export function addEntityTypes(builder: ApiBuilder) {
  const kind = builder.enumType("EntityKind", {
    description: "A link between clusters is an EDGE whose ends are of kind CLUSTER.",
    values: ENTITY_KINDS,
  });
  const runtimeClass = builder.enumType("RuntimeClass", { values: RUNTIME_CLASSES });

  const entity = builder.objectRef<Entity>("Entity");
  const part = (name: "cluster" | "namespace" | "service" | "version" | "instance" | "node" | "operation") =>
    builder.objectField(entity, name, (t) => t.string({ nullable: true, resolve: (place) => place[name] || null }));
  entity.implement({
    description: "A place in the mesh. Parts that do not apply or are not known are null.",
    fields: (t) => ({
      id: t.id({ resolve: entityId }),
      kind: t.expose("kind", { type: kind }),
      name: t.string({
        description: "How people name the place, such as `pricing v2` or `frontend → catalog`.",
        resolve: entityName,
      }),
    }),
  });
  for (const name of ["cluster", "namespace", "service", "version", "instance", "node", "operation"] as const) {
    part(name);
  }
  builder.objectFields(entity, (t) => ({
    peer: t.field({
      type: entity,
      nullable: true,
      description: "For EDGE: the callee; the other fields name the caller.",
      resolve: (place) => place.peer ?? null,
    }),
    runtime: t.expose("runtime", { type: runtimeClass }),
    isolation: t.field({
      type: runtimeClass,
      nullable: true,
      description:
        "What separates it from its neighbours, when known: a sandbox or VM class beside the runtime (a function may run in Kata).",
      resolve: (place) => place.isolation || null,
    }),
  }));

  const timeRange = builder.objectRef<TimeRange>("TimeRange").implement({
    fields: (t) => ({
      from: t.expose("from", { type: "DateTime" }),
      to: t.expose("to", { type: "DateTime" }),
    }),
  });
  const timeRangeInput = builder.inputType("TimeRangeInput", {
    fields: (t) => ({
      from: t.field({ type: "DateTime", required: true }),
      to: t.field({ type: "DateTime", required: true }),
    }),
  });
  const pageInfo = builder.objectRef<{ hasNextPage: boolean; endCursor: string | null }>("PageInfo").implement({
    fields: (t) => ({
      hasNextPage: t.exposeBoolean("hasNextPage"),
      endCursor: t.exposeString("endCursor", { nullable: true }),
    }),
  });
  return { entity, entityKind: kind, runtimeClass, timeRange, timeRangeInput, pageInfo };
}

/** References of `addEntityTypes`. */
export type EntityTypes = ReturnType<typeof addEntityTypes>;
