// What goes wrong on a route of the generated mesh, as Envoy's documentation tells it, and who answers for it.
// In: nothing. Out: a closed table. Bounds: owners are written down here by the flag's documented meaning, apart from the product's own table.

/** One sort of failure. `every`: each so-many-th call of a route meets it. */
export interface Trouble {
  /** Envoy's response flag; '' = the callee itself fails. */
  readonly flag: string;
  readonly owner: "destination" | "edge" | "caller" | "";
  /** HTTP status that the caller gets; 0 = none. */
  readonly status: number;
  /** The call reaches the callee, which answers with `calleeStatus`. */
  readonly arrives: boolean;
  readonly calleeStatus: number;
  readonly attempts: number;
  readonly every: number;
}

const base = { owner: "destination", arrives: true, attempts: 1, every: 7 } as const;

/** All sorts, in the order in which routes get them. */
export const TROUBLES: readonly Trouble[] = [
  { ...base, flag: "", owner: "", status: 500, calleeStatus: 500 },
  { ...base, flag: "UH", status: 503, arrives: false, calleeStatus: 0 },
  { ...base, flag: "", owner: "", status: 404, calleeStatus: 404 },
  { ...base, flag: "UO", owner: "edge", status: 503, arrives: false, calleeStatus: 0 },
  { ...base, flag: "UT", status: 504, calleeStatus: 200 },
  { ...base, flag: "NR", owner: "edge", status: 404, arrives: false, calleeStatus: 0 },
  { ...base, flag: "UC", status: 503, calleeStatus: 500 },
  { ...base, flag: "DC", owner: "caller", status: 0, calleeStatus: 0 },
  { ...base, flag: "UF", status: 503, arrives: false, calleeStatus: 0 },
  { ...base, flag: "FI", owner: "edge", status: 503, arrives: false, calleeStatus: 0 },
  { ...base, flag: "URX", status: 503, calleeStatus: 503, attempts: 3 },
  { ...base, flag: "DI", owner: "edge", status: 200, calleeStatus: 200 },
  { ...base, flag: "RL", owner: "edge", status: 429, arrives: false, calleeStatus: 0 },
];

/** How a call with this status ends: the rules of RFC 9110 and of a caller that left (DC). */
export function outcomeOf(status: number, flag: string): "ok" | "degraded" | "failed" | "cancelled" {
  if (flag === "DC") return "cancelled";
  if (status >= 500) return "failed";
  return status >= 400 ? "degraded" : "ok";
}
