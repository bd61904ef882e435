// The case file of a data set: one JSON object a line.
// In: a folder and what a line must hold. Out: the lines. Bounds: the whole file at once; a line that is no case ends the run with one
//   sentence, as a case that is left out unseen would flatter or spoil the figures.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";

/** All cases of `cases.jsonl`; throws with file, line and field where one is not what `shape` says. */
export function readCaseLines<Line>(folder: string, shape: z.ZodType<Line>): Line[] {
  const file = join(folder, "cases.jsonl");
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text, index) => {
      if (text.trim() === "") return [];
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        throw new Error(`${file}, line ${index + 1}, is not JSON.`);
      }
      const line = shape.safeParse(value);
      if (line.success) return [line.data];
      const field = line.error.issues[0]?.path.join(".") ?? "";
      throw new Error(
        `${file}, line ${index + 1}, is no case of this format: look at ${field === "" ? "the line" : `"${field}"`}.`,
      );
    });
}
