// Traffic through a generated mesh: spans and access logs as its applications and proxies would write them, and what truly happened.
// In: a mesh, chance, a time and a number of requests. Out: spans, logs and the true graph.
// Bounds: everything in memory (some 25 spans a request); integer microseconds; each place calls its least called routes first, so that
// every edge is met after a few requests.
import type { Random } from "../ingest/random.ts";
import type { SentLog, SentSpan } from "./sent.ts";
import { appAttributes, destinationLog, proxyAttributes, sourceLog } from "./telling.ts";
import { attemptsOf, countCallee, countCaller, protocolOf, targetOf, upstreamOf } from "./routes.ts";
import { CLIENTS, edgeOf, endOf, type Truth } from "./truth.ts";
import type { Entry, Route, World, WorldPod } from "./world.ts";

/** What was sent, and what is true of it. */
export interface Traffic {
  readonly spans: SentSpan[];
  readonly logs: SentLog[];
  readonly truth: Truth;
}

/** Where a span hangs: its trace, its parent ('' = none) and the request's own id. */
interface Context {
  readonly trace: string;
  readonly parent: string;
  readonly request: string;
}

/** A call as it ended, for the one who made it. */
interface Ended {
  readonly durationUs: number;
  readonly status: number;
}

const HOP_US = 150;
const SLOW_US = 400_000;

/** Sends `requests` requests, evenly from `fromUs` over `lengthUs`. */
export function createTraffic(
  world: World,
  random: Random,
  { fromUs, lengthUs, requests }: { readonly fromUs: number; readonly lengthUs: number; readonly requests: number },
): Traffic {
  const traffic: Traffic = { spans: [], logs: [], truth: new Map() };
  for (let i = 0; i < requests; i++) {
    const entry = world.entries[i % world.entries.length];
    if (entry !== undefined) enter(traffic, random, entry, fromUs + Math.floor((i * lengthUs) / requests));
  }
  return traffic;
}

function newContext(random: Random): Context {
  return { trace: random.hex(32), parent: "", request: `${random.hex(8)}-${random.hex(24)}` };
}

function enter(traffic: Traffic, random: Random, { kind, place }: Entry, startUs: number): void {
  const pod = random.pick(place.pods);
  const context = newContext(random);
  if (kind === "job") {
    const id = random.hex(16);
    const durationUs = work(traffic, random, pod, { ...context, parent: id }, startUs + HOP_US, 2);
    addSpan(traffic, pod, false, context, { id, kind: 1, name: "job", startUs, durationUs, attributes: [] });
    return;
  }
  const parent = kind === "remote-parent" ? random.hex(16) : "";
  const told = { ...context, parent };
  // A gateway passes on one request; it speaks what that one speaks.
  const route = kind === "gateway" ? leastCalled(place.routes, 1)[0] : undefined;
  const isGrpc = route === undefined ? place.service.isGrpc : route.callee?.service.isGrpc === true;
  const edge = edgeOf(traffic.truth, CLIENTS, endOf(place), isGrpc ? "grpc" : "http");
  const ended =
    route !== undefined
      ? pass(traffic, random, pod, told, route, startUs)
      : answer(traffic, random, pod, told, {
          startUs,
          status: 200,
          flag: "",
          isLeaf: false,
          isSlow: false,
          from: null,
        });
  edge.calleeCalls++;
  if (ended.status >= 500) edge.calleeFailed++;
  if (place.service.hasLogs) edge.hasCalleeLogs = true;
}

/** A gateway takes a request and passes it on: one server and one client span of the same proxy, one line. */
function pass(traffic: Traffic, random: Random, pod: WorldPod, context: Context, route: Route, startUs: number): Ended {
  const id = random.hex(16);
  const ended = call(traffic, random, route, pod, { ...context, parent: id }, startUs + HOP_US);
  const durationUs = ended.durationUs + 2 * HOP_US;
  const isGrpc = route.callee?.service.isGrpc === true;
  const told = { cluster: "inbound|8080||", status: ended.status, flag: "", isGrpc };
  const attributes = proxyAttributes(pod, told);
  addSpan(traffic, pod, true, context, { id, kind: 2, name: "ingress", startUs, durationUs, attributes });
  return { ...ended, durationUs };
}

function leastCalled(routes: readonly Route[], count: number): Route[] {
  return routes.toSorted((a, b) => a.calls - b.calls).slice(0, count);
}

