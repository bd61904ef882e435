// The envelope that all signals share: a request of resource groups, each of scope groups, each of records.
// In: a cursor on Export*ServiceRequest. Out: calls per record; resource and scope as numbers of the block's origins.
// Both may come behind what they describe, so the resource is looked up first and the scope is given to the rows afterwards.
import type { OriginTable } from "./origins.ts";
import type { WireReader } from "./wire.ts";

/** What a signal does with its records. */
export interface GroupHandler {
  /** Reads one record (span, log record, metric) up to `end`. */
  readRecord(end: number): void;
  /** Begins a scope group. */
  openGroup(): void;
  /** Ends a scope group: gives its rows their resource and scope. */
  closeGroup(resource: number, scope: number): void;
}

/** Reads a request up to `end`; what is wrong is in `reader.failure`. */
export function readGroups(reader: WireReader, end: number, origins: OriginTable, handler: GroupHandler): void {
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) {
      const length = reader.length(end);
      readResourceGroup(reader, reader.position + length, origins, handler);
      if (reader.failure !== null) return;
    } else reader.skip(tag, end);
  }
  reader.finish(end);
}

/** Resource group {1: resource, 2: scope group*, 3: schema_url}. */
function readResourceGroup(reader: WireReader, end: number, origins: OriginTable, handler: GroupHandler): void {
  const start = reader.position;
  let resourceFrom = start;
  let resourceLength = 0;
  let urlFrom = start;
  let urlLength = 0;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a || tag === 0x1a) {
      const length = reader.length(end);
      if (tag === 0x0a) {
        resourceFrom = reader.position;
        resourceLength = length;
      } else {
        urlFrom = reader.position;
        urlLength = length;
      }
      reader.position += length;
    } else reader.skip(tag, end);
  }
  reader.finish(end);
  if (reader.failure !== null) return;
  const resource = origins.openResource(reader, resourceFrom, resourceLength, urlFrom, urlLength);
  if (reader.failure !== null) return;
  reader.position = start;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === 0x12) {
      const length = reader.length(end);
      readScopeGroup(reader, reader.position + length, resource, origins, handler);
      if (reader.failure !== null) return;
    } else reader.skip(tag, end);
  }
}

/** Scope group {1: scope, 2: record*, 3: schema_url}. */
function readScopeGroup(
  reader: WireReader,
  end: number,
  resource: number,
  origins: OriginTable,
  handler: GroupHandler,
): void {
  let scopeFrom = reader.position;
  let scopeLength = 0;
  let urlFrom = reader.position;
  let urlLength = 0;
  handler.openGroup();
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === 0x12) {
      const length = reader.length(end);
      const recordEnd = reader.position + length;
      handler.readRecord(recordEnd);
      if (reader.failure !== null) return;
      reader.position = recordEnd;
    } else if (tag === 0x0a || tag === 0x1a) {
      const length = reader.length(end);
      if (tag === 0x0a) {
        scopeFrom = reader.position;
        scopeLength = length;
      } else {
        urlFrom = reader.position;
        urlLength = length;
      }
      reader.position += length;
    } else reader.skip(tag, end);
  }
  reader.finish(end);
  if (reader.failure !== null) return;
  const scope = origins.scopes.open(reader, scopeFrom, scopeLength, urlFrom, urlLength);
  reader.position = end;
  if (reader.failure === null) handler.closeGroup(resource, scope);
}
