// What a span means, as SQL: protocol, codes, outcome and operation, by the rules of ingest/otlp/span-meaning.ts and model/outcome.ts.
// In: the column attributes; then the facts of a span as columns (of several keys of one fact the newest name counts), its name, kind and status.
// Out: one expression a column. Bounds: operations of at most 200 bytes a part, never raw paths; codes -1 when unknown.
import assert from "node:assert/strict";
import { MAX_OPERATION_CHARACTERS } from "../../model/operation-name.ts";
import { CALLER_LEFT, GRPC_CALLER_ERRORS } from "../../model/outcome.ts";
import { FACT_OF_KEY, FACTS, type Fact, GRPC_NAMES } from "../../model/span-facts.ts";
import { factColumn } from "./identity-sql.ts";
import { cleanName, declaredRoute, methodPrefix, nameTemplate } from "./name-sql.ts";
import { TEMPLATE } from "./route-sql.ts";
import { cut, firstGiven, literal, literals, rewritten, valueOf } from "./sql-text.ts";

const MAX_NAME_BYTES = 200;

/** Spellings of a span's kind, by the Collector's version; anything else is Unspecified. */
export const KIND = `transform(replaceOne(upper(toString(SpanKind)), 'SPAN_KIND_', ''), ['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'], ['Internal', 'Server', 'Client', 'Producer', 'Consumer'], 'Unspecified')`;

// What is asked of every span; the rest is looked up where the kind, the protocol or a proxy makes it matter.
const ALWAYS: readonly Fact[] = [
  "component",
  "responseFlags",
  "error",
  "httpStatus",
  "httpMethod",
  "httpRoute",
  "rpcSystem",
  "grpcStatus",
  "grpcPath",
  "dbSystem",
  "messagingSystem",
];
const IS_CLIENT = "Kind IN ('Client', 'Producer')";
const WHERE: Readonly<Partial<Record<Fact, string>>> = {
  istioService: "isProxy",
  istioRevision: "isProxy",
  istioNamespace: "isProxy",
  istioCluster: "isProxy",
  nodeId: "isProxy",
  upstreamCluster: "isProxy",
  serverAddress: IS_CLIENT,
  peerService: IS_CLIENT,
  urlPath: "protocol = 'http'",
  urlFull: `protocol IN ('http', 'grpc') OR ${IS_CLIENT}`,
  rpcService: "protocol = 'grpc'",
  rpcMethod: "protocol = 'grpc'",
  dbOperation: "protocol = 'db'",
  dbCollection: "protocol = 'db'",
  dbNamespace: "protocol = 'db'",
  messagingDestination: "protocol = 'messaging'",
  messagingOperation: "protocol = 'messaging'",
};
// Few values in a block: what is done with them is done once a value.
const REPEATED: ReadonlySet<Fact> = new Set<Fact>([
  "httpStatus",
  "grpcStatus",
  "responseFlags",
  "upstreamCluster",
  "serverAddress",
]);

/** The facts that every span is asked for, as columns; `attributes` is a Map(String, String). */
export function firstFactColumns(): string[] {
  return ALWAYS.map((fact) => `${factValue(fact)} AS ${factColumn(fact)}`);
}

/** The other facts, when Kind, isProxy and protocol are known. */
export function laterFactColumns(): string[] {
  return FACTS.filter((fact) => !ALWAYS.includes(fact)).map((fact) => {
    const condition = WHERE[fact];
    assert.ok(condition !== undefined, `nothing says which spans are asked for ${fact}`);
    const value = `if(${condition}, ${factValue(fact)}, '')`;
    return `${REPEATED.has(fact) ? `toLowCardinality(${value})` : value} AS ${factColumn(fact)}`;
  });
}

function factValue(fact: Fact): string {
  const keys = [...FACT_OF_KEY].filter(([, of]) => of === fact).map(([key]) => key);
  const value = firstGiven(keys.toReversed().map((key) => valueOf("attributes", key)));
  return ALWAYS.includes(fact) && REPEATED.has(fact) ? `toLowCardinality(${value})` : value;
}

const f = factColumn;

/** The protocol as far as a span says that is not TCP through a proxy; '' when nothing says. */
export const PROTOCOL_BUT_TCP = `multiIf(${[
  `${f("grpcPath")} != '' OR ${f("rpcSystem")} = 'grpc', 'grpc'`,
  `${f("dbSystem")} != '', 'db'`,
  `${f("messagingSystem")} != '', 'messaging'`,
  `${f("grpcStatus")} != '', 'grpc'`,
  `${f("httpMethod")} != '' OR ${f("httpStatus")} != '' OR ${f("httpRoute")} != '', 'http'`,
].join(", ")}, '')`;

/** The protocol; reads the column protocol. */
export const PROTOCOL = `if(protocol = '' AND isProxy AND ${f("upstreamCluster")} != '', 'tcp', protocol)`;

/** Status of HTTP, -1 when there is none. */
export const HTTP_STATUS = smallNumber(f("httpStatus"));

/** Status of gRPC by number or name, -1 when there is none; reads the column Protocol. */
export const GRPC_STATUS = `multiIf(Protocol != 'grpc' OR ${f("grpcStatus")} = '', -1, ${smallNumber(f("grpcStatus"))} >= 0, if(${smallNumber(f("grpcStatus"))} < ${GRPC_NAMES.length}, ${smallNumber(f("grpcStatus"))}, -1), ${statusByName()})`;

/** Envoy's flags, '' for none. */
export const RESPONSE_FLAGS = rewritten(cleanName(cut(f("responseFlags"), MAX_NAME_BYTES), MAX_NAME_BYTES), [
  ["^-$", ""],
]);

