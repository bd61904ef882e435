// How many names a tenant may make: services, versions, instances, operations and so on, each within a limit of its own.
// In: a tenant and a name, when a block meets it first (never once a row). Out: the name, or OVERFLOW_NAME past the limit. The row is
// kept and its raw attributes still tell the truth; each refusal is an event, and storage keeps count (cardinality_overflows).
// Bounds: two generations of 31-bit hashes a dimension: a name is forgotten when it was not seen for one to two windows, and never to
// make room, so that a flood of new names cannot push known ones out. A hash met twice lets one name more in, which harms nobody.
// Known names are this process's memory: another process, or a Kafka chunk read again after a crash, may decide otherwise. That is
// harmless, because tokens name messages and blocks end by what was sent, not by what became of its names (BoundedNames.count).
import { type CardinalityDimension, OVERFLOW_NAME } from "../model/names.ts";
import { emitEvent } from "../model/events.ts";
import type { CardinalityLimits } from "./cardinality-limits.ts";
import { type Budget, hashText, SeenNames } from "./seen-names.ts";

/** The parts of an identity that are limited. */
export interface LimitedParts {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly node: string;
}

/** An identity within the limits, with the service's own limits for what its spans say. */
export interface WithinLimits extends LimitedParts {
  readonly names: ServiceNames;
}

const TELL_EVERY_MS = 60_000;
/** Judgements that are remembered, of one service and of all: they cost microseconds, and every block meets the same names. */
const MAX_JUDGED = 500;
const MAX_JUDGED_IN_MEMORY = 50_000;
/** Routes of a service that are remembered by shape; the rest are told as their paths' templates. */
const MAX_ROUTES = 500;
/** Routes of one outline that a path is compared with. */
const MAX_ALIKE = 32;

/** All names of all tenants that this process has seen. */
export class Cardinality {
  readonly limits: CardinalityLimits;
  private readonly seed: number;
  private readonly clock: () => number;
  private readonly tenants = new Map<string, TenantNames>();
  private turnedMs: number;
  private readonly told = new Map<string, { atMs: number; untold: number }>();
  private readonly budget: Budget = { left: 0 };
  private readonly judged: Budget = { left: MAX_JUDGED_IN_MEMORY };

  constructor(limits: CardinalityLimits, seed: number, clock: () => number) {
    this.limits = limits;
    this.seed = seed;
    this.clock = clock;
    this.turnedMs = clock();
    this.budget.left = limits.namesInMemory;
  }

  /** The names of a tenant; also the moment when old ones are forgotten. */
  tenant(tenant: string): TenantNames {
    const nowMs = this.clock();
    if (nowMs - this.turnedMs >= this.limits.windowHours * 3_600_000) {
      this.turnedMs = nowMs;
      for (const names of this.tenants.values()) names.turn();
    }
    let names = this.tenants.get(tenant);
    if (names === undefined) {
      const refuse = (dimension: CardinalityDimension, name: string, service: string): void =>
        this.tell(tenant, dimension, name, service);
      names = new TenantNames(this.limits, this.seed, this.budget, this.judged, refuse);
      this.tenants.set(tenant, names);
    }
    return names;
  }

  /** One event a minute for each tenant and dimension, with the number of refusals since. */
  private tell(tenant: string, dimension: CardinalityDimension, name: string, service: string): void {
    const nowMs = this.clock();
    const key = `${dimension} ${tenant}`;
    const last = this.told.get(key);
    if (last !== undefined && nowMs - last.atMs < TELL_EVERY_MS) {
      last.untold++;
      return;
    }
    const amount = 1 + (last?.untold ?? 0);
    this.told.set(key, { atMs: nowMs, untold: 0 });
    const whose = service === "" ? "" : ` of service ${service}`;
    emitEvent("ingest.overflow", { tenant, dimension }, `${dimension}${whose}, such as ${name.slice(0, 80)}`, amount);
  }
}

