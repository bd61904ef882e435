// Changes of the running system as kept: deployments, routes, policies, configuration.
// In: changes seen by ingest. Out: pages of changes, newest first.
// Bounds: every read has a row limit and a time limit; the entity is kept as its id (model/entity.ts).
import { createHash } from "node:crypto";
import { entityId, makeEntity, parseEntityId } from "../model/entity.ts";
import type { Change, TimeRange } from "../model/localization.ts";
import type { Storage } from "./client.ts";
import { wellFormed } from "./well-formed.ts";

/** Where a page goes on: the last change of the page before. */
export interface ChangePosition {
  readonly atMs: number;
  readonly id: string;
}

/** A page of changes in a half-open range. */
export interface ChangePageRequest {
  readonly tenant: string;
  readonly range: TimeRange;
  readonly limit: number;
  readonly after: ChangePosition | null;
}

interface ChangeRow {
  Id: string;
  At: string;
  Kind: string;
  EntityId: string;
  Summary: string;
  Before: string;
  After: string;
}

const READ_SETTINGS = { max_execution_time: 5 } as const;
const FOREVER_MS = 4_102_444_800_000;

/** Months that one insert may touch: each is a partition. */
const MONTHS_AT_ONCE = 50;

/** Stores changes; `origin` says who reported them (k8s, argocd, cdevents, ...). The same changes again are stored once. */
export async function writeChanges(
  storage: Pick<Storage, "insertRows">,
  tenant: string,
  origin: string,
  changes: readonly Change[],
): Promise<void> {
  const months = new Map<string, Change[]>();
  for (const change of changes) {
    const month = change.at.slice(0, 7);
    months.set(month, [...(months.get(month) ?? []), change]);
  }
  const groups = [...months.values()];
  for (let from = 0; from < groups.length; from += MONTHS_AT_ONCE) {
    const rows = groups.slice(from, from + MONTHS_AT_ONCE).flat();
    const told = rows.map((change) => `${change.id} ${change.at}`);
    await storage.insertRows(
      "changes",
      rows.map((change) => ({
        Tenant: tenant,
        Id: change.id,
        At: change.at,
        Kind: wellFormed(change.kind),
        EntityId: entityId(change.entity),
        Summary: wellFormed(change.summary),
        Before: wellFormed(change.before ?? ""),
        After: wellFormed(change.after ?? ""),
        Origin: origin,
      })),
      createHash("sha256")
        .update([tenant, origin, ...told].join("\n"))
        .digest("hex"),
    );
  }
}

/** Up to `limit` changes, newest first; an entity id that cannot be read becomes an entity of kind UNKNOWN. */
export async function readChangePage(storage: Storage, request: ChangePageRequest): Promise<Change[]> {
  const rows = await storage.query<ChangeRow>(
    "read_change_page",
    {
      tenant: request.tenant,
      from_ms: Date.parse(request.range.from),
      to_ms: Date.parse(request.range.to),
      after_ms: request.after?.atMs ?? FOREVER_MS,
      after_id: request.after?.id ?? "",
      limit: request.limit,
    },
    READ_SETTINGS,
  );
  return rows.map((row) => ({
    id: row.Id,
    at: row.At,
    kind: row.Kind,
    entity: parseEntityId(row.EntityId) ?? makeEntity("UNKNOWN"),
    summary: row.Summary,
    before: row.Before === "" ? null : row.Before,
    after: row.After === "" ? null : row.After,
  }));
}
