-- Purpose: a part of the statements that read edges with histograms, over sums of minutes or hours.
-- Row: six histograms a side, each the sum of the rows whose histogram begins at that multiple of sixteen buckets (migration 0019).
-- Cost: half of what histograms from the first bucket on would cost: the first sixteens are empty nearly always.
  sumForEachIf(CallerHist, CallerHistStart = 0),
  sumForEachIf(CallerHist, CallerHistStart = 1),
  sumForEachIf(CallerHist, CallerHistStart = 2),
  sumForEachIf(CallerHist, CallerHistStart = 3),
  sumForEachIf(CallerHist, CallerHistStart = 4),
  sumForEachIf(CallerHist, CallerHistStart = 5),
  sumForEachIf(CalleeHist, CalleeHistStart = 0),
  sumForEachIf(CalleeHist, CalleeHistStart = 1),
  sumForEachIf(CalleeHist, CalleeHistStart = 2),
  sumForEachIf(CalleeHist, CalleeHistStart = 3),
  sumForEachIf(CalleeHist, CalleeHistStart = 4),
  sumForEachIf(CalleeHist, CalleeHistStart = 5)
