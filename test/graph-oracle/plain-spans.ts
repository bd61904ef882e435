// Spans as their senders wrote them, read by protobufjs and not by ingest/: what the oracles work on. And the way of the same bytes into storage.
// In: recordings of the mesh-lab, or traces made by a generator. Out: plain spans; a stored copy by the real ingest over HTTP.
// Bounds: the recordings' first seconds are enough; requests of at most 4 MB.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { readRecording } from "../../service/recording.ts";
import type { Storage } from "../../storage/client.ts";

/** A span with its resource's service.name ('' = none); `kind` is OTLP's number. */
export interface PlainSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** '' = a root. */
  readonly parentSpanId: string;
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly isError: boolean;
  readonly links: number;
  readonly attributes: ReadonlyMap<string, string>;
}

const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const RECORDINGS = join(process.env["FAULTLINE_DATA_DIR"] ?? join(ROOT, "../shared/data"), "mesh-lab");
const MOST_BYTES = 4_000_000;

/** Whether the recordings are there. */
export const hasRecordings = existsSync(RECORDINGS);

const schema = protobuf.parse(readFileSync(join(ROOT, "test/fixtures/otlp.proto"), "utf8")).root;
const TracesRequest = schema.lookupType("otlp.TracesRequest");

/** The trace requests of a recording's first seconds, as they came. */
export async function recordedRequests(name: string, seconds: number): Promise<Uint8Array[]> {
  const requests: Uint8Array[] = [];
  let first: bigint | null = null;
  for await (const frame of readRecording(join(RECORDINGS, `${name}.otlp.zst`))) {
    first ??= frame.arrivalUnixNs;
    if (frame.arrivalUnixNs - first > BigInt(seconds) * 1_000_000_000n) break;
    if (frame.signal === "T") requests.push(Uint8Array.from(frame.body));
  }
  return requests;
}

interface Resource {
  attributes: KeyValue[];
}
interface KeyValue {
  key: string;
  value?: Record<string, unknown>;
}
interface WireSpan {
  traceId: Uint8Array;
  spanId: Uint8Array;
  parentSpanId: Uint8Array;
  name: string;
  kind: number;
  startTimeUnixNano: { toString(): string };
  endTimeUnixNano: { toString(): string };
  attributes: KeyValue[];
  links: unknown[];
  status?: { code: number };
}
interface WireRequest {
  resourceSpans: { resource?: Resource; scopeSpans: { spans: WireSpan[] }[] }[];
}

function textOf(value: Record<string, unknown> | undefined): string {
  const [found] = Object.values(value ?? {});
  return typeof found === "string" ? found : (JSON.stringify(found) ?? "");
}

function attributesOf(pairs: readonly KeyValue[]): Map<string, string> {
  return new Map(pairs.map((pair) => [pair.key, textOf(pair.value)]));
}

function hex(bytes: Uint8Array): string {
  return bytes.every((byte) => byte === 0) ? "" : Buffer.from(bytes).toString("hex");
}

/** Every span of a request. */
export function plainSpans(request: Uint8Array): PlainSpan[] {
  const decoded = TracesRequest.decode(request) as unknown as WireRequest;
  return decoded.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = attributesOf(resource?.attributes ?? []).get("service.name") ?? "";
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentSpanId: hex(span.parentSpanId),
        service,
        name: span.name,
        kind: span.kind,
        startNs: BigInt(span.startTimeUnixNano.toString()),
        endNs: BigInt(span.endTimeUnixNano.toString()),
        isError: span.status?.code === 2,
        links: span.links.length,
        attributes: attributesOf(span.attributes),
      })),
    );
  });
}

/** Requests as one after the other: OTLP's requests are lists, so their concatenation is their merge. */
function gathered(requests: readonly Uint8Array[]): Buffer[] {
  const bodies: Uint8Array[][] = [[]];
  let size = 0;
  for (const request of requests) {
    if (size + request.length > MOST_BYTES) {
      bodies.push([]);
      size = 0;
    }
    bodies.at(-1)?.push(request);
    size += request.length;
  }
  return bodies.map((parts) => Buffer.concat(parts));
}

/** Stores requests by the real ingest over HTTP. */
export async function storeRequests(storage: Storage, requests: readonly Uint8Array[], tenant = "default") {
  const ingest = await startIngest({ storage, options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0, tenant } });
  try {
    for (const body of gathered(requests)) {
      const headers = { "content-type": "application/x-protobuf" };
      const answer = await fetch(`${ingest.httpUrl}/v1/traces`, {
        method: "POST",
        headers,
        body: new Uint8Array(body),
      });
      if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
    }
  } finally {
    await ingest.stop();
  }
}
