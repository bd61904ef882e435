// Reads a truth file of a mesh-lab recording.
// In: the JSON text and the shift of the replay. Out: cases with times of the replay.
// Bounds: throws on text that is not such a file; only the scorer's program calls it.
import type { TruthCase, TruthRoot } from "./score.ts";

interface RawMoment {
  readonly unix_nano: string;
}
interface RawCase {
  readonly id: string;
  readonly control: boolean;
  readonly fault_kind: string;
  readonly notes: string;
  readonly fault: { readonly start: RawMoment; readonly end: RawMoment };
  readonly root_causes: readonly TruthRoot[];
  readonly also_acceptable: readonly Partial<TruthRoot>[];
  readonly change_events: readonly { readonly kind: string }[];
}

const WORKLOADS = new Set(["Deployment", "StatefulSet", "DaemonSet", "Rollout", "Revision"]);

/** The cases of a truth file, in time order; `shiftNs` is added to every time. */
export function readTruth(json: string, shiftNs: bigint): TruthCase[] {
  const seconds = (moment: RawMoment) => Number((BigInt(moment.unix_nano) + shiftNs) / 1_000_000n) / 1000;
  return (JSON.parse(json) as RawCase[])
    .map((raw) => ({
      id: raw.id,
      control: raw.control,
      faultKind: raw.fault_kind,
      notes: raw.notes,
      faultStart: seconds(raw.fault.start),
      faultEnd: seconds(raw.fault.end),
      roots: raw.root_causes,
      alsoAcceptable: raw.also_acceptable,
      hasCausalRollout: raw.change_events.some((change) => WORKLOADS.has(change.kind)),
    }))
    .sort((a, b) => a.faultStart - b.faultStart);
}
