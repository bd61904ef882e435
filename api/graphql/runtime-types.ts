// The field runtimeEvidence of the graph's nodes: how they run, and the rule that says so.
// In: a builder, the types of places and of the graph. Out: a field on GraphNode.
// Bounds: one read for all nodes of an answer (api/runtime-evidence.ts).
import {
  batchRuntimeEvidence,
  type ReadRuntimeEvidence,
  RUNTIME_ORIGINS,
  type RuntimeEvidence,
} from "../runtime-evidence.ts";
import type { ApiBuilder, ApiContext } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";
import type { GraphTypes } from "./graph-types.ts";

/** Adds RuntimeEvidence and GraphNode.runtimeEvidence. */
export function addRuntimeTypes(builder: ApiBuilder, { runtimeClass }: EntityTypes, { node }: GraphTypes): void {
  const readers = new WeakMap<ApiContext, ReadRuntimeEvidence>();
  const readerOf = (context: ApiContext): ReadRuntimeEvidence => {
    let reader = readers.get(context);
    if (reader === undefined) {
      reader = batchRuntimeEvidence(context.storage, context.tenant);
      readers.set(context, reader);
    }
    return reader;
  };
  const origin = builder.enumType("RuntimeOrigin", {
    description:
      "TELEMETRY: attributes of its own spans. KUBERNETES: the object of its pod, or the template of its pods.",
    values: RUNTIME_ORIGINS,
  });
  const evidence = builder.objectRef<RuntimeEvidence>("RuntimeEvidence").implement({
    description: "How some instances of a place run, and why that is known.",
    fields: (t) => ({
      runtime: t.expose("runtime", { type: runtimeClass }),
      isolation: t.expose("isolation", {
        type: runtimeClass,
        nullable: true,
        description: "What separates them from their neighbours, when known: a function may run in Kata.",
      }),
      rule: t.exposeString("rule", {
        nullable: true,
        description:
          "The rule that decided the runtime (`faultline explain identity` tells them); null where the spans that told are not kept any more.",
      }),
      attribute: t.exposeString("attribute", { nullable: true, description: "What the rule read." }),
      confidence: t.exposeFloat("confidence", { nullable: true, description: "0..1" }),
      origin: t.expose("origin", { type: origin }),
      count: t.exposeInt("count", { description: "How many instances, or templates where no instance is known." }),
    }),
  });
  builder.objectField(node, "runtimeEvidence", (t) =>
    t.field({
      type: [evidence],
      description:
        "Of services, versions, instances and operations, as it is known now: one entry a way of running and reason, the most instances first. Empty for other places.",
      resolve: ({ entity }, _args, context) => readerOf(context)(entity),
    }),
  );
}
