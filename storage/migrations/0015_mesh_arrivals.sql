-- New points of mesh metrics for the analyzer, counted as spans are: by the 10-second bucket of the point's own time, the counters of calls only, for
-- all else that a proxy exposes is scraped with them. A scrape says what happened since the one before it, so which buckets a point makes due is not
-- in here: storage/mesh-metrics.ts (readMeshDue) tells.
CREATE MATERIALIZED VIEW mesh_arrivals_view TO arrivals AS
SELECT Tenant, 'mesh_points' AS Signal, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND) AS Bucket, count() AS RowCount,
  max(Timestamp) AS LastTimestamp
FROM mesh_points
WHERE Shape IN ('value', 'histogram') AND Kind != 'gauge'
GROUP BY Tenant, Bucket;
