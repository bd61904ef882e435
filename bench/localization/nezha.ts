// Nezha's data sets: their telemetry minute by minute, and their cases.
// In: an unpacked folder in the original layout, of one or several days. Out: OTLP requests by minute; windows of the cases, with
//   labels for the scorer alone.
// Reads rca_data, construct_data and cases.jsonl only: no label file of the original is opened.
// Bounds: one minute's files in memory at a time; metric files are small and read whole, no more than an hour around the minutes is kept.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { z } from "zod";
import { BUCKET_SECONDS } from "../../storage/buckets.ts";
import { readCaseLines } from "./case-lines.ts";
import { logsToOtlp, type NezhaLog } from "./nezha-logs.ts";
import { metricsToOtlp, type NezhaMetricRow, sampledAt } from "./nezha-metrics.ts";
import { type NezhaSpan, spansToOtlp } from "./nezha-spans.ts";

/** Where the telemetry of one minute is; `start` and `end` in unix seconds. A reference may hold more than a minute. */
export interface NezhaMinute {
  readonly base: string;
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Recorded as a reference, with no fault at work. */
  readonly isReference: boolean;
}

/** What the labels say; for the scorer. */
export interface NezhaTruth {
  readonly service: string;
  readonly pod: string;
  /** cpu, network, code ... */
  readonly kind: string;
  /** Two log lines that the code went between, or the column of a resource. */
  readonly inner: string;
}

/** One case: the minute to explain (unix seconds) and when its fault was injected, and what only the scorer may look at. */
export interface NezhaCase {
  readonly id: string;
  readonly minute: number;
  readonly injectedAt: number;
  readonly truth: NezhaTruth;
}

const CASE_LINE = z.object({
  id: z.coerce.string(),
  inject_time: z.string(),
  eval_minute: z.string(),
  root_cause: z.object({
    service: z.string(),
    pod: z.string().default(""),
    kind: z.string().default(""),
    inner: z.string().default(""),
  }),
});

/** Length of what one file holds. */
export const MINUTE_SECONDS = 60;
const METRIC_HISTORY_SECONDS = 3600;
// A pod is sampled up to some seconds after the minute that the sample tells of.
const METRIC_LATE_SECONDS = 30;

function readCsv<Row>(file: string): Row[] {
  if (!existsSync(file)) return [];
  const rows: unknown = parse(readFileSync(file), {
    columns: true,
    skip_empty_lines: true,
    relax_quotes: true,
    relax_column_count: true,
  });
  return rows as Row[];
}

const namesIn = (folder: string, ending: string) =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(ending)) : [];

/** The days of the folder, earliest first. */
export function nezhaDays(folder: string): string[] {
  return readdirSync(join(folder, "rca_data"))
    .filter((name) => /^\d{4}-\d{2}-\d{2}$/.test(name))
    .toSorted();
}

// A file is collected when the metrics are sampled, once a minute, and holds the minute before that: HH_MM_trace.csv of a collector that
// samples at second 19 ends at HH:MM:20, to the nearest bucket. Pods are sampled one after the other, so all of them are asked; their seconds are
// taken relative to one of them, for some lie before a full minute and some after it. Without metrics the files are taken to begin with their minute.
function endsAtSecond(folder: string, day: string): number {
  const base = join(folder, "rca_data", day, "metric");
  const times = namesIn(base, "_metric.csv").flatMap((file) =>
    readCsv<NezhaMetricRow>(join(base, file)).map((row) => sampledAt(row)),
  );
  const first = times[0];
  if (first === undefined) return MINUTE_SECONDS;
  const modulo = (seconds: number) => ((seconds % MINUTE_SECONDS) + MINUTE_SECONDS) % MINUTE_SECONDS;
  const half = MINUTE_SECONDS / 2;
  const offsets = times.map((at) => modulo(at - first + half) - half).toSorted((a, b) => a - b);
  return Math.round(modulo(first + offsets[Math.floor(offsets.length / 2)]!) / BUCKET_SECONDS) * BUCKET_SECONDS;
}

const atMinute = (day: string, name: string) => Date.parse(`${day}T${name.slice(0, 5).replace("_", ":")}:00Z`) / 1000;

// What a reference holds is not told by its name: from the first span's begin to the last one's, in steps of ten seconds.
function extentOf(base: string, name: string): { start: number; end: number } | null {
  const starts = readCsv<NezhaSpan>(join(base, "trace", `${name}_trace.csv`)).map((span) =>
    Number(BigInt(span.StartTimeUnixNano) / 1_000_000_000n),
  );
  if (starts.length === 0) return null;
  const [first, last] = starts.reduce(([a, b], at) => [Math.min(a, at), Math.max(b, at)], [starts[0]!, starts[0]!]);
  return { start: Math.floor(first / 10) * 10, end: Math.floor(last / 10) * 10 + 10 };
}

