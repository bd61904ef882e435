// What one hop says as a whole: whose it is, how it ended and who says so, what the proxies and the network took.
// In: the spans of a hop, outermost first. Out: its facts.
// Bounds: linear in the hop's spans (four at most where it is folded). Durations are compared, never clocks: what is outside minus what is inside.
import { type Outcome, splitFlags } from "../outcome.ts";
import { flagMeaning, type FlagOwner } from "../response-flags.ts";
import { isCalleeSide, isCallerSide, type TraceSpan } from "./span.ts";

/** A response flag with what it means and who answers for it. */
export interface TraceFlag {
  readonly flag: string;
  readonly meaning: string;
  readonly owner: FlagOwner;
}

/** Facts of a hop; null: not measured. */
export interface HopFacts {
  /** Whose row it is: the innermost span where that is the callee's, else the outermost. */
  readonly place: TraceSpan;
  /** The caller's outermost span; null where only the callee has one, and for work within a service. */
  readonly caller: TraceSpan | null;
  readonly protocol: string;
  readonly operation: string;
  readonly outcome: Outcome;
  readonly responseCode: number | null;
  readonly flags: readonly TraceFlag[];
  readonly message: string;
  /** Time in the sidecars of both sides. */
  readonly proxyNs: number | null;
  /** The caller's last span before the wire minus the callee's first: network and queues. */
  readonly networkNs: number | null;
}

// An error anywhere in a hop is an error of the hop; its spans tell which of them said so.
const SEVERITY: Readonly<Record<Outcome, number>> = { failed: 3, cancelled: 2, degraded: 1, ok: 0 };

/** Whose hop it is; it has at least one span. */
export function placeOfHop(members: readonly TraceSpan[]): TraceSpan {
  const innermost = members.at(-1) as TraceSpan;
  return isCalleeSide(innermost) ? innermost : (members[0] as TraceSpan);
}

/** Describes a hop; it has at least one span. */
export function describeHop(members: readonly TraceSpan[]): HopFacts {
  const outermost = members[0] as TraceSpan;
  const place = placeOfHop(members);
  let outcome: Outcome = "ok";
  let proxyNs: number | null = null;
  let networkNs: number | null = null;
  const flags = new Set<string>();
  members.forEach((span, i) => {
    if (SEVERITY[span.outcome] > SEVERITY[outcome]) outcome = span.outcome;
    for (const flag of splitFlags(span.flags)) flags.add(flag);
    const outer = members[i - 1];
    if (outer === undefined) return;
    const between = Math.max(0, outer.durationNs - span.durationNs);
    if (outer.kind === span.kind) proxyNs = (proxyNs ?? 0) + between;
    else networkNs = between;
  });
  return {
    place,
    caller: isCallerSide(outermost) ? outermost : null,
    protocol: members.findLast(({ protocol }) => protocol !== "")?.protocol ?? "",
    operation: place.operation || place.name,
    outcome,
    responseCode: members.find(({ responseCode }) => responseCode >= 0)?.responseCode ?? null,
    flags: [...flags].map((flag) => {
      const { name, owner } = flagMeaning(flag);
      return { flag, meaning: name, owner };
    }),
    message: members.findLast(({ message }) => message !== "")?.message ?? "",
    proxyNs,
    networkNs,
  };
}
