// Where rows come from: resource, scope and resolved identity, kept once a block and named by number on each row.
// In: Resource and InstrumentationScope messages of a payload. Out: numbers; at the end the repeated columns.
// Bounds: identities of resources seen before are remembered by their bytes (4096 resources, then forgotten); the expansion of
// repeated resources is counted row by row, so that a large resource on a million rows is refused and not written.
import type { Attributes } from "../../model/runtime.ts";
import { type Identity, isProxyResource, PROXY_IDENTITY_ATTRIBUTES, resolveIdentity } from "../../model/identity.ts";
import { AttributeColumn } from "./attributes.ts";
import { type ByteColumn, IndexColumn } from "./columns.ts";
import { equalBytes, hashBytes, StringDictionary } from "./dictionary.ts";
import type { DecodeLimits } from "./limits.ts";
import type { NativeWriter } from "./native-block.ts";
import type { WireReader } from "./wire.ts";

const PROXY_FACTS = PROXY_IDENTITY_ATTRIBUTES.length;
const MAX_REMEMBERED = 4096;
const MAX_REMEMBERED_BYTES = 16 << 10;

/** Columns of identity, with where each comes from; `serviceName` is service.name as sent. */
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
export type IdentityColumn = (typeof IDENTITY_COLUMNS)[number];

/** A resource as this process knows it, over all blocks. */
interface KnownResource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly attributes: Attributes;
  readonly isProxy: boolean;
  readonly identities: Map<string, Identity>;
  // What follows are numbers in the block of that generation; -1: none yet.
  generation: number;
  resource: number;
  plain: number;
  /** The identity that the last proxy span had, and where what it said lies among the span's attribute values. */
  proxy: number;
  readonly proxyStarts: Int32Array;
  readonly proxyLengths: Int32Array;
}

/** Resources that this process has seen, shared by all blocks. */
export class ResourceMemory {
  private readonly known = new Map<number, KnownResource>();
  readonly seed: number;

  constructor(seed: number) {
    this.seed = seed;
  }

  find(hash: number, reader: WireReader, from: number, length: number): KnownResource | null {
    const entry = this.known.get(hash);
    if (entry === undefined || entry.bytes.length !== length) return null;
    return equalBytes(entry.bytes, entry.view, 0, reader.bytes, reader.view, from, length) ? entry : null;
  }

  keep(hash: number, entry: KnownResource): void {
    if (entry.bytes.length > MAX_REMEMBERED_BYTES) return;
    if (this.known.size >= MAX_REMEMBERED) this.known.clear();
    this.known.set(hash, entry);
  }
}

let nextGeneration = 1;

/** Where the rows of one table come from: numbers of an OriginTable. */
export class OriginRows {
  readonly resources = new IndexColumn(1024);
  readonly scopes = new IndexColumn(1024);
  readonly identities = new IndexColumn(1024);

  mark(): void {
    this.resources.mark();
    this.scopes.mark();
    this.identities.mark();
  }

  rollback(): void {
    this.resources.rollback();
    this.scopes.rollback();
    this.identities.rollback();
  }

  clear(): void {
    this.resources.clear();
    this.scopes.clear();
    this.identities.clear();
  }
}

/** The resources, scopes and identities of one block. */
export class OriginTable {
  readonly resources: AttributeColumn;
  readonly scopeAttributes: AttributeColumn;
  readonly scopeNames: StringDictionary;
  readonly scopeVersions: StringDictionary;
  private readonly schemaUrls: StringDictionary;
  private readonly nameOfScope = new IndexColumn(64);
  private readonly versionOfScope = new IndexColumn(64);
  private readonly urlOfScope = new IndexColumn(64);
  private readonly urlOfResource = new IndexColumn(64);
  private readonly dictionaries: Readonly<Record<IdentityColumn, StringDictionary>>;
  private readonly partOfIdentity: Readonly<Record<IdentityColumn, IndexColumn>>;
  private readonly identityNumbers = new Map<Identity, number>();
  private readonly memory: ResourceMemory;
  private readonly tenant: string;
  private generation = nextGeneration++;
  private identities = 0;
  private markedIdentities = 0;
  private current: KnownResource | null = null;
  private readonly columns: readonly { mark(): void; rollback(): void; clear(): void }[];
  /** Bytes that repeating resources and scopes will take. */
  expandedBytes = 0;
  private markedBytes = 0;