/** What a pod does for a request: calls its least called routes; returns how long that took. */
function work(
  traffic: Traffic,
  random: Random,
  pod: WorldPod,
  context: Context,
  startUs: number,
  calls: number,
): number {
  let durationUs = 300 + random.below(2_000);
  for (const route of leastCalled(pod.place.routes, calls)) {
    durationUs += call(traffic, random, route, pod, context, startUs + durationUs).durationUs;
  }
  return durationUs;
}

/** How a request is answered; `from` is null where the caller has no proxy of its own. */
interface Asked {
  readonly startUs: number;
  readonly status: number;
  readonly flag: string;
  readonly isLeaf: boolean;
  readonly isSlow: boolean;
  readonly from: WorldPod | null;
}

/** A pod answers: its proxy's server span, its application's, and what it calls in turn. */
function answer(traffic: Traffic, random: Random, pod: WorldPod, context: Context, asked: Asked): Ended {
  const { service } = pod.place;
  const { status, flag } = asked;
  const proxyId = service.hasSidecar ? random.hex(16) : "";
  const appId = service.isTraced ? random.hex(16) : "";
  const appContext = { ...context, parent: proxyId === "" ? context.parent : proxyId };
  const appStartUs = asked.startUs + (proxyId === "" ? 0 : HOP_US);
  let inner = { ...appContext, parent: appId === "" ? proxyId : appId };
  // Headers that are not passed on: what is called from here begins traces of its own.
  if (appId === "" && !service.passesHeaders) inner = { ...newContext(random), request: context.request };
  const nestedId = service.nestsServers && appId !== "" ? random.hex(16) : "";
  const deepest = nestedId === "" ? inner : { ...inner, parent: nestedId };
  const calls = asked.isLeaf ? 0 : 1 + random.below(2);
  const workUs =
    work(traffic, random, pod, deepest, appStartUs + 2 * HOP_US, calls) + (asked.isSlow ? SLOW_US : 0) + 4 * HOP_US;
  if (nestedId !== "") {
    const attributes = appAttributes(service, "server", status);
    const nested = { id: nestedId, kind: 2, name: "dispatch", startUs: appStartUs + HOP_US };
    addSpan(traffic, pod, false, inner, { ...nested, durationUs: workUs - 2 * HOP_US, attributes });
  }
  if (appId !== "") {
    const attributes = appAttributes(service, "server", status);
    const name = `GET /${service.name}/{id}`;
    addSpan(traffic, pod, false, appContext, {
      id: appId,
      kind: 2,
      name,
      startUs: appStartUs,
      durationUs: workUs,
      attributes,
    });
  }
  const durationUs = workUs + (proxyId === "" ? 0 : 2 * HOP_US);
  if (proxyId !== "") {
    const attributes = proxyAttributes(pod, { cluster: "inbound|8080||", status, flag, isGrpc: service.isGrpc });
    const { startUs } = asked;
    addSpan(traffic, pod, true, context, { id: proxyId, kind: 2, name: "inbound", startUs, durationUs, attributes });
    if (service.hasLogs) {
      const fields = destinationLog(pod, asked.from, { status, flag, request: context.request, durationUs });
      traffic.logs.push({ pod, startUs: startUs + pod.place.clockAheadUs, fields });
    }
  }
  return { durationUs, status };
}

