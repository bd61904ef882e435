-- Purpose: a part of the statements that read edges: ends at one level and the figures of a graph row, over sums of minutes or hours (times in microseconds).
-- Parameters: src_cluster ... dst_instance: the column that tells this part of an end at the level, or Untold where the level does not carry
--   it, or Virtual* where it carries it of ends that are no services (storage/graph-columns.ts).
-- Row: the columns that storage/graph-table.ts reads, in its order; parts the level does not carry are ''. Virtual ends (messaging, database,
--   external) keep their name at every level; unknown ends keep what is known of them.
-- Cost: that of the rows. Columns are named, not computed: a condition makes strings of a dictionary's numbers, and grouping of strings
--   costs twice as much. Statements stay small, one a table: planning a union of three costs as much as reading.
WITH
  '' AS Untold,
  if(SrcKind = 'service', '', SrcNamespace) AS VirtualSrcNamespace,
  if(SrcKind = 'service', '', SrcService) AS VirtualSrcService,
  if(DstKind = 'service', '', DstNamespace) AS VirtualDstNamespace,
  if(DstKind = 'service', '', DstService) AS VirtualDstService
SELECT
  SrcKind,
  {src_cluster:Identifier},
  {src_namespace:Identifier},
  {src_service:Identifier},
  {src_version:Identifier},
  {src_instance:Identifier},
  DstKind,
  {dst_cluster:Identifier},
  {dst_namespace:Identifier},
  {dst_service:Identifier},
  {dst_version:Identifier},
  {dst_instance:Identifier},
  Protocol,
  Source,
  groupUniqArray(Evidence),
  sum(CallerCalls) AS CallerRequests,
  sum(CallerFailed),
  sum(CallerDegraded),
  sum(CallerCancelled),
  sum(CallerUs) * 1000,
  sum(CalleeCalls) AS CalleeRequests,
  sum(CalleeFailed),
  sum(CalleeDegraded),
  sum(CalleeCancelled),
  sum(CalleeUs) * 1000,
  sum(NeverArrived),
  sum(OriginFailed),
  sum(GapUs) * 1000,
  sum(ProxyUs) * 1000,
  sum(Retries),
  sum(RequestBytes),
  sum(ResponseBytes),
  sum(SecuredCalls),
  sum(PlainCalls),
  sum(OffsetUs) * 1000,
  sum(OffsetCalls),
  sumIf(CalleeCalls, SrcKind = 'unknown' AND Evidence = 'inferred'),
  sumMap(Flags)
