// Splits the text of a migration into its statements, by ClickHouse's lexical rules.
// In: SQL text. Out: the statements in order, trimmed, without the semicolons; pieces of comments and space alone are left out.
// Semicolons inside strings, quoted identifiers, comments and heredocs ($tag$ ... $tag$) do not split.
// Bounds: one pass; an unclosed quote or comment reaches to the end, and the server will say so.

/** The statements of `text`, each ready to be sent. */
export function splitStatements(text: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let hasCode = false;
  let at = 0;
  const finish = (end: number): void => {
    if (hasCode) statements.push(text.slice(start, end).trim());
    start = end + 1;
    hasCode = false;
  };
  while (at < text.length) {
    const comment = commentEnd(text, at);
    if (comment > at) {
      at = comment;
      continue;
    }
    const char = text[at] as string;
    if (char === ";") {
      finish(at);
      at++;
      continue;
    }
    if (!/\s/.test(char)) hasCode = true;
    at = quotedEnd(text, at, char);
  }
  finish(text.length);
  return statements;
}

// The position after the comment that begins at `at`; `at` itself where none begins.
function commentEnd(text: string, at: number): number {
  const isLine = text.startsWith("--", at) || text.startsWith("# ", at) || text.startsWith("#!", at);
  if (isLine) {
    const end = text.indexOf("\n", at);
    return end < 0 ? text.length : end + 1;
  }
  if (!text.startsWith("/*", at)) return at;
  const end = text.indexOf("*/", at + 2);
  return end < 0 ? text.length : end + 2;
}

// The position after the quoted thing that begins at `at`; `at` + 1 where none begins.
function quotedEnd(text: string, at: number, char: string): number {
  if (char === "$") {
    const tag = /^\$\w*\$/.exec(text.slice(at, at + 64))?.[0];
    if (tag === undefined) return at + 1;
    const end = text.indexOf(tag, at + tag.length);
    return end < 0 ? text.length : end + tag.length;
  }
  if (char !== "'" && char !== '"' && char !== "`") return at + 1;
  for (let next = at + 1; next < text.length; next++) {
    if (text[next] === "\\") next++;
    // A doubled quote is two quoted pieces side by side, which splits the same.
    else if (text[next] === char) return next + 1;
  }
  return text.length;
}
