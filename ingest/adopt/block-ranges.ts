// Which blocks of the adopted table were taken: ranges of numbers by partition.
// In: ranges, in any order. Out: whether a part is all taken, or holds anything that was begun.
// Bounds: neighbouring ranges are joined, so that what is kept is about one range a partition and gap.
import type { BlockRange } from "../../storage/adopt.ts";

/** A set of blocks. */
export class BlockRanges {
  private readonly partitions = new Map<string, { first: number; last: number }[]>();

  add({ partition, first, last }: BlockRange): void {
    const kept: { first: number; last: number }[] = [];
    const joined = { first, last };
    for (const range of this.partitions.get(partition) ?? []) {
      if (range.last + 1 < joined.first || range.first > joined.last + 1) kept.push(range);
      else {
        joined.first = Math.min(joined.first, range.first);
        joined.last = Math.max(joined.last, range.last);
      }
    }
    kept.push(joined);
    this.partitions.set(partition, kept);
  }

  /** True when every block of the range is in the set. */
  covers({ partition, first, last }: BlockRange): boolean {
    return (this.partitions.get(partition) ?? []).some((range) => range.first <= first && last <= range.last);
  }

  /** True when some block of the range is in the set. */
  touches({ partition, first, last }: BlockRange): boolean {
    return (this.partitions.get(partition) ?? []).some((range) => range.first <= last && first <= range.last);
  }
}
