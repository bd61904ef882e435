// Speaks GraphQL with the server that served the page.
// In: a document and its variables. Out: its data, or one closed reason why there is none.
// Bounds: REQUEST_LIMIT_MS a request; never throws; an aborted request is a reason like the others.
import type { GraphqlDocument } from "./documents.ts";

const REQUEST_LIMIT_MS = 20_000;

/** Why there is no answer: not reached, refused (with the server's words), not permitted, or no longer wanted. */
export type RequestFailure =
  | { readonly reason: "unreachable" | "aborted" | "unauthorized" }
  | { readonly reason: "refused"; readonly message: string };
/** Data or the reason why there is none. */
export type RequestResult<Data> =
  | { readonly ok: true; readonly data: Data }
  | ({ readonly ok: false } & RequestFailure);

interface ServerAnswer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message?: string }[];
}

/** Asks the server once. */
export async function request<Data, Variables>(
  document: GraphqlDocument<Data, Variables>,
  variables: Variables,
  signal: AbortSignal,
): Promise<RequestResult<Data>> {
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ query: document.text, variables }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
    });
    if (response.status === 401 || response.status === 403) return { ok: false, reason: "unauthorized" };
    const answer = (await response.json()) as ServerAnswer;
    const message = answer.errors?.[0]?.message;
    if (message !== undefined) return { ok: false, reason: "refused", message };
    if (answer.data === undefined || answer.data === null) return { ok: false, reason: "unreachable" };
    return { ok: true, data: answer.data as Data };
  } catch {
    return { ok: false, reason: signal.aborted ? "aborted" : "unreachable" };
  }
}
