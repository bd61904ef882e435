// Who a span talks to, as SQL: the rules of ingest/otlp/peer.ts, span-peer.ts and of the peer in name-rules.ts.
// In: the columns Kind, Protocol, isProxy, Namespace and the facts of the span. Out: stages of columns up to Peer and PeerKind.
// Names and hosts are judged as LowCardinality, so that a block pays for each distinct one.
// Bounds: names of at most 200 bytes; private addresses name nobody; no limit of names per tenant.
import type { Aliases } from "../../model/identity.ts";
import { aliasOf, factColumn, isFlawed } from "./identity-sql.ts";
import { cleanName, stableDestination } from "./name-sql.ts";
import { cut, fits, literal, rewritten } from "./sql-text.ts";

const MAX_NAME = 200;
const SERVER = factColumn("serverAddress");
const UPSTREAM = factColumn("upstreamCluster");
const URL = factColumn("urlFull");
const NAMES_PEER = "(Kind IN ('Client', 'Producer') OR (Kind = 'Consumer' AND Protocol = 'messaging'))";
const PART = "0*(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)?";
const CLUSTER_OF_ENVOY = /^(PassthroughCluster|BlackHoleCluster)/;
const CLUSTER_OF_ISTIO = "^outbound(?:\\||_\\.)";

/** Where the peer is read from: database, messaging, cluster (Envoy's, not of Istio's form), declared, host, or '' for nowhere. */
export const PEER_SOURCE = `multiIf(${[
  `NOT ${NAMES_PEER}, ''`,
  "Protocol = 'db', 'database'",
  "Protocol = 'messaging', 'messaging'",
  `isProxy AND ${UPSTREAM} != '', multiIf(match(${UPSTREAM}, '^[Ii]nbound|^-$'), '', match(${UPSTREAM}, ${literal(CLUSTER_OF_ISTIO)}) OR ${isAddress(withoutPort(UPSTREAM))}, 'host', 'cluster')`,
  `${factColumn("peerService")} != '', 'declared'`,
].join(", ")}, 'host')`;

/** The text that the peer is made from; reads the column peerSource. */
export const PEER_TEXT = `multiIf(${[
  "peerSource = '', ''",
  `peerSource = 'database', ${system("dbSystem", `if(${SERVER} != '', ${firstLabel(withoutPort(SERVER))}, ${factColumn("dbNamespace")})`, `${SERVER} != '' OR ${factColumn("dbNamespace")} != ''`)}`,
  `peerSource = 'messaging', ${system("messagingSystem", factColumn("messagingDestination"), `${factColumn("messagingDestination")} != ''`)}`,
  `isProxy AND ${UPSTREAM} != '', ${rewritten(UPSTREAM, [
    ["^outbound\\|(?:.*\\|)?", ""],
    ["^outbound_\\.(?:.*_\\.)?", ""],
  ])}`,
  "peerSource = 'declared', fact_peerService",
  `${SERVER} != '', ${SERVER}`,
].join(", ")}, ${hostOfUrl()})`;

/** The host without its port; reads the column peerText (LowCardinality). */
export const PEER_HOST = withoutPort("peerText");

/** What the column `host` names: nobody, an address, a service, or a host elsewhere. */
export const HOST_KIND = `multiIf(peerSource != 'host' OR host IN ('', 'localhost'), '', ${isAddress("host")}, if(${isPublic("host")}, 'external', ''), ${fits("host", /^[^.]*$|^[^.]+\.[^.]*\.svc(\.|$)/)} OR (${fits("host", /^[^.]+\.[^.]+$/)} AND Namespace != '' AND substring(host, position(host, '.') + 1) = Namespace), 'service', 'external')`;

/** Kind of the peer; reads peerSource, peerText and hostKind. */
export const PEER_KIND = `multiIf(peerSource = 'host', hostKind, peerSource = 'declared', 'service', peerSource = 'cluster', if(${fits("peerText", CLUSTER_OF_ENVOY)}, 'external', 'service'), peerSource)`;

/** Name of the peer, clean; reads peerSource, peerText, host and hostKind. */
export const PEER_NAME = cleanName(
  `toLowCardinality(${cut(`multiIf(peerSource != 'host', peerText, hostKind = '', '', hostKind = 'service', ${rewritten("host", [["\\..*$", ""]])}, host)`, MAX_NAME)})`,
  MAX_NAME,
);

/** The peer; reads PeerKind, peerText and cleanPeer. */
export function peer(aliases: Aliases): string {
  const host = rewritten("lower(cleanPeer)", [["\\.$", ""]]);
  const service = aliasOf("cleanPeer", aliases);
  const cases = [
    "PeerKind = '', ''",
    `PeerKind IN ('database', 'messaging'), ${stableDestination("cleanPeer")}`,
    `${isFlawed("cleanPeer", { addresses: true, defaults: false })}, 'unknown'`,
    `PeerKind = 'external' AND NOT ${fits("cleanPeer", CLUSTER_OF_ENVOY)}, if(${fits(host, /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$|^\[[0-9a-f:]+\]$/)}, ${host}, 'unknown')`,
    ...(aliases.size === 0
      ? []
      : [`PeerKind = 'service' AND ${service} != '', ${rewritten(service, [["^[^/]*/", ""]])}`]),
  ];
  return `multiIf(${cases.join(", ")}, cleanPeer)`;
}

function system(fact: string, name: string, isKnown: string): string {
  return `concat(${cut(factColumn(fact), MAX_NAME)}, if(${isKnown}, concat(':', ${cut(name, MAX_NAME)}), ''))`;
}

/** An IPv6 address keeps its colons, unless it is in brackets. */
function withoutPort(host: string): string {
  return rewritten(host, [["^([^:]*|.*\\]):[^:]*$", "\\1"]]);
}

function isAddress(host: string): string {
  return fits(host, /^\[|:|^[0-9.]+$/);
}

function isPublic(host: string): string {
  const shape = `^169\\.254\\.169\\.254$|^(?:${PART}\\.){3}${PART}$|(?i)^\\[?[23][0-9a-f]{0,3}:[0-9a-f:]*\\]?$`;
  const reserved =
    "^0*(?:|10|127|22[4-9]|2[345]\\d)\\.|^192\\.168\\.|^172\\.(?:1[6-9]|2\\d|3[01])\\.|^100\\.(?:6[4-9]|[789]\\d|1[01]\\d|12[0-7])\\.|^169\\.254\\.(?:[^1]|1[^6]|16[^9]|169\\.[^2]|169\\.2[^5]|169\\.25[^4])";
  return `(match(${host}, ${literal(shape)}) AND NOT match(${host}, ${literal(reserved)}))`;
}

function firstLabel(host: string): string {
  return rewritten(host, [
    ["^([^.:[]*[^0-9.:[][^.:]*)\\.[^:]*$", "\\1"],
    ["^([0-9]*)\\.([^:]*[^0-9.:][^:]*)$", "\\1"],
  ]);
}

/** What is between `://` and the path, without a user. */
function hostOfUrl(): string {
  const authority = `extract(substring(${URL}, position(${URL}, '://') + 3), '^[^/?#]*')`;
  return `if(position(${URL}, '://') BETWEEN 1 AND 12, splitByChar('@', ${authority})[-1], '')`;
}
