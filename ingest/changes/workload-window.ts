// Which workloads are worth a row: those that are new, that changed, or whose row is getting old.
// In: rows of one payload. Out: those to store.
// Bounds: MAX_WORKLOADS are remembered over all tenants, oldest write forgotten first; a row more is harmless.
import type { WorkloadRow } from "../../storage/kubernetes-objects.ts";

const MAX_WORKLOADS = 50_000;
const REWRITE_SECONDS = 600;

interface Written {
  readonly content: string;
  readonly lastSeen: number;
}

/** Remembers what was written of workloads; one a process. */
export class WorkloadWindow {
  private readonly written = new Map<string, Written>();

  /** The rows that storage should have; of one workload the last. */
  select(tenant: string, rows: readonly WorkloadRow[]): WorkloadRow[] {
    const last = new Map(rows.map((row) => [keyOf(tenant, row), row]));
    return [...last].flatMap(([key, row]) => {
      const written = this.written.get(key);
      const isKnown = written?.content === contentOf(row) && row.LastSeen - written.lastSeen < REWRITE_SECONDS;
      return isKnown ? [] : [row];
    });
  }

  /** To be called when storage has the rows. */
  remember(tenant: string, rows: readonly WorkloadRow[]): void {
    for (const row of rows) {
      const key = keyOf(tenant, row);
      this.written.delete(key);
      this.written.set(key, { content: contentOf(row), lastSeen: row.LastSeen });
    }
    for (const oldest of this.written.keys()) {
      if (this.written.size <= MAX_WORKLOADS) break;
      this.written.delete(oldest);
    }
  }
}

function keyOf(tenant: string, row: WorkloadRow): string {
  return [tenant, row.Cluster, row.Namespace, row.Service, row.Kind, row.Name].join("\n");
}

function contentOf(row: WorkloadRow): string {
  return JSON.stringify({ ...row, LastSeen: 0 });
}
