-- The histograms of sums begin with the first sixteen buckets that are not all empty, as they end with the last: a service's latencies lie
-- together, so most of a histogram is the zeros before them. HistStart: how many sixteens are left out before; 0 in the rows until now.
ALTER TABLE edge_minutes
  ADD COLUMN CallerHistStart UInt8 CODEC(ZSTD(1)),
  ADD COLUMN CalleeHistStart UInt8 CODEC(ZSTD(1));
ALTER TABLE edge_hours
  ADD COLUMN CallerHistStart UInt8 CODEC(ZSTD(1)),
  ADD COLUMN CalleeHistStart UInt8 CODEC(ZSTD(1));
ALTER TABLE operation_minutes ADD COLUMN HistStart UInt8 CODEC(ZSTD(1));
ALTER TABLE operation_hours ADD COLUMN HistStart UInt8 CODEC(ZSTD(1));
