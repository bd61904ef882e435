// Which way a request went, who called whom, and from where it was seen.
// In: the fields of a record and its reporter. Out: direction, reporter grade, numbers of caller and callee.
// Our side is the reporter; the other side comes, best first, from the peer's filter state, the upstream cluster (or ztunnel's dst.*), the
// server name of mutual TLS, the SPIFFE name, the authority. Bounds: each distinct combination is worked out once a block.
import { type Aliases, aliasOf } from "../../model/identity.ts";
import type { ServiceNames, TenantNames } from "../cardinality.ts";
import { CROWDED_DICTIONARY } from "../otlp/block.ts";
import { StringDictionary } from "../otlp/dictionary.ts";
import { judgePeer } from "../otlp/name-rules.ts";
import { PEER_EXTERNAL, PEER_SERVICE } from "../otlp/peer.ts";
import { FIELD } from "./field-names.ts";
import type { AccessFields } from "./fields.ts";
import { namespaceOfSpiffe, NOWHERE, type Place, readPeerMetadata, workloadOfPod } from "./peer-metadata.ts";
import type { PlaceKind, PlaceTable } from "./places.ts";
import type { Reporter } from "./reporters.ts";
import { type Direction, readHost, readServerName, readUpstream, type Upstream, withinNamespace } from "./upstream.ts";

/** Directions in the order of their numbers. */
export const DIRECTIONS = ["", "inbound", "outbound"] as const;
/** Grades of reporters in the order of their numbers. */
export const REPORTER_GRADES = ["unknown", "source", "destination", "gateway", "waypoint", "ztunnel"] as const;
type Grade = (typeof REPORTER_GRADES)[number];

const INBOUND = DIRECTIONS.indexOf("inbound");
const OUTBOUND = DIRECTIONS.indexOf("outbound");
/** Longer peers are cut and then say nothing; Istio writes a few hundred bytes. */
const MAX_TEXT = 8192;
// Numbers that together stay below 2^53 make one key; larger ones are looked up by text.
const KEY_PART = 8192;
const LAST_KEY_PART = 1024;
const CASES = 8;

/** A place as it was found; `isGuess`: named by the caller alone. */
interface Found {
  readonly place: Place;
  readonly kind: PlaceKind;
  readonly isGuess?: boolean;
}

/** Sides of the last record. */
export class Sides {
  direction = 0;
  grade = 0;
  src = 0;
  dst = 0;
  private readonly places: PlaceTable;
  private readonly aliases: Aliases;
  private readonly texts: StringDictionary;
  private readonly upstreams: Upstream[] = [];
  private readonly known = new Map<number | string, number>();

  constructor(places: PlaceTable, aliases: Aliases, seed: number) {
    this.places = places;
    this.aliases = aliases;
    this.texts = new StringDictionary(seed);
  }

  /** Works out the sides of a record; `clusters` holds the upstream cluster's text under `cluster`. */
  read(fields: AccessFields, reporter: Reporter, clusters: StringDictionary, cluster: number): void {
    if (this.texts.count === 0) this.texts.internText("");
    if (fields.has(FIELD["src.addr"])) this.readZtunnel(fields, reporter);
    else this.readEnvoy(fields, reporter, clusters, cluster);
  }

  private readEnvoy(fields: AccessFields, reporter: Reporter, clusters: StringDictionary, cluster: number): void {
    const upstream = (this.upstreams[cluster] ??= readUpstream(clusters.text(cluster)));
    const isWaypoint = upstream.isWaypoint || reporter.proxy === "waypoint";
    const direction = upstream.direction === "" ? this.guess(fields, reporter) : upstream.direction;
    if (isWaypoint) {
      const callee = this.callee(fields, reporter, upstream, cluster);
      this.set("inbound", "waypoint", this.caller(fields, reporter), callee);
    } else if (direction === "inbound") {
      this.set("inbound", "destination", this.caller(fields, reporter), this.own(fields, reporter, upstream, cluster));
    } else {
      // A listener for traffic from outside that sends on into the mesh is a gateway's, whatever the proxy calls itself.
      const isGateway =
        reporter.proxy === "gateway" || (reporter.isInboundListener && upstream.direction === "outbound");
      const callee = this.callee(fields, reporter, upstream, cluster);
      this.set("outbound", isGateway ? "gateway" : "source", reporter.place, callee);
    }
  }