  constructor(tenant: string, limits: DecodeLimits, memory: ResourceMemory) {
    const dictionary = (): StringDictionary => new StringDictionary(memory.seed, 256);
    this.tenant = tenant;
    this.memory = memory;
    this.resources = new AttributeColumn(limits, memory.seed);
    this.scopeAttributes = new AttributeColumn(limits, memory.seed);
    this.scopeNames = dictionary();
    this.scopeVersions = dictionary();
    this.schemaUrls = dictionary();
    this.dictionaries = mapColumns(dictionary);
    this.partOfIdentity = mapColumns(() => new IndexColumn(64));
    this.columns = [
      this.resources,
      this.scopeAttributes,
      this.scopeNames,
      this.scopeVersions,
      this.schemaUrls,
      this.nameOfScope,
      this.versionOfScope,
      this.urlOfScope,
      this.urlOfResource,
      ...IDENTITY_COLUMNS.flatMap((column) => [this.dictionaries[column], this.partOfIdentity[column]]),
    ];
  }

  /** Reads the Resource message in `[from, from + length)` (length 0: none) and makes it current; returns its number. */
  openResource(reader: WireReader, from: number, length: number, urlFrom: number, urlLength: number): number {
    const hash = hashBytes(reader.bytes, reader.view, from, length, this.memory.seed);
    let known = this.memory.find(hash, reader, from, length);
    if (known !== null && known.generation === this.generation) {
      this.current = known;
      if (this.sameUrl(known.resource, reader, urlFrom, urlLength)) return known.resource;
    }
    const resource = this.readAttributes(reader, from, from + length, this.resources);
    if (reader.failure !== null) return 0;
    this.urlOfResource.push(this.schemaUrls.intern(reader.bytes, reader.view, urlFrom, urlLength));
    if (known === null) {
      const attributes = readMap(this.resources, resource);
      const bytes = reader.bytes.slice(from, from + length);
      known = {
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
    return this.schemaUrls.is(this.urlOfResource.values[resource] ?? 0, reader.bytes, reader.view, from, length);
  }

  /** Reads the InstrumentationScope message in `[from, from + length)`; returns its number. */
  openScope(reader: WireReader, from: number, length: number, urlFrom: number, urlLength: number): number {
    const end = from + length;
    let name = -1;
    let version = -1;
    const { bytes, view } = reader;
    reader.position = from;
    while (reader.position < end) {
      const tag = reader.tag(end);
      const isText = tag === 0x0a || tag === 0x12;
      if (isText) {
        const size = reader.length(end);
        const start = reader.position;
        reader.position += size;
        if (reader.failure !== null) return 0;
        if (tag === 0x0a) name = this.scopeNames.intern(bytes, view, start, Math.min(size, 1024));
        else version = this.scopeVersions.intern(bytes, view, start, Math.min(size, 1024));
      } else if (tag === 0x1a) {
        const size = reader.length(end);
        this.scopeAttributes.append(reader, reader.position + size);
      } else reader.skip(tag, end);
    }
    reader.finish(end);
    if (reader.failure !== null) return 0;
    if (name < 0) name = this.scopeNames.intern(bytes, view, 0, 0);
    if (version < 0) version = this.scopeVersions.intern(bytes, view, 0, 0);
    const url = this.schemaUrls.intern(bytes, view, urlFrom, Math.min(urlLength, 1024));
    const last = this.nameOfScope.length - 1;
    const pairs = this.scopeAttributes.pairEnds;
    if (
      last >= 0 &&
      this.nameOfScope.values[last] === name &&
      this.versionOfScope.values[last] === version &&
      this.urlOfScope.values[last] === url &&
      this.scopeAttributes.keyOfPair.length === pairs.values[last] &&
      (last === 0 ? 0 : pairs.values[last - 1]) === pairs.values[last]
    ) {
      return last;
    }
    this.scopeAttributes.endMap();
    this.nameOfScope.push(name);
    this.versionOfScope.push(version);
    this.urlOfScope.push(url);
    return this.nameOfScope.length - 1;
  }

  /** The current resource is that of an Envoy. */
  get isProxy(): boolean {
    return this.current?.isProxy ?? false;
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
    const width = mapBytes(this.resources, resource) + mapBytes(this.scopeAttributes, scope) + 24;
    this.expandedBytes += count * width;
  }

  /** Namespace of an identity, as bytes for comparison. */
  namespaceOf(identity: number): string {
    return this.dictionaries.Namespace.text(this.partOfIdentity.Namespace.values[identity] ?? 0);
  }

  mark(): void {
    for (const column of this.columns) column.mark();
    this.markedIdentities = this.identities;
    this.markedBytes = this.expandedBytes;
  }

  rollback(): void {
    for (const column of this.columns) column.rollback();
    this.identities = this.markedIdentities;
    this.expandedBytes = this.markedBytes;
    this.forgetNumbers();
  }

  clear(): void {
    for (const column of this.columns) column.clear();
    this.identities = 0;
    this.expandedBytes = 0;
    this.forgetNumbers();
  }

  writeIdentity(writer: NativeWriter, rows: OriginRows, column: IdentityColumn): void {
    writer.column(column, "LowCardinality(String)");
    writer.lowCardinalityOf(this.dictionaries[column], this.partOfIdentity[column], rows.identities);
  }

  writeResourceAttributes(writer: NativeWriter, rows: OriginRows): void {
    writer.column("ResourceAttributes", "Map(LowCardinality(String), String)");
    writer.mapsOf(this.resources, rows.resources);
  }

  writeScopeAttributes(writer: NativeWriter, rows: OriginRows): void {
    writer.column("ScopeAttributes", "Map(LowCardinality(String), String)");
    writer.mapsOf(this.scopeAttributes, rows.scopes);
  }

  writeScopeName(writer: NativeWriter, rows: OriginRows, type: "String" | "LowCardinality(String)"): void {
    this.writeOfScope(writer, rows, "ScopeName", type, this.scopeNames, this.nameOfScope);
  }

  writeScopeVersion(writer: NativeWriter, rows: OriginRows, type: "String" | "LowCardinality(String)"): void {
    this.writeOfScope(writer, rows, "ScopeVersion", type, this.scopeVersions, this.versionOfScope);
  }

  writeSchemaUrls(writer: NativeWriter, rows: OriginRows): void {
    writer.column("ResourceSchemaUrl", "LowCardinality(String)");
    writer.lowCardinalityOf(this.schemaUrls, this.urlOfResource, rows.resources);
    writer.column("ScopeSchemaUrl", "LowCardinality(String)");
    writer.lowCardinalityOf(this.schemaUrls, this.urlOfScope, rows.scopes);
  }

  private writeOfScope(
    writer: NativeWriter,
    rows: OriginRows,
    name: string,
    type: "String" | "LowCardinality(String)",
    dictionary: StringDictionary,
    ofScope: IndexColumn,
  ): void {
    writer.column(name, type);
    if (type === "String") writer.stringsOf(dictionary, ofScope, rows.scopes);
    else writer.lowCardinalityOf(dictionary, ofScope, rows.scopes);
  }

  private identityNumber(known: KnownResource, key: string, proxy: Attributes): number {
    let identity = known.identities.get(key);
    if (identity === undefined) {
      identity = resolveIdentity(known.attributes, proxy);
      if (known.identities.size < 64) known.identities.set(key, identity);
    }
    const number = this.identityNumbers.get(identity);
    if (number !== undefined) return number;
    const parts: Record<IdentityColumn, string> = {
      Tenant: this.tenant,
      Cluster: identity.cluster.value,
      Namespace: identity.namespace.value,
      Service: identity.service.value,
      Version: identity.version.value,
      Instance: identity.instance.value,
      Node: identity.node.value,
      Runtime: identity.runtime.value,
      Isolation: identity.isolation?.value ?? "",
      ServiceName: known.attributes.get("service.name") ?? "",
    };
    for (const column of IDENTITY_COLUMNS)
      this.partOfIdentity[column].push(this.dictionaries[column].internText(parts[column]));
    this.identityNumbers.set(identity, this.identities);
    return this.identities++;
  }

  private readAttributes(reader: WireReader, from: number, end: number, column: AttributeColumn): number {
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

  private forgetNumbers(): void {
    this.identityNumbers.clear();
    this.generation = nextGeneration++;
    this.current = null;
  }
}

const NO_ATTRIBUTES: Attributes = new Map();

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
