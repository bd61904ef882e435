// The promoted columns of a span as the naive path fills them: with objects, strings and the rules of model/.
// In: attributes as an object, name, kind, status. Out: identity, operation, protocol, peer, outcome and the rest, by column.
// Bounds: written as one would without measuring, but not clumsily: an identity is resolved once for what a resource and a proxy say.
import { type Identity, resolveIdentity } from "../../model/identity.ts";
import { PROXY_IDENTITY_ATTRIBUTES } from "../../model/identity-rules.ts";
import { judgeOutcome } from "../../model/outcome.ts";
import { routeTemplate } from "../../model/route-template.ts";

/** Attributes by key. */
export type Texts = Readonly<Record<string, string>>;

const TENANT = "default";
const CALLERS = new Set([3, 4, 5]);

/** The identities of one resource: by itself, and with what its proxy's spans say. */
export class NaiveOrigin {
  readonly isEnvoy: boolean;
  private readonly resource: ReadonlyMap<string, string>;
  private readonly serviceName: string;
  private readonly columns = new Map<string, Texts>();

  constructor(resource: Texts) {
    this.resource = new Map(Object.entries(resource));
    this.serviceName = resource["service.name"] ?? "";
    this.isEnvoy = resource["telemetry.sdk.name"] === "envoy";
  }

  /** The columns of identity of a span. */
  identityOf(span: Texts, isProxy: boolean): Texts {
    const said = isProxy ? PROXY_IDENTITY_ATTRIBUTES.map((key) => span[key] ?? "") : [];
    const key = said.join("\n");
    let columns = this.columns.get(key);
    if (columns === undefined) {
      const proxy = new Map(PROXY_IDENTITY_ATTRIBUTES.map((name, i) => [name, said[i] ?? ""] as const));
      columns = columnsOf(resolveIdentity(this.resource, isProxy ? proxy : new Map()), this.serviceName);
      this.columns.set(key, columns);
    }
    return columns;
  }
}

function columnsOf(identity: Identity, serviceName: string): Texts {
  return {
    ServiceName: serviceName,
    Tenant: TENANT,
    Cluster: identity.cluster.value,
    Namespace: identity.namespace.value,
    Service: identity.service.value,
    Version: identity.version.value,
    Instance: identity.instance.value,
    Node: identity.node.value,
    Runtime: identity.runtime.value,
    Isolation: identity.isolation?.value ?? "",
  };
}

/** The columns of meaning of a span. */
export function meaningOf(
  span: Texts,
  name: string,
  kind: number,
  isError: boolean,
  isProxy: boolean,
): Readonly<Record<string, string | number>> {
  const grpc = span["rpc.grpc.status_code"] ?? span["grpc.status_code"];
  const protocol = protocolOf(span, grpc, isProxy);
  const status = span["http.response.status_code"] ?? span["http.status_code"];
  const httpStatus = status === undefined ? -1 : Number(status);
  const grpcStatus = protocol === "grpc" && grpc !== undefined ? Number(grpc) : -1;
  const flags = span["response_flags"] ?? "-";
  const responseFlags = flags === "-" ? "" : flags;
  const isSentOn = kind === 2 && isProxy && span["upstream_cluster"]?.startsWith("outbound") === true;
  const peer = CALLERS.has(kind) || isSentOn ? peerOf(span, protocol, isProxy) : { Peer: "", PeerKind: "" };
  return {
    Operation: operationOf(span, name, protocol, isProxy),
    Protocol: protocol,
    Peer: peer.Peer,
    PeerKind: peer.PeerKind,
    ResponseFlags: responseFlags,
    Outcome: judgeOutcome({
      spanError: isError || span["error"] === "true",
      isServerSide: kind === 2,
      httpStatus,
      grpcStatus,
      responseFlags,
    }),
    ResponseCode: protocol === "grpc" ? grpcStatus : httpStatus,
    Proxy: isProxy ? 1 : 0,
  };
}

function protocolOf(span: Texts, grpc: string | undefined, isProxy: boolean): string {
  if (span["rpc.system"] === "grpc" || span["grpc.path"] !== undefined) return "grpc";
  if (span["db.system.name"] !== undefined || span["db.system"] !== undefined) return "db";
  if (span["messaging.system"] !== undefined) return "messaging";
  if (grpc !== undefined) return "grpc";
  if (span["http.request.method"] !== undefined || span["http.method"] !== undefined) return "http";
  return isProxy && span["upstream_cluster"] !== undefined ? "tcp" : "";
}

function operationOf(span: Texts, name: string, protocol: string, isProxy: boolean): string {
  const url = span["url.path"] ?? span["url.full"] ?? span["http.url"];
  switch (protocol) {
    case "http": {
      const method = span["http.request.method"] ?? span["http.method"] ?? "";
      if (span["http.route"] !== undefined) return `${method} ${span["http.route"]}`;
      const named = isProxy ? null : /^([A-Z]+ )(\/.*)$/.exec(name);
      if (named !== null) return `${named[1] ?? ""}${routeTemplate(named[2] ?? "")}`;
      return url === undefined ? name : `${method} ${routeTemplate(url)}`;
    }
    case "grpc":
      if (span["rpc.service"] !== undefined) return `${span["rpc.service"]}/${span["rpc.method"] ?? ""}`;
      return url === undefined ? name : routeTemplate(url).slice(1);
    case "db":
      return `${span["db.system.name"] ?? ""} ${span["db.operation.name"] ?? ""} ${span["db.collection.name"] ?? ""}`;
    case "messaging":
      return `${span["messaging.operation.type"] ?? ""} ${span["messaging.destination.name"] ?? ""}`;
    default:
      return name;
  }
}

function peerOf(span: Texts, protocol: string, isProxy: boolean): { readonly Peer: string; readonly PeerKind: string } {
  const address = span["server.address"] ?? "";
  if (protocol === "db")
    return { Peer: `${span["db.system.name"] ?? ""}:${address.split(".")[0] ?? ""}`, PeerKind: "database" };
  if (protocol === "messaging") {
    const destination = span["messaging.destination.name"] ?? "";
    return { Peer: `${span["messaging.system"] ?? ""}:${destination}`, PeerKind: "messaging" };
  }
  const cluster = isProxy ? span["upstream_cluster"] : undefined;
  if (cluster?.startsWith("inbound") === true) return { Peer: "", PeerKind: "" };
  const host = cluster === undefined ? address : (cluster.split("|").at(-1) ?? "");
  if (host === "") return { Peer: "", PeerKind: "" };
  const [service = "", , third] = host.split(".");
  return third === "svc" || third === undefined
    ? { Peer: service, PeerKind: "service" }
    : { Peer: host, PeerKind: "external" };
}
