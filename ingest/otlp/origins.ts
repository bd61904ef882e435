// Where rows come from: resource, scope and resolved identity, kept once a block and named by number on each row.
// In: Resource and InstrumentationScope messages of a payload. Out: numbers; at the end the repeated columns.
// Bounds: the expansion of repeated resources is counted as rows are added, so that a large resource on a million rows is refused and not
// written. Numbers hold for one generation: until the block is cleared or a payload taken back.
import { type Identity, resolveIdentity } from "../../model/identity.ts";
import { isProxyResource, PROXY_IDENTITY_ATTRIBUTES } from "../../model/identity-rules.ts";
import type { Attributes } from "../../model/runtime.ts";
import { AttributeColumn } from "./attributes.ts";
import { type ByteColumn, IndexColumn } from "./columns.ts";
import { equalBytes, hashBytes, StringDictionary } from "./dictionary.ts";
import { type IdentityColumn, IdentityTable } from "./identity-columns.ts";
import type { DecodeLimits } from "./limits.ts";
import type { NativeWriter } from "./native-block.ts";
import type { OriginRows } from "./origin-rows.ts";
import type { KnownResource, ResourceMemory } from "./resource-memory.ts";
import { ScopeTable } from "./scopes.ts";
import type { WireReader } from "./wire.ts";

const PROXY_FACTS = PROXY_IDENTITY_ATTRIBUTES.length;
/** Identities remembered a resource: a gateway may speak for several services. */
const MAX_IDENTITIES = 64;
const NO_ATTRIBUTES: Attributes = new Map();

let nextGeneration = 1;

/** The resources, scopes and identities of one block. */
export class OriginTable {
  readonly scopes: ScopeTable;
  readonly identities: IdentityTable;
  /** Every map column, for their counts of cuts. */
  readonly attributeColumns: readonly AttributeColumn[];
  private readonly resources: AttributeColumn;
  private readonly urls: StringDictionary;
  private readonly urlOfResource = new IndexColumn(64);
  private readonly memory: ResourceMemory;
  private generation = nextGeneration++;
  private current: KnownResource | null = null;
  private tenant = "";
  /** Told apart by their hash too, so that the same resource of two tenants has two places in the memory. */
  private tenantHash = 0;
  private readonly columns: readonly { mark(): void; rollback(): void; clear(): void }[];
  /** Bytes that repeating resources and scopes will take. */
  expandedBytes = 0;
  private markedBytes = 0;

  constructor(limits: DecodeLimits, memory: ResourceMemory) {
    const { seed } = memory;
    this.memory = memory;
    this.resources = new AttributeColumn(limits, seed);
    this.urls = new StringDictionary(seed, 256);
    this.scopes = new ScopeTable(limits, seed);
    this.identities = new IdentityTable(seed, memory.rules.cardinality);
    this.attributeColumns = [this.resources, this.scopes.attributes];
    this.columns = [this.resources, this.urls, this.urlOfResource, this.scopes, this.identities];
  }

  /** Begins a payload: what follows belongs to `tenant`, until the next one. */
  openPayload(tenant: string): void {
    this.current = null;
    if (tenant === this.tenant) return;
    this.tenant = tenant;
    const bytes = Buffer.from(tenant);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.tenantHash = hashBytes(bytes, view, 0, bytes.length, this.memory.seed);
  }

  /** Reads the Resource message in `[from, from + length)` (length 0: none) and makes it current; returns its number. */
  openResource(reader: WireReader, from: number, length: number, urlFrom: number, urlLength: number): number {
    const hash = hashBytes(reader.bytes, reader.view, from, length, this.memory.seed) ^ this.tenantHash;
    let known = this.memory.find(this.tenant, hash, reader, from, length);
    if (known !== null && known.generation === this.generation) {
      this.current = known;
      if (this.sameUrl(known.resource, reader, urlFrom, urlLength)) return known.resource;
    }
    const resource = this.readAttributes(reader, from, from + length);
    if (reader.failure !== null) return 0;
    this.urlOfResource.push(this.urls.intern(reader.bytes, reader.view, urlFrom, urlLength));
    if (known === null) {
      const attributes = readMap(this.resources, resource);
      const bytes = reader.bytes.slice(from, from + length);
      known = {
        tenant: this.tenant,
        bytes,
        view: new DataView(bytes.buffer, bytes.byteOffset, length),
        attributes,
        isProxy: isProxyResource({ resource: attributes }),
        identities: new Map(),
        generation: 0,
        resource: 0,
        plain: -1,
        proxy: -1,
        proxyStarts: new Int32Array(PROXY_FACTS),
        proxyLengths: new Int32Array(PROXY_FACTS),
      };
      this.memory.keep(hash, known);
    }
    known.generation = this.generation;
    known.resource = resource;
    known.plain = -1;
    known.proxy = -1;
    this.current = known;
    return resource;
  }

  private sameUrl(resource: number, reader: WireReader, from: number, length: number): boolean {
    return this.urls.is(this.urlOfResource.values[resource] ?? 0, reader.bytes, reader.view, from, length);
  }

  /** The current resource is that of an Envoy. */
  get isProxy(): boolean {
    return this.current?.isProxy ?? false;
  }

  /** Attributes of the current resource; none when there is no resource. */
  get currentAttributes(): Attributes {
    return this.current?.attributes ?? NO_ATTRIBUTES;
  }

  /** Number of the current resource in this block; -1 when there is none. */
  get currentNumber(): number {
    return this.current?.resource ?? -1;
  }

