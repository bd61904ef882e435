// The splitter of migrations: a table of what must not split, and the law that joined statements split back.
import fc from "fast-check";
import { expect, test } from "vitest";
import { splitStatements } from "../../storage/sql-statements.ts";

test.each([
  ["nothing", "", []],
  ["space and comments alone", " \n-- a; b\n/* c; d */ ;\n# e; f\n", []],
  ["one without a semicolon", "SELECT 1", ["SELECT 1"]],
  ["two", "SELECT 1; SELECT 2;\n", ["SELECT 1", "SELECT 2"]],
  ["empty ones", ";;SELECT 1;;", ["SELECT 1"]],
  ["semicolon in a string", "SELECT 'a;b'; SELECT 2", ["SELECT 'a;b'", "SELECT 2"]],
  ["doubled quote", "SELECT 'it''s;'; SELECT 2", ["SELECT 'it''s;'", "SELECT 2"]],
  ["escaped quote", String.raw`SELECT 'it\';s'; SELECT 2`, [String.raw`SELECT 'it\';s'`, "SELECT 2"]],
  ["escaped backslash", String.raw`SELECT '\\'; SELECT 2`, [String.raw`SELECT '\\'`, "SELECT 2"]],
  ["identifiers", 'SELECT `a;b`, "c;d"; SELECT 2', ['SELECT `a;b`, "c;d"', "SELECT 2"]],
  ["line comment with a quote", "SELECT 1 -- don't; stop\n, 2; SELECT 3", ["SELECT 1 -- don't; stop\n, 2", "SELECT 3"]],
  ["block comment with a quote", "SELECT /* don't; */ 1; SELECT 2", ["SELECT /* don't; */ 1", "SELECT 2"]],
  ["comment sign in a string", "SELECT '--'; SELECT '/*'; SELECT 3", ["SELECT '--'", "SELECT '/*'", "SELECT 3"]],
  ["heredoc", "SELECT $x$ a;'b $y$ $x$; SELECT 2", ["SELECT $x$ a;'b $y$ $x$", "SELECT 2"]],
  ["minus and division", "SELECT 4 - -1 / 2; SELECT 2", ["SELECT 4 - -1 / 2", "SELECT 2"]],
  ["unclosed string", "SELECT 'a; SELECT 2", ["SELECT 'a; SELECT 2"]],
])("%s", (_name, text, expected) => {
  expect(splitStatements(text)).toEqual(expected);
});

test("statements joined with any comments between them split back into themselves", () => {
  const piece = fc.oneof(
    fc.constantFrom("SELECT", "x", "1", "(", ")", " ", "\n", "-", "/", "*/"),
    fc.string({ unit: fc.constantFrom("a", ";", "-", "/", "*", "`", '"', " ") }).map((text) => `'${text}'`),
    fc.string({ unit: fc.constantFrom("a", ";", "'", "*") }).map((text) => `\`${text}\``),
  );
  const statement = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => `S ${pieces.join(" ")} E`);
  const between = fc.constantFrom(";", ";\n-- it's; one\n", "; /* two; ' */", ";;\n");
  fc.assert(
    fc.property(fc.array(fc.tuple(statement, between), { maxLength: 6 }), (parts) => {
      const found = splitStatements(parts.flat().join(""));
      // A comment before a statement belongs to it.
      const bare = found.map((text) => text.replace(/^(-- it's; one\n|\/\* two; ' \*\/|\s)+/, ""));
      expect(bare).toEqual(parts.map(([text]) => text));
    }),
  );
});
