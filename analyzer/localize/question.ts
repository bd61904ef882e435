// What a localization is asked: the windows to compare, where it shows, which indicator.
// In: nothing; a type. Out: the value that detection and the on-demand door hand to localize.ts.
// Bounds: neither window is empty.
import type { Indicator } from "../../model/localization.ts";
import type { Windows } from "../../storage/buckets.ts";
import type { MetricScene } from "./metric-scene.ts";
import type { MetricSymptom } from "./service-metrics.ts";

/** What to localize; `symptoms` are node keys, `onset` unix seconds or null when unknown. */
export interface Question {
  readonly id: string;
  readonly tenant: string;
  readonly windows: Windows;
  readonly symptoms: ReadonlySet<string>;
  readonly indicator: Indicator;
  readonly onset: number | null;
  readonly maxCauses: number;
  /** What metrics tell, where the symptom is of a service that nothing else tells of. */
  readonly metrics?: { readonly scene: MetricScene; readonly symptom: MetricSymptom };
}

/** The onset if it is known, else the start of the fault's window; unix seconds. */
export function onsetOf(question: Question): number {
  return question.onset ?? Math.min(...question.windows.fault);
}
