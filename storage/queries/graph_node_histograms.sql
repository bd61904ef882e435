-- Purpose: a part of the statements that read places with histograms, over sums of minutes or hours.
-- Row: six histograms, as graph_edge_histograms. Cost: that of the statement that includes it.
  sumForEachIf(Hist, HistStart = 0),
  sumForEachIf(Hist, HistStart = 1),
  sumForEachIf(Hist, HistStart = 2),
  sumForEachIf(Hist, HistStart = 3),
  sumForEachIf(Hist, HistStart = 4),
  sumForEachIf(Hist, HistStart = 5)
