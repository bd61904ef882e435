// Where the events of model/events.ts and the CLI's log lines go: stderr as text or JSON, and OpenTelemetry logs.
// In: the level and format. Out: the sink is set for this process.
// Bounds: nothing is buffered here; below the level nothing is formatted. stdout is never written to.
import { SeverityNumber, logs } from "@opentelemetry/api-logs";
import { destination, pino } from "pino";
import { type LogSink, setLogSink } from "../model/events.ts";

/** How severe a line is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Where lines go: `file` null is stderr; `format` auto is text on a terminal. */
export interface LoggingOptions {
  readonly level: LogLevel;
  readonly format: "auto" | "text" | "json";
  readonly file: string | null;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
const SEVERITY: Record<LogLevel, SeverityNumber> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
};

/** Sets the log sink of this process; lines are written at once, so that none is lost at an exit. */
export function startLogging(options: LoggingOptions): void {
  const isText =
    options.format === "text" || (options.format === "auto" && options.file === null && process.stderr.isTTY);
  const write = isText ? writeText : jsonWriter(options.file);
  const otel = logs.getLogger("faultline");
  setLogSink((level, event, text, fields) => {
    if (RANK[level] < RANK[options.level]) return;
    write(level, event, text, fields);
    otel.emit({
      severityNumber: SEVERITY[level],
      severityText: level.toUpperCase(),
      eventName: event,
      body: text,
      attributes: textFields(fields),
    });
  });
}

const writeText: LogSink = (level, event, text, fields) => {
  const time = new Date().toISOString().slice(11, 23);
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  process.stderr.write(`${time} ${level.padEnd(5)} ${event} ${text}${rest.join("")}\n`);
};

function jsonWriter(file: string | null): LogSink {
  const logger = pino({ level: "debug", base: null }, destination({ dest: file ?? 2, sync: true, mkdir: true }));
  return (level, event, text, fields) => logger[level]({ event, ...fields }, text);
}

function textFields(fields: Record<string, unknown>): Record<string, string | number> {
  const kept: Record<string, string | number> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value === "string" || typeof value === "number") kept[key] = value;
  }
  return kept;
}
