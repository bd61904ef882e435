// A mesh whose true graph is known: services in several clusters and namespaces, and every route a call may take.
// In: a specification and chance. Out: places (a service in a cluster), routes between them with what goes wrong on each.
// Bounds: pure; 3 to some thousand services; layered, so that a request ends; the same seed gives the same mesh.
import type { Random } from "../ingest/random.ts";
import { type Trouble, TROUBLES } from "./troubles.ts";

/** What to make. `logs`: which sidecars write access logs. */
export interface WorldSpec {
  readonly services: number;
  readonly clusters: readonly string[];
  /** How far each cluster's clock is ahead, in microseconds, in the order of `clusters`. */
  readonly clockAheadUs: readonly number[];
  readonly logs: "all" | "some" | "none";
}

/** A service, wherever it runs. Of `isTraced` and `hasSidecar` both, one or none may hold. */
export interface WorldService {
  readonly name: string;
  readonly namespace: string;
  readonly layer: number;
  /** The application itself makes spans. */
  readonly isTraced: boolean;
  readonly hasSidecar: boolean;
  readonly hasLogs: boolean;
  /** A proxy and nothing else. */
  readonly isGateway: boolean;
  /** Without spans of its own, it passes the trace's headers on. */
  readonly passesHeaders: boolean;
  /** Its server spans nest: one of the framework inside one of the server. */
  readonly nestsServers: boolean;
  readonly isGrpc: boolean;
  readonly versions: readonly string[];
  readonly clusters: readonly string[];
}

/** One pod of a place. */
export interface WorldPod {
  readonly place: WorldPlace;
  readonly name: string;
  readonly version: string;
  readonly node: string;
  readonly address: string;
}

/** A service in a cluster. */
export interface WorldPlace {
  readonly service: WorldService;
  readonly cluster: string;
  readonly clockAheadUs: number;
  readonly pods: readonly WorldPod[];
  readonly routes: Route[];
}

/** Where a place calls. `callee` is null for what has no telemetry and is no service. */
export interface Route {
  readonly kind: "service" | "database" | "external" | "messaging";
  readonly from: WorldPlace;
  readonly callee: WorldPlace | null;
  /** Name of the database, host or destination; '' for a service. */
  readonly name: string;
  readonly trouble: Trouble | null;
  /** Each so-many-th call needs another attempt; 0 = none ever. */
  readonly retryEvery: number;
  /** Of a destination: consumers, by the producer's span as parent or by a link to it. */
  readonly consumers: readonly { readonly place: WorldPlace; readonly byLink: boolean }[];
  calls: number;
}

/** How requests come in: through a gateway, at a service by callers without telemetry, or started by a service itself. */
export interface Entry {
  readonly kind: "gateway" | "direct" | "remote-parent" | "job";
  readonly place: WorldPlace;
}

/** The whole mesh. */
export interface World {
  readonly spec: WorldSpec;
  readonly places: readonly WorldPlace[];
  readonly entries: readonly Entry[];
}

const WORDS = ["cart", "catalog", "checkout", "pricing", "payment", "fraud", "shipping", "stock", "courier", "images"];
const NAMESPACE_WORDS = ["shop", "pay", "move", "media", "core"];
const LAYERS = 5;
const SERVICES_PER_NAMESPACE = 12;
const DATABASES = ["postgresql", "mysql", "redis", "mongodb"];

