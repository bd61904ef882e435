// What a span means for the graph: protocol, operation, callee, code and outcome, from its facts.
// In: the facts of a span that was just read, its name, kind and status. Out: numbers of dictionary values and small numbers.
// Bounds: operations are route templates of at most 200 bytes, never raw paths; peers as ingest/otlp/peer.ts; codes -1 when unknown.
import { judgeOutcome, OUTCOMES } from "../../model/outcome.ts";
import { ROUTE_TEMPLATE_MAX_BYTES, writeRouteTemplate } from "../../model/route-template.ts";
import { ByteColumn } from "./columns.ts";
import { StringDictionary } from "./dictionary.ts";
import {
  endOfFirstLabel,
  hostOfUrl,
  PEER_DATABASE,
  PEER_MESSAGING,
  PEER_NONE,
  PEER_SERVICE,
  put,
  writeHostPeer,
  writeUpstreamPeer,
} from "./peer.ts";
import { FACT, type SpanFacts } from "./span-facts.ts";

/** Protocols in the order of their numbers. */
export const PROTOCOLS = ["", "http", "grpc", "db", "messaging", "tcp"] as const;
const HTTP = 1;
const GRPC = 2;
const DB = 3;
const MESSAGING = 4;
const TCP = 5;

/** SpanKind of OTLP. */
export const KIND_SERVER = 2;
export const KIND_CLIENT = 3;
export const KIND_PRODUCER = 4;
export const KIND_CONSUMER = 5;

const STATUS_ERROR = 2;
const MAX_NAME_BYTES = 200;
const SPACE = 0x20;
const SLASH = 0x2f;
const COLON = 0x3a;

/** Reads meanings; the fields hold those of the last span. */
export class SpanMeaning {
  readonly operations: StringDictionary;
  readonly peers: StringDictionary;
  readonly flags: StringDictionary;
  protocol = 0;
  operation = 0;
  peer = 0;
  peerKind = PEER_NONE;
  responseFlags = 0;
  responseCode = -1;
  outcome = 0;
  private readonly facts: SpanFacts;
  private readonly values: ByteColumn;
  private readonly scratch = new ByteColumn(1024);
  /** Outcomes of spans without flags, by status, kind and codes. */
  private readonly outcomes = new Map<number, number>();

  constructor(facts: SpanFacts, values: ByteColumn, seed: number) {
    this.facts = facts;
    this.values = values;
    this.operations = new StringDictionary(seed);
    this.peers = new StringDictionary(seed);
    this.flags = new StringDictionary(seed, 256);
  }

  /** Reads the span whose name lies in `name[from..from+length)`; `namespace` is its sender's. */
  read(
    name: Uint8Array,
    nameView: DataView,
    from: number,
    length: number,
    kind: number,
    status: number,
    isProxy: boolean,
    namespace: string,
  ): void {
    const { facts } = this;
    const httpStatus = facts.smallNumber(FACT.httpStatus);
    this.protocol = this.readProtocol(isProxy);
    const grpcStatus = this.protocol === GRPC ? facts.grpcStatus() : -1;
    this.responseCode = this.protocol === GRPC ? grpcStatus : httpStatus;
    this.readFlags();
    this.readOutcome(
      status === STATUS_ERROR || facts.is(FACT.error, "true"),
      kind === KIND_SERVER,
      httpStatus,
      grpcStatus,
    );
    this.readOperation(name, nameView, from, length, isProxy);
    this.readPeer(kind, isProxy, namespace);
  }

  private readProtocol(isProxy: boolean): number {
    const { facts } = this;
    if (facts.has(FACT.grpcPath) || facts.is(FACT.rpcSystem, "grpc")) return GRPC;
    if (facts.has(FACT.dbSystem)) return DB;
    if (facts.has(FACT.messagingSystem)) return MESSAGING;
    if (facts.has(FACT.grpcStatus)) return GRPC;
    if (facts.has(FACT.httpMethod) || facts.has(FACT.httpStatus) || facts.has(FACT.httpRoute)) return HTTP;
    return isProxy && facts.has(FACT.upstreamCluster) ? TCP : 0;
  }

  private readFlags(): void {
    const { facts, values, flags } = this;
    const none = !facts.has(FACT.responseFlags) || facts.is(FACT.responseFlags, "-");
    const start = none ? 0 : facts.start(FACT.responseFlags);
    const length = none ? 0 : Math.min(facts.end(FACT.responseFlags) - start, MAX_NAME_BYTES);
    this.responseFlags = flags.intern(values.bytes, values.view, start, length);
  }

  private readOutcome(spanError: boolean, isServerSide: boolean, httpStatus: number, grpcStatus: number): void {
    const hasFlags = this.facts.has(FACT.responseFlags) && !this.facts.is(FACT.responseFlags, "-");
    const responseFlags = hasFlags ? this.flags.text(this.responseFlags) : "";
    const key = ((httpStatus + 1) * 32 + grpcStatus + 1) * 4 + (spanError ? 2 : 0) + (isServerSide ? 1 : 0);
    let outcome = hasFlags ? undefined : this.outcomes.get(key);
    if (outcome === undefined) {
      outcome = OUTCOMES.indexOf(judgeOutcome({ spanError, isServerSide, httpStatus, grpcStatus, responseFlags }));
      if (!hasFlags && this.outcomes.size < 4096) this.outcomes.set(key, outcome);
    }
    this.outcome = outcome;
  }

