// Text that is too long for its place, cut so that what is left still says something true.
// In: text, how wide a text is, the room in pixels. Out: text that fits.
// Bounds: pure; names keep the end that tells them apart, figures are shown whole or not at all.

/** Width of a text in pixels. */
export type Measure = (text: string) => number;

/** The longest cut of a text that fits, by halving; '' when not one character does. */
function longest(text: string, fits: (characters: number) => boolean): number {
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Keeps the beginning: `a-long-na…`. */
export function fitStart(measure: Measure, text: string, width: number): string {
  if (measure(text) <= width) return text;
  const kept = longest(text, (count) => measure(`${text.slice(0, count)}…`) <= width);
  return kept === 0 ? "" : `${text.slice(0, kept)}…`;
}

/** Keeps both ends: `inven…-vz75n`; of two instances of a service the last characters differ. */
export function fitEnds(measure: Measure, text: string, width: number): string {
  if (measure(text) <= width) return text;
  const cut = (count: number): string => {
    const tail = Math.ceil(count / 2);
    return `${text.slice(0, count - tail)}…${text.slice(text.length - tail)}`;
  };
  const kept = longest(text, (count) => measure(cut(count)) <= width);
  return kept === 0 ? "" : cut(kept);
}

/** Leaves parts of `42/s · 31% · 412 ms` out, the first ones first: a figure that is cut would be another figure. */
export function fitFigures(measure: Measure, line: string, width: number): string {
  const parts = line.split(" · ");
  while (parts.length > 1 && measure(parts.join(" · ")) > width) parts.shift();
  const rest = parts.join(" · ");
  if (measure(rest) <= width) return rest;
  return /\d/.test(rest) ? "" : fitStart(measure, rest, width);
}