/** Makes the mesh. */
export function createWorld(spec: WorldSpec, random: Random): World {
  const namespaces = Math.max(2, Math.round(spec.services / SERVICES_PER_NAMESPACE));
  const namespaceOf = (i: number): string => {
    const n = i % namespaces;
    return `${NAMESPACE_WORDS[n % NAMESPACE_WORDS.length] ?? ""}${n < NAMESPACE_WORDS.length ? "" : String(n)}`;
  };
  const services: WorldService[] = [];
  for (let i = 0; i < spec.services; i++) {
    const layer = 1 + Math.floor((i * LAYERS) / spec.services);
    // Eight in twenty have both; the others lack one or, at the bottom, both.
    const sort = i % 20;
    const isLegacy = layer === LAYERS && i % 10 === 8;
    const isTraced = !isLegacy && sort !== 4 && sort !== 9 && sort !== 14;
    const hasSidecar = !isLegacy && sort !== 2 && sort !== 7 && sort !== 12 && sort !== 17;
    const home = spec.clusters[i % spec.clusters.length] ?? "east";
    const second = spec.clusters[(i + 1) % spec.clusters.length] ?? home;
    services.push({
      name: `${WORDS[i % WORDS.length] ?? ""}-${i}`,
      namespace: namespaceOf(i),
      layer,
      isTraced,
      hasSidecar,
      hasLogs: hasSidecar && (spec.logs === "all" || (spec.logs === "some" && i % 4 !== 3)),
      isGateway: false,
      passesHeaders: sort !== 9,
      nestsServers: i % 10 === 5,
      isGrpc: i % 3 === 0,
      versions: i % 4 === 1 ? ["v1", "v2"] : ["v1"],
      // What no sidecar tells of is found by its own cluster's callers only.
      clusters:
        isLegacy || home === second || (hasSidecar && i % 10 >= 3)
          ? isLegacy
            ? spec.clusters
            : [home]
          : [home, second],
    });
  }
  const gateway: WorldService = {
    name: "istio-ingressgateway",
    namespace: "istio-system",
    layer: 0,
    isTraced: false,
    hasSidecar: true,
    hasLogs: spec.logs !== "none",
    isGateway: true,
    passesHeaders: true,
    nestsServers: false,
    isGrpc: false,
    versions: ["v1"],
    clusters: spec.clusters,
  };
  const places = [gateway, ...services].flatMap((service) =>
    service.clusters.map((cluster) => createPlace(spec, random, service, cluster)),
  );
  connect(places, random);
  return { spec, places, entries: entriesOf(places) };
}

function createPlace(spec: WorldSpec, random: Random, service: WorldService, cluster: string): WorldPlace {
  const pods: WorldPod[] = [];
  const place: WorldPlace = {
    service,
    cluster,
    clockAheadUs: spec.clockAheadUs[spec.clusters.indexOf(cluster)] ?? 0,
    pods,
    routes: [],
  };
  for (const version of service.versions) {
    for (let pod = 0; pod < 2; pod++) {
      pods.push({
        place,
        version,
        name: `${service.name}-${version}-${random.hex(9)}-${random.hex(5)}`,
        node: `${cluster}-worker-${random.below(12)}`,
        address: `10.${random.below(200)}.${random.below(256)}.${1 + random.below(254)}`,
      });
    }
  }
  return place;
}

// Across clusters only proxies know where a call went: both ends need one.
function canReach(from: WorldPlace, to: WorldPlace): boolean {
  return from.cluster === to.cluster || (from.service.hasSidecar && to.service.hasSidecar);
}

// The place of a service that callers reach: that of their own cluster, else another.
function reach(from: WorldPlace, service: readonly WorldPlace[]): WorldPlace | null {
  const near = service.find(({ cluster }) => cluster === from.cluster);
  return near ?? service.find((place) => canReach(from, place)) ?? null;
}

