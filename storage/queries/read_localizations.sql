-- Purpose: stored answers by id.
-- Parameters: tenant; ids.
-- Row: an answer; Onset null when unknown, causes and rejected alternatives as JSON.
-- Cost: one granule an id.
SELECT
  Id, Verdict, Reason, RangeFrom, RangeTo, BaselineFrom, BaselineTo, Onset, CausesJson, RejectedJson
FROM localizations FINAL
WHERE Tenant = {tenant:String} AND Id IN {ids:Array(String)}
LIMIT 1000
