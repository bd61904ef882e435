// What the API answers when it does not answer: one code and one sentence, for a program and for a person.
// In: a code and a sentence. Out: a GraphQL error with `extensions.code`.
// Bounds: the codes are a closed list (docs/api.md); everything else that is thrown is masked as INTERNAL by api/error-format.ts.
// By its file, here and everywhere: bundlers and vitest would take `graphql` for its .mjs build, and two copies of graphql-js
// do not know each other's types (Pothos and mercurius load this one).
import { GraphQLError } from "graphql/index.js";

/** Every code of the API with what it means; a client may switch on them. */
export const REFUSAL_CODES = {
  BAD_RANGE: "the range is empty, swapped or longer than this field reads",
  NOT_KEPT: "the range is older than what is kept",
  BAD_ID: "the id has no form that this field knows",
  BAD_CURSOR: "the cursor was not made by this field",
  BAD_ARGUMENT: "an argument is outside of its limits",
  TOO_EXPENSIVE: "the operation is deeper or asks for more than one request may",
  TOO_MANY_SUBSCRIBERS: "this process has no room for another subscription",
  BUSY: "this process already does as much of this as it may; try again",
  ANALYZER_UNAVAILABLE: "this process has no analyzer to ask",
  STORAGE_UNAVAILABLE: "storage does not answer; try again",
  TIMEOUT: "storage needed longer than it may; narrow the request",
  GRAPHQL_PARSE_FAILED: "the operation is not GraphQL",
  GRAPHQL_VALIDATION_FAILED: "the operation does not fit the schema",
  BAD_REQUEST: "the HTTP request cannot be read",
  INTERNAL: "a defect of ours; quote the requestId",
} as const;
export type RefusalCode = keyof typeof REFUSAL_CODES;

/** A refusal to throw in a resolver. */
export function refuse(code: RefusalCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

/** The code of an error that `refuse` made, also when GraphQL wrapped it; null for any other. */
export function refusalCodeOf(error: { extensions?: unknown }): RefusalCode | null {
  const { extensions } = error;
  if (typeof extensions !== "object" || extensions === null || !("code" in extensions)) return null;
  const { code } = extensions;
  return typeof code === "string" && Object.hasOwn(REFUSAL_CODES, code) ? (code as RefusalCode) : null;
}
