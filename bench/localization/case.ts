// One case of a localization benchmark and how it was answered; the shape that every data set's runner returns.
// In: nothing; types. Out: the line that `--cases` writes and the row that the scorer counts.
// Bounds: the first ten fields are those of every benchmark with cases (DESIGN §8); ranks are strict and 1-based, null = not named.
import type { Localization } from "../../model/localization.ts";
import type { CandidateFeatures } from "../calibration/features.ts";

/** One case; `group` is what is scored together (a data set, or one indicator of one scenario of it). */
export interface LocalizationCase {
  readonly case: string;
  /** True where the right answer is that there is no fault. */
  readonly control: boolean;
  readonly truth: string;
  readonly answer: string | null;
  /** Strict rank of the true service or node; null when it was not named. */
  readonly rank: number | null;
  readonly confidence: number | null;
  readonly faultKind: string | null;
  /** Null where the labels name no kind that ours can be compared with. */
  readonly kindRight: boolean | null;
  /** Null: asked on demand, no incident was waited for. */
  readonly secondsToIncident: number | null;
  /** 1 where a control was given a cause. */
  readonly falseIncidents: number;
  readonly group: string;
  readonly verdict: Localization["verdict"];
  readonly reason: string | null;
  readonly codeRegion: string | null;
  readonly instance: string | null;
  /** True where the labels say more than the place: a code region or a resource. */
  readonly hasInner: boolean;
  /** Strict rank of the true place together with its inner label (code region or resource); null when not named. */
  readonly innerRank: number | null;
  /** Time that the answer took. */
  readonly seconds: number;
  /** Every candidate of the answer, for calibration. */
  readonly candidates: readonly CandidateFeatures[];
}

/** A published result to stand beside ours: shares at rank 1, 3 and 5; null where it was not published. */
export interface PublishedResult {
  readonly who: string;
  readonly at: readonly [number | null, number | null, number | null];
}

/** What a data set's runner may use. */
export interface RunOptions {
  /** At most so many cases. */
  readonly maxCases: number;
  /** Gets one line a case as it is answered. */
  readonly tell: (line: string) => void;
}