  private readOperation(name: Uint8Array, nameView: DataView, from: number, length: number, isProxy: boolean): void {
    const { scratch } = this;
    scratch.length = 0;
    scratch.reserve(4 * MAX_NAME_BYTES + ROUTE_TEMPLATE_MAX_BYTES);
    if (this.protocol === HTTP) this.writeHttp(name, from, length, isProxy);
    else if (this.protocol === GRPC) this.writeRpc();
    else if (this.protocol === DB) this.writeWords(FACT.dbSystem, FACT.dbOperation, FACT.dbCollection);
    else if (this.protocol === MESSAGING) this.writeWords(FACT.messagingOperation, FACT.messagingDestination, -1);
    if (scratch.length > 0) this.operation = this.operations.intern(scratch.bytes, scratch.view, 0, scratch.length);
    else this.operation = this.operations.intern(name, nameView, from, Math.min(length, MAX_NAME_BYTES));
  }

  /** `METHOD /route`, by the best source there is. */
  private writeHttp(name: Uint8Array, from: number, length: number, isProxy: boolean): void {
    const { facts, values, scratch } = this;
    if (facts.has(FACT.httpRoute)) {
      this.writeMethod();
      put(values.bytes, facts.start(FACT.httpRoute), facts.end(FACT.httpRoute), scratch);
      return;
    }
    if (!isProxy && length > 0) {
      // A name such as `GET /items/{id}` is the instrumentation's route already; raw numbers in it are still taken out.
      const path = pathInName(name, from, from + length);
      if (path >= 0) {
        put(name, from, path, scratch);
        scratch.length = writeRouteTemplate(name, path, from + length, scratch.bytes, scratch.length);
        return;
      }
    }
    const url = facts.has(FACT.urlPath) ? FACT.urlPath : FACT.urlFull;
    if (facts.has(url)) {
      this.writeMethod();
      scratch.length = writeRouteTemplate(
        values.bytes,
        facts.start(url),
        facts.end(url),
        scratch.bytes,
        scratch.length,
      );
    }
  }

  private writeMethod(): void {
    const { facts, values, scratch } = this;
    if (!facts.has(FACT.httpMethod)) return;
    put(values.bytes, facts.start(FACT.httpMethod), facts.end(FACT.httpMethod), scratch);
    scratch.putByte(SPACE);
  }

  /** `package.Service/Method`. */
  private writeRpc(): void {
    const { facts, values, scratch } = this;
    const method = facts.start(FACT.rpcMethod);
    const methodEnd = facts.end(FACT.rpcMethod);
    const isWhole = values.bytes.subarray(method, methodEnd).includes(SLASH);
    if (facts.has(FACT.rpcMethod) && (isWhole || facts.has(FACT.rpcService))) {
      if (!isWhole) {
        put(values.bytes, facts.start(FACT.rpcService), facts.end(FACT.rpcService), scratch);
        scratch.putByte(SLASH);
      }
      put(values.bytes, values.bytes[method] === SLASH ? method + 1 : method, methodEnd, scratch);
      return;
    }
    if (facts.has(FACT.grpcPath)) {
      const path = facts.start(FACT.grpcPath);
      put(values.bytes, values.bytes[path] === SLASH ? path + 1 : path, facts.end(FACT.grpcPath), scratch);
      return;
    }
    if (facts.has(FACT.urlFull)) {
      const at = writeRouteTemplate(values.bytes, facts.start(FACT.urlFull), facts.end(FACT.urlFull), scratch.bytes, 0);
      scratch.bytes.copyWithin(0, 1, at);
      scratch.length = at - 1;
    }
  }

  private writeWords(first: number, second: number, third: number): void {
    const { facts, values, scratch } = this;
    // The system or verb alone says less than the span's name.
    if (!facts.has(second) && (third < 0 || !facts.has(third))) return;
    for (const fact of [first, second, third]) {
      if (fact < 0 || !facts.has(fact)) continue;
      if (scratch.length > 0) scratch.putByte(SPACE);
      put(values.bytes, facts.start(fact), facts.end(fact), scratch);
    }
  }

  private readPeer(kind: number, isProxy: boolean, namespace: string): void {
    const { scratch } = this;
    scratch.length = 0;
    this.peerKind = PEER_NONE;
    if (kind === KIND_CLIENT || kind === KIND_PRODUCER || (kind === KIND_CONSUMER && this.protocol === MESSAGING)) {
      this.peerKind = this.writePeer(isProxy, namespace);
    }
    if (this.peerKind === PEER_NONE) scratch.length = 0;
    this.peer = this.peers.intern(scratch.bytes, scratch.view, 0, scratch.length);
  }

  private writePeer(isProxy: boolean, namespace: string): number {
    const { facts, values, scratch } = this;
    const { bytes } = values;
    if (this.protocol === DB) {
      this.writeSystem(FACT.dbSystem);
      if (facts.has(FACT.serverAddress)) {
        const start = facts.start(FACT.serverAddress);
        put(bytes, start, endOfFirstLabel(bytes, start, facts.end(FACT.serverAddress)), scratch);
      } else if (facts.has(FACT.dbNamespace))
        put(bytes, facts.start(FACT.dbNamespace), facts.end(FACT.dbNamespace), scratch);
      else scratch.length--;
      return PEER_DATABASE;
    }
    if (this.protocol === MESSAGING) {
      this.writeSystem(FACT.messagingSystem);
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

  private writeSystem(fact: number): void {
    put(this.values.bytes, this.facts.start(fact), this.facts.end(fact), this.scratch);
    this.scratch.reserve(1);
    this.scratch.putByte(COLON);
  }
}

/** Where the path begins in a name such as `GET /items` or `/items`; -1 when it is no such name. */
function pathInName(name: Uint8Array, from: number, to: number): number {
  if (name[from] === SLASH) return from;
  for (let i = from; i < to && i < from + 10; i++) {
    const byte = name[i] ?? 0;
    if (byte === SPACE) return i > from && name[i + 1] === SLASH && i + 1 < to ? i + 1 : -1;
    if (byte < 0x41 || byte > 0x5a) return -1;
  }
  return -1;
}