  /** Number of an identity that a row of the current payload brings itself. */
  numberOf(identity: Identity): number {
    return this.identities.numberOf(this.tenant, identity, this.currentAttributes.get("service.name") ?? "");
  }

  /** Identity of the current resource by itself. */
  plainIdentity(): number {
    const known = this.current;
    if (known === null) return 0;
    if (known.plain < 0) known.plain = this.identityNumber(known, "", NO_ATTRIBUTES);
    return known.plain;
  }

  /**
   * Identity of the current resource with what a proxy's span says: its PROXY_IDENTITY_ATTRIBUTES lie in `values` at `starts` with
   * `lengths` (0: not sent). Spans that say the same as the last one of this resource cost a comparison.
   */
  proxyIdentity(values: ByteColumn, starts: Int32Array, lengths: Int32Array): number {
    const known = this.current;
    if (known === null) return 0;
    if (known.proxy >= 0 && this.saysTheSame(known, values, starts, lengths)) return known.proxy;
    const attributes = new Map<string, string>();
    let key = "";
    for (const [i, name] of PROXY_IDENTITY_ATTRIBUTES.entries()) {
      const start = starts[i] ?? 0;
      const value = Buffer.from(values.bytes.buffer, start, Math.min(lengths[i] ?? 0, 1024)).toString();
      if (value !== "") attributes.set(name, value);
      key += `${value}\n`;
    }
    known.proxy = this.identityNumber(known, key, attributes);
    known.proxyStarts.set(starts);
    known.proxyLengths.set(lengths);
    return known.proxy;
  }

  private saysTheSame(known: KnownResource, values: ByteColumn, starts: Int32Array, lengths: Int32Array): boolean {
    const { bytes, view } = values;
    for (let i = 0; i < PROXY_FACTS; i++) {
      const length = lengths[i] ?? 0;
      if (known.proxyLengths[i] !== length) return false;
      if (!equalBytes(bytes, view, known.proxyStarts[i] ?? 0, bytes, view, starts[i] ?? 0, length)) return false;
    }
    return true;
  }

  /** Adds `count` rows of a resource and scope; identities are added row by row in `rows.identities`. */
  addRows(rows: OriginRows, count: number, resource: number, scope: number): void {
    for (let i = 0; i < count; i++) {
      rows.resources.push(resource);
      rows.scopes.push(scope);
    }
    const width = mapBytes(this.resources, resource) + mapBytes(this.scopes.attributes, scope) + 24;
    this.expandedBytes += count * width;
  }

  mark(): void {
    for (const column of this.columns) column.mark();
    this.markedBytes = this.expandedBytes;
  }

  rollback(): void {
    for (const column of this.columns) column.rollback();
    this.expandedBytes = this.markedBytes;
    this.beginGeneration();
  }

  clear(): void {
    for (const column of this.columns) column.clear();
    this.expandedBytes = 0;
    this.beginGeneration();
  }

  writeIdentity(writer: NativeWriter, rows: OriginRows, column: IdentityColumn): void {
    this.identities.write(writer, column, rows.identities);
  }

  writeResourceAttributes(writer: NativeWriter, rows: OriginRows): void {
    writer.column("ResourceAttributes", "Map(LowCardinality(String), String)");
    writer.mapsOf(this.resources, rows.resources);
  }

  writeResourceSchemaUrl(writer: NativeWriter, rows: OriginRows): void {
    writer.column("ResourceSchemaUrl", "LowCardinality(String)");
    writer.lowCardinalityOf(this.urls, this.urlOfResource, rows.resources);
  }

  private identityNumber(known: KnownResource, key: string, proxy: Attributes): number {
    let identity = known.identities.get(key);
    if (identity === undefined) {
      identity = resolveIdentity(known.attributes, proxy, this.memory.rules.aliases);
      if (known.identities.size < MAX_IDENTITIES) known.identities.set(key, identity);
    }
    return this.identities.numberOf(this.tenant, identity, known.attributes.get("service.name") ?? "");
  }

  private readAttributes(reader: WireReader, from: number, end: number): number {
    const column = this.resources;
    reader.position = from;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) {
        const size = reader.length(end);
        column.append(reader, reader.position + size);
      } else reader.skip(tag, end);
    }
    reader.finish(end);
    if (reader.failure === null) column.endMap();
    return column.pairEnds.length - 1;
  }

  private beginGeneration(): void {
    this.generation = nextGeneration++;
    this.current = null;
  }
}

function mapBytes(column: AttributeColumn, map: number): number {
  const values = column.valueEnds.values;
  const pairs = column.pairEnds.values;
  const bytes = (values[map] ?? 0) - (map === 0 ? 0 : (values[map - 1] ?? 0));
  return bytes + 2 * ((pairs[map] ?? 0) - (map === 0 ? 0 : (pairs[map - 1] ?? 0)));
}

/** The attributes of a map that was just appended, as text; of keys sent twice the first counts. */
function readMap(column: AttributeColumn, map: number): Attributes {
  const attributes = new Map<string, string>();
  const { values } = column;
  let at = map === 0 ? 0 : (column.valueEnds.values[map - 1] ?? 0);
  const end = column.pairEnds.values[map] ?? 0;
  for (let pair = map === 0 ? 0 : (column.pairEnds.values[map - 1] ?? 0); pair < end; pair++) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = values.bytes[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const key = column.keys.text(column.keyOfPair.values[pair] ?? 0);
    if (!attributes.has(key)) attributes.set(key, Buffer.from(values.bytes.buffer, at, length).toString());
    at += length;
  }
  return attributes;
}
