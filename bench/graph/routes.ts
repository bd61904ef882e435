// What a route is to the true graph: its end, protocol and upstream, and how a call over it is counted.
// In: a route, how a call ended. Out: names and counts. Bounds: pure but for the counts of the edge that is given.
import { outcomeOf } from "./troubles.ts";
import { endOf, type TrueEdge, type TrueEnd } from "./truth.ts";
import type { Route, WorldPlace } from "./world.ts";

/** How many attempts the route's next call takes. */
export function attemptsOf({ retryEvery, calls }: Route): number {
  if (retryEvery === 0) return 1;
  return 1 + (calls % retryEvery === 0 ? 1 : 0) + (calls % retryEvery ** 2 === 0 ? 1 : 0);
}

/** The protocol of its calls, as the graph says it. */
export function protocolOf({ kind, callee }: Route): string {
  if (kind === "database") return "db";
  if (kind === "messaging") return "messaging";
  return callee?.service.isGrpc === true ? "grpc" : "http";
}

/** The end that it leads to. */
export function targetOf({ kind, callee, name, from }: Route): TrueEnd {
  if (callee !== null) return endOf(callee);
  const { cluster, service } = from;
  if (kind === "database") return { kind: "DATABASE", cluster, namespace: service.namespace, service: name };
  if (kind === "messaging") return { kind: "MESSAGING", cluster, namespace: "", service: name };
  return { kind: "EXTERNAL", cluster: "", namespace: "", service: name };
}

/** Envoy's name of the upstream cluster. */
export function upstreamOf({ callee, name }: Route): string {
  if (callee === null) return `outbound|443||${name}`;
  return `outbound|8080||${callee.service.name}.${callee.service.namespace}.svc.cluster.local`;
}

/** Counts a logical request on the caller's side. */
export function countCaller(edge: TrueEdge, status: number, flag: string, attempts: number, hasLogs: boolean): void {
  const outcome = outcomeOf(status, flag);
  edge.callerCalls++;
  if (outcome === "failed") edge.callerFailed++;
  if (outcome === "degraded") edge.callerDegraded++;
  if (outcome === "cancelled") edge.callerCancelled++;
  edge.retries += attempts - 1;
  if (flag !== "") edge.flags.set(flag, (edge.flags.get(flag) ?? 0) + 1);
  if (hasLogs) edge.hasCallerLogs = true;
}

/** Counts an attempt that arrived, where anybody there tells of it; a callee's proxy knows callers that have a proxy too. */
export function countCallee(edge: TrueEdge, { service }: WorldPlace, status: number, knowsCaller: boolean): void {
  if (!service.isTraced && !service.hasSidecar) return;
  edge.calleeCalls++;
  if (status >= 500) edge.calleeFailed++;
  if (service.hasLogs && knowsCaller) edge.hasCalleeLogs = true;
}
