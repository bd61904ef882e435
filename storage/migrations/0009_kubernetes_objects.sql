-- What was last seen of each Kubernetes object, so that the next sight of it can be compared, by whichever process sees it.
-- Fields: the desired state as short texts by path, never the content of a Secret; Digest covers all of it.
-- Revision rises with resourceVersion; the newest wins. Read with FINAL.
CREATE TABLE kubernetes_objects (
  Tenant LowCardinality(String),
  Id String,
  Uid String,
  Generation UInt64,
  ResourceVersion UInt64,
  CreatedMs UInt64,
  Digest String,
  Fields Map(String, String) CODEC(ZSTD(3)),
  Deleted UInt8,
  ObservedAt DateTime64(3),
  Revision UInt64
) ENGINE = ReplacingMergeTree(Revision)
ORDER BY (Tenant, Id)
SETTINGS non_replicated_deduplication_window = 10000;

-- The workloads that the cluster's own objects tell of, with or without telemetry: a pod (Instance is its name) or the template of many
-- (Instance ''). Runtime and Isolation as in entities, Confidence 0..1 of the runtime, Rule and Attribute say why. Gone: it was deleted.
CREATE TABLE workloads (
  Tenant LowCardinality(String),
  Cluster LowCardinality(String),
  Namespace LowCardinality(String),
  Service LowCardinality(String),
  Version LowCardinality(String),
  Instance String,
  Node LowCardinality(String),
  Kind LowCardinality(String),
  Name String,
  Runtime LowCardinality(String),
  Isolation LowCardinality(String),
  Confidence Float32,
  Rule LowCardinality(String),
  Attribute LowCardinality(String),
  Gone UInt8,
  LastSeen DateTime
) ENGINE = ReplacingMergeTree(LastSeen)
ORDER BY (Tenant, Cluster, Namespace, Service, Kind, Name)
SETTINGS non_replicated_deduplication_window = 10000;

-- What the platform reports of its objects: Kubernetes events worth keeping, and containers that ended badly. Id makes replays one row.
CREATE TABLE platform_events (
  Tenant LowCardinality(String),
  At DateTime64(3),
  Id String,
  Cluster LowCardinality(String),
  Namespace LowCardinality(String),
  Kind LowCardinality(String),
  Name String,
  Node LowCardinality(String),
  Severity LowCardinality(String),
  Reason LowCardinality(String),
  Message String CODEC(ZSTD(1)),
  IngestedAt DateTime64(3) DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(IngestedAt)
PARTITION BY toYYYYMM(At)
ORDER BY (Tenant, At, Id)
SETTINGS non_replicated_deduplication_window = 10000;

-- Instances as telemetry knows them, with what the cluster's own objects say of how they run: a class that telemetry names stands, but "some
-- pod" (RUNC, UNKNOWN) gives way to the pod's own object, else to the template of its version, else to the service's template without one.
CREATE VIEW known_instances AS
SELECT
  e.Cluster AS Cluster, e.Namespace AS Namespace, e.Service AS Service, e.Version AS Version, e.Instance AS Instance, e.Node AS Node,
  e.LastSeen AS LastSeen,
  multiIf(e.Runtime NOT IN ('', 'UNKNOWN', 'RUNC'), ('', ''), p.Runtime != '', (p.Runtime, p.Isolation),
    arrayExists(t -> t.1 = e.Version, s.Templates), (arrayFirst(t -> t.1 = e.Version, s.Templates).2, arrayFirst(t -> t.1 = e.Version, s.Templates).3),
    (arrayFirst(t -> t.1 = '', s.Templates).2, arrayFirst(t -> t.1 = '', s.Templates).3)) AS Told,
  if(Told.1 IN ('', 'UNKNOWN'), e.Runtime, Told.1) AS Runtime,
  if(e.Isolation = '', Told.2, e.Isolation) AS Isolation
FROM (SELECT * FROM entities FINAL WHERE Tenant = {tenant:String}) AS e
LEFT JOIN (
  SELECT Cluster, Namespace, Instance, argMax(Runtime, LastSeen) AS Runtime, argMax(Isolation, LastSeen) AS Isolation
  FROM workloads WHERE Tenant = {tenant:String} AND Instance != '' GROUP BY Cluster, Namespace, Instance
) AS p ON p.Cluster = e.Cluster AND p.Namespace = e.Namespace AND p.Instance = e.Instance
LEFT JOIN (
  SELECT Cluster, Namespace, Service, groupArray((Version, Runtime, Isolation)) AS Templates
  FROM (
    SELECT Cluster, Namespace, Service, toString(Version) AS Version, toString(argMax(Runtime, (Gone = 0, Confidence, LastSeen))) AS Runtime,
      toString(argMax(Isolation, (Gone = 0, Confidence, LastSeen))) AS Isolation
    FROM workloads FINAL WHERE Tenant = {tenant:String} AND Instance = '' GROUP BY Cluster, Namespace, Service, Version
  )
  GROUP BY Cluster, Namespace, Service
) AS s ON s.Cluster = e.Cluster AND s.Namespace = e.Namespace AND s.Service = e.Service;
