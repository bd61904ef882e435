// The promoted columns of identity for one block: each distinct identity once, its parts by dictionary.
// In: identities as model/identity.ts resolves them. Out: numbers; at the end one LowCardinality column a part.
// Bounds: as many entries as there are distinct identities in the block.
import type { Identity } from "../../model/identity.ts";
import { IndexColumn } from "./columns.ts";
import { StringDictionary } from "./dictionary.ts";
import type { NativeWriter } from "./native-block.ts";

/** Columns of identity; ServiceName is service.name as sent. */
const IDENTITY_COLUMNS = [
  "Tenant",
  "Cluster",
  "Namespace",
  "Service",
  "Version",
  "Instance",
  "Node",
  "Runtime",
  "Isolation",
  "ServiceName",
] as const;
/** One of the columns. */
export type IdentityColumn = (typeof IDENTITY_COLUMNS)[number];

/** The identities of one block. */
export class IdentityTable {
  private readonly dictionaries: Readonly<Record<IdentityColumn, StringDictionary>>;
  private readonly parts: Readonly<Record<IdentityColumn, IndexColumn>>;
  private readonly columns: readonly { mark(): void; rollback(): void; clear(): void }[];
  private readonly numbers = new Map<Identity, number>();
  private readonly tenant: string;

  constructor(tenant: string, seed: number) {
    this.tenant = tenant;
    this.dictionaries = mapColumns(() => new StringDictionary(seed, 256));
    this.parts = mapColumns(() => new IndexColumn(64));
    this.columns = IDENTITY_COLUMNS.flatMap((column) => [this.dictionaries[column], this.parts[column]]);
  }

  /** The number of an identity with the service.name it was sent under. */
  numberOf(identity: Identity, serviceName: string): number {
    const known = this.numbers.get(identity);
    if (known !== undefined) return known;
    const values: Record<IdentityColumn, string> = {
      Tenant: this.tenant,
      Cluster: identity.cluster.value,
      Namespace: identity.namespace.value,
      Service: identity.service.value,
      Version: identity.version.value,
      Instance: identity.instance.value,
      Node: identity.node.value,
      Runtime: identity.runtime.value,
      Isolation: identity.isolation?.value ?? "",
      ServiceName: serviceName,
    };
    const number = this.parts.Tenant.length;
    for (const column of IDENTITY_COLUMNS) {
      this.parts[column].push(this.dictionaries[column].internText(values[column]));
    }
    this.numbers.set(identity, number);
    return number;
  }

  /** Namespace of an identity. */
  namespaceOf(number: number): string {
    return this.dictionaries.Namespace.text(this.parts.Namespace.values[number] ?? 0);
  }

  mark(): void {
    for (const column of this.columns) column.mark();
  }

  rollback(): void {
    for (const column of this.columns) column.rollback();
    this.numbers.clear();
  }

  clear(): void {
    for (const column of this.columns) column.clear();
    this.numbers.clear();
  }

  write(writer: NativeWriter, column: IdentityColumn, rows: IndexColumn): void {
    writer.column(column, "LowCardinality(String)");
    writer.lowCardinalityOf(this.dictionaries[column], this.parts[column], rows);
  }
}

function mapColumns<Value>(make: () => Value): Readonly<Record<IdentityColumn, Value>> {
  return {
    Tenant: make(),
    Cluster: make(),
    Namespace: make(),
    Service: make(),
    Version: make(),
    Instance: make(),
    Node: make(),
    Runtime: make(),
    Isolation: make(),
    ServiceName: make(),
  };
}
