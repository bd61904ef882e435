// What a span means for the graph: protocol, operation, callee, code and outcome, from its facts.
// In: the facts of a span that was just read, its name, kind and status. Out: numbers of dictionary values and small numbers.
// Bounds: operations are route templates of at most 200 bytes, never raw paths; peers as ingest/otlp/peer.ts; codes -1 when unknown. What
// a name costs to judge (ingest/otlp/name-rules.ts) is paid once a block; each span pays integer compares.
import type { Aliases } from "../../model/identity.ts";
import { judgeOutcome, OUTCOMES } from "../../model/outcome.ts";
import { ROUTE_TEMPLATE_MAX_BYTES, writeRouteTemplate } from "../../model/route-template.ts";
import type { ServiceNames } from "../cardinality.ts";
import { BoundedNames } from "./bounded-names.ts";
import { ByteColumn } from "./columns.ts";
import {
  judgeOperation,
  judgePeer,
  judgeResponseFlags,
  SOURCE_NAME,
  SOURCE_PATH,
  SOURCE_PATH_OF_SERVER,
  SOURCE_ROUTE,
  SOURCE_ROUTE_OF_SERVER,
} from "./name-rules.ts";
import { PEER_NONE, put } from "./peer.ts";
import { FACT, type SpanFacts } from "./span-facts.ts";
import { DB, GRPC, HTTP, MESSAGING, TCP, isSentOn, writePeer } from "./span-peer.ts";

/** SpanKind of OTLP. */
export const KIND_SERVER = 2;
export const KIND_CLIENT = 3;
export const KIND_PRODUCER = 4;
export const KIND_CONSUMER = 5;

const STATUS_ERROR = 2;
const MAX_NAME_BYTES = 200;
const SPACE = 0x20;
const SLASH = 0x2f;

/** Reads meanings; the fields hold those of the last span. */
export class SpanMeaning {
  readonly operations: BoundedNames;
  readonly peers: BoundedNames;
  readonly flags: BoundedNames;
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
  private readonly aliases: Aliases;
  private source = SOURCE_NAME;

  constructor(facts: SpanFacts, values: ByteColumn, seed: number, aliases: Aliases) {
    this.aliases = aliases;
    this.facts = facts;
    this.values = values;
    this.operations = new BoundedNames(seed);
    this.peers = new BoundedNames(seed);
    this.flags = new BoundedNames(seed, 256);
  }

