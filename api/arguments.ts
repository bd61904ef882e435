// Arguments that several fields share: ids, ranges, pages.
// In: what the client sent. Out: checked values, or a refusal with a code and a sentence.
// Bounds: ids ≤ 200 characters, pages ≤ 100, ranges as the field says.
import type { TimeRange } from "../model/localization.ts";
import { type CursorPosition, decodeCursor, encodeCursor } from "./cursor.ts";
import { rangeSeconds } from "./instant.ts";
import { refuse } from "./refusal.ts";

const MAX_PAGE = 100;
const ID_FORM = /^[\x21-\x7e]{1,200}$/;

/** A page as the connections of the contract have it. */
export interface Page<Node> {
  readonly nodes: Node[];
  readonly pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

/** The id as it came; refuses one that no id of ours can look like. */
export function checkId(id: string): string {
  if (!ID_FORM.test(id)) {
    throw refuse("BAD_ID", "The id must be 1 to 200 printable ASCII characters without spaces.");
  }
  return id;
}

/** Refuses a range that is empty, swapped or longer than `maxSeconds`. */
export function checkRange(range: TimeRange, maxSeconds: number): void {
  const seconds = rangeSeconds(range);
  if (seconds <= 0) {
    throw refuse("BAD_RANGE", `The range is empty: from ${range.from} is not before to ${range.to}.`);
  }
  if (seconds > maxSeconds) {
    throw refuse("BAD_RANGE", `The range is ${Math.round(seconds)} s long; this field reads at most ${maxSeconds} s.`);
  }
}

/** Checks `first` and `after` of the list `kind`. */
export function pageArgs(
  kind: string,
  first: number,
  after: string | null | undefined,
): { first: number; after: CursorPosition | null } {
  if (first < 1 || first > MAX_PAGE) {
    throw refuse("BAD_ARGUMENT", `first is ${first}; it may be 1 to ${MAX_PAGE}.`);
  }
  if (after === null || after === undefined) return { first, after: null };
  const position = decodeCursor(kind, after);
  if (position === null) {
    throw refuse("BAD_CURSOR", `after is not a cursor of \`${kind}\`; use endCursor of the page before.`);
  }
  return { first, after: position };
}

/** Makes a page of `first` from rows read with one more than asked. */
export function page<Row>(
  kind: string,
  rows: readonly Row[],
  first: number,
  positionOf: (row: Row) => CursorPosition,
): Page<Row> {
  const nodes = rows.slice(0, first);
  const last = nodes.at(-1);
  return {
    nodes,
    pageInfo: {
      hasNextPage: rows.length > first,
      endCursor: last === undefined ? null : encodeCursor(kind, positionOf(last)),
    },
  };
}
