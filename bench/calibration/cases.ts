// Case lines as `--cases` of other benchmarks writes them, read for calibration.
// In: JSONL text. Out: answers (confidence, right or not) and the candidates of each case.
// Bounds: pure; a line that is no case is counted, not guessed at; cases without an answer take no part in calibration.
import type { CandidateFeatures } from "./features.ts";

/** One case as far as calibration needs it; `confidence` null where nothing was answered. */
export interface CaseLine {
  readonly case: string;
  readonly group: string;
  readonly control: boolean;
  readonly rank: number | null;
  readonly confidence: number | null;
  readonly candidates: readonly CandidateFeatures[];
}

/** The cases of a text, and how many lines were none. */
export interface ReadCases {
  readonly cases: readonly CaseLine[];
  readonly unreadable: number;
}

const isNumberOrNull = (value: unknown): value is number | null => value === null || typeof value === "number";

function readLine(line: string): CaseLine | null {
  let raw: Record<string, unknown>;
  try {
    raw = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
  const { case: id, group, control, rank, confidence, candidates } = raw;
  if (typeof id !== "string" || typeof control !== "boolean") return null;
  if (!isNumberOrNull(rank) || !isNumberOrNull(confidence)) return null;
  return {
    case: id,
    group: typeof group === "string" ? group : "all",
    control,
    rank,
    confidence,
    candidates: Array.isArray(candidates) ? (candidates as CandidateFeatures[]) : [],
  };
}

/** Reads JSONL; empty lines are skipped. */
export function readCases(text: string): ReadCases {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const cases = lines.map(readLine);
  return { cases: cases.filter((one) => one !== null), unreadable: cases.filter((one) => one === null).length };
}

/** An answer that was given: its confidence and whether its first cause was the true place. */
export interface Answered {
  readonly confidence: number;
  readonly right: boolean;
  readonly group: string;
}

/** The answers that name a cause; on a control every such answer is wrong. */
export function answersOf(cases: readonly CaseLine[]): Answered[] {
  return cases.flatMap(({ confidence, rank, control, group }) =>
    confidence === null ? [] : [{ confidence, right: !control && rank === 1, group }],
  );
}