function connect(places: readonly WorldPlace[], random: Random): void {
  const byService = new Map<WorldService, WorldPlace[]>();
  for (const place of places) byService.set(place.service, [...(byService.get(place.service) ?? []), place]);
  const services = [...byService.keys()];
  const called = new Set<WorldPlace>();
  let [made, troubled] = [0, 0];
  const add = (from: WorldPlace, callee: WorldPlace): void => {
    if (from.routes.some((route) => route.callee === callee)) return;
    made++;
    called.add(callee);
    const { service } = from;
    // Only proxies set flags and try again; a service that nobody reports from cannot show what failed in it.
    const isSeen = callee.service.isTraced || callee.service.hasSidecar;
    const next = made % 3 === 0 ? TROUBLES[troubled % TROUBLES.length] : undefined;
    const suits = isSeen && (next?.flag === "" || (service.hasSidecar && !callee.service.isGrpc));
    const trouble = suits ? (next ?? null) : null;
    if (trouble !== null) troubled++;
    from.routes.push({
      kind: "service",
      from,
      callee,
      name: "",
      trouble,
      retryEvery: trouble === null && made % 5 === 1 && service.hasSidecar && isSeen ? 3 : 0,
      consumers: [],
      calls: 0,
    });
  };
  for (const from of places) {
    const { service } = from;
    // What neither makes spans nor has a proxy calls nobody that we could know of; every 25th service stands alone.
    if (isSilent(service) || isAlone(service)) continue;
    const below = services.filter(
      (other) =>
        other.layer > service.layer && other.layer <= service.layer + 2 && !isAlone(other) && !isForPartners(other),
    );
    const fanOut = service.isGateway ? 4 : 1 + random.below(4);
    for (let i = 0; i < fanOut && below.length > 0; i++) {
      const callee = reach(from, byService.get(random.pick(below)) ?? []);
      if (callee !== null) add(from, callee);
    }
    if (service.isTraced) addVirtual(from, random);
    // A service that calls itself, from one pod to another.
    if (random.chance(0.06) && service.isTraced) add(from, from);
  }
  // Nobody below the first layer is without callers, but for those that stand alone.
  for (const to of places) {
    if (called.has(to) || to.service.layer < 2 || isAlone(to.service)) continue;
    const callers = places.filter(
      ({ service, cluster }) =>
        service.layer === to.service.layer - 1 && cluster === to.cluster && !isSilent(service) && !isAlone(service),
    );
    if (callers.length > 0) add(random.pick(callers), to);
  }
  addMessaging(places, random);
}

function isSilent({ isTraced, hasSidecar }: WorldService): boolean {
  return !isTraced && !hasSidecar;
}

// Services that neither call nor are called; they only do their own jobs.
function isAlone({ name, isTraced }: WorldService): boolean {
  return isTraced && Number(name.split("-").at(-1)) % 25 === 11;
}

// Services of the first layer that partners call and nobody else: their callers' spans never come.
function isForPartners({ name, layer }: WorldService): boolean {
  return layer === 1 && Number(name.split("-").at(-1)) % 3 === 1;
}

function virtualRoute(from: WorldPlace, kind: Route["kind"], name: string): Route {
  return { kind, from, callee: null, name, trouble: null, retryEvery: 0, consumers: [], calls: 0 };
}

function addVirtual(from: WorldPlace, random: Random): void {
  const { name, layer } = from.service;
  if (layer >= 3 && random.chance(0.5)) {
    from.routes.push(virtualRoute(from, "database", `${random.pick(DATABASES)}:${name}-db`));
  }
  if (random.chance(0.1)) from.routes.push(virtualRoute(from, "external", `api.${random.pick(WORDS)}.example.com`));
}

function addMessaging(places: readonly WorldPlace[], random: Random): void {
  const able = places.filter(({ service }) => service.isTraced && !isAlone(service));
  const producers = able.filter(({ service }) => service.layer <= 3);
  for (let i = 0; i < Math.max(2, Math.round(places.length / 20)); i++) {
    const from = random.pick(producers);
    const near = able.filter(({ service, cluster }) => cluster === from.cluster && service.layer > 3);
    if (near.length === 0) continue;
    const consumers = [...new Set([random.pick(near), random.pick(near)])].map((place, n) => ({
      place,
      byLink: (i + n) % 2 === 0,
    }));
    const route = virtualRoute(from, "messaging", `kafka:${from.service.name}.events`);
    if (!from.routes.some(({ name }) => name === route.name)) from.routes.push({ ...route, consumers });
  }
}

function entriesOf(places: readonly WorldPlace[]): Entry[] {
  const entries: Entry[] = [];
  for (const [i, place] of places.entries()) {
    const { service } = place;
    if (service.isGateway) entries.push({ kind: "gateway", place }, { kind: "gateway", place });
    else if (isAlone(service)) entries.push({ kind: "job", place });
    else if (isForPartners(service)) entries.push({ kind: "remote-parent", place });
    // Some are called past the gateway, some start work by themselves.
    else if (service.layer === 1) entries.push({ kind: i % 2 === 0 || !service.isTraced ? "direct" : "job", place });
  }
  return entries;
}
