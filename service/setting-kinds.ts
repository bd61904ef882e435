// The kinds of settings: each knows its zod schema and how to read its value from one line of text.
// In: default, description, bounds. Out: a Setting, one row of the table in settings.ts.
// Bounds: text is what the environment and flags give; a file gives values. Both end in the same schema.
import { z } from "zod";
import { suggestion } from "./nearest.ts";

/** One setting; `kind` is its type in words, `isSecret` values are never printed. */
export interface Setting<T> {
  readonly kind: string;
  readonly schema: z.ZodType<T>;
  readonly defaultValue: T;
  readonly description: string;
  readonly isSecret: boolean;
  /** The value that a text means; the schema judges it afterwards. */
  parseText(text: string): unknown;
}

function setting<T>(
  kind: string,
  schema: z.ZodType<T>,
  defaultValue: T,
  description: string,
  parseText: (text: string) => unknown,
  isSecret = false,
): Setting<T> {
  return { kind, schema, defaultValue, description, isSecret, parseText };
}

/** Any text. */
export function text(defaultValue: string, description: string): Setting<string> {
  return setting("text", z.string(), defaultValue, description, (value) => value);
}

/** A text that is never printed. */
export function secret(defaultValue: string, description: string): Setting<string> {
  return setting("secret", z.string(), defaultValue, description, (value) => value, true);
}

/** An http or https URL, or empty; a password inside is hidden when printed. */
export function url(defaultValue: string, description: string): Setting<string> {
  const schema = z.union([z.literal(""), z.url({ protocol: /^https?$/, error: "must be an http or https URL" })]);
  return setting("URL", schema, defaultValue, description, (value) => value);
}

/** A whole number within bounds, both included. */
export function integer(
  defaultValue: number,
  bounds: { min: number; max: number },
  description: string,
): Setting<number> {
  const schema = z.int().min(bounds.min).max(bounds.max);
  return setting(`integer, ${bounds.min} to ${bounds.max}`, schema, defaultValue, description, parseNumber);
}

/** A TCP port; 0 picks a free one. */
export function port(defaultValue: number, description: string): Setting<number> {
  return setting("port", z.int().min(0).max(65_535), defaultValue, description, parseNumber);
}

/** A number within bounds, both included. */
export function number(
  defaultValue: number,
  bounds: { min: number; max: number },
  description: string,
): Setting<number> {
  const schema = z.number().min(bounds.min).max(bounds.max);
  return setting(`number, ${bounds.min} to ${bounds.max}`, schema, defaultValue, description, parseNumber);
}

/** true or false. */
export function flag(defaultValue: boolean, description: string): Setting<boolean> {
  return setting("true or false", z.boolean(), defaultValue, description, (value) => {
    const known: Record<string, boolean> = { true: true, "1": true, yes: true, false: false, "0": false, no: false };
    return known[value.toLowerCase()] ?? value;
  });
}

/** One of a closed list. */
export function choice<const T extends string>(
  names: readonly [T, ...T[]],
  defaultValue: NoInfer<T>,
  description: string,
): Setting<T> {
  return setting(
    names.join(" \\| "),
    z.enum(names) as unknown as z.ZodType<T>,
    defaultValue,
    description,
    (value) => value,
  );
}

/** Several of a closed list, at least one; text is comma-separated. */
export function list<const T extends string>(
  names: readonly [T, ...T[]],
  defaultValue: readonly NoInfer<T>[],
  description: string,
): Setting<readonly T[]> {
  const schema = z.array(z.enum(names)).min(1) as unknown as z.ZodType<readonly T[]>;
  return setting(`list of ${names.join(", ")}`, schema, defaultValue, description, splitList);
}

/** Several texts; text is comma-separated. */
export function texts(defaultValue: readonly string[], description: string): Setting<readonly string[]> {
  return setting<readonly string[]>("list of texts", z.array(z.string().min(1)), defaultValue, description, splitList);
}

/** A structure; text is JSON. */
export function structure<T>(
  kind: string,
  schema: z.ZodType<T>,
  defaultValue: T,
  description: string,
  isSecret = false,
): Setting<T> {
  const parse = (value: string): unknown => {
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  };
  return setting(`${kind} (JSON in the environment)`, schema, defaultValue, description, parse, isSecret);
}

/** Several named numbers at once; what is not given keeps its default, null (no limit) goes where that is the default. Text is JSON. */
export function numbers<T extends Readonly<Record<string, number | null>>>(
  defaults: T,
  description: string,
): Setting<T> {
  const number = z.number().nonnegative();
  const shape = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, (value === null ? number.nullable() : number).optional()]),
  );
  const error: z.core.$ZodErrorMap = (issue) => {
    if (issue.code !== "unrecognized_keys") return undefined;
    const unknown = String((issue.keys as readonly string[] | undefined)?.[0] ?? "");
    return `${unknown} is not one of its names${suggestion(unknown, Object.keys(defaults))}`;
  };
  // The shape is that of the defaults, so the merge has T's names and numbers.
  const schema = z.strictObject(shape, { error }).transform((given) => ({ ...defaults, ...given }));
  return structure("numbers by name", schema, defaults, description);
}

function splitList(value: string): string[] {
  return value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function parseNumber(value: string): unknown {
  const parsed = Number(value);
  return value.trim() === "" || Number.isNaN(parsed) ? value : parsed;
}
