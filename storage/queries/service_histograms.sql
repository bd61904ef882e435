-- How long requests took and how much of it was their service's own time, once over the fault's buckets and once over the baseline's, as spans tell.
-- Parameters: tenant (String), fault, baseline (Array(DateTime): bucket starts), services (Array(String): names, [] = all).
-- Row: side (1 fault, 0 baseline), cluster, namespace, service, hist, self_hist (96 counts each).
-- Cost: reads the named buckets once; one row a service and side.
SELECT toUInt8(has({fault:Array(DateTime)}, Bucket)) AS side, any(Cluster) AS cluster, any(Namespace) AS namespace, any(Service) AS service,
  sumForEach(Hist) AS hist, sumForEach(SelfHist) AS self_hist
FROM operation_buckets
WHERE Tenant = {tenant:String}
  AND Bucket >= least(arrayMin({fault:Array(DateTime)}), arrayMin({baseline:Array(DateTime)}))
  AND Bucket <= greatest(arrayMax({fault:Array(DateTime)}), arrayMax({baseline:Array(DateTime)}))
  AND (has({fault:Array(DateTime)}, Bucket) OR has({baseline:Array(DateTime)}, Bucket))
  AND (empty({services:Array(String)}) OR Service IN {services:Array(String)})
GROUP BY side, cityHash64(cityHash64(Cluster), cityHash64(Namespace), cityHash64(Service))
