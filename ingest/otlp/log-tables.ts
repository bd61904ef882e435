// The two tables that OTLP logs become in one block: access logs, and everything else.
// In: rows in either. Out: one insert for each table that has rows. Bounds: a payload is taken back from both.
import { AccessLogColumns } from "../access-log/columns.ts";
import { AccessLogReader } from "../access-log/reader.ts";
import type { AttributeColumn } from "./attributes.ts";
import type { TableInsert } from "./block.ts";
import type { DecodeLimits } from "./limits.ts";
import { LogColumns } from "./log-columns.ts";
import { OriginTable } from "./origins.ts";
import type { ResourceMemory } from "./resource-memory.ts";
import type { SignalColumns } from "./signal-block.ts";

/** Columns of `logs` and of `access_logs`, and the reader that tells one from the other. */
export class LogTables implements SignalColumns {
  readonly origins: OriginTable;
  readonly logs: LogColumns;
  readonly accessLogs: AccessLogColumns;
  readonly reader: AccessLogReader;
  readonly attributeColumns: readonly AttributeColumn[];

  constructor(limits: DecodeLimits, memory: ResourceMemory) {
    const { seed } = memory;
    this.origins = new OriginTable(limits, memory);
    this.logs = new LogColumns(limits, this.origins, seed);
    this.accessLogs = new AccessLogColumns(limits, this.origins, seed);
    this.reader = new AccessLogReader(this.accessLogs, this.origins, limits, memory);
    this.attributeColumns = [...this.origins.attributeColumns, this.logs.attributes];
  }

  get rows(): number {
    return this.logs.rows + this.accessLogs.rows;
  }

  get bytes(): number {
    return this.logs.bytes + this.accessLogs.bytes + this.origins.expandedBytes;
  }

  get isCrowded(): boolean {
    return this.logs.isCrowded || this.accessLogs.isCrowded || this.reader.isCrowded;
  }

  mark(): void {
    this.origins.mark();
    this.logs.mark();
    this.accessLogs.mark();
  }

  rollback(): void {
    this.origins.rollback();
    this.logs.rollback();
    this.accessLogs.rollback();
    this.reader.forget();
  }

  clear(): void {
    this.origins.clear();
    this.logs.clear();
    this.accessLogs.clear();
    this.reader.forget();
  }

  inserts(): readonly TableInsert[] {
    const inserts: TableInsert[] = [];
    if (this.logs.rows > 0) inserts.push(this.logs.insert());
    if (this.accessLogs.rows > 0) inserts.push(this.accessLogs.insert());
    return inserts;
  }
}
