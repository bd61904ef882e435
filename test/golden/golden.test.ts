// Hand-written traces and the graph that the real ClickHouse makes of them.
// In: *.golden files: a comment, then sections that are done in their order: `spans` are stored and the minutes computed anew,
// `edges` and `operations` are compared. Out: a test a file. UPDATE_GOLDEN=1 writes what was found into the files.
// Bounds: one database, one tenant a file; the n-th `spans` of all files are stored and computed together.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recomputeBuckets } from "../../storage/recompute.ts";
import type { Storage } from "../../storage/client.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { edgeLines, operationLines } from "./graph-text.ts";
import { insertSpans } from "./span-rows.ts";
import { parseTraces, T0_SECONDS } from "./trace-notation.ts";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const update = process.env["UPDATE_GOLDEN"] === "1";
const MARGIN_SECONDS = 60;

interface Section {
  readonly kind: string;
  readonly lines: readonly string[];
}

interface GoldenCase {
  readonly file: string;
  readonly tenant: string;
  readonly text: string;
  readonly opening: string;
  /** Each round starts with a section of spans. */
  readonly rounds: readonly (readonly Section[])[];
}

function readCase(file: string): GoldenCase {
  const text = readFileSync(`${FOLDER}${file}`, "utf8");
  const [opening = "", ...parts] = text.split(/^--- /m);
  const rounds: Section[][] = [];
  for (const part of parts) {
    const [kind = "", ...lines] = part.trimEnd().split("\n");
    if (kind === "spans") rounds.push([]);
    rounds.at(-1)?.push({ kind, lines });
  }
  return { file, tenant: file.replace(".golden", ""), text, opening, rounds };
}

const sectionText = ({ kind, lines }: Section) => `--- ${kind}\n${lines.map((line) => `${line}\n`).join("")}`;

async function findLines(storage: Storage, tenant: string, section: Section): Promise<Section> {
  const { kind } = section;
  if (kind === "edges") return { kind, lines: await edgeLines(storage, tenant) };
  if (kind === "operations") return { kind, lines: await operationLines(storage, tenant) };
  if (kind === "spans") return section;
  throw new Error(`${tenant}: unknown section "${kind}"`);
}

const cases = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".golden"))
  .map(readCase);

describe("golden graphs", () => {
  let db: TestStorage;
  const found = new Map(cases.map((golden) => [golden.file, golden.opening]));

  beforeAll(async () => {
    db = await startTestStorage();
    for (let round = 0; round < Math.max(...cases.map((golden) => golden.rounds.length)); round++) {
      const inRound = cases.filter((golden) => golden.rounds[round] !== undefined);
      const spans = inRound.flatMap((golden) =>
        parseTraces(golden.rounds[round]![0]!.lines, golden.tenant, String(round)),
      );
      await insertSpans(db.storage, spans);
      await recomputeBuckets(db.storage, T0_SECONDS - MARGIN_SECONDS, T0_SECONDS + MARGIN_SECONDS);
      for (const { file, tenant, rounds } of inRound) {
        const sections = await Promise.all(rounds[round]!.map((section) => findLines(db.storage, tenant, section)));
        found.set(file, found.get(file)! + sections.map(sectionText).join(""));
      }
    }
  });
  afterAll(() => db.stop());

  test("there are cases", () => expect(cases.length).toBeGreaterThan(10));

  test.each(cases)("$tenant", ({ file, text }) => {
    if (update) writeFileSync(`${FOLDER}${file}`, found.get(file)!);
    else expect(found.get(file)).toBe(text);
  });
});
