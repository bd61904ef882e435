// The identity of a sender as SQL, from the same table of rules as model/identity.ts.
// In: the columns ResourceAttributes, isProxy and the facts of a proxy's span. Out: stages of columns: names, clean names, namespace, parts.
// Names are judged as LowCardinality, so that a block pays for each distinct name and not for each span.
// Bounds: rules with a reader or a condition are known here by part and id; one that is not is a mistake that stops the program.
import assert from "node:assert/strict";
import type { Aliases } from "../../model/identity.ts";
import { IDENTITY_PARTS, IDENTITY_RULES, type IdentityPart, type IdentityRule } from "../../model/identity-rules.ts";
import { IPV4, IPV6, OVERFLOW_NAME, SAYS_NOTHING, UNFILLED } from "../../model/names.ts";
import { FACT_OF_KEY } from "../../model/span-facts.ts";
import { cleanName } from "./name-sql.ts";
import { escapePattern, extracted, literal, rewritten, valueOf } from "./sql-text.ts";

/** The column with the attributes of the sender. */
export const RESOURCE = "ResourceAttributes";

/** True where no attribute says that the sender is a pod. */
export const OUTSIDE_KUBERNETES = `NOT (${["k8s.pod.name", "k8s.pod.uid", "k8s.namespace.name"].map(has).join(" OR ")})`;

/** True where the sender is an Envoy by its resource. */
export const PROXY_RESOURCE = `${valueOf(RESOURCE, "telemetry.sdk.name")} = 'envoy'`;

/** True where the resource has the attribute, be it empty. */
export function has(attribute: string): string {
  return `mapContains(${RESOURCE}, ${literal(attribute)})`;
}

/** The name of the column that holds a fact of the span. */
export function factColumn(fact: string): string {
  return `fact_${fact}`;
}

// `namespace` is a column by the time that serviceOfName is used.
const READ: Readonly<Record<string, (value: string) => string>> = {
  "namespace node-id": (value) => extracted(value, "^[^~]*~[^~]*~[^~]+\\.([^.~]*)~"),
  "namespace proxy-name": (value) => extracted(value, "^[^.]+\\.([^.]*)$"),
  "namespace host-name": (value) => extracted(value, "^[^.]+\\.([^.]+)\\.svc(?:\\.|$)"),
  "service service": serviceOfName,
  "service proxy-cluster": serviceOfName,
  "service weak-service": (value) => rewritten(withoutPort(value), [["^(unknown_service.*?)[0-9]{4,}$", "\\1"]]),
  "instance node-id": (value) => extracted(value, "^[^~]*~[^~]*~([^~]+)\\.[^.~]*~"),
};

const WHEN: Readonly<Record<string, string>> = {
  "namespace proxy-name": PROXY_RESOURCE,
  "node machine": `${OUTSIDE_KUBERNETES} AND NOT ${has("container.id")} AND NOT ${has("faas.name")}`,
};

/** Every attribute that a rule reads, as a column. */
export function nameColumns(): string[] {
  return attributesOfRules().map((rule, i) => {
    const raw =
      rule.from === "resource" ? valueOf(RESOURCE, rule.attribute) : factColumn(FACT_OF_KEY.get(rule.attribute) ?? "");
    return `toLowCardinality(${raw}) AS name_${i}`;
  });
}

/** The namespace by those names. */
export function namespaceColumn(): string {
  return `${identityPart("namespace")} AS namespace`;
}

/** The other parts, which may read the namespace. */
export function partColumns(): string[] {
  return IDENTITY_PARTS.filter((part) => part !== "namespace").map((part) => `${identityPart(part)} AS ${part}`);
}

/** Service and namespace under their other names, for the columns `namespace` and `service`. */
export function renamed(aliases: Aliases): { readonly namespace: string; readonly service: string } {
  if (aliases.size === 0) return { namespace: "namespace", service: "service" };
  const own = aliasOf("concat(namespace, '/', service)", aliases);
  const target = `if(service = '', '', if(${own} != '', ${own}, ${aliasOf("service", aliases)}))`;
  return {
    namespace: `if(position(${target}, '/') = 0, namespace, ${extracted(target, "^([^/]*)/")})`,
    service: `if(${target} = '', service, ${rewritten(target, [["^[^/]*/", ""]])})`,
  };
}

/** Where the alias of a name leads, '' when there is none. */
export function aliasOf(name: string, aliases: Aliases): string {
  const list = (texts: Iterable<string>): string => `[${[...texts].map(literal).join(", ")}]`;
  return `transform(toString(${name}), ${list(aliases.keys())}, ${list(aliases.values())}, '')`;
}

/** True where a name says nothing; an address may be none, and an SDK's default. */
export function isFlawed(value: string, allows: { readonly addresses: boolean; readonly defaults: boolean }): string {
  const nothing = [...SAYS_NOTHING, OVERFLOW_NAME].map(escapePattern).join("|");
  const flaws = [
    `^\\s*(?:${nothing})\\s*$`,
    UNFILLED.source,
    ...(allows.defaults ? [] : ["^(?-i:unknown_service)"]),
    ...(allows.addresses ? [] : [IPV4.source, IPV6.source]),
  ];
  return `match(${value}, ${literal(`(?i)${flaws.join("|")}`)})`;
}

// Flat, and cleaned at the end: ClickHouse analyses this text anew for every insert, and depth costs more than width.
function identityPart(part: IdentityPart): string {
  const cases = IDENTITY_RULES[part].map((rule) => {
    const value = candidate(part, rule);
    const allows = {
      addresses: rule.allows?.has("an address") === true,
      defaults: rule.allows?.has("an SDK's default") === true,
    };
    return `NOT ${isFlawed(value, allows)}, ${value}`;
  });
  return cleanName(`toLowCardinality(multiIf(${cases.join(", ")}, ''))`);
}

function attributesOfRules(): IdentityRule[] {
  const seen = new Map<string, IdentityRule>();
  for (const part of IDENTITY_PARTS) {
    for (const rule of IDENTITY_RULES[part]) seen.set(`${rule.from} ${rule.attribute}`, rule);
  }
  return [...seen.values()];
}

function candidate(part: IdentityPart, rule: IdentityRule): string {
  const key = `${part} ${rule.id}`;
  const column = attributesOfRules().findIndex(
    (other) => other.attribute === rule.attribute && other.from === rule.from,
  );
  let value = `name_${column}`;
  if (rule.read !== undefined) {
    const read = READ[key];
    assert.ok(read !== undefined, `no SQL for reading ${rule.attribute}: ${key}`);
    value = read(value);
  }
  if (rule.when !== undefined) {
    const when = WHEN[key];
    assert.ok(when !== undefined, `no SQL for the condition on ${rule.attribute}: ${key}`);
    value = `if(${when}, ${value}, '')`;
  }
  return value;
}

/** `catalog.shop` in namespace `shop`, or `catalog.shop.svc.cluster.local:80`, is `catalog`. An address is none and is refused later. */
function serviceOfName(value: string): string {
  const name = rewritten(withoutPort(value), [["^([^.]+)\\.[^.]+\\.svc(?:\\..*)?$", "\\1"]]);
  const own = `if(namespace != '' AND length(${name}) > length(namespace) + 1 AND endsWith(${name}, concat('.', namespace)), substring(${name}, 1, length(${name}) - length(namespace) - 1), ${name})`;
  return `if(position(${name}, '.') = 0, ${name}, ${own})`;
}

function withoutPort(value: string): string {
  return rewritten(value, [["^([^:]+|.*\\]):[0-9]{1,5}$", "\\1"]]);
}
