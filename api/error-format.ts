// What a client learns of an error: a code and a sentence; for a defect of ours only the request id.
// In: errors as mercurius, graphql-js or graphql-jit hand them over. Out: GraphQL errors with `extensions.code` and `requestId`.
// Bounds: a message leaves the process only when it is a refusal of ours or speaks about the client's own document.
import { GraphQLError, type GraphQLFormattedError } from "graphql/index.js";
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import { isStorageUnavailable } from "../storage/client.ts";
import { refusalCodeOf, type RefusalCode } from "./refusal.ts";

const TIMEOUT_CODES = new Set(["159", "160", "307", "396"]);

interface Told {
  readonly code: RefusalCode;
  readonly message: string;
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

// The first thing that was thrown, below what GraphQL wrapped around it.
function rootCause(error: unknown): unknown {
  let cause = error;
  for (let hop = 0; hop < 5; hop++) {
    const below = property(cause, "originalError");
    if (below === undefined || below === null || below === cause) break;
    cause = below;
  }
  return cause;
}

function httpStatusOf(cause: unknown): number {
  const status = property(cause, "statusCode");
  return typeof status === "number" ? status : 200;
}

function tell(error: unknown, requestId: string): Told {
  const cause = rootCause(error);
  for (const candidate of [error, cause]) {
    const code = refusalCodeOf(typeof candidate === "object" && candidate !== null ? candidate : {});
    if (code !== null) return { code, message: reasonOf(candidate) };
  }
  const status = httpStatusOf(cause);
  if (status >= 400 && status < 500) return { code: "BAD_REQUEST", message: reasonOf(cause) };
  if (property(cause, "code") === "MER_ERR_GQL_QUERY_DEPTH") {
    return { code: "TOO_EXPENSIVE", message: reasonOf(cause) };
  }
  // graphql-js speaking about the document or its variables: nothing else was thrown below it, and no field was at work.
  if (error instanceof GraphQLError && cause instanceof GraphQLError && error.path === undefined) {
    const { message } = error;
    return message.startsWith("Syntax Error")
      ? { code: "GRAPHQL_PARSE_FAILED", message }
      : { code: "GRAPHQL_VALIDATION_FAILED", message };
  }
  const clickhouseCode = property(cause, "code");
  if (typeof clickhouseCode === "string" && TIMEOUT_CODES.has(clickhouseCode)) {
    return { code: "TIMEOUT", message: "Storage needed longer than it may; narrow the range or the filter." };
  }
  if (isStorageUnavailable(cause)) {
    emitEvent("api.failed", { code: "STORAGE_UNAVAILABLE" }, `${requestId}: ${reasonOf(cause)}`);
    return { code: "STORAGE_UNAVAILABLE", message: "Storage does not answer; try again." };
  }
  emitEvent("api.failed", { code: "INTERNAL" }, `${requestId}: ${reasonOf(cause)}`);
  return { code: "INTERNAL", message: "This failed inside Faultline; its log tells why under the requestId." };
}

function format(error: unknown, requestId: string): GraphQLFormattedError {
  const told = tell(error, requestId);
  const shown = error instanceof GraphQLError ? error : null;
  const locations = shown?.locations;
  const path = shown?.path;
  return {
    message: told.message,
    ...(locations === undefined || locations.length === 0 ? {} : { locations }),
    ...(path === undefined ? {} : { path }),
    extensions: { code: told.code, requestId },
  };
}

// mercurius puts the errors of a refused document into one error.
function flatten(error: unknown): unknown[] {
  const inner = property(property(error, "originalError"), "errors");
  return Array.isArray(inner) && inner.length > 0 ? inner : [error];
}

/** Formats the errors of one execution; the HTTP status is 200 unless the request itself could not be read. */
export function formatErrors(
  errors: readonly unknown[],
  hasData: boolean,
  requestId: string,
): { statusCode: number; errors: GraphQLFormattedError[] } {
  const statuses = errors.map((error) => httpStatusOf(rootCause(error)));
  const formatted = errors.flatMap(flatten).map((error) => format(error, requestId));
  for (const { extensions } of formatted) {
    const code = extensions?.["code"];
    if (typeof code === "string" && code !== "INTERNAL" && code !== "STORAGE_UNAVAILABLE") {
      emitEvent("api.refused", { code });
    }
  }
  return { statusCode: hasData || statuses.length !== 1 ? 200 : (statuses[0] ?? 200), errors: formatted };
}
