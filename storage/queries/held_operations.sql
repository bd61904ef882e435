-- Operations that wait rather than work: long polls, watches, streams. For statements, as a part: rows (Cluster, Namespace, Service, Operation).
-- Known by what they usually do, for their names do not tell: in half of the hours of the day before {from} a request took 5 s or longer on
--   average. What was slow for less than half a day stays a fault.
-- Parameters: tenant (String), from (DateTime). Cost: a day of operation_hours without histograms.
SELECT Cluster, Namespace, Service, Operation
FROM (
  SELECT Cluster, Namespace, Service, Operation, Hour, sum(TotalUs) / sum(Requests) AS mean_us
  FROM operation_hours
  WHERE Tenant = {tenant:String} AND Hour >= toStartOfHour({from:DateTime}) - INTERVAL 24 HOUR AND Hour < toStartOfHour({from:DateTime})
    AND Operation != '' AND Requests > 0 AND (Hour, Revision) IN (
      SELECT Hour, argMax(Revision, Stamp) AS holding FROM hour_rollups
      WHERE Hour >= toStartOfHour({from:DateTime}) - INTERVAL 24 HOUR AND Hour < toStartOfHour({from:DateTime})
      GROUP BY Hour HAVING holding != 0)
  GROUP BY Cluster, Namespace, Service, Operation, Hour
)
GROUP BY Cluster, Namespace, Service, Operation
HAVING count() >= 2 AND quantileExactLow(0.5)(mean_us) >= 5000000
