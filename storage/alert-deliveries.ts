// The outbox of alerts: one row an incident, transition and target; newest Revision wins.
// In: deliveries to keep, targets to register. Out: what is not told yet, what is due.
// Bounds: every read has a row limit and a time limit. A target is told of incidents written after it was registered, and only
// within `notBeforeMs`, so that a new or returning target is not flooded with the past.
import type { Storage } from "./client.ts";

/** What happened to an incident. */
export type Transition = "opened" | "resolved" | "withdrawn";
export type DeliveryStatus = "PENDING" | "DELIVERED" | "GIVEN_UP";

/** One delivery; times are unix ms, `revision` a UInt64 in decimal. A PENDING one is tried at `nextAttemptAtMs`. */
export interface Delivery {
  readonly key: string;
  readonly incidentId: string;
  readonly transition: Transition;
  readonly target: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly nextAttemptAtMs: number;
  readonly lastError: string;
  readonly createdAtMs: number;
  readonly revision: string;
}

/** A transition that has no delivery yet. */
export interface UntoldTransition {
  readonly incidentId: string;
  readonly transition: Transition;
  readonly target: string;
}

interface DeliveryRow {
  Key: string;
  IncidentId: string;
  Transition: Transition;
  Target: string;
  Status: DeliveryStatus;
  Attempts: number;
  NextAttemptAt: string;
  LastError: string;
  CreatedAt: string;
  Revision: string;
}

const READ_SETTINGS = { max_execution_time: 5 } as const;
const MAX_ERROR_LENGTH = 500;

/** The key of a delivery: a replayed incident has the same id and is told once. */
export function deliveryKey(of: UntoldTransition): string {
  return `${of.incidentId}:${of.transition}:${of.target}`;
}

function toRow(tenant: string, delivery: Delivery): object {
  return {
    Tenant: tenant,
    Key: delivery.key,
    IncidentId: delivery.incidentId,
    Transition: delivery.transition,
    Target: delivery.target,
    Status: delivery.status,
    Attempts: delivery.attempts,
    NextAttemptAt: new Date(delivery.nextAttemptAtMs).toISOString(),
    LastError: delivery.lastError.slice(0, MAX_ERROR_LENGTH),
    CreatedAt: new Date(delivery.createdAtMs).toISOString(),
    Revision: delivery.revision,
  };
}

function fromRow(row: DeliveryRow): Delivery {
  return {
    key: row.Key,
    incidentId: row.IncidentId,
    transition: row.Transition,
    target: row.Target,
    status: row.Status,
    attempts: row.Attempts,
    nextAttemptAtMs: Date.parse(row.NextAttemptAt),
    lastError: row.LastError,
    createdAtMs: Date.parse(row.CreatedAt),
    revision: row.Revision,
  };
}

/** Stores deliveries in one insert; each replaces its older revision. */
export async function writeDeliveries(
  storage: Storage,
  tenant: string,
  deliveries: readonly Delivery[],
): Promise<void> {
  await storage.insertRows(
    "alert_deliveries",
    deliveries.map((delivery) => toRow(tenant, delivery)),
  );
}

/** Remembers since when a target exists; one that is known keeps its time. */
export async function registerTarget(storage: Storage, tenant: string, target: string, nowMs: number): Promise<void> {
  const key = `target:${target}`;
  if ((await readDeliveries(storage, tenant, [key])).length > 0) return;
  // Not a transition of an incident: the row only says since when the target exists.
  const row = {
    key,
    incidentId: "",
    transition: "registered" as Transition,
    target,
    status: "DELIVERED",
    attempts: 0,
    nextAttemptAtMs: nowMs,
    lastError: "",
    createdAtMs: nowMs,
    revision: "1",
  } as const;
  await writeDeliveries(storage, tenant, [row]);
}

/** Transitions of incidents written since `notBeforeMs` that have no delivery for a registered target, oldest first. */
export async function readUntoldTransitions(
  storage: Storage,
  tenant: string,
  target: string,
  notBeforeMs: number,
  limit: number,
): Promise<UntoldTransition[]> {
  const rows = await storage.query<Pick<DeliveryRow, "IncidentId" | "Transition">>(
    "alert_untold",
    { tenant, target, not_before_ms: Math.max(0, Math.floor(notBeforeMs)), limit },
    READ_SETTINGS,
  );
  return rows.map((row) => ({ incidentId: row.IncidentId, transition: row.Transition, target }));
}

/** PENDING deliveries of a target whose time has come, oldest first; what follows an opening waits until that is told. */
export async function readDueDeliveries(
  storage: Storage,
  tenant: string,
  target: string,
  nowMs: number,
  limit: number,
): Promise<Delivery[]> {
  const rows = await storage.query<DeliveryRow>(
    "alert_due",
    { tenant, target, now_ms: Math.floor(nowMs), limit },
    READ_SETTINGS,
  );
  return rows.map(fromRow);
}

/** The newest state of deliveries by key; unknown keys are absent. */
export async function readDeliveries(storage: Storage, tenant: string, keys: readonly string[]): Promise<Delivery[]> {
  if (keys.length === 0) return [];
  const rows = await storage.query<DeliveryRow>("alert_by_key", { tenant, keys: [...keys] }, READ_SETTINGS);
  return rows.map(fromRow);
}
