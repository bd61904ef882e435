// Traffic of a scenario: requests by a Poisson process, lognormal times, faults where they are injected; always the same.
// In: a scenario, its length and start. Out: spans, each with the second at which it is delivered.
// Bounds: one seeded generator a scenario; a request is a tree of calls without loops.
import { hexId, type TestSpan } from "../golden/span-rows.ts";
import type { Call, Fault, Scenario, Service } from "./language.ts";

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
  readonly failed: boolean;
}

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

  const faultsOn = (atMs: number, places: Partial<Record<Fault["kind"], string>>) =>
    scenario.faults.filter((f) => f.from * 1000 <= atMs && atMs < f.to * 1000 && places[f.kind] === f.place);
  const slowerBy = (faults: readonly Fault[]) =>
    faults.reduce((sum, f) => sum + (f.slowerMs === 0 ? 0 : f.slowerMs * lognormal(random, 0.1)), 0);
  const failing = (faults: readonly Fault[]) => faults.find((f) => random() < f.failRatio);

  type Facts = Pick<TestSpan, "kind" | "parent"> & Partial<TestSpan>;
  const newId = () => hexId(`${trace}/${spans++}`, 16);
  const emit = (who: Omit<Caller, "spanId">, id: string, fromMs: number, toMs: number, facts: Facts) => {
    if (who.service.silent) return;
    const span: TestSpan = {
      tenant: scenario.name,
      trace,
      id,
      service: who.service.name,
      version: who.version,
      instance: who.instance,
      startNs: BigInt(startSeconds) * 1_000_000_000n + BigInt(Math.round(fromMs * 1e6)),
      durationNs: Math.max(0, Math.round((toMs - fromMs) * 1e6)),
      ...facts,
    };
    const late = random() < scenario.lateRatio ? scenario.lateSeconds : 0;
    deliveries.push({ span, arrivesAt: toMs / 1000 + EXPORT_DELAY_S + random() + late });
  };

  function serve(service: Service, parent: string, fromMs: number): Outcome {
    const number = Math.floor(random() * service.instances * service.versions.length);
    const version = service.versions[number % service.versions.length]!;
    const who = { service, version, instance: `${service.name}-${number + 1}` };
    const name = service.name;
    const faults = faultsOn(fromMs, { service: name, version: `${name}@${version}`, instance: who.instance });
    const [outer, id] = [newId(), newId()];
    const own = jitter(service.takesMs) + slowerBy(faults);
    let at = fromMs + own / 2;
    let failed = failing(faults) !== undefined;
    for (const group of service.calls) {
      const outcomes = group.map((one) => call({ ...who, spanId: id }, one, at));
      at = Math.max(...outcomes.map((o) => o.endMs));
      failed ||= outcomes.some((o, i) => o.failed && !group[i]!.tolerated);
    }
    at += own / 2;
    const outcome = failed ? "failed" : "ok";
    const app = { kind: "Server", parent: scenario.sidecars ? outer : parent, operation: `GET /${name}` } as const;
    emit(who, id, fromMs + 0.1, at, { ...app, outcome });
    if (scenario.sidecars) {
      emit(who, outer, fromMs, at + 0.1, { kind: "Server", proxy: true, parent, operation: "ingress", outcome });
    }
    return { endMs: at + 0.1, failed };
  }

  function call(caller: Caller, { target }: Call, fromMs: number): Outcome {
    const database = target.startsWith("db:") ? target.slice(3) : null;
    const peer = database ?? target;
    const faults = faultsOn(fromMs, {
      edge: `${caller.service.name} -> ${peer}`,
      ...(database === null ? {} : { database }),
    });
    const [appId, wireId] = [newId(), newId()];
    const deepest = scenario.sidecars && database === null ? wireId : appId;
    const refused = failing(faults);
    const answered = refused !== undefined && refused.flag !== "";
    const wire = jitter(WIRE_MS) + slowerBy(faults);
    let inner: Outcome = { endMs: fromMs + wire, failed: refused !== undefined };
    if (!answered && database !== null) inner = { ...inner, endMs: inner.endMs + jitter(DATABASE_MS) };
    else if (!answered) {
      const served = serve(scenario.services.get(target)!, deepest, fromMs + wire / 2);
      inner = { endMs: served.endMs + wire / 2, failed: served.failed || refused !== undefined };
    }
    const peerKind = database === null ? "service" : "database";
    const outcome = inner.failed ? "failed" : "ok";
    const facts = { kind: "Client", peer, peerKind, protocol: database === null ? "http" : "db", outcome } as const;
    const flags = refused?.flag ?? "";
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
    for (let at = 0; at < seconds * 1000; at += (-Math.log(1 - random()) / perSecond) * 1000) {
      trace = hexId(`${scenario.name}/${service}/${deliveries.length}/${at}`, 32);
      spans = 0;
      serve(scenario.services.get(service)!, "", at);
    }
  }
  return deliveries;
}
