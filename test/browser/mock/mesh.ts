// Meshes for the console's tests: a shop of fifteen services, and a large one of a thousand.
// In: a level. Out: nodes and edges in the shape of the GraphQL schema.
// Bounds: the same in every run; the large mesh comes from a small congruential generator.

/** A place as the API tells it. */
export interface MockEntity {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly cluster: string | null;
  readonly namespace: string | null;
  readonly service: string | null;
  readonly version: string | null;
  readonly instance: string | null;
  readonly node: string | null;
  readonly operation: string | null;
  readonly runtime: string;
  readonly isolation: string | null;
  readonly peer: MockEntity | null;
}
interface Red {
  readonly requestsPerSecond: number | null;
  readonly errorRatio: number | null;
  readonly latencyP50Ms: number | null;
  readonly latencyP99Ms: number | null;
  readonly health: string;
}
/** A graph as the API tells it, without range. */
export interface MockGraph {
  readonly nodes: readonly (Red & { readonly entity: MockEntity })[];
  readonly edges: readonly (Red & {
    readonly id: string;
    readonly source: string;
    readonly target: string;
    readonly protocol: string;
    readonly evidence: readonly string[];
    readonly confidence: number;
  })[];
}

/** Makes a place; parts that are not given are null. */
export function place(kind: string, parts: Partial<Omit<MockEntity, "id" | "kind">>): MockEntity {
  const entity = {
    kind,
    cluster: null,
    namespace: null,
    service: null,
    version: null,
    instance: null,
    node: null,
    operation: null,
    runtime: "RUNC",
    isolation: null,
    peer: null,
    ...parts,
  };
  const ids = [entity.cluster, entity.namespace, entity.service, entity.version, entity.instance, entity.operation];
  const own = `${kind.toLowerCase()}:${ids.map((id) => id ?? "").join("/")}`.replace(/\/+$/, "");
  const id = entity.peer === null ? own : `${own}>${entity.peer.id}`;
  return { name: parts.name ?? entity.service ?? id, ...entity, id };
}

const SHOP = { cluster: "eu-1", namespace: "shop" };
const DATA = { cluster: "eu-1", namespace: "data" };

type ServiceRow = [name: string, kind: string, rate: number, errors: number, p50: number, p99: number, health: string];
const SERVICES: readonly ServiceRow[] = [
  ["gateway", "SERVICE", 182, 0.004, 46, 688, "HEALTHY"],
  ["frontend", "SERVICE", 181, 0.013, 44, 671, "DEGRADED"],
  ["catalog", "SERVICE", 118, 0.021, 28, 642, "DEGRADED"],
  ["pricing", "SERVICE", 164, 0.118, 19, 618, "FAILING"],
  ["tax", "SERVICE", 161, 0, 2.1, 6.4, "HEALTHY"],
  ["cart", "SERVICE", 47, 0.002, 9.8, 96, "HEALTHY"],
  ["checkout", "SERVICE", 12.4, 0.003, 62, 210, "HEALTHY"],
  ["payment", "SERVICE", 12.1, 0.001, 31, 88, "HEALTHY"],
  ["shipping", "SERVICE", 11.9, 0, 12, 41, "HEALTHY"],
  ["inventory", "SERVICE", 23.8, 0, 4.6, 19, "HEALTHY"],
  ["notify", "SERVICE", 11.8, 0, 7.2, 30, "HEALTHY"],
  ["recommend", "SERVICE", 58, 0.001, 14, 72, "HEALTHY"],
  ["redis", "DATABASE", 94, 0, 0.4, 1.9, "HEALTHY"],
  ["postgres", "DATABASE", 141, 0, 1.8, 9.1, "HEALTHY"],
  ["orders", "MESSAGING", 11.8, 0, 1.2, 5.5, "HEALTHY"],
];
type CallRow = [
  from: string,
  to: string,
  protocol: string,
  rate: number,
  errors: number,
  p50: number,
  p99: number,
  health: string,
];
const CALLS: readonly CallRow[] = [
  ["gateway", "frontend", "http", 181, 0.013, 44, 671, "DEGRADED"],
  ["frontend", "catalog", "http", 104, 0.021, 28, 642, "DEGRADED"],
  ["frontend", "cart", "http", 31, 0.002, 9, 90, "HEALTHY"],
  ["frontend", "checkout", "http", 12.4, 0.003, 62, 210, "HEALTHY"],
  ["frontend", "recommend", "grpc", 58, 0.001, 14, 72, "HEALTHY"],
  ["recommend", "catalog", "grpc", 14, 0, 21, 118, "HEALTHY"],
  ["catalog", "pricing", "grpc", 118, 0.12, 19, 618, "FAILING"],
  ["catalog", "postgres", "postgresql", 117, 0, 1.8, 8.7, "HEALTHY"],
  ["cart", "pricing", "grpc", 46, 0.113, 18, 611, "FAILING"],
  ["cart", "redis", "redis", 94, 0, 0.4, 1.9, "HEALTHY"],
  ["pricing", "tax", "grpc", 161, 0, 2.1, 6.4, "HEALTHY"],
  ["checkout", "cart", "http", 12.2, 0.002, 11, 99, "HEALTHY"],
  ["checkout", "payment", "grpc", 12.1, 0.001, 31, 88, "HEALTHY"],
  ["checkout", "shipping", "grpc", 11.9, 0, 12, 41, "HEALTHY"],
  ["checkout", "orders", "kafka", 11.8, 0, 1.2, 5.5, "HEALTHY"],
  ["orders", "notify", "kafka", 11.8, 0, 7.2, 30, "HEALTHY"],
  ["shipping", "inventory", "grpc", 11.9, 0, 4.6, 19, "HEALTHY"],
  ["inventory", "postgres", "postgresql", 23.8, 0, 1.9, 9.9, "HEALTHY"],
];