  /** Where the cluster does not say: by the listener, by the server name that callers put, by whom the request was meant for. */
  private guess(fields: AccessFields, reporter: Reporter): Direction {
    if (fields.has(FIELD.traffic_direction)) {
      return fields.text(FIELD.traffic_direction).toUpperCase() === "INBOUND" ? "inbound" : "outbound";
    }
    if (reporter.proxy === "gateway") return "outbound";
    if (reporter.isInboundListener || fields.startsWith(FIELD.requested_server_name, "outbound_.")) return "inbound";
    const { service } = reporter.parts;
    if (service === "" || !fields.startsWith(FIELD.authority, service)) return "outbound";
    return withinNamespace(readHost(fields.text(FIELD.authority)), reporter.parts.namespace).service === service
      ? "inbound"
      : "outbound";
  }

  private set(direction: Direction, grade: Grade, src: number, dst: number): void {
    this.direction = direction === "inbound" ? INBOUND : OUTBOUND;
    this.grade = REPORTER_GRADES.indexOf(grade);
    this.src = src;
    this.dst = dst;
  }

  /** The other side of an inbound request. */
  private caller(fields: AccessFields, reporter: Reporter): number {
    const peer = this.textOf(fields, FIELD.downstream_peer);
    const name = peer === 0 ? this.textOf(fields, FIELD.downstream_peer_uri_san) : 0;
    return this.once(reporter.names, 0, reporter.index, 0, peer, name, () => {
      const place = readPeerMetadata(this.texts.text(peer));
      const namespace = place.namespace === "" ? namespaceOfSpiffe(this.texts.text(name)) : place.namespace;
      const cluster = place.cluster === "" && namespace !== "" ? reporter.parts.cluster : place.cluster;
      return { place: { ...place, namespace, cluster }, kind: "service" };
    });
  }

  /** The other side of an outbound request. */
  private callee(fields: AccessFields, reporter: Reporter, upstream: Upstream, cluster: number): number {
    const peer = this.textOf(fields, FIELD.upstream_peer);
    const isNamed = upstream.service !== "" || reporter.proxy === "gateway";
    const authority = isNamed ? 0 : this.textOf(fields, FIELD.authority);
    return this.once(reporter.names, 1, reporter.index, cluster, peer, authority, () => {
      const own = reporter.parts;
      const said = isNamed ? upstream : { ...readHost(this.texts.text(authority)), subset: upstream.subset };
      const { service, namespace, kind, subset } = withinNamespace(said, own.namespace);
      const isInMesh = kind === "service" && service !== "";
      const place = readPeerMetadata(this.texts.text(peer));
      return {
        isGuess: !isNamed && place.service === "",
        kind: place.service === "" ? kind : "service",
        place: {
          service: place.service === "" ? service : place.service,
          namespace: first(place.namespace, namespace, isInMesh ? own.namespace : ""),
          cluster: first(place.cluster, isInMesh || place.service !== "" ? own.cluster : ""),
          version: first(place.version, subset),
          instance: place.instance,
        },
      };
    });
  }

  /** Our side of an inbound request: a weak name of our own gives way to the one that callers use. */
  private own(fields: AccessFields, reporter: Reporter, upstream: Upstream, cluster: number): number {
    if (!reporter.isNameWeak) return reporter.place;
    const name = this.textOf(fields, FIELD.requested_server_name);
    return this.once(reporter.names, 2, reporter.index, cluster, name, 0, () => {
      const { parts } = reporter;
      for (const { service, namespace, kind } of [readServerName(this.texts.text(name)), upstream]) {
        if (service === "" || kind !== "service") continue;
        return { place: { ...parts, service, namespace: first(parts.namespace, namespace) }, kind: "service" };
      }
      return { place: parts, kind: "service" };
    });
  }

