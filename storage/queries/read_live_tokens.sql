-- Purpose: every token that is not revoked, of all tenants, for those who check them.
-- Parameters: limit.
-- Row: hash (SHA-256 in hexadecimal), tenant, scopes.
-- Cost: the whole table, which holds at most some ten thousand rows; about 100 bytes a row.
SELECT Hash AS hash, Tenant AS tenant, Scopes AS scopes
FROM tokens FINAL
WHERE RevokedAt IS NULL
ORDER BY CreatedAt, Hash
LIMIT {limit:UInt32}
