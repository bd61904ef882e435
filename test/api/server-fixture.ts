// A running API over a test database, and a client for it.
import { API_DEFAULTS, type ApiOptions } from "../../api/options.ts";
import type { Checks } from "../../api/readiness.ts";
import { startApi } from "../../api/role.ts";
import type { Localize } from "../../model/localization.ts";
import type { Storage } from "../../storage/client.ts";

// The shape of an answer is the test's own query, so nothing is lost by not writing it twice.
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

/** The answer of a GraphQL request; `data` is what the query asked for. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Json;
  readonly errors?: { message: string; path?: unknown[]; extensions: { code: string; requestId: string } }[];
}

/** A running API. */
export interface TestApi {
  readonly url: string;
  ask(query: string, variables?: Record<string, unknown>): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts the API on a free port. */
export async function startTestApi(
  storage: Storage,
  more: { localize?: Localize; options?: Partial<ApiOptions>; checks?: Checks } = {},
): Promise<TestApi> {
  const api = await startApi({
    storage,
    localize: more.localize ?? null,
    checks: more.checks ?? {},
    options: { ...API_DEFAULTS, port: 0, ...more.options },
  });
  return {
    url: api.url,
    stop: () => api.stop(),
    async ask(query, variables) {
      const response = await fetch(`${api.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query, ...(variables === undefined ? {} : { variables }) }),
      });
      const body = (await response.json()) as Pick<Answer, "data" | "errors">;
      return { status: response.status, headers: response.headers, ...body };
    },
  };
}

/** The codes of an answer's errors. */
export function codes(answer: Answer): string[] {
  return (answer.errors ?? []).map((error) => error.extensions.code);
}
