// Is this sight of an object a change of the running system?
// In: what was known of the object (null: nothing), the new sight, and what is desired now. Out: a verdict.
// Bounds: pure. Only a rise of the generation is a change, for kinds without one another content; a rise that changes nothing desired is none
// (kinds whose status is no subresource raise it with every status). What a snapshot shows of an unknown object is no change, unless the object
// was made just now. A sight older than what is known (a replay, another watcher) is nothing.
import type { KnownObject } from "../../storage/kubernetes-objects.ts";
import type { DesiredState } from "./desired-state.ts";
import type { ObservedObject } from "./observed-object.ts";

/** What a sight means. `remember`: it is newer than what is known. */
export interface Verdict {
  readonly remember: boolean;
  readonly change: ChangeVerdict | null;
}

/** A change: what was done and when (unix ms); `before` is what it can be compared with. */
export interface ChangeVerdict {
  readonly verb: "created" | "changed" | "deleted";
  readonly atMs: number;
  readonly before: KnownObject | null;
}

/** An object is new for this long after its creation. */
const NEW_MS = 5 * 60_000;
/** How far the clocks of the cluster and of the watcher may be apart. */
const CLOCKS_MS = 60_000;

const NOTHING: Verdict = { remember: false, change: null };
const SEEN: Verdict = { remember: true, change: null };

/** Judges one sight. */
export function decide(known: KnownObject | null, seen: ObservedObject, desired: DesiredState): Verdict {
  if (known === null) return firstSight(seen);
  const isOther = known.uid !== "" && seen.uid !== "" && known.uid !== seen.uid;
  const order = compare(known, seen, isOther);
  if (seen.sighting === "DELETED") {
    if (known.isDeleted || order < 0) return NOTHING;
    return changed("deleted", seen.observedMs, isOther ? null : known);
  }
  if (order < 0) return NOTHING;
  if (isOther || known.isDeleted) return order === 0 ? NOTHING : madeAnew(known, seen);
  if (desired.digest === known.digest) return order > 0 ? SEEN : NOTHING;
  const isSameGeneration = seen.generation !== null && seen.generation === known.generation;
  if (isSameGeneration && desired.phase === (known.fields.get("phase") ?? "")) return order > 0 ? SEEN : NOTHING;
  if (seen.sighting === "ADDED") {
    // A watch that begins again shows what happened meanwhile, if the object says when.
    const wasMeanwhile =
      seen.writtenMs !== null &&
      seen.writtenMs >= known.observedMs - CLOCKS_MS &&
      seen.writtenMs - seen.observedMs <= CLOCKS_MS;
    return wasMeanwhile ? changed("changed", writeTime(seen, known.observedMs), known) : SEEN;
  }
  return changed("changed", writeTime(seen, known.observedMs), known);
}

/** True when the known state may be older than the one just before this sight: another process may have seen more. */
export function mayBeStale(known: KnownObject, seen: ObservedObject, desired: DesiredState): boolean {
  if (desired.digest === known.digest && known.uid === seen.uid && seen.sighting !== "DELETED") return false;
  const isNext = seen.generation !== null && known.generation !== null && seen.generation === known.generation + 1;
  return !isNext || known.uid !== seen.uid;
}

function firstSight(seen: ObservedObject): Verdict {
  if (seen.sighting === "DELETED") return changed("deleted", seen.observedMs, null);
  if (isNew(seen) && (seen.generation ?? 1) <= 1) return changed("created", seen.createdMs ?? seen.observedMs, null);
  const isWrite = seen.sighting === "MODIFIED" && seen.isWrittenLast;
  return isWrite ? changed("changed", writeTime(seen, null), null) : SEEN;
}

/** An object of the same name in the place of another. */
function madeAnew(known: KnownObject, seen: ObservedObject): Verdict {
  const { createdMs, observedMs } = seen;
  const isSince =
    createdMs !== null && createdMs >= known.observedMs - CLOCKS_MS && createdMs - observedMs <= CLOCKS_MS;
  if (isNew(seen) || isSince) return changed("created", seen.createdMs ?? seen.observedMs, known);
  const isWrite = seen.sighting === "MODIFIED" && seen.isWrittenLast;
  return isWrite ? changed("changed", writeTime(seen, null), known) : SEEN;
}

function changed(verb: ChangeVerdict["verb"], atMs: number, before: KnownObject | null): Verdict {
  return { remember: true, change: { verb, atMs, before } };
}

function isNew({ createdMs, observedMs }: ObservedObject): boolean {
  return createdMs !== null && observedMs - createdMs <= NEW_MS && createdMs - observedMs <= CLOCKS_MS;
}

/** The time of the write where the object tells of it, for it is the same for every watcher; else when it was seen. */
function writeTime({ writtenMs, observedMs }: ObservedObject, sinceMs: number | null): number {
  if (writtenMs === null || writtenMs - observedMs > CLOCKS_MS) return observedMs;
  const isSince = sinceMs !== null && writtenMs >= sinceMs - CLOCKS_MS;
  return isSince || observedMs - writtenMs <= NEW_MS ? writtenMs : observedMs;
}

/** Above 0: the sight is newer than what is known; below: older. */
function compare(known: KnownObject, seen: ObservedObject, isOther: boolean): number {
  const createdMs = seen.createdMs ?? 0;
  if (isOther && createdMs > 0 && known.createdMs > 0 && createdMs !== known.createdMs) {
    return createdMs - known.createdMs;
  }
  if (seen.resourceVersion > 0 && known.resourceVersion > 0) return seen.resourceVersion - known.resourceVersion;
  if (!isOther && seen.generation !== null && known.generation !== null && seen.generation !== known.generation) {
    return seen.generation - known.generation;
  }
  return seen.observedMs - known.observedMs;
}
