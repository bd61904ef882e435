// Callers and callees of one block: each distinct place once, its parts by dictionary, named by number on each row.
// In: places. Out: numbers; at the end the Src* or Dst* columns of a table.
// Bounds: as many entries as there are distinct places in the block.
import { IndexColumn } from "../otlp/columns.ts";
import { StringDictionary } from "../otlp/dictionary.ts";
import type { NativeWriter } from "../otlp/native-block.ts";
import type { Place } from "./peer-metadata.ts";

const PARTS = ["Cluster", "Namespace", "Service", "Version", "Instance"] as const;
type Part = (typeof PARTS)[number];
const PART_TYPE = "LowCardinality(String)";

/** What a place is; the words of the columns SrcKind and DstKind. */
export const PLACE_KINDS = ["unknown", "service", "external"] as const;
/** One of them. */
export type PlaceKind = (typeof PLACE_KINDS)[number];
/** The type of SrcKind and DstKind; numbers as in edge_buckets. */
export const PLACE_KIND_TYPE = "Enum8('unknown' = 0, 'service' = 1, 'external' = 4)";
const KIND_NUMBERS: Readonly<Record<PlaceKind, number>> = { unknown: 0, service: 1, external: 4 };

/** The places of one block. */
export class PlaceTable {
  private readonly dictionaries: Readonly<Record<Part, StringDictionary>>;
  private readonly parts: Readonly<Record<Part, IndexColumn>>;
  private readonly kinds = new IndexColumn(64);
  private readonly numbers = new Map<string, number>();
  private readonly columns: readonly { mark(): void; rollback(): void; clear(): void }[];

  constructor(seed: number) {
    const dictionary = (): StringDictionary => new StringDictionary(seed, 256);
    const column = (): IndexColumn => new IndexColumn(64);
    this.dictionaries = {
      Cluster: dictionary(),
      Namespace: dictionary(),
      Service: dictionary(),
      Version: dictionary(),
      Instance: dictionary(),
    };
    this.parts = { Cluster: column(), Namespace: column(), Service: column(), Version: column(), Instance: column() };
    this.columns = [...Object.values(this.dictionaries), ...Object.values(this.parts), this.kinds];
  }

  /** The number of a place; one without a service is unknown. */
  numberOf({ cluster, namespace, service, version, instance }: Place, kind: PlaceKind): number {
    const is = service === "" ? "unknown" : kind;
    const key = `${is}\n${cluster}\n${namespace}\n${service}\n${version}\n${instance}`;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.kinds.length;
    this.kinds.push(KIND_NUMBERS[is]);
    this.push("Cluster", cluster);
    this.push("Namespace", namespace);
    this.push("Service", service);
    this.push("Version", version);
    this.push("Instance", instance);
    this.numbers.set(key, number);
    return number;
  }

  private push(part: Part, value: string): void {
    this.parts[part].push(this.dictionaries[part].internText(value));
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

  /** Writes `PREFIXKind` and the parts, whose rows are numbers of places. */
  write(writer: NativeWriter, prefix: "Src" | "Dst", rows: IndexColumn): void {
    writer.column(`${prefix}Kind`, PLACE_KIND_TYPE);
    writer.uint8Of(this.kinds, rows);
    for (const part of PARTS) {
      writer.column(`${prefix}${part}`, PART_TYPE);
      writer.lowCardinalityOf(this.dictionaries[part], this.parts[part], rows);
    }
  }
}

/** Names of the columns that `write` makes. */
export function placeColumns(prefix: "Src" | "Dst"): string[] {
  return ["Kind", ...PARTS].map((part) => prefix + part);
}