/** One logical call over a route. */
function call(traffic: Traffic, random: Random, route: Route, pod: WorldPod, context: Context, startUs: number): Ended {
  route.calls++;
  if (route.kind === "messaging") return publish(traffic, random, route, pod, context, startUs);
  const { service } = pod.place;
  const { callee } = route;
  const isTroubled = route.trouble !== null && route.calls % route.trouble.every === 0;
  const trouble = isTroubled ? route.trouble : null;
  const status = trouble?.status ?? 200;
  const flag = trouble?.flag ?? "";
  const attempts = trouble?.attempts ?? attemptsOf(route);
  const appId = service.isTraced ? random.hex(16) : "";
  const hasProxySpan = service.hasSidecar && route.kind !== "database";
  const proxyId = hasProxySpan ? random.hex(16) : "";
  const proxyContext = { ...context, parent: appId === "" ? context.parent : appId };
  const wire = { ...context, parent: proxyId === "" ? appId : proxyId };
  const to = callee === null ? null : random.pick(callee.pods);
  const isGrpc = callee?.service.isGrpc ?? false;
  const truth = edgeOf(traffic.truth, endOf(pod.place), targetOf(route), protocolOf(route));
  countCaller(truth, status, flag, attempts, pod.place.service.hasLogs && route.kind !== "database");

  let innerUs = HOP_US;
  for (let attempt = 1; attempt <= attempts && to !== null; attempt++) {
    if (trouble?.arrives === false) continue;
    const isLast = attempt === attempts;
    const calleeStatus = trouble === null ? (isLast ? 200 : 503) : trouble.calleeStatus;
    countCallee(truth, to.place, calleeStatus, service.hasSidecar);
    const asked = { status: calleeStatus, flag: flag === "DC" ? flag : "", isSlow: flag === "UT" };
    const isLeaf = !isLast || calleeStatus >= 500 || callee === pod.place;
    const from = service.hasSidecar ? pod : null;
    innerUs +=
      HOP_US + answerIfSeen(traffic, random, to, wire, { ...asked, isLeaf, from, startUs: startUs + HOP_US + innerUs });
  }
  if (to !== null && trouble?.arrives === false) truth.neverArrived++;
  if (to === null) innerUs += 500 + random.below(4_000);

  const told = { status, flag, isGrpc, hasArrived: trouble?.arrives !== false };
  if (appId !== "") {
    const attributes = appAttributes(callee?.service ?? null, "client", status, route);
    const durationUs = innerUs + 4 * HOP_US;
    addSpan(traffic, pod, false, context, { id: appId, kind: 3, name: "GET", startUs, durationUs, attributes });
  }
  if (proxyId !== "") {
    const cluster = upstreamOf(route);
    const attributes = proxyAttributes(pod, { cluster, status, flag, isGrpc });
    const times = { startUs: startUs + HOP_US, durationUs: innerUs + 2 * HOP_US };
    addSpan(traffic, pod, true, proxyContext, { id: proxyId, kind: 3, name: "outbound", ...times, attributes });
    if (service.hasLogs) {
      const fields = sourceLog(pod, to, { ...told, cluster, attempts, request: context.request, ...times });
      traffic.logs.push({ pod, startUs: times.startUs + pod.place.clockAheadUs, fields });
    }
  }
  return { durationUs: innerUs + 5 * HOP_US, status };
}

/** A callee without telemetry takes its time and leaves no trace. */
function answerIfSeen(traffic: Traffic, random: Random, to: WorldPod, context: Context, asked: Asked): number {
  const { isTraced, hasSidecar } = to.place.service;
  if (!isTraced && !hasSidecar) return 1_000 + random.below(3_000);
  return answer(traffic, random, to, context, asked).durationUs;
}

function publish(
  traffic: Traffic,
  random: Random,
  route: Route,
  pod: WorldPod,
  context: Context,
  startUs: number,
): Ended {
  const id = random.hex(16);
  const durationUs = 400 + random.below(500);
  const topic = targetOf(route);
  const attributes = appAttributes(null, "producer", 200, route);
  addSpan(traffic, pod, false, context, { id, kind: 4, name: "send", startUs, durationUs, attributes });
  edgeOf(traffic.truth, endOf(pod.place), topic, "messaging").callerCalls++;
  for (const { place, byLink } of route.consumers) {
    const consumer = random.pick(place.pods);
    const consumed = byLink ? newContext(random) : { ...context, parent: id };
    const consumerId = random.hex(16);
    const at = startUs + 3_000 + random.below(40_000);
    const tookUs = work(traffic, random, consumer, { ...consumed, parent: consumerId }, at + HOP_US, 1);
    addSpan(traffic, consumer, false, consumed, {
      id: consumerId,
      kind: 5,
      name: "process",
      startUs: at,
      durationUs: tookUs,
      attributes: appAttributes(null, "consumer", 200, route),
      links: byLink ? [{ trace: context.trace, id }] : [],
    });
    edgeOf(traffic.truth, topic, endOf(place), "messaging").calleeCalls++;
  }
  return { durationUs: durationUs + HOP_US, status: 200 };
}

type SpanParts = Pick<SentSpan, "id" | "kind" | "name" | "startUs" | "durationUs" | "attributes"> & Partial<SentSpan>;

function addSpan(traffic: Traffic, pod: WorldPod, isProxy: boolean, context: Context, span: SpanParts): void {
  const { trace, parent } = context;
  // Each machine has its own clock.
  const startUs = span.startUs + pod.place.clockAheadUs;
  traffic.spans.push({ links: [], ...span, pod, isProxy, trace, parent, startUs });
}
