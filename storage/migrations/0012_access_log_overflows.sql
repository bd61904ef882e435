-- Names past a tenant's limits in access logs, counted like those of spans (0006_cardinality_overflows.sql): the reporter's own, and the two
-- sides of the call; one that was told by its host alone counts as a service here.
CREATE MATERIALIZED VIEW access_log_overflows_view TO cardinality_overflows AS
SELECT Tenant, Hour, overflow.1 AS Dimension, overflow.2 AS Service, count() AS RowCount, any(overflow.3) AS Sample,
  toDateTime(max(At)) AS LastSeen
FROM (
  SELECT Tenant, toStartOfHour(toDateTime(Timestamp)) AS Hour, Timestamp AS At,
    arrayFilter(d -> d.4, [
      ('cluster', '', '', Cluster = '__overflow__' OR SrcCluster = '__overflow__' OR DstCluster = '__overflow__'),
      ('namespace', '', '', Namespace = '__overflow__' OR SrcNamespace = '__overflow__' OR DstNamespace = '__overflow__'),
      ('service', '', toString(Authority), Service = '__overflow__' OR SrcService = '__overflow__' OR DstService = '__overflow__'),
      ('version', toString(Service), '', Version = '__overflow__'),
      ('version', toString(SrcService), '', SrcVersion = '__overflow__' AND SrcService != Service),
      ('version', toString(DstService), '', DstVersion = '__overflow__' AND DstService != Service),
      ('instance', toString(Service), '', Instance = '__overflow__'),
      ('instance', toString(SrcService), '', SrcInstance = '__overflow__' AND SrcService != Service),
      ('instance', toString(DstService), '', DstInstance = '__overflow__' AND DstService != Service),
      ('node', '', '', Node = '__overflow__'),
      ('operation', toString(DstService), concat(Method, ' ', Path), Operation = '__overflow__'),
      ('response_flags', '', '', ResponseFlags = '__overflow__')]) AS overflows
  FROM access_logs
  WHERE Cluster = '__overflow__' OR SrcCluster = '__overflow__' OR DstCluster = '__overflow__' OR Namespace = '__overflow__'
    OR SrcNamespace = '__overflow__' OR DstNamespace = '__overflow__' OR Service = '__overflow__'
    OR SrcService = '__overflow__' OR DstService = '__overflow__' OR Version = '__overflow__' OR SrcVersion = '__overflow__'
    OR DstVersion = '__overflow__' OR Instance = '__overflow__' OR SrcInstance = '__overflow__'
    OR DstInstance = '__overflow__' OR Node = '__overflow__' OR Operation = '__overflow__' OR ResponseFlags = '__overflow__'
) ARRAY JOIN overflows AS overflow
GROUP BY Tenant, Hour, Dimension, Service;
