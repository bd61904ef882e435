// The statements that turn rows of a Collector's otel_traces into rows of adopted_spans, and these into what Faultline derives from spans.
// In: a source table, the tenant it belongs to, and a condition on event time. Out: SQL text, the same for the live view and the backfill.
// Bounds: total functions only: a row that makes this fail would fail the Collector's own insert. Rows without ids are left out.
import { createHash } from "node:crypto";
import type { Aliases } from "../../model/identity.ts";
import { quoteName } from "../client.ts";
import {
  factColumn,
  nameColumns,
  namespaceColumn,
  partColumns,
  PROXY_RESOURCE,
  renamed,
  RESOURCE,
} from "./identity-sql.ts";
import {
  firstFactColumns,
  GRPC_STATUS,
  HTTP_STATUS,
  KIND,
  laterFactColumns,
  METHOD,
  operation,
  OUTCOME,
  PROTOCOL,
  PROTOCOL_BUT_TCP,
  RESPONSE_FLAGS,
  ROUTE_SOURCE,
  routeColumn,
  wordsColumn,
} from "./meaning-sql.ts";
import { peer, HOST_KIND, PEER_HOST, PEER_KIND, PEER_NAME, PEER_SOURCE, PEER_TEXT } from "./peer-sql.ts";
import { pathOf, PIECES, SEGMENTS, STEMS } from "./route-sql.ts";
import { isolationClass, runtimeClass } from "./runtime-sql.ts";
import { literal, withColumns } from "./sql-text.ts";

/** What the meaning of a row depends on beside the row; `cluster` is taken where the row names none. */
export interface SourceMeaning {
  readonly database: string;
  readonly table: string;
  readonly tenant: string;
  readonly cluster: string;
  readonly aliases: Aliases;
}

const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;
const MAX_LINKS = 512;
/** 30 days, as ingest rounds them: no request lasts so long. */
const TOO_LONG_NS = (Math.floor((30 * 86_400e9) / 2 ** 32) + 1) * 2 ** 32;

/** The columns of adopted_spans, in order; ResourceAttributes is there for the runtime classes. */
export const ADOPTED_COLUMNS = [
  "Timestamp",
  "SpanKey",
  "ParentKey",
  "LinkKeys",
  "Kind",
  "Proxy",
  "Outcome",
  "ResponseCode",
  "Duration",
  "Tenant",
  "Cluster",
  "Namespace",
  "Service",
  "Version",
  "Instance",
  "Node",
  "Operation",
  "Protocol",
  "Peer",
  "PeerKind",
  "ResponseFlags",
  RESOURCE,
] as const;

/** `database`.`table` of the source. */
export function sourceName(source: { readonly database: string; readonly table: string }): string {
  return `${quoteName(source.database)}.${quoteName(source.table)}`;
}

/** A SELECT of ADOPTED_COLUMNS over the rows of the source that fit `condition` (an expression over its columns). */
export function adoptedSpans(source: SourceMeaning, condition: string): string {
  const named = renamed(source.aliases);
  const stages = [
    firstFactColumns(),
    [
      `${PROXY_RESOURCE} OR ${factColumn("component")} = 'proxy' AS isProxy`,
      `${PROTOCOL_BUT_TCP} AS protocol`,
      `${HTTP_STATUS} AS httpStatus`,
      `${RESPONSE_FLAGS} AS ResponseFlags`,
    ],
    laterFactColumns(),
    [...nameColumns(), `${PROTOCOL} AS Protocol`, `${GRPC_STATUS} AS grpcStatus`],
    [namespaceColumn(), `${ROUTE_SOURCE} AS routeSource`, `${PEER_SOURCE} AS peerSource`],
    [...partColumns(), `${pathOf("routeSource")} AS path`, `toLowCardinality(${PEER_TEXT}) AS peerText`],
    [
      `${named.namespace} AS Namespace`,
      `${named.service} AS Service`,
      `${SEGMENTS} AS segments`,
      `${PEER_HOST} AS host`,
    ],
    [`${STEMS} AS stems`, `${HOST_KIND} AS hostKind`, `${OUTCOME} AS Outcome`],
    [`${PIECES} AS pieces`, `${PEER_KIND} AS PeerKind`, `${PEER_NAME} AS cleanPeer`],
    [`${routeColumn()} AS route`],
    [`${METHOD} AS method`, `${wordsColumn()} AS words`],
  ];
  return `SELECT
  Timestamp, SpanKey, ParentKey, LinkKeys, Kind, isProxy AS Proxy, Outcome,
  if(Protocol = 'grpc', grpcStatus, httpStatus) AS ResponseCode,
  Duration,
  ${literal(source.tenant)} AS Tenant,
  if(cluster = '', ${literal(source.cluster)}, cluster) AS Cluster,
  Namespace, Service, version AS Version, instance AS Instance, node AS Node,
  ${operation()} AS Operation,
  Protocol, ${peer(source.aliases)} AS Peer, PeerKind, ResponseFlags, ${RESOURCE}
FROM (
${stages.reduce((from, columns) => withColumns(columns, from), rawSpans(source, condition))}
)`;
}

/** The columns of the source as Faultline has them. */
function rawSpans(source: SourceMeaning, condition: string): string {
  const key = (trace: string, span: string): string => `cityHash64(toString(${trace}), toString(${span}))`;
  return `SELECT toDateTime64(Timestamp, 9) AS Timestamp,
  ${key("TraceId", "SpanId")} AS SpanKey,
  if(length(ParentSpanId) != ${SPAN_DIGITS} OR ParentSpanId = ${literal("0".repeat(SPAN_DIGITS))}, 0, ${key("TraceId", "ParentSpanId")}) AS ParentKey,
  arraySlice(arrayFilter(k -> k != 0, arrayMap((t, s) -> if(length(t) = ${TRACE_DIGITS} AND length(s) = ${SPAN_DIGITS}, ${key("t", "s")}, 0), \`Links.TraceId\`, \`Links.SpanId\`)), 1, ${MAX_LINKS}) AS LinkKeys,
  ${KIND} AS Kind, StatusCode, SpanName, ${RESOURCE},
  CAST(SpanAttributes, 'Map(String, String)') AS attributes,
  if(Duration < 0 OR Duration >= ${TOO_LONG_NS}, 0, toUInt64(Duration)) AS Duration
FROM ${sourceName(source)}
WHERE length(TraceId) = ${TRACE_DIGITS} AND length(SpanId) = ${SPAN_DIGITS}
  AND TraceId != ${literal("0".repeat(TRACE_DIGITS))} AND SpanId != ${literal("0".repeat(SPAN_DIGITS))}
  AND (${condition})`;
}

/** The SELECT of the view adopted_entities: each instance of a block once, with its runtime class. */
export function adoptedEntities(): string {
  return `SELECT Tenant, Cluster, Namespace, Service, Version, Instance, Node,
  ${runtimeClass()} AS Runtime,
  ${isolationClass()} AS Isolation,
  LastSeen
FROM (
  SELECT Tenant, Cluster, Namespace, Service, Version, Instance, any(Node) AS Node, any(${RESOURCE}) AS ${RESOURCE},
    toDateTime(max(Timestamp)) AS LastSeen
  FROM adopted_spans GROUP BY Tenant, Cluster, Namespace, Service, Version, Instance
)`;
}

/** A short name of what the statements say, which changes when a rule does. */
export function versionOf(...statements: readonly string[]): string {
  return createHash("sha256").update(statements.join("\n")).digest("hex").slice(0, 16);
}
