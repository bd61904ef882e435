// The pairing rule of the Collector's servicegraph connector, written down plainly: offline, with a store that holds everything for ever.
// In: spans in any order. Out: the edges that it would write, with how often. Source: servicegraphconnector/connector.go and its store.
// Virtual nodes as with its feature gate: what is unpaired at the end becomes `user`, a peer's name, or `unknown`.
import type { PlainSpan } from "./plain-spans.ts";

/** An edge of the connector; `type` is its connection_type. */
export interface ConnectorEdge {
  readonly client: string;
  readonly server: string;
  readonly type: "" | "messaging_system" | "database" | "virtual_node";
}

interface Draft {
  client: string;
  server: string;
  type: ConnectorEdge["type"];
  peer: string;
  readonly isRoot: boolean;
  readonly spans: PlainSpan[];
}

/** An edge with its requests; `spans` made them. */
export interface CountedEdge {
  readonly edge: ConnectorEdge;
  readonly calls: number;
  readonly spans: readonly PlainSpan[];
}

/** OTLP's numbers of the span kinds that make edges. */
export const CLIENT = 3;
export const PRODUCER = 4;
export const CONSUMER = 5;
const SERVER = 2;
const PEERS = ["peer.service", "db.name", "db.system"];

/** The connector's edges, each with how many requests it counts and the spans that made them. */
export function connectorEdges(spans: readonly PlainSpan[]): CountedEdge[] {
  const drafts = new Map<string, Draft>();
  const edges = new Map<string, { edge: ConnectorEdge; calls: number; spans: PlainSpan[] }>();
  const count = ({ client, server, type, spans: own }: Draft): void => {
    const key = `${client} -> ${server} ${type}`;
    const known = edges.get(key) ?? { edge: { client, server, type }, calls: 0, spans: [] };
    edges.set(key, known);
    known.calls++;
    known.spans.push(...own);
  };
  for (const span of spans) {
    if (span.service === "") continue;
    const isClient = span.kind === CLIENT || span.kind === PRODUCER;
    if (!isClient && span.kind !== SERVER && span.kind !== CONSUMER) continue;
    const other = isClient ? span.spanId : span.parentSpanId;
    const key = `${span.traceId}-${other}`;
    const draft = drafts.get(key) ?? { client: "", server: "", type: "", peer: "", isRoot: other === "", spans: [] };
    draft.spans.push(span);
    drafts.set(key, draft);
    draft.type = span.kind === PRODUCER || span.kind === CONSUMER ? "messaging_system" : "";
    if (isClient) {
      draft.client = span.service;
      draft.peer = PEERS.map((name) => span.attributes.get(name)).find((value) => value !== undefined) ?? "";
      const database = span.attributes.get("db.name");
      if (database !== undefined) Object.assign(draft, { type: "database", server: database });
    } else draft.server = span.service;
    if (draft.client === "" || draft.server === "") continue;
    count(draft);
    drafts.delete(key);
  }
  for (const draft of drafts.values()) {
    if (draft.client === "" && !draft.isRoot) continue;
    const client = draft.client === "" ? "user" : draft.client;
    const server = draft.server === "" ? draft.peer || "unknown" : draft.server;
    count({ ...draft, client, server, type: "virtual_node" });
  }
  return [...edges.values()];
}
