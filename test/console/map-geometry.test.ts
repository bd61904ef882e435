// Zoom, pan, arrow keys and labels of the map, as plain geometry.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeLabelRoom } from "../../dashboards/console/map/labels.ts";
import { fitBox, nextPlace, panBy, showPoint, surround, zoomAt } from "../../dashboards/console/map/viewport.ts";

const ROOM = { width: 900, height: 600 };
const finite = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });

describe("the viewport", () => {
  it("shows the whole box, in the middle, above the foot", () => {
    const boxes = fc.record({
      x: finite(-5e3, 5e3),
      y: finite(-5e3, 5e3),
      width: finite(1, 5e3),
      height: finite(1, 5e3),
    });
    fc.assert(
      fc.property(boxes, (box) => {
        const view = fitBox(box, ROOM, 30, 34);
        const left = box.x * view.zoom + view.x;
        const bottom = (box.y + box.height) * view.zoom + view.y;
        expect(left).toBeGreaterThanOrEqual(30 - 1e-6);
        expect(bottom).toBeLessThanOrEqual(ROOM.height - 34 - 30 + 1e-6);
        expect(left + (box.width * view.zoom) / 2).toBeCloseTo(ROOM.width / 2, 6);
      }),
    );
  });

  it("zooms around the pointer", () => {
    fc.assert(
      fc.property(finite(0.1, 2), finite(0.3, 3), finite(0, 900), finite(0, 600), (zoom, factor, x, y) => {
        const view = { zoom, x: 40, y: -70 };
        const next = zoomAt(view, factor, x, y);
        expect((x - next.x) / next.zoom).toBeCloseTo((x - view.x) / view.zoom, 6);
        expect((y - next.y) / next.zoom).toBeCloseTo((y - view.y) / view.zoom, 6);
      }),
    );
  });

  it("stays within its zoom limits", () => {
    let view = { zoom: 1, x: 0, y: 0 };
    for (let i = 0; i < 100; i++) view = zoomAt(view, 1.5, 0, 0);
    expect(view.zoom).toBe(2);
    for (let i = 0; i < 100; i++) view = zoomAt(view, 0.5, 0, 0);
    expect(view.zoom).toBeGreaterThan(0);
  });

  it("moves only as far as a point needs to be seen", () => {
    const view = { zoom: 1, x: 0, y: 0 };
    expect(showPoint(view, 450, 300, ROOM, 90)).toEqual(view);
    expect(showPoint(view, 1000, 300, ROOM, 90)).toEqual(panBy(view, -190, 0));
  });

  it("surrounds boxes", () => {
    expect(surround([])).toBeNull();
    expect(
      surround([
        { x: 0, y: 0, width: 10, height: 10 },
        { x: 30, y: -5, width: 10, height: 10 },
      ]),
    ).toEqual({ x: 0, y: -5, width: 40, height: 15 });
  });
});

describe("arrow keys", () => {
  const places = [
    { id: "here", x: 0, y: 0 },
    { id: "right", x: 200, y: 20 },
    { id: "far right", x: 500, y: 0 },
    { id: "below", x: 30, y: 90 },
    { id: "above", x: 0, y: -400 },
  ];
  it.each([
    ["right", "right"],
    ["down", "below"],
    ["up", "above"],
    ["left", null],
  ] as const)("%s goes to %s", (key, wanted) => {
    expect(nextPlace(places, places[0]!, key)).toBe(wanted);
  });
});

describe("labels", () => {
  it("never cover each other, and the important come first", () => {
    const boxes = fc.array(
      fc.record({ x: finite(-300, 900), y: finite(-300, 900), width: finite(1, 140), height: finite(1, 40) }),
      { minLength: 1, maxLength: 120 },
    );
    fc.assert(
      fc.property(boxes, (wanted) => {
        const room = makeLabelRoom();
        const taken = wanted.filter((box) => room.take(box));
        expect(taken[0]).toBe(wanted[0]);
        taken.forEach((a, i) => {
          for (const b of taken.slice(i + 1)) {
            const isApart =
              a.x >= b.x + b.width || b.x >= a.x + a.width || a.y >= b.y + b.height || b.y >= a.y + a.height;
            expect(isApart).toBe(true);
          }
        });
        // Whoever was left out would have covered somebody.
        for (const box of wanted.filter((one) => !taken.includes(one))) {
          const isFree = taken.every(
            (b) =>
              box.x >= b.x + b.width ||
              b.x >= box.x + box.width ||
              box.y >= b.y + b.height ||
              b.y >= box.y + box.height,
          );
          expect(isFree).toBe(false);
        }
      }),
    );
  });
});
