// Traffic of a scenario: requests by a Poisson process, lognormal times, faults where they are injected; always the same.
// In: a scenario, its length and start. Out: spans, each with the second at which it is delivered.
// Bounds: one seeded generator a scenario; a request is a tree of calls without loops.
import { hexId, type TestSpan } from "../golden/span-rows.ts";
import type { Call, Fault, FaultPlace, Scenario, Service } from "./language.ts";

/** A span and when it arrives, seconds from the start: after its end, when the sender exports it. */
export interface Delivery {
  readonly span: TestSpan;
  readonly arrivesAt: number;
}

const SPREAD = 0.3;
const WIRE_MS = 0.4;
const DATABASE_MS = 2;
const EXPORT_DELAY_S = 1;

/** A generator of numbers in [0, 1) from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A lognormal factor with median 1. */
export function lognormal(random: () => number, spread: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return Math.exp(spread * radius * Math.cos(2 * Math.PI * random()));
}

interface Outcome {
  readonly endMs: number;
  /** Who is refused does not get what he asked for, and fails. */
  readonly failed: boolean;
  readonly refusedWith?: number;
  /** The flag of who made the call. */
  readonly flags?: string;
}

const NEVER_MS = Infinity;

interface Caller {
  readonly spanId: string;
  readonly service: Service;
  readonly version: string;
  readonly instance: string;
}