/** How the request ended; reads ResponseFlags, httpStatus and grpcStatus. */
export const OUTCOME = `multiIf(${[
  `ResponseFlags != '' AND hasAny(splitByChar(',', toString(ResponseFlags)), [${[...CALLER_LEFT].map(literal).join(", ")}]), 'cancelled'`,
  `httpStatus >= 500, 'failed'`,
  `grpcStatus = 1, 'cancelled'`,
  `grpcStatus IN (${[...GRPC_CALLER_ERRORS].join(", ")}), 'degraded'`,
  `grpcStatus > 0, 'failed'`,
  `httpStatus >= 400, 'degraded'`,
  `httpStatus = 0 AND ResponseFlags != '', 'failed'`,
  `grpcStatus = 0, 'ok'`,
  `upper(toString(StatusCode)) IN ${literals(["ERROR", "STATUS_CODE_ERROR"])} OR ${f("error")} = 'true', 'failed'`,
].join(", ")}, 'ok')`;

// `GET /items` or `/items`: instrumentation that writes the route into the name.
const NAME_HAS_PATH = "(startsWith(SpanName, '/') OR match(SpanName, '^[A-Z]{1,9} /'))";
const URL = `if(${f("urlPath")} != '', ${f("urlPath")}, ${f("urlFull")})`;
const RPC_METHOD = f("rpcMethod");
const HAS_RPC_NAME = `((${RPC_METHOD} != '' AND (position(${RPC_METHOD}, '/') > 0 OR ${f("rpcService")} != '')) OR ${f("grpcPath")} != '')`;
// What only a declared route has; without it a route is a path like any other.
const PLACEHOLDER = literal("[{<(\\[:*^$]");

/** The route, URL or path that the operation is made from; '' where it is made of words. */
export const ROUTE_SOURCE = `multiIf(${[
  `Protocol = 'http' AND ${f("httpRoute")} != '', ${cut(f("httpRoute"), MAX_NAME_BYTES)}`,
  `Protocol = 'http', if(NOT isProxy AND ${NAME_HAS_PATH}, substring(SpanName, position(SpanName, '/')), ${URL})`,
  `Protocol = 'grpc' AND NOT ${HAS_RPC_NAME}, ${f("urlFull")}`,
].join(", ")}, '')`;

/** The template of the column routeSource; of a declared route with placeholders, itself. */
export function routeColumn(): string {
  const isDeclared = `Protocol = 'http' AND ${f("httpRoute")} != '' AND match(routeSource, ${PLACEHOLDER})`;
  return `multiIf(routeSource = '', '', ${isDeclared}, routeSource, ${TEMPLATE})`;
}

/** What stands before the route; reads Protocol and routeSource. */
export const METHOD = `toLowCardinality(multiIf(routeSource = '' OR Protocol != 'http', '', ${f("httpRoute")} != '' OR isProxy OR NOT ${NAME_HAS_PATH}, ${f("httpMethod")}, substring(SpanName, 1, greatest(position(SpanName, '/') - 2, 0))))`;

/** The words that the operation is made of where there is no route; reads Protocol and route. */
export function wordsColumn(): string {
  const part = (value: string): string => cut(value, MAX_NAME_BYTES);
  const tail = (value: string): string => `if(startsWith(${value}, '/'), substring(${value}, 2), ${value})`;
  const words = (...facts: Fact[]): string =>
    `arrayStringConcat(arrayFilter(word -> word != '', [${facts.map((fact) => part(f(fact))).join(", ")}]), ' ')`;
  return `toLowCardinality(multiIf(${[
    "Protocol = 'http' AND routeSource != '', ''",
    `Protocol = 'grpc' AND ${RPC_METHOD} != '' AND position(${RPC_METHOD}, '/') > 0, ${part(tail(RPC_METHOD))}`,
    `Protocol = 'grpc' AND ${RPC_METHOD} != '' AND ${f("rpcService")} != '', concat(${part(f("rpcService"))}, '/', ${part(RPC_METHOD)})`,
    `Protocol = 'grpc' AND ${f("grpcPath")} != '', ${part(tail(f("grpcPath")))}`,
    "Protocol = 'grpc' AND routeSource != '' AND route != '/', substring(route, 2)",
    `Protocol = 'db' AND (${f("dbOperation")} != '' OR ${f("dbCollection")} != ''), ${words("dbSystem", "dbOperation", "dbCollection")}`,
    `Protocol = 'messaging' AND ${f("messagingDestination")} != '', ${words("messagingOperation", "messagingDestination")}`,
  ].join(", ")}, ${part("toString(SpanName)")}))`;
}

/** The operation; reads Protocol, routeSource, route, method and words. */
export function operation(): string {
  const route = `if(match(route, ${PLACEHOLDER}) AND NOT isProxy, ${declaredRoute("toLowCardinality(route)")}, route)`;
  const name = `if(Protocol = 'http' AND routeSource != '', concat(${methodPrefix("method")}, ${route}), ${nameTemplate(cleanName("words"))})`;
  return `leftUTF8(${name}, ${MAX_OPERATION_CHARACTERS})`;
}

/** A number of at most four digits; -1 when it is none. */
function smallNumber(value: string): string {
  return `toInt16OrDefault(${rewritten(value, [["(?s)^(?:.*[^0-9].*|.{5,})$", ""]])}, toInt16(-1))`;
}

function statusByName(): string {
  const names = `[${[...GRPC_NAMES, "CANCELED"].map(literal).join(", ")}]`;
  const numbers = `[${[...GRPC_NAMES.keys(), 1].join(", ")}]`;
  return `transform(upper(toString(${f("grpcStatus")})), ${names}, ${numbers}, -1)`;
}
