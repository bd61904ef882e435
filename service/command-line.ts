// The words of the command line: commands, their options, and what a user's words mean.
// In: argv without node and script. Out: a command with its options, positionals and setting flags, or USAGE with the nearest name.
// Bounds: every setting is also a flag (`--storage.url=...`); nothing unknown is passed over in silence.
import { parseArgs } from "node:util";
import { ServiceError } from "../model/errors.ts";
import { suggestion } from "./nearest.ts";
import { SETTINGS } from "./settings.ts";

/** An option of one command: a switch, or a value shown as `placeholder` in the help. */
export interface OptionDefinition {
  readonly placeholder: string | null;
  readonly description: string;
}

/** A command: its positionals as shown in the help (the last may end in `...`: any number, or none), its options, one sentence. */
export interface CommandDefinition {
  readonly summary: string;
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, OptionDefinition>>;
}

function option(placeholder: string | null, description: string): OptionDefinition {
  return { placeholder, description };
}

/** Which dead letters a command is about. */
const LETTER_OPTIONS = {
  id: option("ID", "this one"),
  reason: option("NAME", "set aside for this reason"),
  since: option("TIME", "set aside since then, RFC 3339 or -10m"),
} as const;

/** Every command by name; two words are a command with its subcommand. */
export const COMMANDS = {
  serve: { summary: "Runs the roles of the configuration until it is told to stop.", positionals: [], options: {} },
  demo: {
    summary: "Replays a recording of a mesh with a fault through everything, and says what is wrong.",
    positionals: [],
    options: {
      recording: option("FILE", "another recording than the bundled one"),
      once: option(null, "end after printing"),
      json: option(null, "print one JSON document on stdout"),
      "no-open": option(null, "do not open a browser"),
    },
  },
  replay: {
    summary: "Sends a recording to an OTLP/HTTP endpoint.",
    positionals: ["FILE"],
    options: {
      endpoint: option("URL", "where to (default http://127.0.0.1:4318)"),
      speed: option("N|max", "times real time, or as fast as the endpoint takes it (default 1)"),
      "keep-times": option(null, "send the recorded times instead of moving them to now"),
      token: option("TOKEN", "bearer token for the endpoint"),
    },
  },
  cut: {
    summary: "Writes a part of a recording to a new file.",
    positionals: ["FILE", "OUT"],
    options: {
      from: option("SECONDS", "seconds after the first arrival (default 0)"),
      to: option("SECONDS", "seconds after the first arrival (default: the end)"),
    },
  },
  localize: {
    summary: "Says what was wrong in a period, from what is stored.",
    positionals: [],
    options: {
      from: option("TIME", "RFC 3339, or minutes ago as -10m"),
      to: option("TIME", "RFC 3339, -0m (now) by default"),
      cluster: option("NAME", "narrow to a cluster"),
      namespace: option("NAME", "narrow to a namespace"),
      service: option("NAME", "narrow to a service"),
      operation: option("NAME", "narrow to an operation"),
      indicator: option("NAME", "LATENCY, ERRORS, TRAFFIC or SATURATION"),
      "max-causes": option("N", "how many causes at most (default 5)"),
      json: option(null, "print the answer as JSON"),
    },
  },
  "explain incident": {
    summary: "Says why a service was, or was not, part of an incident at a time: each indicator, and what decided.",
    positionals: ["SERVICE"],
    options: {
      at: option("TIME", "RFC 3339, or minutes ago as -10m"),
      cluster: option("NAME", "narrow to a cluster"),
      namespace: option("NAME", "narrow to a namespace"),
      json: option(null, "print the answer as JSON"),
    },
  },
  "explain identity": {
    summary: "Says which service, version, instance … a sender is, by which attribute, and what was rejected.",
    positionals: ["KEY=VALUE..."],
    options: {
      file: option("FILE", "attributes as JSON or OTLP JSON; - reads stdin"),
      "span-name": option("TEXT", "explain a span of that name too"),
      "span-kind": option("KIND", "server, client, producer, consumer or internal (default server)"),
      json: option(null, "print the answer as JSON"),
    },
  },
  migrate: { summary: "Brings the tables up to date and ends.", positionals: [], options: {} },
  "token create": {
    summary: "Makes a bearer token for the tenant of --tenant and prints it, this once.",
    positionals: [],
    options: {
      name: option("TEXT", "what it is for"),
      scopes: option("LIST", "ingest, read (default ingest)"),
    },
  },
  "token list": {
    summary: "Lists the tokens of the tenant, without their text.",
    positionals: [],
    options: { all: option(null, "of all tenants"), json: option(null, "print them as JSON") },
  },
  "token revoke": { summary: "Revokes a token; it is refused within seconds.", positionals: ["ID"], options: {} },
  "adopt status": {
    summary: "Says what of the adopted table (storage.adopt) was taken and what waits.",
    positionals: [],
    options: { json: option(null, "print it as JSON") },
  },
  "adopt remove": {
    summary: "Lets go of an adopted table: our own spans alone are shown again. Take the setting away first.",
    positionals: [],
    options: {},
  },
  "dead-letters list": {
    summary: "Lists messages that could not be stored, oldest first.",
    positionals: [],
    options: {
      ...LETTER_OPTIONS,
      all: option(null, "also those that were replayed"),
      limit: option("N", "how many at most (default 100)"),
      json: option(null, "print them as JSON"),
    },
  },
  "dead-letters show": {
    summary: "Shows one of them with its body.",
    positionals: ["ID"],
    options: { raw: option(null, "write the body alone, byte for byte") },
  },
  "dead-letters replay": {
    summary: "Stores them after all, each once; what still fails stays, with its new reason.",
    positionals: [],
    options: { ...LETTER_OPTIONS, "dry-run": option(null, "only say what would be stored") },
  },
  "dead-letters drop": {
    summary: "Removes them for good.",
    positionals: [],
    options: {
      ...LETTER_OPTIONS,
      replayed: option(null, "only those that were replayed"),
      all: option(null, "all of them"),
    },
  },
  "config print": { summary: "Prints each setting in force and where it came from.", positionals: [], options: {} },
  doctor: { summary: "Checks platform, ports, ClickHouse, clock and the way in.", positionals: [], options: {} },
  version: { summary: "Prints the version.", positionals: [], options: {} },
  help: { summary: "Prints this, or what a command takes.", positionals: ["COMMAND..."], options: {} },
} as const satisfies Record<string, CommandDefinition>;
export type CommandName = keyof typeof COMMANDS;