/** All spans of a scenario that starts at `startSeconds` (unix) and lasts `seconds`. */
export function generateTraffic(scenario: Scenario, startSeconds: number, seconds: number): Delivery[] {
  const random = seededRandom(parseInt(hexId(scenario.name, 8), 16));
  const deliveries: Delivery[] = [];
  const jitter = (ms: number) => ms * lognormal(random, SPREAD);
  let trace = "";
  let spans = 0;

  const faultsOn = (atMs: number, places: Partial<Record<FaultPlace, string>>) =>
    scenario.faults.filter((f) => f.from * 1000 <= atMs && atMs < f.to * 1000 && places[f.kind] === f.place);
  const slowerBy = (faults: readonly Fault[]) =>
    faults.reduce((sum, f) => sum + (f.slowerMs === 0 ? 0 : f.slowerMs * lognormal(random, 0.1)), 0);
  const refusing = (faults: readonly Fault[]) => faults.find((f) => f.refuseRatio > 0 && random() < f.refuseRatio);
  const linkOf = (a: string, b: string) => (a === b ? {} : { link: [a, b].toSorted().join(" - ") });
  const failing = (faults: readonly Fault[]) => faults.find((f) => random() < f.failRatio);

  type Facts = Pick<TestSpan, "kind" | "parent"> & Partial<TestSpan>;
  const newId = () => hexId(`${trace}/${spans++}`, 16);
  const emit = (who: Omit<Caller, "spanId">, id: string, fromMs: number, toMs: number, facts: Facts) => {
    if (who.service.silent || faultsOn(fromMs, { service: who.service.name }).some((f) => f.isSilent)) return;
    const span: TestSpan = {
      tenant: scenario.name,
      trace,
      id,
      service: who.service.name,
      version: who.version,
      instance: who.instance,
      cluster: who.service.cluster,
      node: nodeOf(who),
      startNs: BigInt(startSeconds) * 1_000_000_000n + BigInt(Math.round(fromMs * 1e6)),
      durationNs: Math.max(0, Math.round((toMs - fromMs) * 1e6)),
      ...facts,
    };
    const late = random() < scenario.lateRatio ? scenario.lateSeconds : 0;
    deliveries.push({ span, arrivesAt: toMs / 1000 + EXPORT_DELAY_S + random() + late });
  };

  const nodeOf = ({ service, instance }: Omit<Caller, "spanId">) =>
    service.nodes[(Number(instance.slice(service.name.length + 1)) - 1) % Math.max(1, service.nodes.length)] ?? "";

  /** The number of the instance that answers: each is as likely as the others, unless one takes more. */
  function choose(service: Service, atMs: number): number {
    const all = Array.from({ length: service.instances * service.versions.length }, (_, i) => i);
    const greedy = scenario.faults.find(
      (f) => f.takes > 0 && f.from * 1000 <= atMs && atMs < f.to * 1000 && f.place.startsWith(`${service.name}-`),
    );
    if (greedy === undefined) return Math.floor(random() * all.length);
    const hot = Number(greedy.place.slice(service.name.length + 1)) - 1;
    const others = all.filter((i) => i !== hot);
    return random() < greedy.takes ? hot : others[Math.floor(random() * others.length)]!;
  }

  function serve(service: Service, parent: string, fromMs: number, caller = "", deadlineMs = NEVER_MS): Outcome {
    const number = choose(service, fromMs);
    const version = service.versions[number % service.versions.length]!;
    const who = { service, version, instance: `${service.name}-${number + 1}` };
    const name = service.name;
    const places = { service: name, version: `${name}@${version}`, instance: who.instance, node: nodeOf(who) };
    const faults = faultsOn(fromMs, { ...places, edge: `${caller} -> ${name}` });
    const [outer, id] = [newId(), newId()];
    const refused = refusing(faults.filter((f) => f.kind !== "edge" || f.flag === ""));
    if (refused !== undefined) {
      // The callee's proxy answers in its place, or the service itself where it has none.
      const endMs = fromMs + 0.3;
      const facts = { kind: "Server", parent, outcome: "degraded", code: refused.code, flags: refused.flag } as const;
      emit(who, outer, fromMs, endMs, { ...facts, proxy: scenario.sidecars, operation: `GET /${name}` });
      return { endMs, failed: true, refusedWith: refused.code };
    }
    const own = jitter(service.takesMs) + slowerBy(faults.filter((f) => f.kind !== "edge"));
    let at = fromMs + own / 2;
    let failed = failing(faults.filter((f) => f.kind !== "edge")) !== undefined;
    let flags = "";
    for (const group of service.calls) {
      const outcomes = group.map((one) => call({ ...who, spanId: id }, one, at));
      at = Math.max(...outcomes.map((o) => o.endMs));
      failed ||= outcomes.some((o, i) => o.failed && !group[i]!.tolerated);
      flags = outcomes.find((o) => o.flags !== undefined)?.flags ?? flags;
    }
    at += own / 2;
    const isLate = at > deadlineMs;
    if (isLate) at = deadlineMs + 0.2;
    // Who finds its caller gone gives up with an error.
    const outcome: "failed" | "ok" = failed || isLate ? "failed" : "ok";
    const hasSidecar = scenario.sidecars && !service.isGateway;
    const app = { kind: "Server", parent: hasSidecar ? outer : parent, operation: `GET /${name}` } as const;
    const sentOn = { proxy: true, peer: service.calls[0]?.[0]?.target ?? "", peerKind: "service", flags } as const;
    emit(who, id, fromMs + 0.1, at, { ...app, outcome, ...(service.isGateway ? sentOn : {}) });
    if (hasSidecar) {
      const seen: Partial<TestSpan> = isLate ? { outcome: "cancelled", flags: "DC" } : { outcome };
      emit(who, outer, fromMs, at + 0.1, { kind: "Server", proxy: true, parent, operation: "ingress", ...seen });
    }
    return { endMs: at + 0.1, failed };
  }

  function call(caller: Caller, { target }: Call, fromMs: number): Outcome {
    const database = target.startsWith("db:") ? target.slice(3) : null;
    const peer = database ?? target;
    const faults = faultsOn(fromMs, {
      edge: `${caller.service.name} -> ${peer}`,
      ...(database === null ? linkOf(caller.service.cluster, scenario.services.get(target)!.cluster) : { database }),
    });
    const limit = Math.min(...faults.filter((f) => f.cutOffMs > 0).map((f) => f.cutOffMs));
    const denied = refusing(faults.filter((f) => f.flag !== ""));
    const [appId, wireId] = [newId(), newId()];
    const { isGateway } = caller.service;
    const deepest = isGateway ? caller.spanId : scenario.sidecars && database === null ? wireId : appId;
    const refused = failing(faults) ?? denied;
    const answered = refused !== undefined && refused.flag !== "";
    const isDelayed = !answered && faults.some((f) => f.slowerMs > 0 && f.flag !== "");
    const wire = jitter(WIRE_MS) + slowerBy(faults);
    let inner: Outcome = { endMs: fromMs + wire, failed: refused !== undefined };
    if (!answered && database !== null) inner = { ...inner, endMs: inner.endMs + jitter(DATABASE_MS) };
    else if (!answered) {
      // All of a drill's delay comes before the call is passed on.
      const passedOnMs = fromMs + (isDelayed ? wire : wire / 2);
      const served = serve(scenario.services.get(target)!, deepest, passedOnMs, caller.service.name, fromMs + limit);
      inner = {
        ...served,
        endMs: Math.min(served.endMs + (isDelayed ? 0 : wire / 2), fromMs + limit),
        failed: served.failed || refused !== undefined || served.endMs > fromMs + limit,
      };
    } else if (denied !== undefined) inner = { ...inner, refusedWith: denied.code };
    const peerKind = database === null ? "service" : "database";
    const outcome = inner.refusedWith !== undefined ? "degraded" : inner.failed ? "failed" : "ok";
    const code = inner.refusedWith ?? -1;
    const facts = {
      kind: "Client",
      peer,
      peerKind,
      protocol: database === null ? "http" : "db",
      outcome,
      code,
    } as const;
    const isCutOff = inner.failed && inner.endMs >= fromMs + limit;
    const flags = isCutOff ? "UT" : (refused?.flag ?? (isDelayed ? "DI" : ""));
    if (isGateway) return { ...inner, flags };
    if (deepest === wireId)
      emit(caller, wireId, fromMs + 0.1, inner.endMs, { ...facts, proxy: true, parent: appId, flags });
    emit(caller, appId, fromMs, inner.endMs + 0.1, {
      ...facts,
      parent: caller.spanId,
      flags: deepest === appId ? flags : "",
    });
    return { endMs: inner.endMs + 0.1, failed: inner.failed };
  }

  for (const { service, perSecond } of scenario.entries) {
    const times = (atMs: number) => faultsOn(atMs, { entry: service }).reduce((all, f) => all * f.times, 1);
    for (let at = 0; at < seconds * 1000; at += (-Math.log(1 - random()) / (perSecond * times(at))) * 1000) {
      trace = hexId(`${scenario.name}/${service}/${deliveries.length}/${at}`, 32);
      spans = 0;
      serve(scenario.services.get(service)!, "", at);
    }
  }
  return deliveries;
}
