// Ranks as the published work counts them, strictly: ties are broken by the answer's order, an answer that is missing is a miss.
// In: the rank of the truth in each case. Out: shares at 1, 3 and 5 with Wilson's 95 % interval.
// Bounds: pure.

/** How many of all cases have the truth among the first k, with Wilson's interval of the share. */
export interface RecallAt {
  readonly k: number;
  readonly hits: number;
  readonly total: number;
  readonly low: number;
  readonly high: number;
}

const Z = 1.959963984540054;

/** Wilson's score interval at 95 % for `hits` of `total` (E. B. Wilson, JASA 1927). */
export function wilsonInterval(hits: number, total: number): { low: number; high: number } {
  if (total === 0) return { low: 0, high: 1 };
  const share = hits / total;
  const centre = (share + (Z * Z) / (2 * total)) / (1 + (Z * Z) / total);
  const reach = (Z / (1 + (Z * Z) / total)) * Math.sqrt((share * (1 - share)) / total + (Z * Z) / (4 * total * total));
  return { low: Math.max(0, centre - reach), high: Math.min(1, centre + reach) };
}

/** Recall at k; a rank is 1-based, null when the truth was not named. */
export function recallAt(ranks: readonly (number | null)[], k: number): RecallAt {
  const hits = ranks.filter((rank) => rank !== null && rank <= k).length;
  return { k, hits, total: ranks.length, ...wilsonInterval(hits, ranks.length) };
}

/** The 1-based place of the first match; null when there is none. */
export function rankOf<Item>(items: readonly Item[], isTruth: (item: Item) => boolean): number | null {
  const index = items.findIndex(isTruth);
  return index < 0 ? null : index + 1;
}
