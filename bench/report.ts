// What every benchmark reports: figures with unit, bound and verdict, as a table and as JSON.
// In: figures. Out: lines for people, a document for machines.
// Bounds: pure; a figure without a bound is neither right nor wrong.
import { cpus, totalmem } from "node:os";

/** One measured figure; `bound` is what it must keep ("<= 30", ">= 9"), null when it is only told. */
export interface Figure {
  readonly value: number | null;
  readonly unit: string;
  readonly bound: string | null;
  readonly ok: boolean | null;
  readonly note: string;
}

/** A benchmark's result document. */
export interface BenchReport {
  readonly name: string;
  readonly commit: string;
  readonly machine: string;
  readonly scenario: string;
  readonly figures: Readonly<Record<string, Figure>>;
}

/** Makes a figure and checks it against its bound. */
export function figure(value: number | null, unit: string, bound: string | null = null, note = ""): Figure {
  if (bound === null) return { value, unit, bound, ok: null, note };
  const [sign, limit] = bound.split(" ");
  const ok = value !== null && (sign === "<=" ? value <= Number(limit) : value >= Number(limit));
  return { value, unit, bound, ok, note };
}

/** The machine in one phrase. */
export function describeMachine(): string {
  return `${cpus().length} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}`;
}

/** The table for people. */
export function formatReport(report: BenchReport): string {
  const rows = Object.entries(report.figures).map(([name, f]) => [
    name,
    f.value === null ? "-" : String(Math.round(f.value * 1000) / 1000),
    f.unit,
    f.bound ?? "",
    f.ok === null ? "" : f.ok ? "ok" : "MISSED",
    f.note,
  ]);
  const all = [["figure", "value", "unit", "bound", "", "note"], ...rows];
  const widths = all[0]!.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  const lines = all.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
  return [`${report.name}: ${report.scenario} (${report.machine})`, ...lines].join("\n");
}
