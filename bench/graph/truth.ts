// The true graph of generated traffic: every edge with what each side must have counted.
// In: what happened, call by call. Out: edges by key. Bounds: pure; one entry an edge.
import type { WorldPlace } from "./world.ts";

/** One end of an edge; the words of the API. Unknown parts are ''. */
export interface TrueEnd {
  readonly kind: "SERVICE" | "DATABASE" | "MESSAGING" | "EXTERNAL" | "UNKNOWN";
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
}

/** An edge with its exact figures. Counts of a side that nobody sees are 0. */
export interface TrueEdge {
  readonly source: TrueEnd;
  readonly target: TrueEnd;
  readonly protocol: string;
  /** Logical requests. */
  callerCalls: number;
  callerFailed: number;
  callerDegraded: number;
  callerCancelled: number;
  /** Attempts that arrived. */
  calleeCalls: number;
  calleeFailed: number;
  neverArrived: number;
  /** Attempts beyond the first. */
  retries: number;
  readonly flags: Map<string, number>;
  /** That side's proxy writes access logs that tell both ends. */
  hasCallerLogs: boolean;
  hasCalleeLogs: boolean;
}

/** The true graph, by `edgeKey`. */
export type Truth = Map<string, TrueEdge>;

/** Whoever calls without telemetry. */
export const CLIENTS: TrueEnd = { kind: "UNKNOWN", cluster: "", namespace: "", service: "" };

/** The end that a place is. */
export function endOf({ service, cluster }: WorldPlace): TrueEnd {
  return { kind: "SERVICE", cluster, namespace: service.namespace, service: service.name };
}

/** The text that stands for an end. */
export function endKey({ kind, cluster, namespace, service }: TrueEnd): string {
  return kind === "UNKNOWN" && service === "" ? "UNKNOWN" : `${kind}:${cluster}/${namespace}/${service}`;
}

/** The text that stands for an edge. */
export function edgeKey(source: TrueEnd, target: TrueEnd, protocol: string): string {
  return `${endKey(source)} > ${endKey(target)} ${protocol}`;
}

/** The edge, made when it is new. */
export function edgeOf(truth: Truth, source: TrueEnd, target: TrueEnd, protocol: string): TrueEdge {
  const key = edgeKey(source, target, protocol);
  let edge = truth.get(key);
  if (edge === undefined) {
    edge = {
      source,
      target,
      protocol,
      callerCalls: 0,
      callerFailed: 0,
      callerDegraded: 0,
      callerCancelled: 0,
      calleeCalls: 0,
      calleeFailed: 0,
      neverArrived: 0,
      retries: 0,
      flags: new Map(),
      hasCallerLogs: false,
      hasCalleeLogs: false,
    };
    truth.set(key, edge);
  }
  return edge;
}
