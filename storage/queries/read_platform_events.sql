-- Platform events of a window, by object and reason, for localization.
-- Parameters: tenant (String), from, to (DateTime). Row: kind, name, node, reason, message (one of them), events.
-- Cost: the window's events, read by the primary key; at most 1000 rows.
SELECT Kind AS kind, Name AS name, any(Node) AS node, Reason AS reason, any(Message) AS message, uniqExact(Id) AS events
FROM platform_events
WHERE Tenant = {tenant:String} AND At >= {from:DateTime} AND At < {to:DateTime}
GROUP BY kind, name, reason
ORDER BY events DESC
LIMIT 1000