  /** Reads the span whose name lies in `name[from..from+length)`; `namespace` and `names` are its sender's. */
  read(
    name: Uint8Array,
    nameView: DataView,
    from: number,
    length: number,
    kind: number,
    status: number,
    isProxy: boolean,
    namespace: string,
    names: ServiceNames,
  ): void {
    const { facts } = this;
    const httpStatus = facts.smallNumber(FACT.httpStatus);
    this.protocol = this.readProtocol(isProxy);
    const grpcStatus = this.protocol === GRPC ? facts.grpcStatus() : -1;
    this.responseCode = this.protocol === GRPC ? grpcStatus : httpStatus;
    const met = this.readFlags(names);
    this.readOutcome(
      met,
      status === STATUS_ERROR || facts.is(FACT.error, "true"),
      kind === KIND_SERVER,
      httpStatus,
      grpcStatus,
    );
    this.readOperation(name, nameView, from, length, isProxy, kind === KIND_SERVER, names);
    this.readPeer(kind, isProxy, namespace, names);
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

  /** The number of the flags as they were met. */
  private readFlags({ tenant }: ServiceNames): number {
    const { facts, values, flags } = this;
    const none = !facts.has(FACT.responseFlags) || facts.is(FACT.responseFlags, "-");
    const start = none ? 0 : facts.start(FACT.responseFlags);
    const length = none ? 0 : Math.min(facts.end(FACT.responseFlags) - start, MAX_NAME_BYTES);
    const met = flags.met.intern(values.bytes, values.view, start, length);
    const known = flags.find(tenant.number, met);
    this.responseFlags =
      known >= 0 ? known : flags.keep(tenant.number, met, judgeResponseFlags(flags.met.text(met), tenant));
    return met;
  }

  private readOutcome(
    metFlags: number,
    spanError: boolean,
    isServerSide: boolean,
    httpStatus: number,
    grpcStatus: number,
  ): void {
    const hasFlags = this.facts.has(FACT.responseFlags) && !this.facts.is(FACT.responseFlags, "-");
    const responseFlags = hasFlags ? this.flags.met.text(metFlags) : "";
    const key = ((httpStatus + 1) * 32 + grpcStatus + 1) * 4 + (spanError ? 2 : 0) + (isServerSide ? 1 : 0);
    let outcome = hasFlags ? undefined : this.outcomes.get(key);
    if (outcome === undefined) {
      outcome = OUTCOMES.indexOf(judgeOutcome({ spanError, isServerSide, httpStatus, grpcStatus, responseFlags }));
      if (!hasFlags && this.outcomes.size < 4096) this.outcomes.set(key, outcome);
    }
    this.outcome = outcome;
  }

  private readOperation(
    name: Uint8Array,
    nameView: DataView,
    from: number,
    length: number,
    isProxy: boolean,
    isServer: boolean,
    names: ServiceNames,
  ): void {
    const { scratch, operations } = this;
    scratch.length = 0;
    this.source = SOURCE_NAME;
    scratch.reserve(4 * MAX_NAME_BYTES + ROUTE_TEMPLATE_MAX_BYTES);
    if (this.protocol === HTTP) this.writeHttp(name, from, length, isProxy);
    else if (this.protocol === GRPC) this.writeRpc();
    else if (this.protocol === DB) this.writeWords(FACT.dbSystem, FACT.dbOperation, FACT.dbCollection);
    else if (this.protocol === MESSAGING) this.writeWords(FACT.messagingOperation, FACT.messagingDestination, -1);
    const met =
      scratch.length > 0
        ? operations.met.intern(scratch.bytes, scratch.view, 0, scratch.length)
        : operations.met.intern(name, nameView, from, Math.min(length, MAX_NAME_BYTES));
    let { source } = this;
    if (isServer && source === SOURCE_ROUTE) source = SOURCE_ROUTE_OF_SERVER;
    else if (isServer && isProxy && source === SOURCE_PATH) source = SOURCE_PATH_OF_SERVER;
    const owner = names.number * 8 + source;
    const known = operations.find(owner, met);
    this.operation =
      known >= 0 ? known : operations.keep(owner, met, judgeOperation(operations.met.text(met), source, names));
  }

  /** `METHOD /route`, by the best source there is. */
  private writeHttp(name: Uint8Array, from: number, length: number, isProxy: boolean): void {
    const { facts, values, scratch } = this;
    this.source = SOURCE_PATH;
    if (facts.has(FACT.httpRoute)) {
      if (!isProxy) this.source = SOURCE_ROUTE;
      this.writeMethod();
      put(values.bytes, facts.start(FACT.httpRoute), facts.end(FACT.httpRoute), scratch);
      return;
    }
    if (!isProxy && length > 0) {
      // A name such as `GET /items/{id}` is the instrumentation's route already; raw numbers in it are still taken out.
      const path = pathInName(name, from, from + length);
      if (path >= 0) {
        this.source = SOURCE_ROUTE;
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
    } else this.source = SOURCE_NAME;
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
    let isWhole = false;
    for (let i = method; i < methodEnd && !isWhole; i++) isWhole = values.bytes[i] === SLASH;
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

  private readPeer(kind: number, isProxy: boolean, namespace: string, { tenant }: ServiceNames): void {
    const { scratch, peers, aliases } = this;
    scratch.length = 0;
    this.peerKind = PEER_NONE;
    if (
      kind === KIND_CLIENT ||
      kind === KIND_PRODUCER ||
      (kind === KIND_CONSUMER && this.protocol === MESSAGING) ||
      // A gateway tells of a request and of where it sent it with one span.
      (kind === KIND_SERVER && isProxy && isSentOn(this.facts, this.values))
    ) {
      this.peerKind = writePeer(this.facts, this.values, this.protocol, isProxy, namespace, scratch);
    }
    if (this.peerKind === PEER_NONE) scratch.length = 0;
    const met = peers.met.intern(scratch.bytes, scratch.view, 0, scratch.length);
    const owner = tenant.number * 8 + this.peerKind;
    const known = peers.find(owner, met);
    this.peer =
      known >= 0 ? known : peers.keep(owner, met, judgePeer(peers.met.text(met), this.peerKind, tenant, aliases));
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
