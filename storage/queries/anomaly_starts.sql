-- Purpose: when each alarmed place first deviated within an incident, for its timeline.
-- Parameters: tenant; entities (Array(String)) as model/entity.ts writes their ids; from, to (DateTime, both included).
-- Row: entity_id, indicator, first (unix seconds of the bucket's start). Cost: the anomalies of the named buckets, by the primary key.
SELECT EntityId AS entity_id, Indicator AS indicator, toUnixTimestamp(min(Bucket)) AS first
FROM anomalies
WHERE Tenant = {tenant:String} AND Bucket >= {from:DateTime} AND Bucket <= {to:DateTime} AND EntityId IN {entities:Array(String)}
GROUP BY entity_id, indicator
ORDER BY first, entity_id, indicator
LIMIT 2000
