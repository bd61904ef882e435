// Who sent this telemetry: the parts of an entity, read from resource attributes and, for proxies, from the span's own.
// In: two sets of attributes (text by name), and aliases. Out: cluster, namespace, service, version, instance and node, each with the
// attribute and the rule that decided, so that `faultline explain identity` can say why; runtime and isolation by model/runtime.ts.
// Bounds: a fixed table per part, first usable value wins; a value longer than 256 characters is cut, one that names nothing (an
// unfilled template, `unknown`, control characters) is passed over; unknown is ''. Resolved once a resource, never once a row.
import { IDENTITY_RULES, type IdentityPart, judgeRule, type Sources } from "./identity-rules.ts";
import { cleanName } from "./names.ts";
import { type Attributes, type Runtime, resolveRuntime } from "./runtime.ts";

/** One part: its value ('' unknown), the attribute that decided ('' none) and how it was read. */
export interface ResolvedPart {
  readonly value: string;
  readonly attribute: string;
  readonly rule: string;
}

/** The whole identity of one sender. */
export type Identity = Readonly<Record<IdentityPart, ResolvedPart>> & Runtime;

/** Other names of services: `name` or `namespace/name` → `name` or `namespace/name`. An alias is not looked up again. */
export type Aliases = ReadonlyMap<string, string>;

/** What a rule found and why it did not count; `reason` is a phrase for people. */
export interface RejectedPart extends ResolvedPart {
  readonly reason: string;
}

/** A part with everything that was looked at for it, in order of rank. */
export interface ExplainedPart extends ResolvedPart {
  readonly rejected: readonly RejectedPart[];
}

/** No aliases. */
export const NO_ALIASES: Aliases = new Map();

const NOTHING: ResolvedPart = { value: "", attribute: "", rule: "" };

/** Resolves the identity of a sender; `proxy` holds the span's PROXY_IDENTITY_ATTRIBUTES, empty for spans of applications. */
export function resolveIdentity(resource: Attributes, proxy: Attributes, aliases: Aliases = NO_ALIASES): Identity {
  // The namespace comes first: the name of a service is read with it.
  const namespace = resolvePart("namespace", { resource, proxy, namespace: "" });
  const sources: Sources = { resource, proxy, namespace: namespace.value };
  const service = resolvePart("service", sources);
  const alias = aliasOf(aliases, namespace.value, service.value);
  return {
    cluster: resolvePart("cluster", sources),
    namespace: renamed(namespace, service, alias?.namespace),
    service: renamed(service, service, alias?.service),
    version: resolvePart("version", sources),
    instance: resolvePart("instance", sources),
    node: resolvePart("node", sources),
    ...resolveRuntime(resource),
  };
}

/** The same identity with everything that was looked at: what won, and what did not with the reason. */
export function explainIdentity(
  resource: Attributes,
  proxy: Attributes,
  aliases: Aliases = NO_ALIASES,
): Readonly<Record<IdentityPart, ExplainedPart>> & Runtime {
  const identity = resolveIdentity(resource, proxy, aliases);
  const namespace = resolvePart("namespace", { resource, proxy, namespace: "" }).value;
  const sources: Sources = { resource, proxy, namespace };
  function explain(part: IdentityPart): ExplainedPart {
    const rejected: RejectedPart[] = [];
    const seen = new Set<string>();
    let winner = "";
    for (const rule of IDENTITY_RULES[part]) {
      const raw = sources[rule.from].get(rule.attribute);
      if (raw === undefined) continue;
      const judged = judgeRule(rule, raw, sources);
      const value = judged.ok ? judged.value : cleanName(raw);
      if (judged.ok && winner === "") {
        winner = rule.attribute;
        if (identity[part].rule !== "alias") continue;
        rejected.push({ value, attribute: rule.attribute, rule: rule.id, reason: "renamed by identity.aliases" });
        continue;
      }
      // A rule of last resort may look at the same attribute again; once is enough to read.
      if (rule.attribute === winner || seen.has(rule.attribute)) continue;
      const reason = judged.ok ? "of lower rank" : judged.reason;
      if (reason === "") continue;
      seen.add(rule.attribute);
      rejected.push({ value, attribute: rule.attribute, rule: rule.id, reason });
    }
    return { ...identity[part], rejected };
  }
  return {
    cluster: explain("cluster"),
    namespace: explain("namespace"),
    service: explain("service"),
    version: explain("version"),
    instance: explain("instance"),
    node: explain("node"),
    runtime: identity.runtime,
    isolation: identity.isolation,
  };
}

/** Where an alias leads; `namespace` is undefined when it keeps its own, the whole null when there is none. */
export function aliasOf(
  aliases: Aliases,
  namespace: string,
  service: string,
): { readonly service: string; readonly namespace: string | undefined } | null {
  if (aliases.size === 0 || service === "") return null;
  const target = aliases.get(`${namespace}/${service}`) ?? aliases.get(service);
  if (target === undefined) return null;
  const slash = target.indexOf("/");
  return { service: target.slice(slash + 1), namespace: slash < 0 ? undefined : target.slice(0, slash) };
}

function resolvePart(part: IdentityPart, sources: Sources): ResolvedPart {
  for (const rule of IDENTITY_RULES[part]) {
    const raw = sources[rule.from].get(rule.attribute);
    if (raw === undefined) continue;
    const judged = judgeRule(rule, raw, sources);
    if (judged.ok) return { value: judged.value, attribute: rule.attribute, rule: rule.id };
  }
  return NOTHING;
}

function renamed(part: ResolvedPart, service: ResolvedPart, to: string | undefined): ResolvedPart {
  return to === undefined ? part : { value: to, attribute: service.attribute, rule: "alias" };
}
