// Rows of a trace as the API shows them: which place each is, which row a span is in.
// In: rows and spans of model/trace. Out: entities, row numbers.
// Bounds: pure; linear in what was asked for.
import assert from "node:assert/strict";
import { type Entity, type EntityKind, makeEntity } from "../model/entity.ts";
import type { TraceRow } from "../model/trace/rows.ts";
import type { TraceSpan } from "../model/trace/span.ts";
import type { TraceView } from "../model/trace/view.ts";

/** A span of a view by its number; numbers come from the view itself. */
export function spanAt(view: TraceView, number: number): TraceSpan {
  const span = view.distinct.spans[number];
  assert(span !== undefined, `no span ${number}`);
  return span;
}

/** The place that a span tells of: an instance where it is known, else a service. */
export function placeOfSpan(span: TraceSpan): Entity {
  const { cluster, namespace, service, version, instance, node, runtime, isolation } = span;
  const parts = { cluster, namespace, service, version, instance, node, runtime, isolation };
  return makeEntity(instance === "" ? "SERVICE" : "INSTANCE", instance === "" ? { ...parts, version: "" } : parts);
}

const PEER_KINDS: Readonly<Record<Exclude<TraceSpan["peerKind"], "">, EntityKind>> = {
  service: "SERVICE",
  database: "DATABASE",
  messaging: "MESSAGING",
  external: "EXTERNAL",
};

/** Whom a row calls, as its caller names it; null where it names nobody, or where the callee has a span in the row. */
export function peerOfRow({ place, spans }: TraceRow): Entity | null {
  if (place.kind === "Server" || place.kind === "Internal" || place.kind === "Unspecified") return null;
  const named = spans.findLast(({ span }) => span.peer !== "")?.span;
  if (named === undefined) return null;
  return makeEntity(named.peerKind === "" ? "UNKNOWN" : PEER_KINDS[named.peerKind], { service: named.peer });
}

/** The numbers of rows by span, as the folded waterfall shows them. */
export function foldedRowNumbers({ folded }: TraceView): Int32Array {
  const indexOf = new Int32Array(folded.count);
  folded.forest.preorder.forEach((hop, index) => (indexOf[hop] = index));
  return folded.hopOf.map((hop) => indexOf[hop] ?? 0);
}
