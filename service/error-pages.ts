// The pages of docs/errors/, one an error code, written from the catalogue.
// In: ERROR_CATALOGUE. Out: Markdown by file name. Bounds: pure; a test compares the pages with the committed ones.
import { ERROR_CATALOGUE } from "../model/errors.ts";

const GENERATED = "<!-- Generated from model/errors.ts; UPDATE_GOLDEN=1 npm test -- test/tidy.test.ts rewrites it. -->";

/** Every page by file name: one a code, and README.md that lists them. */
export function errorPages(): ReadonlyMap<string, string> {
  const pages = new Map<string, string>();
  const rows: string[] = [];
  for (const [code, { exitCode, message, advice }] of Object.entries(ERROR_CATALOGUE)) {
    const sentence = message === "{detail}" ? "One sentence that names what is wrong." : message;
    pages.set(
      `${code}.md`,
      [
        GENERATED,
        "",
        `# ${code}`,
        "",
        `> ${sentence.replaceAll("{", "`").replaceAll("}", "`")}`,
        "",
        advice,
        "",
        `The process ends with exit code ${exitCode}.`,
        "",
      ].join("\n"),
    );
    rows.push(`| [${code}](${code}.md) | ${exitCode} | ${sentence.replaceAll("{", "`").replaceAll("}", "`")} |`);
  }
  pages.set(
    "README.md",
    [GENERATED, "", "# Errors", "", "| code | exit | sentence |", "|---|---|---|", ...rows, ""].join("\n"),
  );
  return pages;
}