  private readZtunnel(fields: AccessFields, reporter: Reporter): void {
    const { cluster } = reporter.parts;
    const src = this.textOf(fields, FIELD["src.workload"]);
    const srcNamespace = this.textOf(fields, FIELD["src.namespace"]);
    const dst = this.textOf(fields, FIELD["dst.workload"]);
    const dstNamespace = this.textOf(fields, FIELD["dst.namespace"]);
    const service = this.textOf(fields, FIELD["dst.service"]);
    const caller = this.once(reporter.names, 3, reporter.index, src, srcNamespace, 0, () => {
      const instance = this.texts.text(src);
      const place = {
        ...NOWHERE,
        namespace: this.texts.text(srcNamespace),
        instance,
        service: workloadOfPod(instance),
      };
      return { place: instance === "" ? place : { ...place, cluster }, kind: "service" };
    });
    const callee = this.once(reporter.names, 4, reporter.index, dst, service, dstNamespace, () => {
      const instance = this.texts.text(dst);
      const host = readHost(this.texts.text(service));
      const isInMesh = host.kind === "service" && (host.service !== "" || instance !== "");
      const place: Place = {
        cluster: isInMesh ? cluster : "",
        namespace: first(host.namespace, this.texts.text(dstNamespace)),
        service: host.service === "" ? workloadOfPod(instance) : host.service,
        version: "",
        instance,
      };
      return { place, kind: host.kind };
    });
    this.set(fields.is(FIELD.direction, "inbound") ? "inbound" : "outbound", "ztunnel", caller, callee);
  }

  private textOf(fields: AccessFields, field: number): number {
    if (!fields.has(field)) return 0;
    const length = Math.min(fields.length(field), MAX_TEXT);
    return this.texts.intern(fields.source(field), fields.sourceView(field), fields.start(field), length);
  }

  /** The place that `work` finds, once for each combination of numbers. */
  private once(
    { tenant }: ServiceNames,
    what: number,
    a: number,
    b: number,
    c: number,
    d: number,
    work: () => Found,
  ): number {
    const isSmall = a < KEY_PART && b < KEY_PART && c < KEY_PART && d < LAST_KEY_PART;
    const key = isSmall
      ? (((a * KEY_PART + b) * KEY_PART + c) * LAST_KEY_PART + d) * CASES + what
      : `${what}:${a}:${b}:${c}:${d}`;
    let place = this.known.get(key);
    if (place === undefined) {
      const { place: met, kind, isGuess } = work();
      place = this.places.numberOf(withinLimits(met, kind, isGuess === true, tenant, this.aliases), kind);
      this.known.set(key, place);
    }
    return place;
  }

  /** The last record was seen on its way in. */
  get isInbound(): boolean {
    return this.direction === INBOUND;
  }

  /** True when so many texts were met that the block had better be sent. */
  get isCrowded(): boolean {
    return this.texts.count > CROWDED_DICTIONARY;
  }

  /** To be called when the numbers of the block are taken back or cleared. */
  clear(): void {
    this.texts.clear();
    this.upstreams.length = 0;
    this.known.clear();
  }
}

function first(...values: readonly string[]): string {
  return values.find((value) => value !== "") ?? "";
}

/** The place under its own name and within its tenant's limits. */
function withinLimits(place: Place, kind: PlaceKind, isGuess: boolean, tenant: TenantNames, aliases: Aliases): Place {
  const { cluster, namespace, service } = place;
  if (service !== "" && (kind === "external" || isGuess)) {
    return {
      ...place,
      service: judgePeer(service, kind === "external" ? PEER_EXTERNAL : PEER_SERVICE, tenant, aliases),
    };
  }
  const alias = aliasOf(aliases, namespace, service);
  return tenant.limit({
    cluster,
    namespace: alias?.namespace ?? namespace,
    service: alias?.service ?? service,
    version: place.version,
    instance: place.instance,
    node: "",
  });
}
