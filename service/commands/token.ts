// `faultline token create|list|revoke`: bearer tokens for those who send.
// In: the setting `tenant`, a name, scopes, or the id of a token. Out: a new token's text, once; or tokens by id, without their text.
// Bounds: a token has 256 random bits; storage keeps its SHA-256 alone. At most MAX_LIVE_TOKENS live ones; lists end at LIST_MAX.
import { randomBytes } from "node:crypto";
import { ServiceError } from "../../model/errors.ts";
import type { Storage } from "../../storage/client.ts";
import {
  hashOfToken,
  MAX_LIVE_TOKENS,
  readLiveTokens,
  readTokens,
  type Token,
  TOKEN_ID_LENGTH,
  TOKEN_SCOPES,
  type TokenScope,
  writeToken,
} from "../../storage/tokens.ts";
import { withStorage } from "../command-storage.ts";
import type { Command } from "../main.ts";

const PREFIX = "flt_";
const TENANT_PATTERN = /^[\w.-]{1,64}$/;
const NAME_MAX = 100;
const LIST_MAX = 1_000;

/** Makes a token; its text alone goes to stdout. */
export const tokenCreate: Command = async (context) => {
  const { config, parsed, now, print, tell } = context;
  const tenant = config.values.tenant;
  const scopes = readScopes(parsed.options["scopes"] ?? "ingest");
  const name = parsed.options["name"] ?? "";
  if (name === "" || name.length > NAME_MAX) throw usage(`--name needs 1 to ${NAME_MAX} characters that say what for.`);
  if (!TENANT_PATTERN.test(tenant)) throw usage("a tenant has 1 to 64 letters, digits, dots, hyphens or underscores.");
  const text = `${PREFIX}${randomBytes(32).toString("base64url")}`;
  const hash = hashOfToken(text);
  await withStorage(context, async (storage) => {
    if ((await readLiveTokens(storage)).length >= MAX_LIVE_TOKENS)
      throw new ServiceError("TOKENS_MANY", { limit: MAX_LIVE_TOKENS });
    const createdMs = now();
    await writeToken(storage, { hash, tenant, name, scopes, createdMs, revokedMs: null }, createdMs);
  });
  print(text);
  tell(`Token ${hash.slice(0, TOKEN_ID_LENGTH)} of tenant ${tenant} for ${scopes.join(", ")}; it is shown this once.`);
  tell("Send it as the header `Authorization: Bearer TOKEN`; it is accepted within a second.");
  return 0;
};

/** Lists the tenant's tokens, or everybody's with --all. */
export const tokenList: Command = async (context) => {
  const { config, parsed, print } = context;
  const tenant = parsed.options["all"] === undefined ? config.values.tenant : "";
  const tokens = await withStorage(context, (storage) => readTokens(storage, { tenant, id: "", limit: LIST_MAX }));
  if (parsed.options["json"] !== undefined) {
    print(JSON.stringify(tokens.map(tokenJson), null, 2));
    return 0;
  }
  if (tokens.length === 0) print(tenant === "" ? "There are no tokens." : `Tenant ${tenant} has no tokens.`);
  for (const token of tokens) print(tokenLine(token));
  return 0;
};

/** Revokes one token; those who check hear of it within seconds. */
export const tokenRevoke: Command = async (context) => {
  const { parsed, now, print } = context;
  const id = parsed.positionals[0] ?? "";
  if (!/^[0-9a-f]{6,64}$/.test(id)) throw usage("token revoke needs the id that `faultline token list` shows.");
  const token = await withStorage(context, async (storage) => {
    const found = await liveTokenOf(storage, id);
    const revokedMs = Math.max(now(), found.createdMs + 1);
    await writeToken(storage, { ...found, revokedMs }, revokedMs);
    return found;
  });
  print(`Token ${token.id} (${token.name}) of tenant ${token.tenant} is revoked; it is refused within seconds.`);
  return 0;
};

async function liveTokenOf(storage: Storage, id: string): Promise<Token> {
  const tokens = (await readTokens(storage, { tenant: "", id, limit: LIST_MAX })).filter(
    (token) => token.revokedMs === null,
  );
  const [token] = tokens;
  if (token === undefined) throw new ServiceError("TOKEN_UNKNOWN", { id });
  if (tokens.length > 1) throw usage(`${tokens.length} tokens begin with ${id}; give more of it.`);
  return token;
}

function readScopes(text: string): TokenScope[] {
  const words = [...new Set(text.split(",").map((word) => word.trim()))];
  const scopes = TOKEN_SCOPES.filter((scope) => words.includes(scope));
  if (scopes.length !== words.length)
    throw usage(`--scopes takes ${TOKEN_SCOPES.join(", ")}, separated by commas, not "${text}".`);
  return scopes;
}

function tokenLine(token: Token): string {
  const created = new Date(token.createdMs).toISOString();
  const state = token.revokedMs === null ? "live" : `revoked ${new Date(token.revokedMs).toISOString()}`;
  return [token.id, token.tenant, token.scopes.join(","), created, state, token.name].join("  ");
}

function tokenJson(token: Token): Record<string, unknown> {
  const { id, tenant, name, scopes } = token;
  const createdAt = new Date(token.createdMs).toISOString();
  return {
    id,
    tenant,
    name,
    scopes,
    createdAt,
    revokedAt: token.revokedMs === null ? null : new Date(token.revokedMs).toISOString(),
  };
}

function usage(detail: string): ServiceError {
  return new ServiceError("USAGE", { detail });
}
