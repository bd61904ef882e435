// Quiet windows of a recording, asked about on demand: whoever names a cause there is wrong.
// In: the cases of a recording, the question's door. Out: how many windows were asked about, and how many were given which verdict.
// Bounds: windows between the recovery from one fault and the start of the next, and all of a control's time; one after the other.
import { ASK_ANYWHERE, type Localize } from "../../model/localization.ts";
import { BUCKET_SECONDS } from "../../storage/buckets.ts";
import type { TruthCase } from "./score.ts";

/** What was said of quiet windows. */
export interface QuietAnswers {
  readonly windows: number;
  readonly found: number;
  readonly noFault: number;
  /** Confidence of each answer that named a cause, and what it said. */
  readonly confidences: readonly number[];
  readonly summaries: readonly string[];
}

const LENGTH_SECONDS = 20;
const STEP_SECONDS = BUCKET_SECONDS;
// A fault is felt a little longer than it lasts, and what it left behind is cleared up: 12 s of recovery.
const AFTER_SECONDS = 14;
const BEFORE_SECONDS = 2;
// What a first question is compared with.
const LEARNING_SECONDS = 40;

/** Half-open quiet windows of a recording, unix seconds. */
export function quietWindows(cases: readonly TruthCase[]): { from: number; to: number }[] {
  const faults = cases.filter((one) => !one.control).toSorted((a, b) => a.faultStart - b.faultStart);
  const windows = [];
  for (let i = 1; i < faults.length; i++) {
    // A question is rounded out to whole buckets: a window that begins within one would hold the end of the fault before it.
    const from = Math.ceil((faults[i - 1]!.faultEnd + AFTER_SECONDS) / BUCKET_SECONDS) * BUCKET_SECONDS;
    const to = faults[i]!.faultStart - BEFORE_SECONDS;
    for (let at = from; at + LENGTH_SECONDS <= to; at += STEP_SECONDS)
      windows.push({ from: at, to: at + LENGTH_SECONDS });
  }
  const first = Math.min(...faults.map((one) => one.faultStart - LEARNING_SECONDS));
  return windows.filter((window) => window.from - first >= LEARNING_SECONDS);
}

const iso = (unixSeconds: number) => new Date(unixSeconds * 1000).toISOString();

/** Asks about each window. */
export async function askQuietWindows(
  localize: Localize,
  tenant: string,
  cases: readonly TruthCase[],
): Promise<QuietAnswers> {
  const windows = quietWindows(cases);
  const confidences: number[] = [];
  const summaries: string[] = [];
  let noFault = 0;
  for (const { from, to } of windows) {
    const answer = await localize({ tenant, range: { from: iso(from), to: iso(to) }, ...ASK_ANYWHERE, maxCauses: 3 });
    if (answer.verdict === "NO_FAULT") noFault++;
    const [best] = answer.causes;
    if (best === undefined) continue;
    confidences.push(best.confidence);
    summaries.push(best.summary);
  }
  return { windows: windows.length, found: confidences.length, noFault, confidences, summaries };
}
