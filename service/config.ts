// The configuration in force: default < file < environment < flag, and where each value came from.
// In: a file (YAML or JSON), FAULTLINE_* variables, flags. Out: one checked value a setting with its source.
// Bounds: an unknown key or a value out of bounds is one CONFIG_INVALID sentence with the nearest name; nothing is guessed.
import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import type { z } from "zod";
import { ServiceError, reasonOf } from "../model/errors.ts";
import { suggestion } from "./nearest.ts";
import { plainIssue } from "./plain-issue.ts";
import type { Setting } from "./setting-kinds.ts";
import { SETTINGS, type SettingKey } from "./settings.ts";

/** Every setting by its dotted key. */
export type ConfigValues = { readonly [Key in SettingKey]: z.output<(typeof SETTINGS)[Key]["schema"]> };

/** Values, and for each key where its value came from, in words. */
export interface Config {
  readonly values: ConfigValues;
  readonly sources: Readonly<Record<SettingKey, string>>;
}

/** What to read; `file` null means ./faultline.yaml when it exists. Flags are texts by dotted key. */
export interface ConfigInput {
  readonly file: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: Readonly<Record<string, string>>;
}

const DEFAULT_FILE = "faultline.yaml";
const PREFIX = "FAULTLINE_";
/** Variables with our prefix that are no settings. */
const OTHER_VARIABLES = new Set(["FAULTLINE_CONFIG", "FAULTLINE_DATA_DIR", "FAULTLINE_VERSION"]);
// Kubernetes puts these into every pod beside a Service called faultline or faultline-api.
const KUBERNETES_NAME = /_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?$/;
const KUBERNETES_VALUE = /^(tcp|udp):\/\//;

/** All setting keys in the order of the table. */
export const SETTING_KEYS: readonly SettingKey[] = Object.keys(SETTINGS) as SettingKey[];

/** Loads, merges and checks; throws CONFIG_INVALID with one sentence. */
export function loadConfig(input: ConfigInput): Config {
  const values: Record<string, unknown> = {};
  const sources: Record<string, string> = {};
  function put(key: SettingKey, value: unknown, source: string): void {
    values[key] = checkValue(key, value, source);
    sources[key] = source;
  }
  for (const key of SETTING_KEYS) put(key, settingOf(key).defaultValue, "default");
  const file = readConfigFile(input.file ?? input.environment["FAULTLINE_CONFIG"] ?? null);
  if (file !== null) {
    for (const [key, value] of flattenFile(file.content, file.path)) put(key, value, `file ${file.path}`);
  }
  for (const [name, value] of Object.entries(input.environment)) {
    if (!name.startsWith(PREFIX) || value === undefined || OTHER_VARIABLES.has(name)) continue;
    if (KUBERNETES_NAME.test(name) || KUBERNETES_VALUE.test(value)) continue;
    const key = SETTING_KEYS.find((candidate) => variableOf(candidate) === name);
    if (key === undefined) {
      throw invalid(
        `The environment variable ${name} is not a setting${suggestion(name, SETTING_KEYS.map(variableOf))}.`,
      );
    }
    put(key, settingOf(key).parseText(value), `environment ${name}`);
  }
  for (const [key, value] of Object.entries(input.flags)) {
    if (!isSettingKey(key)) throw invalid(`--${key} is not a setting${suggestion(key, SETTING_KEYS, "--")}.`);
    put(key, settingOf(key).parseText(value), `flag --${key}`);
  }
  // Every key of the table was put above and passed its schema.
  return { values: values as unknown as ConfigValues, sources: sources as Config["sources"] };
}

/** The same configuration with other values where nobody chose one; `source` says who did now. */
export function overrideDefaults(config: Config, values: Partial<ConfigValues>, source: string): Config {
  const keys = SETTING_KEYS.filter((key) => values[key] !== undefined && config.sources[key] === "default");
  const pick = <T>(from: Partial<Record<SettingKey, T>>): object =>
    Object.fromEntries(keys.map((key) => [key, from[key]]));
  return {
    values: { ...config.values, ...pick<unknown>(values) },
    sources: { ...config.sources, ...Object.fromEntries(keys.map((key) => [key, source])) },
  };
}

