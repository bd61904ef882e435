// Bearer tokens as kept: the hash of each, whose it is and what it allows.
// In: new tokens, revocations. Out: tokens for a person, or the live ones for those who check. The text of a token is nowhere.
// Bounds: at most MAX_LIVE_TOKENS live tokens over all tenants; every read has a row limit and a time limit.
import { createHash } from "node:crypto";
import type { Storage } from "./client.ts";

/** What a token may be used for: to send telemetry and changes, or to read what was found. */
export const TOKEN_SCOPES = ["ingest", "read"] as const;
export type TokenScope = (typeof TOKEN_SCOPES)[number];

/** The most tokens that are live at a time: those who check hold them all in memory. */
export const MAX_LIVE_TOKENS = 20_000;

/** Characters of a hash by which people name a token. */
export const TOKEN_ID_LENGTH = 12;

/** A token as people see it; `id` is the beginning of `hash`, times are unix ms. */
export interface Token {
  readonly id: string;
  readonly hash: string;
  readonly tenant: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdMs: number;
  readonly revokedMs: number | null;
}

/** What checking a token needs. */
export interface LiveToken {
  readonly hash: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
}

interface TokenRow {
  readonly Hash: string;
  readonly Tenant: string;
  readonly Name: string;
  readonly Scopes: string[];
  readonly CreatedAt: string;
  readonly RevokedAt: string | null;
}

const READ_SETTINGS = { max_execution_time: 5 } as const;

/** The SHA-256 of a token's text, in hexadecimal. */
export function hashOfToken(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Stores a token as it is now; a later call for the same hash with a later `atMs` (unix ms) replaces it. */
export async function writeToken(storage: Storage, token: Omit<Token, "id">, atMs: number): Promise<void> {
  await storage.insertRows("tokens", [
    {
      Tenant: token.tenant,
      Hash: token.hash,
      Name: token.name,
      Scopes: token.scopes,
      CreatedAt: new Date(token.createdMs).toISOString(),
      RevokedAt: token.revokedMs === null ? null : new Date(token.revokedMs).toISOString(),
      Revision: atMs,
    },
  ]);
}

/** The tokens of `tenant` ('' for all) whose hash begins with `id` ('' for all), up to `limit`. */
export async function readTokens(
  storage: Storage,
  request: { readonly tenant: string; readonly id: string; readonly limit: number },
): Promise<Token[]> {
  const rows = await storage.query<TokenRow>("read_tokens", request, READ_SETTINGS);
  return rows.map((row) => ({
    id: row.Hash.slice(0, TOKEN_ID_LENGTH),
    hash: row.Hash,
    tenant: row.Tenant,
    name: row.Name,
    scopes: row.Scopes,
    createdMs: Date.parse(row.CreatedAt),
    revokedMs: row.RevokedAt === null ? null : Date.parse(row.RevokedAt),
  }));
}

/** Every live token, oldest first, at most MAX_LIVE_TOKENS. */
export function readLiveTokens(storage: Pick<Storage, "query">): Promise<LiveToken[]> {
  return storage.query<LiveToken>("read_live_tokens", { limit: MAX_LIVE_TOKENS }, READ_SETTINGS);
}