type Refuse = (dimension: CardinalityDimension, name: string, service: string) => void;

/** The names of one tenant. */
export class TenantNames {
  private readonly limits: CardinalityLimits;
  private readonly seed: number;
  private readonly refuse: Refuse;
  private readonly seen: Readonly<
    Record<"cluster" | "namespace" | "service" | "node" | "peer" | "response_flags", SeenNames>
  >;
  private readonly services = new Map<number, ServiceNames>();
  private readonly budget: Budget;
  private readonly instances: Budget;
  private readonly operations: Budget;
  private readonly judged: Budget;
  /** What was decided of whom since the last turn; nothing that passed a limit. */
  private decided = new WeakMap<object, WithinLimits>();
  /** A number of its own, as that of each service. */
  readonly number = nextNumber++;

  constructor(limits: CardinalityLimits, seed: number, budget: Budget, judged: Budget, refuse: Refuse) {
    this.limits = limits;
    this.seed = seed;
    this.refuse = refuse;
    this.budget = budget;
    this.judged = judged;
    this.instances = { left: limits.instances };
    this.operations = { left: limits.operations };
    const set = (limit: number): SeenNames => new SeenNames(limit, [budget]);
    this.seen = {
      cluster: set(limits.clusters),
      namespace: set(limits.namespaces),
      service: set(limits.services),
      node: set(limits.nodes),
      peer: set(limits.peers),
      response_flags: set(limits.responseFlags),
    };
  }

  /** As `limit`, remembered by the object that stands for the sender, whose parts must not change. */
  limitOnce(sender: object, parts: LimitedParts): WithinLimits {
    let within = this.decided.get(sender);
    if (within === undefined) {
      within = this.limit(parts);
      if (!isOver(within)) this.decided.set(sender, within);
    }
    return within;
  }

  /** The identity with OVERFLOW_NAME for what is too much; of a service past the limit neither version nor instance is told. */
  limit(parts: LimitedParts): WithinLimits {
    const cluster = this.admit("cluster", parts.cluster, parts.cluster);
    const namespace = this.admit("namespace", parts.namespace, `${cluster}\n${parts.namespace}`);
    const key = `${cluster}\n${namespace}\n${parts.service}`;
    const service = this.admit("service", parts.service, key);
    const node = this.admit("node", parts.node, `${cluster}\n${parts.node}`);
    const isLost = service === OVERFLOW_NAME;
    const names = this.service(isLost ? OVERFLOW_NAME : key, service);
    if (isLost) return { cluster, namespace, service, version: "", instance: "", node, names };
    const version = names.admit("version", parts.version);
    const instance = names.admit("instance", parts.instance);
    return { cluster, namespace, service, version, instance, node, names };
  }

  /** A name that belongs to the tenant as a whole, or OVERFLOW_NAME. */
  admit(dimension: keyof TenantNames["seen"], name: string, key: string = name): string {
    if (name === "" || name === OVERFLOW_NAME) return name;
    if (this.seen[dimension].admit(hashText(key, this.seed))) return name;
    this.refuse(dimension, name, "");
    return OVERFLOW_NAME;
  }

  private service(key: string, name: string): ServiceNames {
    const hash = hashText(key, this.seed);
    let names = this.services.get(hash);
    if (names === undefined) {
      const { limits, budget, instances, operations } = this;
      const sets = {
        version: new SeenNames(limits.versionsPerService, [budget]),
        instance: new SeenNames(limits.instancesPerService, [budget, instances]),
        operation: new SeenNames(limits.operationsPerService, [budget, operations]),
      };
      names = new ServiceNames(name, sets, this, this.seed, this.judged, this.refuse);
      this.services.set(hash, names);
    }
    return names;
  }

  turn(): void {
    this.decided = new WeakMap();
    for (const set of Object.values(this.seen)) set.turn();
    for (const [hash, names] of this.services) {
      names.turn();
      if (names.isEmpty) this.services.delete(hash);
    }
  }
}

