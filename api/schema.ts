// The GraphQL schema: what contract.graphql promises, and more.
// In: nothing. Out: an executable schema, and its text, which is committed as api/schema.graphql.
// Bounds: a test fails when the text drifts from the file or breaks the contract.
import { type GraphQLSchema, printSchema } from "graphql/index.js";
import { createBuilder } from "./graphql/builder.ts";
import { addEntityTypes } from "./graphql/entity-types.ts";
import { addFindingTypes } from "./graphql/finding-types.ts";
import { addGraphDiffTypes } from "./graphql/graph-diff-types.ts";
import { addGraphTypes } from "./graphql/graph-types.ts";
import { addIncidentStoryTypes } from "./graphql/incident-story-types.ts";
import { addIncidentCheckTypes } from "./graphql/incident-check-types.ts";
import { addIncidentTypes } from "./graphql/incident-types.ts";
import { addRuntimeTypes } from "./graphql/runtime-types.ts";
import { addStatusTypes } from "./graphql/status-types.ts";
import { addTraceTypes } from "./graphql/trace-types.ts";

/** Builds the schema; no two share a type, so tests may build several. */
export function buildApiSchema(): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({});
  builder.mutationType({});
  builder.subscriptionType({});
  const places = addEntityTypes(builder);
  const graph = addGraphTypes(builder, places);
  addGraphDiffTypes(builder, places, graph);
  addRuntimeTypes(builder, places, graph);
  const findings = addFindingTypes(builder, places);
  addIncidentStoryTypes(builder, places, addIncidentTypes(builder, places, findings));
  addIncidentCheckTypes(builder, places, findings);
  addStatusTypes(builder);
  addTraceTypes(builder, places);
  return builder.toSchema({ sortSchema: false });
}

/** The schema as text, with the mark of a generated file on its first line. */
export function printApiSchema(): string {
  return `# Generated from api/schema.ts; do not edit. Rewrite: UPDATE_GOLDEN=1 npx vitest run test/api/schema.test.ts\n\n${printSchema(buildApiSchema())}\n`;
}
