// Whose data an HTTP request outside of GraphQL may read: the tenant of its bearer token, or the one that is shown without a token.
// In: the Authorization header. Out: a tenant, or a status with a sentence that says nothing of the token.
// Bounds: the live tokens (MAX_LIVE_TOKENS) by hash, read again when older than REFRESH_MS, one read at a time; a revoked token is refused
// within that. Nothing is read before the first token comes.
import type { Storage } from "../storage/client.ts";
import { hashOfToken, type LiveToken, readLiveTokens } from "../storage/tokens.ts";

/** A tenant, or why nobody: 401 not known, 403 not for reading, 503 it cannot be checked now. */
export type Reader =
  | { readonly ok: true; readonly tenant: string }
  | { readonly ok: false; readonly status: 401 | 403 | 503; readonly detail: string };

/** Says whose data a request reads. */
export interface ReadAccess {
  admit(authorization: string | undefined): Promise<Reader>;
}

const REFRESH_MS = 3_000;
const LONGEST_TOKEN = 1_024;
const SCOPE = "read";

/** Makes the access; `tenant` is shown without a token, `now` is unix ms. */
export function createReadAccess(storage: Pick<Storage, "query">, tenant: string, now: () => number): ReadAccess {
  let tokens: ReadonlyMap<string, LiveToken> = new Map();
  let readAtMs = -Infinity;
  let reading: Promise<void> | null = null;

  async function read(): Promise<void> {
    const startedMs = now();
    try {
      tokens = new Map((await readLiveTokens(storage)).map((token) => [token.hash, token]));
      readAtMs = startedMs;
    } finally {
      reading = null;
    }
  }

  return {
    async admit(authorization) {
      if (authorization === undefined) return { ok: true, tenant };
      const [, text] = /^bearer +(\S+) *$/i.exec(authorization) ?? [];
      if (text === undefined || text.length > LONGEST_TOKEN)
        return { ok: false, status: 401, detail: "the Authorization header must be: Bearer TOKEN" };
      try {
        if (now() - readAtMs > REFRESH_MS) await (reading ??= read());
      } catch {
        return { ok: false, status: 503, detail: "the token cannot be checked now" };
      }
      const token = tokens.get(hashOfToken(text));
      if (token === undefined) return { ok: false, status: 401, detail: "the token is unknown or revoked" };
      if (!token.scopes.includes(SCOPE)) return { ok: false, status: 403, detail: `the token has no scope "${SCOPE}"` };
      return { ok: true, tenant: token.tenant };
    },
  };
}