function isOver(within: WithinLimits): boolean {
  const { cluster, namespace, service, version, instance, node } = within;
  return [cluster, namespace, service, version, instance, node].includes(OVERFLOW_NAME);
}

type ServiceDimension = "version" | "instance" | "operation";
let nextNumber = 1;

/** The names that belong to one service: versions, instances, operations, and the routes that its application declared. */
export class ServiceNames {
  /** Told apart from every other service and tenant of this process. */
  readonly number = nextNumber++;
  readonly tenant: TenantNames;
  private readonly name: string;
  private readonly seen: Readonly<Record<ServiceDimension, SeenNames>>;
  private readonly seed: number;
  private readonly refuse: Refuse;
  private readonly routesByShape = new Map<string, string>();
  private readonly routesByOutline = new Map<string, string[]>();
  private readonly judged = new Map<string, string>();
  private readonly judgedLeft: Budget;

  constructor(
    name: string,
    seen: Readonly<Record<ServiceDimension, SeenNames>>,
    tenant: TenantNames,
    seed: number,
    judged: Budget,
    refuse: Refuse,
  ) {
    this.judgedLeft = judged;
    this.name = name;
    this.seen = seen;
    this.tenant = tenant;
    this.seed = seed;
    this.refuse = refuse;
  }

  /** The name, or OVERFLOW_NAME when the service has too many. */
  admit(dimension: ServiceDimension, name: string): string {
    if (name === "" || name === OVERFLOW_NAME) return name;
    if (this.seen[dimension].admit(hashText(name, this.seed))) return name;
    this.refuse(dimension, name, this.name);
    return OVERFLOW_NAME;
  }

  /** What `judge` says of `key`, asked once between two turns unless it is OVERFLOW_NAME, which must be counted again. */
  judgeOnce(key: string, judge: () => string): string {
    const known = this.judged.get(key);
    if (known !== undefined) return known;
    const name = judge();
    if (name !== OVERFLOW_NAME && this.judged.size < MAX_JUDGED && this.judgedLeft.left > 0) {
      this.judgedLeft.left--;
      this.judged.set(key, name);
    }
    return name;
  }

  /** The route of a shape that the application declared; see model/operation-name.ts. */
  routeOf(shape: string): string | undefined {
    return this.routesByShape.get(shape);
  }

  /** Declared routes with placeholders that a path may be one of. */
  routesLike(path: string): readonly string[] {
    const { exact, open } = outlinesOf(path);
    return [...(this.routesByOutline.get(exact) ?? []), ...(this.routesByOutline.get(open) ?? [])];
  }

  /** Remembers a route that the application declared; what paths were called before is judged anew. */
  keepRoute(shape: string, route: string): void {
    if (this.routesByShape.size >= MAX_ROUTES || this.routesByShape.has(shape)) return;
    this.routesByShape.set(shape, route);
    this.forgetJudged();
    if (!route.includes("{")) return;
    const outlines = outlinesOf(route);
    const outline = /^[^/]*\/[^/]*\{/.test(route) ? outlines.open : outlines.exact;
    const alike = this.routesByOutline.get(outline);
    if (alike === undefined) this.routesByOutline.set(outline, [route]);
    else if (alike.length < MAX_ALIKE) alike.push(route);
  }

  private forgetJudged(): void {
    this.judgedLeft.left += this.judged.size;
    this.judged.clear();
  }

  turn(): void {
    this.forgetJudged();
    this.routesByShape.clear();
    this.routesByOutline.clear();
    for (const set of Object.values(this.seen)) set.turn();
  }

  get isEmpty(): boolean {
    return Object.values(this.seen).every((set) => set.isEmpty);
  }
}

/** Method, number of segments and the first of them; `open` where that may be anything. */
function outlinesOf(route: string): { readonly exact: string; readonly open: string } {
  const [method = "", first = "", ...more] = route.split("/");
  return { exact: `${method}${more.length} ${first}`, open: `${method}${more.length} {}` };
}
