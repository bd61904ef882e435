// Resources that this process has seen, by tenant and bytes: senders repeat theirs with every payload.
// In: a tenant and the bytes of a Resource message. Out: its attributes as text and the identities resolved from them.
// Bounds: 4096 resources and 16 MiB, then all are forgotten; none above 16 KiB is kept. A hash finds, the bytes decide.
import type { Identity } from "../../model/identity.ts";
import type { Attributes } from "../../model/runtime.ts";
import { createSenderRules, SENDER_DEFAULTS, type SenderRules } from "../sender-rules.ts";
import { equalBytes } from "./dictionary.ts";
import type { WireReader } from "./wire.ts";

const MAX_REMEMBERED = 4096;
const MAX_RESOURCE_BYTES = 16 << 10;
const MAX_BYTES = 16 << 20;

/** A resource as this process knows it, over all blocks. */
export interface KnownResource {
  readonly tenant: string;
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
  private bytes = 0;
  /** Seed of every hash table of the writer. */
  readonly seed: number;
  /** What decides on the names of senders. */
  rules: SenderRules;

  constructor(seed: number, rules?: SenderRules) {
    this.seed = seed;
    this.rules = rules ?? createSenderRules(SENDER_DEFAULTS, seed, Date.now);
  }

  /** The same memory under these rules; to be called before blocks are filled. */
  under(rules: SenderRules): this {
    this.rules = rules;
    return this;
  }

  find(tenant: string, hash: number, reader: WireReader, from: number, length: number): KnownResource | null {
    const entry = this.known.get(hash);
    if (entry === undefined || entry.bytes.length !== length || entry.tenant !== tenant) return null;
    return equalBytes(entry.bytes, entry.view, 0, reader.bytes, reader.view, from, length) ? entry : null;
  }

  keep(hash: number, entry: KnownResource): void {
    if (entry.bytes.length > MAX_RESOURCE_BYTES) return;
    if (this.known.size >= MAX_REMEMBERED || this.bytes >= MAX_BYTES) {
      this.known.clear();
      this.bytes = 0;
    }
    this.bytes += entry.bytes.length;
    this.known.set(hash, entry);
  }
}
