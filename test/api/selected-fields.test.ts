// Which fields an operation selects: nested, aliased and in fragments, those too that go in circles.
import { type FieldNode, type FragmentDefinitionNode, Kind, parse } from "graphql/index.js";
import { expect, it } from "vitest";
import { selectedFields } from "../../api/graphql/selected-fields.ts";

function selected(text: string): string[] {
  const { definitions } = parse(text);
  const fragments: Record<string, FragmentDefinitionNode> = {};
  const fieldNodes: FieldNode[] = [];
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    fieldNodes.push(...definition.selectionSet.selections.filter((one) => one.kind === Kind.FIELD));
  }
  return [...selectedFields({ fieldNodes, fragments })].toSorted();
}

it.each([
  ["{ serviceGraph { partial } }", ["partial"]],
  ["{ serviceGraph { edges { p: latencyP50Ms } } }", ["edges", "latencyP50Ms"]],
  ["{ serviceGraph { edges { ... on GraphEdge { latencyP99Ms } } } }", ["edges", "latencyP99Ms"]],
  [
    "{ serviceGraph { ...G } } fragment G on ServiceGraph { nodes { ...N } } fragment N on GraphNode { health ...N }",
    ["health", "nodes"],
  ],
  ["{ serviceGraph { ...Missing } }", []],
])("%s", (text, expected) => {
  expect(selected(text)).toEqual(expected);
});
