// The onset of a symptom to the second: a change point in the seconds around its first deviating bucket.
// In: per-second counts, the ratio that was normal. Out: the second at which the deviation began, unix seconds.
// Bounds: pure; looks at most one bucket back from the first deviating one. Method: the split that maximises the binomial
//   likelihood of "normal before, the mean of the rest after".

/** One second: how many calls, how many of them deviate (failed or slow). */
export interface Second {
  readonly second: number;
  readonly calls: number;
  readonly hits: number;
}

function logLikelihood(hits: number, calls: number, p: number): number {
  const x = Math.min(1 - 1e-6, Math.max(1e-6, p));
  return hits * Math.log(x) + (calls - hits) * Math.log(1 - x);
}

/** The most likely second of the change; `fallback` when there is nothing to see. `normal` is the usual ratio (0..1). */
export function findOnsetSecond(seconds: readonly Second[], normal: number, fallback: number): number {
  const usual = Math.max(normal, 1e-3);
  let best = fallback;
  let bestScore = -Infinity;
  for (const [i, { second }] of seconds.entries()) {
    const after = seconds.slice(i);
    const calls = after.reduce((sum, s) => sum + s.calls, 0);
    const hits = after.reduce((sum, s) => sum + s.hits, 0);
    if (calls === 0 || hits / calls <= usual) continue;
    let score = logLikelihood(hits, calls, hits / calls);
    for (const before of seconds.slice(0, i)) {
      score += logLikelihood(before.hits, before.calls, usual);
    }
    if (score > bestScore) {
      bestScore = score;
      best = second;
    }
  }
  return best;
}
