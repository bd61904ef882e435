-- Purpose: the body of one dead letter.
-- Parameters: tenant; id.
-- Row: Body, BodyEncoding (text or base64), BodyBytes (before it was cut); none where there is no such letter.
-- Cost: the Ids of the tenant's letters; the body of one granule.
SELECT Body, toString(BodyEncoding) AS BodyEncoding, BodyBytes
FROM dead_letters
WHERE Tenant = {tenant:String} AND Id = {id:String}
LIMIT 1