/** The place of a service of the shop. */
export function shopService(name: string, version?: string): MockEntity {
  const kind = SERVICES.find(([service]) => service === name)?.[1] ?? "SERVICE";
  const where = kind === "SERVICE" ? SHOP : DATA;
  return version === undefined
    ? place(kind, { ...where, service: name, name })
    : place("VERSION", { ...where, service: name, version, name: `${name} ${version}` });
}

const red = (rate: number, errors: number, p50: number, p99: number, health: string): Red => ({
  requestsPerSecond: rate,
  errorRatio: errors,
  latencyP50Ms: p50,
  latencyP99Ms: p99,
  health,
});

/** The shop at a level; pricing runs in two versions, of which v2 is slow and fails. */
export function shopGraph(level: string): MockGraph {
  if (level === "NAMESPACE" || level === "CLUSTER") return wideGraph(level);
  const isFine = level === "VERSION";
  const spread = (name: string): [entity: MockEntity, share: number, figures: Red | null][] => {
    if (!isFine || name !== "pricing") return [[shopService(name), 1, null]];
    return [
      [shopService(name, "v1"), 0.7, red(115, 0, 17, 42, "HEALTHY")],
      [shopService(name, "v2"), 0.3, red(49, 0.39, 402, 811, "FAILING")],
    ];
  };
  return {
    nodes: SERVICES.flatMap(([name, , ...figures]) =>
      spread(name).map(([entity, , own]) => ({ entity, ...(own ?? red(...figures)) })),
    ),
    edges: CALLS.flatMap(([from, to, protocol, rate, errors, p50, p99, health]) =>
      spread(from).flatMap(([source, share]) =>
        spread(to).map(([target, targetShare, own]) => ({
          id: `${source.id}>${target.id}`,
          source: source.id,
          target: target.id,
          protocol,
          evidence: ["span-pair"],
          confidence: 0.99,
          ...(own ?? red(rate, errors, p50, p99, health)),
          requestsPerSecond: rate * share * targetShare,
        })),
      ),
    ),
  };
}

function wideGraph(level: "NAMESPACE" | "CLUSTER"): MockGraph {
  const shop = level === "CLUSTER" ? place("CLUSTER", { cluster: "eu-1" }) : place("NAMESPACE", SHOP);
  if (level === "CLUSTER") return { nodes: [{ entity: shop, ...red(182, 0.004, 46, 688, "DEGRADED") }], edges: [] };
  const data = place("NAMESPACE", DATA);
  return {
    nodes: [
      { entity: shop, ...red(182, 0.004, 46, 688, "DEGRADED") },
      { entity: data, ...red(247, 0, 1.2, 8.8, "HEALTHY") },
    ],
    edges: [
      {
        id: `${shop.id}>${data.id}`,
        source: shop.id,
        target: data.id,
        protocol: "",
        evidence: ["span-pair"],
        confidence: 0.99,
        ...red(247, 0, 1.2, 8.8, "HEALTHY"),
      },
    ],
  };
}

/** Services that report spans but no context: no edges. */
export function unlinkedGraph(): MockGraph {
  return { nodes: shopGraph("SERVICE").nodes, edges: [] };
}

/** The shop after its telemetry has stopped: places that are known by name alone. */
export function silentGraph(): MockGraph {
  const nothing = { requestsPerSecond: null, errorRatio: null, latencyP50Ms: null, latencyP99Ms: null };
  return {
    nodes: shopGraph("SERVICE").nodes.map(({ entity }) => ({ entity, ...nothing, health: "UNKNOWN" })),
    edges: [],
  };
}

/** A mesh of `services` in namespaces of fifty, with twice as many calls; one namespace has a failing service. */
export function largeGraph(services: number): MockGraph {
  let state = 11;
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const teams = ["search", "ads", "video", "maps", "mail", "chat", "pay", "ship", "stock", "users"];
  const entities = Array.from({ length: services }, (_, i) => {
    const team = Math.floor(i / 50);
    const namespace = `${teams[team % teams.length] ?? ""}-${Math.floor(team / teams.length) + 1}`;
    return place("SERVICE", { cluster: team % 2 === 0 ? "eu-1" : "us-1", namespace, service: `svc-${i}` });
  });
  const health = (i: number): string =>
    i === 333 ? "FAILING" : i % 97 === 5 ? "DEGRADED" : i % 41 === 7 ? "IDLE" : "HEALTHY";
  const edges = new Map<string, [number, number]>();
  const count = Math.ceil(services / 50);
  while (edges.size < services * 2) {
    const from = random(services - 1);
    const team = Math.floor(from / 50);
    // Teams call each other along a tree, and everybody calls the last one, as meshes with a platform team do.
    const across = [team * 2 + 1, team * 2 + 2, count - 1][random(3)]!;
    const to = random(20) < 19 ? team * 50 + random(50) : across * 50 + random(50);
    if (from === to || across >= count || to >= services) continue;
    const [a, b] = from < to ? [from, to] : [to, from];
    edges.set(`${a}>${b}`, [a, b]);
  }
  return {
    nodes: entities.map((entity, i) => ({
      entity,
      ...red(1 + random(400), i === 333 ? 0.24 : 0.001, 4 + random(30), 30 + random(300), health(i)),
    })),
    edges: [...edges.values()].map(([from, to]) => ({
      id: `${entities[from]!.id}>${entities[to]!.id}`,
      source: entities[from]!.id,
      target: entities[to]!.id,
      protocol: "grpc",
      evidence: ["span-pair"],
      confidence: 0.97,
      ...red(1 + random(90), to === 333 ? 0.24 : 0, 5, 60, to === 333 ? "FAILING" : "HEALTHY"),
    })),
  };
}
