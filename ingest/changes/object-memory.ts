// What this process remembers of objects: a bounded copy of the table `kubernetes_objects`, which all processes share.
// In: ids. Out: the last sight of each, read from storage on a miss and when the copy may be behind.
// Bounds: MAX_OBJECTS objects and MAX_CHARACTERS of fields over all tenants, oldest use forgotten first; one read for all ids of a payload.
import { type KnownObject, readKubernetesObjects } from "../../storage/kubernetes-objects.ts";
import type { Storage } from "../../storage/client.ts";

const MAX_OBJECTS = 20_000;
const MAX_CHARACTERS = 12 << 20;
/** Ids of one read. */
const READ_AT_ONCE = 1_000;
/** What an entry costs besides its fields. */
const ENTRY_CHARACTERS = 200;

/** A bounded memory of objects; one a process. */
export class ObjectMemory {
  private readonly entries = new Map<string, KnownObject>();
  private characters = 0;
  private readonly storage: Pick<Storage, "query">;

  constructor(storage: Pick<Storage, "query">) {
    this.storage = storage;
  }

  /** What is known here; undefined when storage has not been asked. */
  peek(tenant: string, id: string): KnownObject | undefined {
    return this.entries.get(keyOf(tenant, id));
  }

  /** Asks storage for these objects and takes over what it knows better; what it does not know stays as it is. */
  async refresh(tenant: string, ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
      const rows = await readKubernetesObjects(this.storage, tenant, ids.slice(from, from + READ_AT_ONCE));
      for (const row of rows) {
        const own = this.peek(tenant, row.id);
        if (own === undefined || isNewer(row, own)) this.remember(tenant, row);
      }
    }
  }

  /** Keeps the newest sight of an object. */
  remember(tenant: string, object: KnownObject): void {
    const key = keyOf(tenant, object.id);
    this.forget(key);
    this.entries.set(key, object);
    this.characters += sizeOf(object);
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= MAX_OBJECTS && this.characters <= MAX_CHARACTERS) break;
      this.forget(oldest);
    }
  }

  private forget(key: string): void {
    const object = this.entries.get(key);
    if (object === undefined) return;
    this.entries.delete(key);
    this.characters -= sizeOf(object);
  }
}

function keyOf(tenant: string, id: string): string {
  return `${tenant}\n${id}`;
}

function sizeOf(object: KnownObject): number {
  let size = ENTRY_CHARACTERS + object.id.length;
  for (const [path, value] of object.fields) size += path.length + value.length;
  return size;
}

function isNewer(row: KnownObject, own: KnownObject): boolean {
  const isBoth = row.resourceVersion > 0 && own.resourceVersion > 0;
  return isBoth ? row.resourceVersion > own.resourceVersion : row.observedMs > own.observedMs;
}
