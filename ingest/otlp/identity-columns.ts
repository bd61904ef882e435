// The promoted columns of identity for one block: each distinct identity once, its parts by dictionary.
// In: tenants and their identities as model/identity.ts resolves them. Out: numbers; at the end one LowCardinality column a part.
// Names past a tenant's limits are replaced here, once an identity and block; ServiceName stays what was sent.
// Bounds: as many entries as there are distinct identities in the block.
import type { Identity } from "../../model/identity.ts";
import type { Cardinality, ServiceNames } from "../cardinality.ts";
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

const NOBODY = { cluster: "", namespace: "", service: "", version: "", instance: "", node: "" };

/** The identities of one block. */
export class IdentityTable {
  private readonly dictionaries: Readonly<Record<IdentityColumn, StringDictionary>>;
  private readonly parts: Readonly<Record<IdentityColumn, IndexColumn>>;
  private readonly columns: readonly { mark(): void; rollback(): void; clear(): void }[];
  private readonly numbers = new Map<string, Map<Identity, number>>();
  private readonly cardinality: Cardinality;
  /** By number. */
  private readonly names: ServiceNames[] = [];
  /** By number. */
  private readonly namespaces: string[] = [];

  constructor(seed: number, cardinality: Cardinality) {
    this.cardinality = cardinality;
    this.dictionaries = mapColumns(() => new StringDictionary(seed, 256));
    this.parts = mapColumns(() => new IndexColumn(64));
    this.columns = IDENTITY_COLUMNS.flatMap((column) => [this.dictionaries[column], this.parts[column]]);
  }

  /** The number of a tenant's identity with the service.name it was sent under. */
  numberOf(tenant: string, identity: Identity, serviceName: string): number {
    let numbers = this.numbers.get(tenant);
    if (numbers === undefined) this.numbers.set(tenant, (numbers = new Map<Identity, number>()));
    const known = numbers.get(identity);
    if (known !== undefined) return known;
    const within = this.cardinality.tenant(tenant).limitOnce(identity, {
      cluster: identity.cluster.value,
      namespace: identity.namespace.value,
      service: identity.service.value,
      version: identity.version.value,
      instance: identity.instance.value,
      node: identity.node.value,
    });
    const values: Record<IdentityColumn, string> = {
      Tenant: tenant,
      Cluster: within.cluster,
      Namespace: within.namespace,
      Service: within.service,
      Version: within.version,
      Instance: within.instance,
      Node: within.node,
      Runtime: identity.runtime.value,
      Isolation: identity.isolation?.value ?? "",
      ServiceName: serviceName,
    };
    const number = this.parts.Tenant.length;
    for (const column of IDENTITY_COLUMNS) {
      this.parts[column].push(this.dictionaries[column].internText(values[column]));
    }
    this.names[number] = within.names;
    this.namespaces[number] = within.namespace;
    numbers.set(identity, number);
    return number;
  }

  /** The limits on what an identity's service says. */
  namesOf(number: number): ServiceNames {
    const names = this.names[number];
    // Without a resource there is no identity yet.
    return names ?? this.cardinality.tenant("").limit(NOBODY).names;
  }

  /** Namespace of an identity. */
  namespaceOf(number: number): string {
    return this.namespaces[number] ?? "";
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
    this.names.length = 0;
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
