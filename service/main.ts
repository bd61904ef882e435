// The command line of Faultline: reads the words, loads the configuration, runs one command.
// In: argv. Out: an exit code; results on stdout, everything else on stderr.
// Bounds: the only place that turns an error into a sentence and an exit code. Commands are loaded when they are asked for, so
// that `help` and a usage error cost no database driver.
import { setMaxListeners } from "node:events";
import { ServiceError, reasonOf } from "../model/errors.ts";
import { type CommandName, type ParsedCommand, helpText, parseCommandLine } from "./command-line.ts";
import { type Config, loadConfig } from "./config.ts";

/** What a command gets: its words, the configuration, and a signal that aborts at Ctrl-C or SIGTERM. */
export interface CommandContext {
  readonly parsed: ParsedCommand;
  readonly config: Config;
  readonly now: () => number;
  readonly abort: AbortController;
  /** One line to stdout: a result. */
  readonly print: (line: string) => void;
  /** One line to stderr: progress or advice. */
  readonly tell: (line: string) => void;
}

/** Runs to its end and gives the exit code; throws ServiceError. */
export type Command = (context: CommandContext) => Promise<number>;

// Requests on their way, and those that wait to be tried again, listen for the end at once.
const ABORT_LISTENERS = 64;

const COMMAND_FILES: Record<Exclude<CommandName, "help">, () => Promise<Command>> = {
  serve: async () => (await import("./commands/serve.ts")).serve,
  demo: async () => (await import("./commands/demo.ts")).demo,
  replay: async () => (await import("./commands/replay.ts")).replay,
  cut: async () => (await import("./commands/cut.ts")).cut,
  localize: async () => (await import("./commands/localize.ts")).localize,
  "explain incident": async () => (await import("./commands/explain-incident.ts")).explainIncident,
  "explain identity": async () => (await import("./commands/explain.ts")).explainIdentityCommand,
  migrate: async () => (await import("./commands/migrate.ts")).migrateTables,
  "token create": async () => (await import("./commands/token.ts")).tokenCreate,
  "token list": async () => (await import("./commands/token.ts")).tokenList,
  "token revoke": async () => (await import("./commands/token.ts")).tokenRevoke,
  "adopt status": async () => (await import("./commands/adopt.ts")).adoptStatus,
  "adopt remove": async () => (await import("./commands/adopt.ts")).adoptRemove,
  "dead-letters list": async () => (await import("./commands/dead-letters.ts")).deadLettersList,
  "dead-letters show": async () => (await import("./commands/dead-letters.ts")).deadLettersShow,
  "dead-letters replay": async () => (await import("./commands/dead-letters.ts")).deadLettersReplay,
  "dead-letters drop": async () => (await import("./commands/dead-letters.ts")).deadLettersDrop,
  "config print": async () => (await import("./commands/config-print.ts")).configPrint,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
  version: async () => (await import("./commands/version.ts")).version,
};

/** Runs the command that `argv` (without node and script) names; never throws. */
export async function main(argv: readonly string[]): Promise<number> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const abort = new AbortController();
  setMaxListeners(ABORT_LISTENERS, abort.signal);
  const signals = listenForSignals(abort);
  try {
    const parsed = parseCommandLine(argv);
    if (parsed.name === "help") {
      print(helpText(parsed.positionals));
      return 0;
    }
    const config = loadConfig({ file: parsed.configFile, environment: process.env, flags: parsed.settingFlags });
    const command = await COMMAND_FILES[parsed.name]();
    return await command({ parsed, config, now: Date.now, abort, print, tell });
  } catch (error) {
    if (abort.signal.aborted) return signals.exitCode();
    return explain(error, tell);
  } finally {
    signals.dispose();
  }
}

/** Tells an error in one sentence and what to do about it; gives the exit code. */
function explain(error: unknown, tell: (line: string) => void): number {
  if (error instanceof ServiceError) {
    tell(`${error.code}: ${error.message}`);
    tell(error.advice);
    return error.exitCode;
  }
  // A mistake in Faultline itself: the stack is what a report needs.
  tell(
    `An unexpected error, please report it: ${error instanceof Error ? (error.stack ?? reasonOf(error)) : reasonOf(error)}`,
  );
  return 1;
}

/** The first SIGINT or SIGTERM aborts; the second ends the process at once. */
function listenForSignals(abort: AbortController): { exitCode: () => number; dispose: () => void } {
  let code = 0;
  function onSignal(signal: NodeJS.Signals): void {
    if (code !== 0) process.exit(code);
    code = signal === "SIGINT" ? 130 : 143;
    abort.abort(new Error(`stopped by ${signal}`));
  }
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    exitCode: () => code,
    dispose: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
