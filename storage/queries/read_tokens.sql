-- Purpose: the tokens of one tenant or of all, for a person; the revoked ones too.
-- Parameters: tenant: '' for all; id: first characters of the hash, '' for all; limit.
-- Row: a token; RevokedAt null while it is live.
-- Cost: the tenant's tokens by the primary key, or the whole table of at most some ten thousand rows.
SELECT Hash, Tenant, Name, Scopes, CreatedAt, RevokedAt
FROM tokens FINAL
WHERE ({tenant:String} = '' OR Tenant = {tenant:String}) AND startsWith(Hash, {id:String})
ORDER BY Tenant, CreatedAt, Hash
LIMIT {limit:UInt32}
