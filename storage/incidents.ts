// Incidents as kept: one row an incident, newest Revision wins.
// In: what the analyzer opened, changed or closed. Out: pages, single incidents and changes since a revision.
// Bounds: every read has a row limit and a time limit; rows that cannot be read as JSON lose that part, never the incident.
// The localization is kept apart (storage/localizations.ts); here it is only named.
import type { Entity } from "../model/entity.ts";
import type { Impact, IncidentStatus } from "../model/incident.ts";
import type { Indicator, TimeRange } from "../model/localization.ts";
import type { Storage } from "./client.ts";

/** One alarmed indicator of one place; `observed` and `expected` are in `unit`, `since` is RFC 3339 UTC. */
export interface Symptom {
  readonly entity: Entity;
  readonly indicator: Indicator;
  readonly observed: number | null;
  readonly expected: number | null;
  readonly unit: string;
  readonly since: string | null;
}

/** An incident as stored; times are RFC 3339 UTC, `revision` is a UInt64 in decimal (unix ns of the writing cycle). */
export interface StoredIncident {
  readonly id: string;
  readonly status: IncidentStatus;
  readonly title: string;
  readonly startedAt: string;
  readonly detectedAt: string;
  readonly resolvedAt: string | null;
  readonly symptoms: readonly Symptom[];
  readonly impact: readonly Impact[];
  readonly localizationId: string | null;
  readonly revision: string;
}

/** Where a page goes on: the last incident of the page before. */
export interface IncidentPosition {
  readonly startedAtMs: number;
  readonly id: string;
}

/** What a page of incidents may be narrowed by; `range` keeps incidents that overlap it. */
export interface IncidentPageRequest {
  readonly tenant: string;
  readonly range: TimeRange | null;
  readonly status: "OPEN" | "RESOLVED" | null;
  readonly limit: number;
  readonly after: IncidentPosition | null;
}

interface IncidentRow {
  Id: string;
  Status: IncidentStatus;
  Title: string;
  StartedAt: string;
  DetectedAt: string;
  ResolvedAt: string | null;
  SymptomsJson: string;
  ImpactJson: string;
  LocalizationId: string;
  Revision: string;
}

const READ_SETTINGS = { max_execution_time: 5 } as const;
// The year 2100, milliseconds: what an open end of a range means to a query.
const FOREVER_MS = 4_102_444_800_000;

function jsonArray<T>(text: string): T[] {
  try {
    const value: unknown = JSON.parse(text === "" ? "[]" : text);
    return Array.isArray(value) ? (value as T[]) : [];
  } catch {
    return [];
  }
}

function fromRow(row: IncidentRow): StoredIncident {
  return {
    id: row.Id,
    status: row.Status,
    title: row.Title,
    startedAt: row.StartedAt,
    detectedAt: row.DetectedAt,
    resolvedAt: row.ResolvedAt,
    symptoms: jsonArray<Symptom>(row.SymptomsJson),
    impact: jsonArray<Impact>(row.ImpactJson),
    localizationId: row.LocalizationId === "" ? null : row.LocalizationId,
    revision: row.Revision,
  };
}

/** Stores incidents in one insert; each replaces its older revision. */
export async function writeIncidents(
  storage: Storage,
  tenant: string,
  incidents: readonly StoredIncident[],
): Promise<void> {
  if (incidents.length === 0) return;
  await storage.insertRows(
    "incidents",
    incidents.map((incident) => ({
      Tenant: tenant,
      Id: incident.id,
      Status: incident.status,
      Title: incident.title,
      StartedAt: incident.startedAt,
      DetectedAt: incident.detectedAt,
      ResolvedAt: incident.resolvedAt,
      SymptomsJson: JSON.stringify(incident.symptoms),
      ImpactJson: JSON.stringify(incident.impact),
      LocalizationId: incident.localizationId ?? "",
      Revision: incident.revision,
    })),
  );
}

/** Up to `limit` incidents, newest start first; withdrawn ones are left out. */
export async function readIncidentPage(storage: Storage, request: IncidentPageRequest): Promise<StoredIncident[]> {
  const rows = await storage.query<IncidentRow>(
    "read_incident_page",
    {
      tenant: request.tenant,
      from_ms: request.range === null ? 0 : Date.parse(request.range.from),
      to_ms: request.range === null ? FOREVER_MS : Date.parse(request.range.to),
      status: request.status ?? "",
      after_ms: request.after?.startedAtMs ?? FOREVER_MS,
      after_id: request.after?.id ?? "",
      limit: request.limit,
    },
    READ_SETTINGS,
  );
  return rows.map(fromRow);
}

/** The incidents with these ids, withdrawn ones included, in no order. */
export async function readIncidentsById(
  storage: Storage,
  tenant: string,
  ids: readonly string[],
): Promise<StoredIncident[]> {
  if (ids.length === 0) return [];
  const rows = await storage.query<IncidentRow>("read_incidents_by_id", { tenant, ids: [...ids] }, READ_SETTINGS);
  return rows.map(fromRow);
}

/** One incident, or null when it is unknown or was withdrawn. */
export async function readIncident(storage: Storage, tenant: string, id: string): Promise<StoredIncident | null> {
  const found = (await readIncidentsById(storage, tenant, [id]))[0];
  return found === undefined || found.status === "WITHDRAWN" ? null : found;
}

/** Up to `limit` incidents written at or after a revision, oldest revision first, withdrawn ones included. */
export async function readIncidentsSince(
  storage: Storage,
  tenant: string,
  revision: string,
  limit: number,
): Promise<StoredIncident[]> {
  const rows = await storage.query<IncidentRow>("read_incidents_since", { tenant, revision, limit }, READ_SETTINGS);
  return rows.map(fromRow);
}