/** The environment variable of a key: storage.dataDir → FAULTLINE_STORAGE_DATA_DIR. */
export function variableOf(key: string): string {
  return (
    PREFIX +
    key
      .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
      .replaceAll(".", "_")
      .toUpperCase()
  );
}

/** One line a setting, `key: value  # source`, YAML that can be read back; secrets as ***. */
export function printConfig(config: Config): string {
  const lines: string[] = [];
  let section = "";
  for (const key of SETTING_KEYS) {
    const dot = key.indexOf(".");
    const head = dot < 0 ? "" : key.slice(0, dot);
    if (head !== section && head !== "") lines.push(`${head}:`);
    section = head;
    const shown = JSON.stringify(redact(settingOf(key), config.values[key]));
    lines.push(`${dot < 0 ? "" : "  "}${key.slice(dot + 1)}: ${shown} # ${config.sources[key]}`);
  }
  return lines.join("\n");
}

/** The row of the table for a key. */
export function settingOf(key: SettingKey): Setting<unknown> {
  return SETTINGS[key];
}

function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}

function readConfigFile(path: string | null): { path: string; content: unknown } | null {
  const file = path ?? DEFAULT_FILE;
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    const isAbsent = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (path === null && isAbsent) return null;
    throw invalid(`The configuration file ${file} cannot be read: ${reasonOf(error)}.`);
  }
  try {
    // JSON is YAML.
    return { path: file, content: parseYaml(content) };
  } catch (error) {
    const [reason = ""] = reasonOf(error).split("\n");
    throw invalid(`The configuration file ${file} is not YAML: ${reason}.`);
  }
}

function flattenFile(content: unknown, file: string): [SettingKey, unknown][] {
  const found: [SettingKey, unknown][] = [];
  function walk(node: unknown, path: string): void {
    if (isSettingKey(path)) {
      found.push([path, node]);
    } else if (typeof node === "object" && node !== null && !Array.isArray(node) && isSection(path)) {
      for (const [name, value] of Object.entries(node)) walk(value, path === "" ? name : `${path}.${name}`);
    } else if (isSection(path)) {
      if (node !== null && node !== undefined)
        throw invalid(`${path === "" ? "The configuration" : path} in ${file} must hold settings, not a value.`);
    } else {
      throw invalid(`${path} in ${file} is not a setting${suggestion(path, [...SETTING_KEYS, ...sections()])}.`);
    }
  }
  walk(content, "");
  return found;
}

function sections(): string[] {
  return [...new Set(SETTING_KEYS.filter((key) => key.includes(".")).map((key) => key.slice(0, key.indexOf("."))))];
}

function isSection(path: string): boolean {
  return path === "" || sections().includes(path);
}

function checkValue(key: SettingKey, value: unknown, source: string): unknown {
  const setting = settingOf(key);
  const result = setting.schema.safeParse(value, { error: plainIssue });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? key : `${key}.${issue.path.join(".")}`;
  const shown = setting.isSecret ? "the value given" : JSON.stringify(partAt(value, issue?.path ?? []));
  throw invalid(
    `${where} (${source}) cannot be ${shown}: ${issue === undefined || issue.code === "invalid_union" ? `it must be of the kind ${setting.kind}` : issue.message}.`,
  );
}

/** The part of a value that an issue is about. */
function partAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (part, name) => (typeof part === "object" && part !== null ? Reflect.get(part, name) : undefined),
    value,
  );
}

function redact(setting: Setting<unknown>, value: unknown): unknown {
  if (setting.isSecret) return isEmpty(value) ? value : "***";
  if (setting.kind === "URL" && typeof value === "string" && value !== "") {
    const parsed = new URL(value);
    if (parsed.password !== "") parsed.password = "***";
    return parsed.password === "" ? value : parsed.href;
  }
  return value;
}

function isEmpty(value: unknown): boolean {
  return value === "" || value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

function invalid(detail: string): ServiceError {
  // A sentence that ends in a question needs no full stop.
  return new ServiceError("CONFIG_INVALID", { detail: detail.replace(/\?\.$/, "?") });
}
