// The SQL of the project lives in files: storage/queries/NAME.sql. This reads one by name and keeps it.
// In: a query name. Out: its text, without the closing semicolon (the client appends FORMAT); `{{other}}` stands for the text of
// storage/queries/other.sql, so that a rule which several statements need is written once.
// Bounds: names are [a-z0-9_]+ and come from our own code, so the cache is as large as the folder; a missing file is a
// programmer's error and throws at once.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const texts = new Map<string, string>();

/** The text of storage/queries/NAME.sql, read once per process; throws when there is no such file. */
export function queryText(name: string): string {
  const known = texts.get(name);
  if (known !== undefined) return known;
  assert.match(name, /^[a-z0-9_]+$/, `query name ${name}`);
  const text = readFileSync(new URL(`queries/${name}.sql`, import.meta.url), "utf8");
  const trimmed = text.trim().replace(/;$/, "");
  const whole = trimmed.replaceAll(/\{\{([a-z0-9_]+)\}\}/g, (_, included: string) => queryText(included));
  texts.set(name, whole);
  return whole;
}
