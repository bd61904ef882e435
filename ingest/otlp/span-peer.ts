// The callee of a span, by the best of its facts: database, destination, Envoy's upstream cluster, peer.service, host.
// In: the facts of a span and its protocol. Out: the name as it was told, in a scratch column, and its kind.
// Bounds: those of ingest/otlp/peer.ts; ingest/otlp/name-rules.ts judges the name.
import type { ByteColumn } from "./columns.ts";
import {
  endOfFirstLabel,
  hostOfUrl,
  PEER_DATABASE,
  PEER_MESSAGING,
  PEER_NONE,
  PEER_SERVICE,
  put,
  startsWith,
  writeHostPeer,
  writeUpstreamPeer,
} from "./peer.ts";
import { FACT, type SpanFacts } from "./span-facts.ts";

/** Protocols in the order of their numbers. */
export const PROTOCOLS = ["", "http", "grpc", "db", "messaging", "tcp"] as const;
/** Numbers of the protocols. */
export const HTTP = 1;
/** gRPC, also over a proxy. */
export const GRPC = 2;
/** A database's own. */
export const DB = 3;
/** Through a broker. */
export const MESSAGING = 4;
/** Bytes that only a proxy saw. */
export const TCP = 5;

const COLON = 0x3a;

/** True where a proxy says to which other service it sent the request on, as Istio names its clusters. */
export function isSentOn(facts: SpanFacts, { bytes }: ByteColumn): boolean {
  return (
    facts.has(FACT.upstreamCluster) &&
    startsWith(bytes, facts.start(FACT.upstreamCluster), facts.end(FACT.upstreamCluster), "outbound")
  );
}

/** Appends the callee's name to `scratch`; returns its kind. */
export function writePeer(
  facts: SpanFacts,
  { bytes }: ByteColumn,
  protocol: number,
  isProxy: boolean,
  namespace: string,
  scratch: ByteColumn,
): number {
  if (protocol === DB) {
    writeSystem(facts, bytes, FACT.dbSystem, scratch);
    if (facts.has(FACT.serverAddress)) {
      const start = facts.start(FACT.serverAddress);
      put(bytes, start, endOfFirstLabel(bytes, start, facts.end(FACT.serverAddress)), scratch);
    } else if (facts.has(FACT.dbNamespace))
      put(bytes, facts.start(FACT.dbNamespace), facts.end(FACT.dbNamespace), scratch);
    else scratch.length--;
    return PEER_DATABASE;
  }
  if (protocol === MESSAGING) {
    writeSystem(facts, bytes, FACT.messagingSystem, scratch);
    if (facts.has(FACT.messagingDestination)) {
      put(bytes, facts.start(FACT.messagingDestination), facts.end(FACT.messagingDestination), scratch);
    } else scratch.length--;
    return PEER_MESSAGING;
  }
  if (isProxy && facts.has(FACT.upstreamCluster)) {
    return writeUpstreamPeer(
      bytes,
      facts.start(FACT.upstreamCluster),
      facts.end(FACT.upstreamCluster),
      namespace,
      scratch,
    );
  }
  if (facts.has(FACT.peerService)) {
    put(bytes, facts.start(FACT.peerService), facts.end(FACT.peerService), scratch);
    return PEER_SERVICE;
  }
  if (facts.has(FACT.serverAddress)) {
    return writeHostPeer(bytes, facts.start(FACT.serverAddress), facts.end(FACT.serverAddress), namespace, scratch);
  }
  if (facts.has(FACT.urlFull)) {
    const { start, end } = hostOfUrl(bytes, facts.start(FACT.urlFull), facts.end(FACT.urlFull));
    return writeHostPeer(bytes, start, end, namespace, scratch);
  }
  return PEER_NONE;
}

function writeSystem(facts: SpanFacts, bytes: Uint8Array, fact: number, scratch: ByteColumn): void {
  put(bytes, facts.start(fact), facts.end(fact), scratch);
  scratch.reserve(1);
  scratch.putByte(COLON);
}
