// What one GraphQL operation may ask for, judged before anything is read.
// In: a parsed document. Out: a validation error with the code TOO_EXPENSIVE, or nothing.
// Bounds: fields with fragments spread out, aliases, cost; depth is mercurius's own limit. One operation a document: mercurius
// keeps the compiled form by the document's text alone and would run the first operation for the second one's name.
import {
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from "graphql/index.js";
import type { ApiLimits } from "./options.ts";
import { refuse } from "./refusal.ts";

// Cost of a root field: about 10 ms of ClickHouse a point. Fields below it come with the row.
const ROOT_COST: Readonly<Record<string, number>> = {
  serviceGraph: 20,
  serviceGraphDiff: 40,
  localize: 50,
  incidentCheck: 20,
  incidents: 5,
  changes: 5,
  trace: 15,
  compareTraces: 30,
  traces: 20,
  clusters: 5,
  status: 2,
};
const OTHER_ROOT_COST = 2;

interface Tally {
  fields: number;
  aliases: number;
  cost: number;
}

/** Counts fields, aliases and cost of a document with its fragments spread out; stops counting past `maxFields`. */
export function tallyDocument(document: DocumentNode, maxFields: number): Tally {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  const tally: Tally = { fields: 0, aliases: 0, cost: 0 };
  const walk = (set: SelectionSetNode, isRoot: boolean, within: readonly string[]): void => {
    for (const selection of set.selections) {
      if (tally.fields > maxFields) return;
      if (selection.kind === Kind.FIELD) {
        tally.fields += 1;
        if (selection.alias !== undefined) tally.aliases += 1;
        if (isRoot) tally.cost += ROOT_COST[selection.name.value] ?? OTHER_ROOT_COST;
        if (selection.selectionSet !== undefined) walk(selection.selectionSet, false, within);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        // Counted too: a chain of empty fragments is work as well.
        tally.fields += 1;
        walk(selection.selectionSet, isRoot, within);
      } else {
        tally.fields += 1;
        const name = selection.name.value;
        const fragment = fragments.get(name);
        // A fragment within itself is refused by another rule; here it must only not loop.
        if (fragment !== undefined && !within.includes(name)) {
          walk(fragment.selectionSet, isRoot, [...within, name]);
        }
      }
    }
  };
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) walk(definition.selectionSet, true, []);
  }
  return tally;
}

/** Throws for a source that is JSON: mercurius would take it for a syntax tree, past the limit of tokens and unchecked. */
export function refuseSyntaxTree(source: string): void {
  // No GraphQL operation begins like a JSON value: after its first brace comes a name or a spread, never a quote.
  if (/^\s*(?:\{\s*["}]|[["\d-]|(?:true|false|null)\s*$)/.test(source)) {
    throw Object.assign(refuse("GRAPHQL_PARSE_FAILED", "Syntax Error: the operation is not GraphQL text."), {
      statusCode: 400,
    });
  }
}

/** The validation rule that refuses what is past the limits. */
export function limitOperation(limits: ApiLimits): (context: ValidationContext) => ASTVisitor {
  return (context) => ({
    Document(document) {
      const operations = document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
      if (operations.length > 1) {
        context.reportError(refuse("TOO_EXPENSIVE", "Send one operation a document."));
        return;
      }
      const { fields, aliases, cost } = tallyDocument(document, limits.maxFields);
      const over: [string, number, number][] = [
        ["fields", fields, limits.maxFields],
        ["aliases", aliases, limits.maxAliases],
        ["points of cost", cost, limits.maxCost],
      ];
      for (const [what, count, limit] of over) {
        if (count <= limit) continue;
        context.reportError(refuse("TOO_EXPENSIVE", `The operation has more ${what} than one request may: ${limit}.`));
      }
    },
  });
}
