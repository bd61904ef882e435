// Spans as ingest would store them, for tests that write them by hand or by a generator.
// In: the few facts that the graph depends on. Out: rows of the `spans` table.
// Bounds: everything else takes the column's default; times are unix nanoseconds.
import { createHash } from "node:crypto";
import type { Storage } from "../../storage/client.ts";

/** Kinds as the table spells them. */
export type SpanKind = "Internal" | "Server" | "Client" | "Producer" | "Consumer";

/** One span; what is left out is unknown. */
export interface TestSpan {
  readonly tenant: string;
  readonly trace: string;
  readonly id: string;
  /** '' = a root. */
  readonly parent: string;
  readonly links?: readonly string[];
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly kind: SpanKind;
  readonly proxy?: boolean;
  readonly cluster?: string;
  readonly namespace?: string;
  readonly service: string;
  readonly version?: string;
  readonly instance?: string;
  readonly node?: string;
  readonly code?: number;
  readonly operation?: string;
  readonly protocol?: string;
  readonly outcome?: "ok" | "degraded" | "failed" | "cancelled";
  readonly flags?: string;
  readonly peer?: string;
  readonly peerKind?: "" | "service" | "database" | "messaging" | "external";
}

const NS = 1_000_000_000n;

/** A stable hexadecimal id of so many digits. */
export function hexId(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}

/** "2026-01-05T10:00:00.123456789Z". */
export function isoNanos(ns: bigint): string {
  const seconds = new Date(Number(ns / NS) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % NS).padStart(9, "0")}Z`;
}

/** The row of a span. */
export function spanRow(span: TestSpan): object {
  const operation = span.operation ?? "GET /";
  return {
    Timestamp: isoNanos(span.startNs),
    TraceId: span.trace,
    SpanId: span.id,
    ParentSpanId: span.parent,
    "Links.TraceId": (span.links ?? []).map(() => span.trace),
    "Links.SpanId": span.links ?? [],
    "Links.TraceState": (span.links ?? []).map(() => ""),
    "Links.Attributes": (span.links ?? []).map(() => ({})),
    SpanName: operation,
    SpanKind: span.kind,
    ServiceName: span.service,
    Duration: span.durationNs,
    Tenant: span.tenant,
    Cluster: span.cluster ?? "east",
    Namespace: span.namespace ?? "shop",
    Service: span.service,
    Version: span.version ?? "v1",
    Instance: span.instance ?? `${span.service}-1`,
    Node: span.node ?? "",
    ResponseCode: span.code ?? -1,
    Operation: operation,
    Protocol: span.protocol ?? "http",
    Outcome: span.outcome ?? "ok",
    ResponseFlags: span.flags ?? "",
    Proxy: span.proxy === true ? 1 : 0,
    Peer: span.peer ?? "",
    PeerKind: span.peerKind ?? "",
  };
}

/** Stores spans in one insert. */
export async function insertSpans(storage: Storage, spans: readonly TestSpan[]): Promise<void> {
  await storage.insertRows("spans", spans.map(spanRow));
}
