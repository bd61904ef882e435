// Which labels may be drawn so that none covers another.
// In: boxes on the screen, most important first. Out: which of them fit.
// Bounds: a grid of CELL pixels, so that a thousand labels cost a thousand small look-ups.

const CELL = 64;

/** A rectangle on the screen, CSS pixels. */
export interface LabelBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Takes boxes one by one and says whether each may be drawn. */
export interface LabelRoom {
  /** Reserves a box whether or not it covers another (a node is drawn in any case). */
  readonly block: (box: LabelBox) => void;
  /** Reserves a box and returns true when it covers nothing. */
  readonly take: (box: LabelBox) => boolean;
}

/** An empty room for labels. */
export function makeLabelRoom(): LabelRoom {
  const cells = new Map<number, LabelBox[]>();
  const visit = (box: LabelBox, each: (cell: number) => boolean): boolean => {
    for (let cy = Math.floor(box.y / CELL); cy <= Math.floor((box.y + box.height) / CELL); cy++) {
      for (let cx = Math.floor(box.x / CELL); cx <= Math.floor((box.x + box.width) / CELL); cx++) {
        if (!each(cy * 65_536 + cx)) return false;
      }
    }
    return true;
  };
  const block = (box: LabelBox): void => {
    visit(box, (cell) => {
      const boxes = cells.get(cell);
      if (boxes === undefined) cells.set(cell, [box]);
      else boxes.push(box);
      return true;
    });
  };
  const covers = (a: LabelBox, b: LabelBox): boolean =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
  return {
    block,
    take: (box) => {
      const isFree = visit(box, (cell) => !(cells.get(cell)?.some((other) => covers(box, other)) ?? false));
      if (isFree) block(box);
      return isFree;
    },
  };
}