/** All minutes of all days, earliest first, references before others of the same time. */
export function nezhaMinutes(folder: string): NezhaMinute[] {
  const minutes = nezhaDays(folder).flatMap((day) => {
    const shift = endsAtSecond(folder, day) - MINUTE_SECONDS;
    return ["construct_data", "rca_data"].flatMap((part) => {
      const base = join(folder, part, day);
      const files = [...namesIn(join(base, "trace"), "_trace.csv"), ...namesIn(join(base, "log"), "_log.csv")];
      return [...new Set(files.map((file) => file.slice(0, 5)))].map((name) => {
        const start = atMinute(day, name) + shift;
        const isReference = part === "construct_data";
        const extent = { start, end: start + MINUTE_SECONDS };
        return { base, name, isReference, ...extent, ...(isReference ? extentOf(base, name) : null) };
      });
    });
  });
  const once = new Map(minutes.toReversed().map((minute) => [minute.start, minute]));
  return [...once.values()].toSorted((a, b) => a.start - b.start);
}

/** The telemetry of one minute as OTLP/JSON requests; a signal without rows is left out. */
export function readMinute(minute: NezhaMinute): { traces?: object; logs?: object } {
  const spans = readCsv<NezhaSpan>(join(minute.base, "trace", `${minute.name}_trace.csv`));
  const logs = readCsv<NezhaLog>(join(minute.base, "log", `${minute.name}_log.csv`));
  return {
    ...(spans.length === 0 ? {} : { traces: spansToOtlp(spans) }),
    ...(logs.length === 0 ? {} : { logs: logsToOtlp(logs) }),
  };
}

/** True when the minute has spans. */
export function hasSpans(minute: NezhaMinute): boolean {
  return existsSync(join(minute.base, "trace", `${minute.name}_trace.csv`));
}

/** The pod metrics from an hour before `from` until `to`, one OTLP request a pod. */
export function nezhaMetrics(folder: string, from: number, to: number): object[] {
  return nezhaDays(folder).flatMap((day) => {
    const base = join(folder, "rca_data", day, "metric");
    return namesIn(base, "_metric.csv").flatMap((name) => {
      const rows = readCsv<NezhaMetricRow>(join(base, name)).filter((row) => {
        const at = sampledAt(row);
        return at >= from - METRIC_HISTORY_SECONDS && at < to + METRIC_LATE_SECONDS;
      });
      return rows.length === 0 ? [] : [metricsToOtlp(rows)];
    });
  });
}

/** The cases of the folder, in the order of their times; the minute to explain is the one that upstream evaluates. */
export function nezhaCases(folder: string): NezhaCase[] {
  const shifts = new Map(nezhaDays(folder).map((day) => [day, endsAtSecond(folder, day) - MINUTE_SECONDS]));
  return readCaseLines(folder, CASE_LINE)
    .map(({ id, inject_time, eval_minute, root_cause }) => {
      const day = inject_time.slice(0, 10);
      return {
        id,
        minute: atMinute(day, eval_minute) + (shifts.get(day) ?? 0),
        // The label's own timestamp is of another time zone on some days; the text is UTC.
        injectedAt: Date.parse(`${inject_time.replace(" ", "T")}Z`) / 1000,
        truth: root_cause,
      };
    })
    .toSorted((a, b) => a.minute - b.minute);
}

// How long a fault is at work, with what it leaves behind.
const FAULT_SECONDS = 240;
const DAY_SECONDS = 86_400;

/**
 * The minute to compare a case with: the nearest reference of the day where it has spans; else the nearest minute in which no fault was at
 * work, one before the case if there is any. From the cases it takes the times of trouble, which whoever asks would know, and nothing else.
 */
export function referenceMinute(
  minutes: readonly NezhaMinute[],
  cases: readonly Pick<NezhaCase, "injectedAt">[],
  at: number,
): NezhaMinute | null {
  const nearest = (some: readonly NezhaMinute[]) =>
    some.toSorted((a, b) => Math.abs(a.start - at) - Math.abs(b.start - at))[0];
  const sameDay = minutes.filter((minute) => hasSpans(minute) && Math.abs(minute.start - at) < DAY_SECONDS);
  const quiet = sameDay.filter(({ start, end }) =>
    cases.every(({ injectedAt }) => end <= injectedAt || start >= injectedAt + FAULT_SECONDS),
  );
  return (
    nearest(sameDay.filter((minute) => minute.isReference)) ??
    nearest(quiet.filter(({ start }) => start < at)) ??
    nearest(quiet) ??
    null
  );
}