/** What a user asked for; switches are "true". */
export interface ParsedCommand {
  readonly name: CommandName;
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly configFile: string | null;
  readonly settingFlags: Readonly<Record<string, string>>;
}

/** Reads argv; throws USAGE with one sentence. */
export function parseCommandLine(argv: readonly string[]): ParsedCommand {
  const { name, rest } = readCommand(argv);
  const definition: CommandDefinition = COMMANDS[name];
  const settings = Object.keys(SETTINGS);
  const options = Object.fromEntries(
    [...settings, "config", ...Object.keys(definition.options)].map((option) => {
      const isSwitch = definition.options[option]?.placeholder === null;
      return [option, { type: isSwitch ? ("boolean" as const) : ("string" as const) }];
    }),
  );
  const { tokens } = parseArgs({ args: rest, options, strict: false, allowPositionals: true, tokens: true });
  const given: Record<string, string> = {};
  const settingFlags: Record<string, string> = {};
  const positionals: string[] = [];
  let configFile: string | null = null;
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      positionals.push(token.value);
      continue;
    }
    const known = options[token.name];
    if (known === undefined) {
      if (token.name === "help" || token.name === "h")
        return { name: "help", positionals: [name], options: {}, configFile, settingFlags };
      throw usage(`${name} has no option ${token.rawName}${suggestion(token.name, Object.keys(options), "--")}.`);
    }
    if (known.type === "boolean" && token.value !== undefined) throw usage(`--${token.name} takes no value.`);
    if (
      known.type === "string" &&
      (token.value === undefined || (!token.inlineValue && token.value.startsWith("--")))
    ) {
      throw usage(`--${token.name} needs a value.`);
    }
    const value = token.value ?? "true";
    if (token.name === "config") configFile = value;
    else if (token.name in definition.options) {
      if (value === "") throw usage(`--${token.name} needs a value that is not empty.`);
      given[token.name] = value;
    } else settingFlags[token.name] = value;
  }
  const isOpen = definition.positionals.at(-1)?.endsWith("...") === true;
  const wanted = isOpen ? definition.positionals.slice(0, -1) : definition.positionals;
  const surplus = isOpen ? undefined : positionals[wanted.length];
  const missing = wanted[positionals.length];
  if (surplus !== undefined) throw usage(`${name} does not take "${surplus}".`);
  if (missing !== undefined) throw usage(`${name} needs ${missing}.`);
  return { name, positionals, options: given, configFile, settingFlags };
}

/** The help, as printed: of every command, or of those that `words` name or begin; throws USAGE where there is none. */
export function helpText(words: readonly string[] = []): string {
  const wanted = words.join(" ");
  const names = Object.keys(COMMANDS).filter(
    (name) => wanted === "" || name === wanted || name.startsWith(`${wanted} `),
  );
  if (names.length === 0) throw usage(`There is no command "${wanted}"${suggestion(wanted, Object.keys(COMMANDS))}.`);
  const lines =
    wanted === "" ? ["faultline: finds what is wrong in a service mesh, and says where and why.", "", "Commands:"] : [];
  for (const name of names.filter(isCommand)) {
    const definition: CommandDefinition = COMMANDS[name];
    lines.push(`  ${[name, ...definition.positionals].join(" ").padEnd(18)} ${definition.summary}`);
    for (const [optionName, { placeholder, description }] of Object.entries(definition.options)) {
      lines.push(`    ${`--${optionName}${placeholder === null ? "" : ` ${placeholder}`}`.padEnd(22)} ${description}`);
    }
  }
  lines.push(
    "",
    `${wanted === "" ? "Every command" : "It"} also takes --config FILE and every setting as a flag (--storage.url=URL); see \`faultline config print\``,
    "and docs/configuration.md.",
  );
  return lines.join("\n");
}

function readCommand(argv: readonly string[]): { name: CommandName; rest: readonly string[] } {
  const [first, second] = argv;
  if (first === undefined || first === "--help" || first === "-h") return { name: "help", rest: [] };
  if (first === "--version" || first === "-v") return { name: "version", rest: [] };
  if (isCommand(first)) return { name: first, rest: argv.slice(1) };
  if (second !== undefined && isCommand(`${first} ${second}`))
    return { name: `${first} ${second}` as CommandName, rest: argv.slice(2) };
  const names = Object.keys(COMMANDS);
  if (names.some((name) => name.startsWith(`${first} `)))
    throw usage(`${first} needs a word more: ${names.filter((name) => name.startsWith(first)).join(", ")}.`);
  throw usage(`There is no command "${first}"${suggestion(first, names)}.`);
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function usage(detail: string): ServiceError {
  return new ServiceError("USAGE", { detail: detail.replace(/\?\.$/, "?") });
}
