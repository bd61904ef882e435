// How a request ended, judged by its protocol.
// In: span status, HTTP and gRPC codes, Envoy response flags. Out: one of four outcomes.
// Bounds: 4xx is degraded, not failed; a caller that hung up (DC) is not the server's fault; gRPC is judged by its own status.

/** ok; degraded (4xx and alike); failed (the server or the path failed); cancelled (the caller left). Order = storage enum. */
export const OUTCOMES = ["ok", "degraded", "failed", "cancelled"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Facts of one finished request. Codes are -1 when unknown; flags are Envoy's, '' when none. */
export interface OutcomeFacts {
  readonly spanError: boolean;
  readonly isServerSide: boolean;
  readonly httpStatus: number;
  readonly grpcStatus: number;
  readonly responseFlags: string;
}

// gRPC codes that say "the caller asked for something wrong", by the gRPC status code list:
// CANCELLED 1 and the client-error group 3, 5, 6, 7, 9, 11, 16.
/** gRPC codes that are the caller's mistake. */
const GRPC_CALLER_ERRORS = new Set([3, 5, 6, 7, 9, 11, 16]);
/** Response flags of a caller that hung up. */
const CALLER_LEFT = new Set(["DC", "DPE", "DR"]);

/** Envoy writes "-" for "no flag" and joins several with commas. */
export function splitFlags(responseFlags: string): string[] {
  return responseFlags === "" || responseFlags === "-" ? [] : responseFlags.split(",");
}

/** Judges one request. Source: gRPC status codes, RFC 9110 §15, Envoy's response flags. */
export function judgeOutcome(facts: OutcomeFacts): Outcome {
  const flags = splitFlags(facts.responseFlags);
  if (flags.some((flag) => CALLER_LEFT.has(flag))) return "cancelled";
  if (facts.httpStatus >= 500) return "failed";
  if (facts.grpcStatus > 0) {
    if (facts.grpcStatus === 1) return "cancelled";
    return GRPC_CALLER_ERRORS.has(facts.grpcStatus) ? "degraded" : "failed";
  }
  if (facts.httpStatus >= 400) return "degraded";
  if (facts.httpStatus === 0 && flags.length > 0) return "failed";
  if (facts.grpcStatus === 0) return "ok";
  return facts.spanError ? "failed" : "ok";
}
