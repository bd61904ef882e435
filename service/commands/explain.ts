// `faultline explain identity key=value …`: says who a sender is to Faultline, and why.
// In: attributes as words, from a JSON file or from stdin; `span:` and `resource:` before a key say whose it is. Out: each part of the
// identity with the attribute and the rule that decided and what was rejected; runtime and isolation; for a span its operation and peer.
// Bounds: a file of 1 MiB; nothing is asked of storage, so limits of cardinality and routes learned from applications do not show.
import { readFile } from "node:fs/promises";
import { text as readText } from "node:stream/consumers";
import { ServiceError, reasonOf } from "../../model/errors.ts";
import { explainIdentity } from "../../model/identity.ts";
import { IDENTITY_PARTS, PROXY_IDENTITY_ATTRIBUTES, isProxyResource } from "../../model/identity-rules.ts";
import type { Attributes, RuntimeVerdict } from "../../model/runtime.ts";
import { FACT_OF_KEY } from "../../model/span-facts.ts";
import { describeSpan, SPAN_KINDS, type SpanDescription, type SpanKind } from "../../ingest/otlp/span-description.ts";
import type { Command } from "../main.ts";
import { readSender, type Sender } from "../sender-file.ts";

const MAX_FILE_BYTES = 1 << 20;

/** Prints the identity of one sender; throws USAGE with one sentence. */
export const explainIdentityCommand: Command = async ({ parsed, config, print }) => {
  const { options } = parsed;
  const sender: Sender = { resource: new Map(), span: new Map(), spanName: "", spanKind: "server" };
  if (options["file"] !== undefined) readSender(await contentOf(options["file"]), options["file"], sender);
  for (const word of parsed.positionals) takeWord(sender, word);
  if (sender.resource.size === 0 && sender.span.size === 0)
    throw usage("explain identity needs attributes: KEY=VALUE, or --file FILE.");
  const name = options["span-name"] ?? sender.spanName;
  const kind = kindOf(options["span-kind"] ?? sender.spanKind);
  const aliases = new Map(Object.entries(config.values["identity.aliases"]));
  const isProxy = isProxyResource(sender) || sender.span.get("component") === "proxy";
  const said = isProxy ? pick(sender.span, PROXY_IDENTITY_ATTRIBUTES) : new Map<string, string>();
  const identity = explainIdentity(sender.resource, said, aliases);
  const isSpan = name !== "" || options["span-kind"] !== undefined || [...sender.span.keys()].some(saysWhatWasDone);
  const span = isSpan ? describeSpan({ ...sender, name, kind }, aliases) : null;
  if (options["json"] !== undefined) print(JSON.stringify({ ...identity, span }, null, 2));
  else for (const line of linesOf(identity, span)) print(line);
  return 0;
};

function takeWord(sender: Sender, word: string): void {
  const cut = word.indexOf("=");
  if (cut <= 0) throw usage(`"${word}" is not KEY=VALUE.`);
  const [, owner, key = ""] = /^(?:(span|resource):)?(.*)$/s.exec(word.slice(0, cut)) ?? [];
  const value = word.slice(cut + 1);
  if (key === "") throw usage(`"${word}" names no attribute before the =.`);
  // Where nothing says whose a key is, both may have it: Istio's stand on spans, some collectors copy them to the resource.
  if (owner !== "span") sender.resource.set(key, value);
  if (owner === "span" || (owner === undefined && FACT_OF_KEY.has(key))) sender.span.set(key, value);
}

async function contentOf(file: string): Promise<string> {
  let content: string;
  try {
    content = file === "-" ? await readText(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw usage(`${file} cannot be read: ${reasonOf(error)}.`);
  }
  if (content.length > MAX_FILE_BYTES) throw usage(`${file} has more than ${MAX_FILE_BYTES >> 10} KiB.`);
  return content;
}

function kindOf(word: string): SpanKind {
  const kind = SPAN_KINDS.find((name) => name === word.toLowerCase().replace(/^span_kind_/, ""));
  if (kind === undefined) throw usage(`--span-kind is one of ${SPAN_KINDS.join(", ")}, not "${word}".`);
  return kind;
}

function saysWhatWasDone(key: string): boolean {
  return FACT_OF_KEY.has(key) && !(PROXY_IDENTITY_ATTRIBUTES as readonly string[]).includes(key) && key !== "component";
}

function pick(attributes: Attributes, names: readonly string[]): Map<string, string> {
  return new Map(
    names.flatMap((name): [string, string][] => {
      const value = attributes.get(name);
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}

function linesOf(identity: ReturnType<typeof explainIdentity>, span: SpanDescription | null): string[] {
  const lines: string[] = [];
  for (const part of IDENTITY_PARTS) {
    const { value, attribute, rule, rejected } = identity[part];
    lines.push(
      line(part, value === "" ? "unknown" : value, value === "" ? "no attribute says" : `${attribute} (${rule})`),
    );
    for (const { attribute: other, value: given, reason } of rejected)
      lines.push(`${" ".repeat(11)}not ${other} = ${JSON.stringify(given)}: ${reason}`);
  }
  lines.push(verdictLine("runtime", identity.runtime));
  lines.push(
    identity.isolation === null
      ? line("isolation", "none", "no rule says that it is isolated")
      : verdictLine("isolation", identity.isolation),
  );
  if (span === null) return lines;
  lines.push(
    line(
      "operation",
      span.operation === "" ? "none" : span.operation,
      `${span.protocol === "" ? "no protocol" : span.protocol}${span.isProxy ? ", a proxy's span" : ""}`,
    ),
  );
  lines.push(
    line(
      "peer",
      span.peer === "" ? "none" : span.peer,
      span.peerKind === "" ? "the span names nobody, or an address of the mesh" : span.peerKind,
    ),
  );
  lines.push(line("outcome", span.outcome, span.responseCode === null ? "no code" : `code ${span.responseCode}`));
  return lines;
}

function verdictLine(part: string, { value, rule, attribute, confidence }: RuntimeVerdict): string {
  return line(part, value, attribute === "" ? "no rule fits" : `${attribute} (${rule}, confidence ${confidence})`);
}

function line(part: string, value: string, why: string): string {
  return `${part.padEnd(10)} ${value.padEnd(24)} ${why}`;
}

function usage(detail: string): ServiceError {
  return new ServiceError("USAGE", { detail });
}
