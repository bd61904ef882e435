// Defaults of an operation's variables, filled in before it runs: graphql-jit 0.8 refuses `$level: GraphLevel! = SERVICE` when
// the variable is left out, although graphql-js takes it.
// In: a document and the variables sent. Out: the variables with the defaults of those that were left out.
// Bounds: only variables that the operation defines; a variable that was sent, null too, stays as it was sent.
import type { FastifyInstance } from "fastify";
import { type DocumentNode, Kind, valueFromASTUntyped } from "graphql/index.js";

/** The variables with defaults filled in, or null when nothing is to fill in. */
export function withDefaults(
  document: DocumentNode,
  sent: Readonly<Record<string, unknown>>,
): Record<string, unknown> | null {
  let filled: Record<string, unknown> | null = null;
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    for (const { variable, defaultValue } of definition.variableDefinitions ?? []) {
      const name = variable.name.value;
      if (defaultValue === undefined || Object.hasOwn(sent, name)) continue;
      filled ??= { ...sent };
      filled[name] = valueFromASTUntyped(defaultValue);
    }
  }
  return filled;
}

/** Makes the server fill in defaults before it executes. */
export function fillVariableDefaults(app: FastifyInstance): void {
  app.graphql.addHook("preExecution", (_schema, document, _context, variables: unknown) => {
    const sent = typeof variables === "object" && variables !== null ? variables : {};
    const filled = withDefaults(document, sent as Record<string, unknown>);
    return filled === null ? undefined : { variables: filled };
  });
}
