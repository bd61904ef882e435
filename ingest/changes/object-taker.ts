// Takes changes, workloads and platform events out of log payloads, and out of nothing else.
// In: OTLP log payloads in protobuf, with their tenant. Out: rows in `changes`, `kubernetes_objects`, `workloads` and `platform_events`.
// Bounds: only payloads that name k8s.resource.name or k8s.event.reason are read a second time, BATCH records or BATCH_BYTES at a time, and the event loop gets
// a turn between. One payload at a time: what is stored must be what the next is compared with.
// Changes are stored before the state that explains them, under ids that a replay repeats: whatever fails between is made good by the retry.
// Rows that storage will never take are left out and counted: they must not stop the logs that they came with.
import { setImmediate as nextTurn } from "node:timers/promises";
import { reasonOf } from "../../model/errors.ts";
import { emitEvent } from "../../model/events.ts";
import type { Change } from "../../model/localization.ts";
import { writeChanges } from "../../storage/changes.ts";
import { isStorageUnavailable, type Storage } from "../../storage/client.ts";
import {
  type KnownObject,
  type PlatformEventRecord,
  type WorkloadRow,
  writeKubernetesObjects,
  writePlatformEvents,
  writeWorkloads,
} from "../../storage/kubernetes-objects.ts";
import { type LogRecord, readLogRecords } from "../otlp/log-objects.ts";
import { decide, mayBeStale } from "./decide.ts";
import { type DesiredState, desiredState } from "./desired-state.ts";
import { text } from "./json-path.ts";
import { describeChange } from "./object-change.ts";
import { ObjectMemory } from "./object-memory.ts";
import { type ObservedObject, readObject } from "./observed-object.ts";
import { eventOfObject, eventOfRecord, eventsOfPod } from "./platform-events.ts";
import { isTracked, trackedId } from "./tracked-kinds.ts";
import { WorkloadWindow } from "./workload-window.ts";
import { workloadOf } from "./workloads.ts";

const MARKS = [Buffer.from("k8s.resource.name"), Buffer.from("k8s.event.reason")];
const BATCH = 500;
/** A batch holds whole objects: it also ends at this many bytes of them. */
const BATCH_BYTES = 4 << 20;
/** The log path refuses such times as well. */
const EARLIEST_MS = Date.UTC(2000, 0);
const MAX_AHEAD_MS = 86_400_000;
/** A state that did not change is written again this often, so that it is not forgotten. */
const TOUCH_MS = 86_400_000;

/** Takes what a payload tells; rejects while storage is not available. */
export type TakeObjects = (tenant: string, payload: Uint8Array) => Promise<void>;

interface Sight {
  readonly id: string;
  readonly seen: ObservedObject;
  readonly desired: DesiredState;
}

interface Batch {
  readonly sights: Sight[];
  readonly workloads: WorkloadRow[];
  readonly events: PlatformEventRecord[];
}

/** True when a body may hold objects or events. */
export function hasObjects(body: Uint8Array): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return MARKS.some((mark) => bytes.includes(mark));
}

