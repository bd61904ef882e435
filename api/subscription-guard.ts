// Subscriptions are validated and limited like queries: mercurius executes them without looking.
// In: a document that came over a websocket. Out: nothing, or an error that ends that subscription.
// Bounds: the same rules as HTTP; depth is checked by mercurius on both ways.
import type { FastifyInstance } from "fastify";
import {
  type ASTVisitor,
  GraphQLError,
  type GraphQLSchema,
  specifiedRules,
  validate,
  type ValidationContext,
} from "graphql/index.js";
import { emitEvent } from "../model/events.ts";
import { refusalCodeOf } from "./refusal.ts";

/** Makes the server validate every subscription before it runs. */
export function guardSubscriptions(
  app: FastifyInstance,
  schema: GraphQLSchema,
  limitRule: (context: ValidationContext) => ASTVisitor,
): void {
  app.graphql.addHook("preSubscriptionExecution", (_schema, document) => {
    const first = validate(schema, document, [...specifiedRules, limitRule], { maxErrors: 1 })[0];
    if (first === undefined) return Promise.resolve();
    const code = refusalCodeOf(first) ?? "GRAPHQL_VALIDATION_FAILED";
    emitEvent("api.refused", { code });
    return Promise.reject(new GraphQLError(first.message, { extensions: { code } }));
  });
}
