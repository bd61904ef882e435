// Traces as an indented list that a person writes and reads; see the *.golden files.
// In: lines such as `  +5ms cart@v2#cart-3 proxy server 15ms failed flags=FI`. Out: spans.
// Bounds: a line's parent is the nearest line above with less indentation; an unknown word is an error with its line.
// A span starts 1 ms after its parent unless `+…` says otherwise, a root at 0; T0 is a whole minute.
import { hexId, type SpanKind, type TestSpan } from "./span-rows.ts";

/** Start of every hand-written trace, unix seconds. */
export const T0_SECONDS = Date.UTC(2026, 0, 5, 10, 0, 0) / 1000;

const KINDS: Readonly<Record<string, SpanKind>> = {
  internal: "Internal",
  server: "Server",
  client: "Client",
  producer: "Producer",
  consumer: "Consumer",
};
const PEER_KINDS = { service: "service", db: "database", topic: "messaging", host: "external" } as const;
const UNIT_NS: Readonly<Record<string, number>> = { s: 1e9, ms: 1e6, us: 1e3 };

function nanos(text: string, line: string): number {
  const [, digits = "", unit = ""] = /^\+?(-?[\d.]+)(s|ms|us)$/.exec(text) ?? [];
  const factor = UNIT_NS[unit];
  if (factor === undefined) throw new Error(`not a duration: ${text} in "${line}"`);
  return Math.round(Number(digits) * factor);
}

interface Open {
  readonly indent: number;
  readonly id: string;
  readonly startNs: bigint;
}

function place(word: string): Pick<TestSpan, "service" | "version" | "instance"> {
  const [, service = "", version = "v1", instance] = /^([\w.-]+)(?:@([\w.-]+))?(?:#([\w.-]+))?$/.exec(word) ?? [];
  return { service, version, instance: instance ?? `${service}-1` };
}

type Draft = { -readonly [K in keyof TestSpan]?: TestSpan[K] };

function readWord(draft: Draft, word: string, line: string, idOf: (name: string) => string): void {
  const [key = "", value = ""] = word.split(/=(.*)/s);
  if (word === "proxy") draft.proxy = true;
  else if (word === "failed" || word === "degraded" || word === "cancelled") draft.outcome = word;
  else if (key in KINDS && value === "") draft.kind = KINDS[key]!;
  else if (key === "peer") {
    const [kind = "", name = ""] = value.split(":");
    draft.peerKind = PEER_KINDS[kind as keyof typeof PEER_KINDS];
    draft.peer = name;
  } else if (key === "flags") draft.flags = value;
  else if (key === "op") draft.operation = value;
  else if (key === "proto") draft.protocol = value;
  else if (key === "ns") draft.namespace = value;
  else if (key === "cluster") draft.cluster = value;
  else if (key === "tenant") draft.tenant = value;
  else if (key === "id") draft.id = idOf(value);
  else if (key === "parent") draft.parent = idOf(value);
  else if (key === "link") draft.links = [idOf(value)];
  else if (/^[\d.]+(s|ms|us)$/.test(word)) draft.durationNs = nanos(word, line);
  else throw new Error(`unknown word "${word}" in "${line}"`);
}

/** Reads one block of lines; `name` is the tenant and makes the ids, `salt` keeps the ids of several blocks apart. */
export function parseTraces(lines: readonly string[], name: string, salt: string): TestSpan[] {
  const trace = hexId(name, 32);
  const idOf = (id: string) => hexId(`${name}/${id}`, 16);
  const spans: TestSpan[] = [];
  const open: Open[] = [];
  for (const [number, line] of lines.entries()) {
    if (line.trim() === "" || line.trim().startsWith("#")) continue;
    const indent = line.length - line.trimStart().length;
    while ((open.at(-1)?.indent ?? -1) >= indent) open.pop();
    const parent = open.at(-1);
    const words = line.trim().split(/\s+/);
    const offset = words[0]?.startsWith("+") ? nanos(words.shift()!, line) : parent === undefined ? 0 : 1e6;
    const startNs = (parent?.startNs ?? BigInt(T0_SECONDS) * 1_000_000_000n) + BigInt(offset);
    const draft: Draft = { tenant: name, trace, parent: parent?.id ?? "", id: idOf(`${salt}/${number}`), startNs };
    Object.assign(draft, place(words.shift() ?? ""));
    for (const word of words) readWord(draft, word, line, idOf);
    if (draft.kind === undefined || draft.durationNs === undefined) throw new Error(`no kind or duration: "${line}"`);
    const span = draft as TestSpan;
    spans.push(span);
    open.push({ indent, id: span.id, startNs });
  }
  return spans;
}
