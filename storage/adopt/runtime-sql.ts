// The runtime class and the isolation of a sender as SQL, from the same table of rules as model/runtime.ts.
// In: the column ResourceAttributes. Out: two expressions. Costs some fifty look-ups, so it is asked once an instance, not once a span.
// Bounds: a rule's `when` is known here by the rule's id; one that is not is a mistake that stops the program.
import assert from "node:assert/strict";
import {
  DECLARED_RUNTIMES,
  ISOLATING_RUNTIMES,
  RUNTIME_CLASS_ATTRIBUTE,
  RUNTIME_DECLARED_BY,
  RUNTIME_RULES,
  type RuntimeRule,
  VIRTUAL_NODE,
} from "../../model/runtime.ts";
import { has, OUTSIDE_KUBERNETES, RESOURCE } from "./identity-sql.ts";
import { fits, literal, valueOf } from "./sql-text.ts";

const WHEN: Readonly<Record<string, string>> = {
  isOutsideKubernetes: OUTSIDE_KUBERNETES,
  isBareMachine: `${OUTSIDE_KUBERNETES} AND NOT ${has("container.id")}`,
  sawTemplate: `(NOT (${OUTSIDE_KUBERNETES}) AND ${has(RUNTIME_CLASS_ATTRIBUTE)})`,
  isVirtualKubelet: `(${VIRTUAL_NODE.map((name) => `${valueOf(RESOURCE, name)} = 'virtual-kubelet'`).join(" OR ")})`,
  isUnknownSystem: `(NOT ${has("os.type")} OR ${valueOf(RESOURCE, "os.type")} = 'unknown')`,
};

/** The runtime class; UNKNOWN when nothing says. */
export function runtimeClass(): string {
  return `multiIf(${declared(() => true)} != '', ${declared(() => true)}, ${firstRule(() => true, "UNKNOWN")})`;
}

/** What isolates the workload; '' when nothing says. */
export function isolationClass(): string {
  const isolating = declared((value) => ISOLATING_RUNTIMES.has(value));
  return `multiIf(${isolating} != '', ${isolating}, ${firstRule((rule) => rule.isolates, "")})`;
}

type Declared = typeof DECLARED_RUNTIMES extends ReadonlyMap<string, infer Value> ? Value : never;

/** The class that is declared, if it is a wanted one. The first attribute with a known word counts, wanted or not. */
function declared(wanted: (value: Declared) => boolean): string {
  const words = [...DECLARED_RUNTIMES];
  const list = (texts: readonly string[]): string => `[${texts.map(literal).join(", ")}]`;
  const known = list(words.map(([word]) => word));
  const classes = list(words.map(([, value]) => (wanted(value) ? value : "")));
  const cases = RUNTIME_DECLARED_BY.map((attribute) => {
    const word = `lowerUTF8(${valueOf(RESOURCE, attribute)})`;
    return `has(${known}, ${word}), transform(${word}, ${known}, ${classes}, '')`;
  });
  return `multiIf(${cases.join(", ")}, '')`;
}

function firstRule(wanted: (rule: RuntimeRule) => boolean, otherwise: string): string {
  const cases = RUNTIME_RULES.filter(wanted).map((rule) => `${condition(rule)}, ${literal(rule.value)}`);
  return `${cases.join(", ")}, ${literal(otherwise)}`;
}

function condition(rule: RuntimeRule): string {
  const any = rule.attributes.map((attribute) => {
    const value = valueOf(RESOURCE, attribute);
    return rule.fits.source === "." ? `${value} != ''` : fits(value, rule.fits);
  });
  const anyOf = `(${any.join(" OR ")})`;
  if (rule.when === undefined) return anyOf;
  const when = WHEN[rule.id];
  assert.ok(when !== undefined, `no SQL for the condition of ${rule.id}`);
  return `(${anyOf} AND ${when})`;
}
