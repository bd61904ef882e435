-- What other tools ask for in their own words: Jaeger's dependencies and the series of the Collector's connectors.
--
-- Dependencies on Jaeger's rule (storage/queries/dependency_pairs.sql) of the traces that begin in a block of ten minutes, one row a block.
-- Filled when somebody asks (storage/dependencies.ts). Arrived: how many spans had arrived in and around the block when it was computed;
-- when more have since, it is computed anew. The newest Revision wins.
CREATE TABLE dependency_blocks (
  Tenant LowCardinality(String),
  Block DateTime,
  Arrived UInt64,
  Parents Array(LowCardinality(String)) CODEC(ZSTD(1)),
  Children Array(LowCardinality(String)) CODEC(ZSTD(1)),
  Calls Array(UInt64) CODEC(ZSTD(1)),
  Revision UInt64
) ENGINE = ReplacingMergeTree(Revision)
PARTITION BY toYYYYMM(Block)
ORDER BY (Tenant, Block);

-- Cumulative counters for scrapes (storage/series.ts): every step inserts what a stretch of event time adds, and ClickHouse adds up.
-- A step is one insert with a token made of the tenant and the mark that it goes on from: of several processes that go on from there one counts.
-- Family: mark = how far the counters have come (Through, only here); edge = an edge; span = what a service's spans say. Names: the values of
-- the labels, in the order of storage/series.ts. Counts by name of the counter; *Buckets: observations by index of the bound
-- (model/series-bounds.ts), of an edge apart for both sides, of spans in ServerBuckets alone.
CREATE TABLE graph_series (
  Tenant LowCardinality(String),
  Family Enum8('mark' = 0, 'edge' = 1, 'span' = 2),
  Names Array(String),
  Counts SimpleAggregateFunction(sumMap, Map(String, UInt64)),
  ServerBuckets SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)),
  ClientBuckets SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)),
  LastSeen SimpleAggregateFunction(max, DateTime),
  Through SimpleAggregateFunction(max, DateTime)
) ENGINE = AggregatingMergeTree
ORDER BY (Tenant, Family, Names)
SETTINGS non_replicated_deduplication_window = 10000;
