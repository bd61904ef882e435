// Steps come out widest first, then shortest, then in the order in which they were met, whatever the order of their arrival.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type QueuedStep, StepQueue } from "../../../analyzer/localize/step-queue.ts";

const step = fc.record({ width: fc.integer({ min: 0, max: 5 }), hops: fc.integer({ min: 0, max: 3 }) });

test("any steps come out in order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const made = steps.map((one, met): QueuedStep => ({ ...one, key: String(met), met }));
      const queue = new StepQueue();
      for (const one of made) queue.push(one);
      const out = made.map(() => queue.pop());
      expect(out).toEqual(made.toSorted((a, b) => b.width - a.width || a.hops - b.hops || a.met - b.met));
      expect(queue.pop()).toBeUndefined();
    }),
  );
});