/** Makes the taker of a process; `clock` in unix ms. */
export function createObjectTaker(storage: Pick<Storage, "query" | "insertRows">, clock: () => number): TakeObjects {
  const memory = new ObjectMemory(storage);
  const workloads = new WorkloadWindow();
  let last: Promise<unknown> = Promise.resolve();

  async function take(tenant: string, payload: Uint8Array): Promise<void> {
    const nowMs = clock();
    let batch: Batch = { sights: [], workloads: [], events: [] };
    let count = 0;
    let bytes = 0;
    for (const record of readLogRecords(payload)) {
      collect(record, nowMs, batch);
      bytes += record.to - record.from;
      if (++count < BATCH && bytes < BATCH_BYTES) continue;
      await storeOrLeave(tenant, batch);
      batch = { sights: [], workloads: [], events: [] };
      count = 0;
      bytes = 0;
      await nextTurn();
    }
    await storeOrLeave(tenant, batch);
  }

  async function storeOrLeave(tenant: string, batch: Batch): Promise<void> {
    try {
      await store(tenant, batch);
    } catch (error) {
      if (isStorageUnavailable(error)) throw error;
      emitEvent("ingest.insert_failed", { signal: "changes", reason: "refused" }, reasonOf(error));
    }
  }

  /** Compares and stores; the memory learns of it when all of it is stored. */
  async function store(tenant: string, { sights, workloads: rows, events }: Batch): Promise<void> {
    const unsure = sights.filter(({ id, seen, desired }) => {
      const known = memory.peek(tenant, id);
      return known === undefined || mayBeStale(known, seen, desired);
    });
    await memory.refresh(tenant, [...new Set(unsure.map(({ id }) => id))]);
    const current = new Map<string, KnownObject>();
    const written = new Map<string, KnownObject>();
    const changes = new Map<string, Change>();
    for (const { id, seen, desired } of sights) {
      const known = current.get(id) ?? memory.peek(tenant, id) ?? null;
      const verdict = decide(known, seen, desired);
      if (!verdict.remember) continue;
      if (verdict.change !== null) {
        const change = describeChange(seen, desired, verdict.change);
        changes.set(change.id, change);
      }
      const state = stateOf(id, seen, desired);
      current.set(id, state);
      if (known === null || differs(known, state) || written.has(id)) written.set(id, state);
    }
    await writeChanges(storage, tenant, "k8s", [...changes.values()]);
    await writeKubernetesObjects(storage, tenant, [...written.values()]);
    const news = workloads.select(tenant, rows);
    await writeWorkloads(storage, tenant, news);
    await writePlatformEvents(storage, tenant, events);
    for (const [id, state] of current)
      memory.remember(tenant, touched(memory.peek(tenant, id), state, written.has(id)));
    workloads.remember(tenant, news);
    if (changes.size > 0) emitEvent("ingest.changes", { source: "k8s" }, undefined, changes.size);
  }

  return (tenant, payload) => {
    if (!hasObjects(payload)) return Promise.resolve();
    const taken = last.then(() => take(tenant, payload));
    last = taken.catch(() => {});
    return taken;
  };
}

/** Reads one record; what it holds that nobody foresaw is counted, not thrown. */
function collect(record: LogRecord, nowMs: number, batch: Batch): void {
  const { attributes, body, resource, severityText, timeMs } = record;
  const atMs = timeMs === 0 ? nowMs : timeMs;
  if (atMs < EARLIEST_MS || atMs > nowMs + MAX_AHEAD_MS) return;
  try {
    if (text(attributes.get("k8s.resource.name")) === "") {
      const event = eventOfRecord(resource, attributes, body, severityText, atMs);
      if (event !== null) batch.events.push(event);
      return;
    }
    const seen = readObject(body, text(resource.get("k8s.cluster.name")), atMs);
    if (seen !== null) collectObject(seen, batch);
  } catch (error) {
    emitEvent("ingest.refused", { signal: "changes", reason: "defect" }, reasonOf(error));
  }
}

function collectObject(seen: ObservedObject, batch: Batch): void {
  if (seen.kind === "Event") {
    const event = eventOfObject(seen);
    if (event !== null) batch.events.push(event);
    return;
  }
  if (seen.kind === "Pod") batch.events.push(...eventsOfPod(seen));
  const workload = workloadOf(seen);
  if (workload !== null) batch.workloads.push(workload);
  if (isTracked(seen)) batch.sights.push({ id: trackedId(seen), seen, desired: desiredState(seen) });
}

function stateOf(id: string, seen: ObservedObject, { digest, fields }: DesiredState): KnownObject {
  return {
    id,
    uid: seen.uid,
    generation: seen.generation,
    resourceVersion: seen.resourceVersion,
    createdMs: seen.createdMs ?? 0,
    digest,
    fields,
    isDeleted: seen.sighting === "DELETED",
    observedMs: seen.observedMs,
  };
}

/** True when the table must learn of it. */
function differs(known: KnownObject, state: KnownObject): boolean {
  return (
    known.digest !== state.digest ||
    known.generation !== state.generation ||
    known.uid !== state.uid ||
    known.isDeleted !== state.isDeleted ||
    state.observedMs - known.observedMs > TOUCH_MS
  );
}

/** What is remembered keeps the time of its last write to the table, so that the daily one comes. */
function touched(known: KnownObject | undefined, state: KnownObject, isWritten: boolean): KnownObject {
  return isWritten || known === undefined ? state : { ...state, observedMs: known.observedMs };
}
