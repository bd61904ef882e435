// Who answers for an Envoy or ztunnel response flag.
// In: one flag. Out: its long name and the owner of the fault that it speaks of.
// Bounds: a closed table (Envoy's access log documentation and ztunnel's metrics); an unknown flag has owner "unknown".
import type { FaultKind } from "./localization.ts";

/** Where the fault of a flag lies, seen from the proxy that reports it. */
export type FlagOwner = "destination" | "edge" | "caller" | "local" | "none" | "unknown";

/** A flag's meaning: `kind` is the fault kind it speaks for, null where it says nothing of the kind. */
export interface FlagMeaning {
  readonly name: string;
  readonly owner: FlagOwner;
  readonly kind: FaultKind | null;
}

const FLAGS: Record<string, FlagMeaning> = {
  UH: { name: "no healthy upstream", owner: "destination", kind: "CRASH" },
  UF: { name: "upstream connection failure", owner: "destination", kind: "CRASH" },
  UC: { name: "upstream connection termination", owner: "destination", kind: "CRASH" },
  UR: { name: "upstream remote reset", owner: "destination", kind: "CRASH" },
  URX: { name: "upstream retry limit exceeded", owner: "destination", kind: null },
  UPE: { name: "upstream protocol error", owner: "destination", kind: "CODE_ERROR" },
  LH: { name: "failed local health check", owner: "destination", kind: "CRASH" },
  UT: { name: "upstream request timeout", owner: "destination", kind: "LATENCY" },
  UMSDR: { name: "upstream maximum stream duration reached", owner: "destination", kind: "LATENCY" },
  CONNECT: { name: "connection failure", owner: "destination", kind: "CRASH" },
  DF: { name: "DNS resolution failed", owner: "edge", kind: "NETWORK" },
  UO: { name: "upstream overflow (circuit breaker)", owner: "edge", kind: "CIRCUIT_BREAKER" },
  NR: { name: "no route found", owner: "edge", kind: "ROUTE_CONFIG" },
  NC: { name: "no cluster found", owner: "edge", kind: "ROUTE_CONFIG" },
  NFCF: { name: "no filter config found", owner: "edge", kind: "ROUTE_CONFIG" },
  RL: { name: "rate limited", owner: "edge", kind: "RATE_LIMIT" },
  RLSE: { name: "rate limit service error", owner: "edge", kind: "RATE_LIMIT" },
  UAEX: { name: "denied by external authorization", owner: "edge", kind: "AUTHORIZATION" },
  DENY: { name: "denied by policy", owner: "edge", kind: "AUTHORIZATION" },
  DI: { name: "delay injected", owner: "edge", kind: "FAULT_INJECTION" },
  FI: { name: "fault injected", owner: "edge", kind: "FAULT_INJECTION" },
  DT: { name: "duration timeout", owner: "edge", kind: "TIMEOUT_CONFIG" },
  SI: { name: "stream idle timeout", owner: "edge", kind: "TIMEOUT_CONFIG" },
  DC: { name: "downstream connection termination", owner: "caller", kind: null },
  DPE: { name: "downstream protocol error", owner: "caller", kind: null },
  DR: { name: "downstream remote reset", owner: "caller", kind: null },
  IH: { name: "invalid request headers", owner: "caller", kind: null },
  LR: { name: "connection local reset", owner: "local", kind: null },
  OM: { name: "overload manager terminated the request", owner: "local", kind: "MEMORY" },
  RFCF: { name: "response from cache", owner: "none", kind: null },
};

const UNKNOWN_FLAG: FlagMeaning = { name: "unknown flag", owner: "unknown", kind: null };

/** The meaning of one flag (short name, upper case). */
export function flagMeaning(flag: string): FlagMeaning {
  return FLAGS[flag] ?? UNKNOWN_FLAG;
}
