// The known name that a mistyped one most likely meant.
// In: a word and the names there are. Out: the nearest by edit distance, or null when none is near.
// Bounds: quadratic in word length; for names of commands and settings, not for text.

/** The nearest of `names` within a third of the word's length (at least 2 edits, 1 in words of 3 letters), case ignored; null when there is none. */
export function nearestName(word: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(word.length <= 3 ? 1 : 2, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** `; did you mean X?` or nothing: the end of a sentence about an unknown name. */
export function suggestion(word: string, names: readonly string[], prefix = ""): string {
  const nearest = nearestName(word, names);
  return nearest === null ? "" : `; did you mean ${prefix}${nearest}?`;
}

// Levenshtein, two rows.
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
