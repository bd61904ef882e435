// Who sends: the tenant behind a request's Authorization header.
// In: the header as sent, and the live tokens of storage. Out: a tenant, or a refusal in one sentence that says nothing of the token.
// Bounds: all live tokens (MAX_LIVE_TOKENS) in memory by their SHA-256, read again when older than `refreshMs`, so a revoked one is refused
// within that; storage is asked at most once at a time and once in `minRefreshMs`, whatever is sent. While it is away the known tokens
// hold, and an unknown one is told to come again. A header is never logged and never answered back.
import { hashOfToken, type LiveToken } from "../storage/tokens.ts";

/** Why nobody is let in: no or no known token, a token for something else, or storage could not be asked. */
export type AdmissionRefusal = "token" | "scope" | "unchecked";

/** Whose data a request brings, or why nobody's; `unchecked` may be tried again. */
export type Admission =
  | { readonly ok: true; readonly tenant: string }
  | { readonly ok: false; readonly reason: AdmissionRefusal; readonly detail: string };

/** Says whose data a request brings; `isSelfAuthenticated`: its endpoint checks a signature of its own. */
export interface Access {
  admit(authorization: string | undefined, isSelfAuthenticated?: boolean): Promise<Admission>;
}

/** How senders are told apart; times in milliseconds. */
export interface AccessOptions {
  /** Whose data comes without a token, */
  readonly tenant: string;
  /** unless one is required. */
  readonly requireToken: boolean;
  readonly refreshMs: number;
  readonly minRefreshMs: number;
  /** How long a request waits for the tokens to be read. */
  readonly waitMs: number;
}

/** What TokenAccess needs: reading the live tokens, and a clock in ms. */
export interface AccessParts {
  readonly readTokens: () => Promise<readonly LiveToken[]>;
  readonly clock: () => number;
}

/** Revoked tokens are refused after three seconds at the latest. */
export const ACCESS_TIMES = { refreshMs: 3_000, minRefreshMs: 500, waitMs: 2_000 } as const;

const SCOPE = "ingest";
const LONGEST_TOKEN = 1_024;
const REFUSALS: Readonly<Record<AdmissionRefusal, string>> = {
  token: "the token is unknown or revoked",
  scope: `the token has no scope "${SCOPE}"`,
  unchecked: "the token cannot be checked now",
};

/** Everybody is the one tenant: for a listener that asks for no tokens. */
export function openAccess(tenant: string): Access {
  return { admit: () => Promise.resolve({ ok: true, tenant }) };
}

/** Makes the access by bearer tokens; nothing is read before the first token comes. */
export function createTokenAccess(parts: AccessParts, options: AccessOptions): Access {
  let tokens: ReadonlyMap<string, LiveToken> = new Map();
  let readAtMs = -Infinity;
  let triedAtMs = -Infinity;
  let reading: Promise<void> | null = null;

  async function read(): Promise<void> {
    const startedMs = parts.clock();
    triedAtMs = startedMs;
    try {
      tokens = new Map((await parts.readTokens()).map((token) => [token.hash, token]));
      readAtMs = startedMs;
    } catch {
      // The known ones hold; how long ago they were read says whether an unknown one is really unknown.
    } finally {
      reading = null;
    }
  }

  /** Reads the tokens again if they are older than `maxAgeMs`; true when they are no older afterwards. */
  async function refresh(maxAgeMs: number): Promise<boolean> {
    const nowMs = parts.clock();
    if (nowMs - readAtMs <= maxAgeMs) return true;
    if (reading === null && nowMs - triedAtMs >= options.minRefreshMs) reading = read();
    // Only the first requests of an outage wait for it.
    const leftMs = triedAtMs + options.waitMs - nowMs;
    if (reading !== null && leftMs > 0) await within(reading, leftMs);
    return nowMs - readAtMs <= maxAgeMs;
  }

  return {
    async admit(authorization, isSelfAuthenticated = false) {
      if (authorization === undefined) {
        if (!options.requireToken || isSelfAuthenticated) return { ok: true, tenant: options.tenant };
        return refuse("token", "a bearer token is required");
      }
      const [, text] = /^bearer +(\S+) *$/i.exec(authorization) ?? [];
      if (text === undefined || text.length > LONGEST_TOKEN) {
        // A signature in this header is its endpoint's business.
        if (isSelfAuthenticated) return { ok: true, tenant: options.tenant };
        return refuse("token", "the Authorization header must be: Bearer TOKEN");
      }
      const hash = hashOfToken(text);
      await refresh(options.refreshMs);
      let token = tokens.get(hash);
      if (token === undefined) {
        // It may have been made a moment ago.
        const isFresh = await refresh(options.minRefreshMs);
        token = tokens.get(hash);
        if (token === undefined) return refuse(isFresh ? "token" : "unchecked");
      }
      return token.scopes.includes(SCOPE) ? { ok: true, tenant: token.tenant } : refuse("scope");
    },
  };
}

function refuse(reason: AdmissionRefusal, detail = REFUSALS[reason]): Admission {
  return { ok: false, reason, detail };
}

async function within(promise: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
