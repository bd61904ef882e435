// The rules of the house, checked: import direction, dead files, documented exports, opening comments, names, sizes, paths,
// generated pages, named dependencies.
// In: the files of the project. Out: one list a rule of what breaks it; every list must be empty.
// Bounds: reads text only. The exceptions below may shrink, never grow.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { errorPages } from "../service/error-pages.ts";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const SKIPPED = new Set(["node_modules", "dist", "artifacts", ".git", ".cache", ".faultline", "coverage"]);
const LINES_MAX = 300;
const TEST_LINES_MAX = 500;
/** Files that are longer than LINES_MAX, with the length they may not pass. */
const LONGER: Readonly<Record<string, number>> = {};
/** Exports without a sentence of their own, because the file mirrors types that are described elsewhere. */
const UNDOCUMENTED: Readonly<Record<string, number>> = {};

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : entry.isFile() ? [relative(ROOT, path)] : [];
  });
}

const PATHS = walk(ROOT);
const TEXT = new Set([
  ".ts",
  ".tsx",
  ".mjs",
  ".sql",
  ".md",
  ".json",
  ".yml",
  ".yaml",
  ".sh",
  ".css",
  ".html",
  ".graphql",
  "",
]);
const files: readonly SourceFile[] = PATHS.filter((path) => TEXT.has(extname(path))).map((path) => ({
  path,
  text: readFileSync(join(ROOT, path), "utf8"),
}));
const code = files.filter((file) => /\.(ts|tsx|mjs)$/.test(file.path) && !file.path.endsWith(".d.ts"));
const product = code.filter((file) => !file.path.startsWith("test/") && file.path !== "vitest.config.ts");

const IMPORT = /(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]+)"/g;
const NAMED = /["'`]([\w./-]+\.(?:mjs|tsx?))["'`]/g;

/** Project paths that a file imports. */
function importsOf(file: SourceFile): string[] {
  return [...file.text.matchAll(IMPORT)].map((match) => join(dirname(file.path), match[1] ?? ""));
}

/** Project paths that a file names in a text, as those do that start a process or a worker. */
function namedBy(file: SourceFile): string[] {
  return [...file.text.matchAll(NAMED)].flatMap((match) => {
    const name = (match[1] ?? "").replace(/^(\.{1,2}\/)+/, "");
    return code.map((other) => other.path).filter((path) => path === name || path.endsWith(`/${name}`));
  });
}

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  storage: ["model"],
  ingest: ["model", "storage"],
  analyzer: ["model", "storage"],
  api: ["model", "storage"],
  service: ["model", "storage", "ingest", "analyzer", "api"],
  // The console speaks only GraphQL; the Grafana dashboard is generated from names of the model.
  "dashboards/console": [],
  "dashboards/grafana": ["model"],
};

/** The part of the project that a path belongs to. */
function partOf(path: string): string {
  const [first = "", second = ""] = path.split("/");
  return first === "dashboards" ? `${first}/${second}` : first;
}

test("imports point one way: model ← storage ← ingest, analyzer, api ← service", () => {
  const wrong = product.flatMap((file) => {
    const from = partOf(file.path);
    const allowed = MAY_IMPORT[from];
    if (allowed === undefined) return [];
    return importsOf(file)
      .map(partOf)
      .filter((to) => to in MAY_IMPORT && to !== from && !allowed.includes(to))
      .map((to) => `${file.path} imports from ${to}/`);
  });
  expect(wrong).toEqual([]);
});

test("every file is reached from the program, the benchmarks, the console or a test", () => {
  const byPath = new Map(code.map((file) => [file.path, file]));
  const pages = files
    .filter((file) => file.path.endsWith(".html"))
    .flatMap((page) =>
      [...page.text.matchAll(/src="\/?([^"]+\.tsx?)"/g)].map((match) => join(dirname(page.path), match[1] ?? "")),
    );
  const manifest = files.find((file) => file.path === "package.json")?.text ?? "";
  const scripts = [...manifest.matchAll(/\bnode (\S+\.(?:ts|mjs))/g)].map((match) => match[1] ?? "");
  const entries = code
    .map((file) => file.path)
    .filter((path) =>
      /\.test\.tsx?$|\.config\.ts$|^bin\/|^bench\/main\.ts$|^dashboards\/grafana\/generate\.ts$/.test(path),
    );
  const reached = new Set<string>();
  const queue = ["service/main.ts", ...entries, ...pages, ...scripts];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) continue;
    reached.add(path);
    queue.push(...importsOf(file), ...namedBy(file));
  }
  expect(code.map((file) => file.path).filter((path) => !reached.has(path))).toEqual([]);
});

test("every query is asked for by name or is part of another", () => {
  const names = code.flatMap((file) =>
    [...file.text.matchAll(/["`]([a-z][a-z0-9_]*(?:\$\{\w+\}[a-z0-9_]*)*)["`]/g)].map((match) => match[1] ?? ""),
  );
  const sql = files.filter((file) => file.path.startsWith("storage/queries/"));
  const included = sql.flatMap((file) =>
    [...file.text.matchAll(/\{\{([a-z0-9_]+)\}\}/g)].map((match) => match[1] ?? ""),
  );
  const patterns = [...new Set([...names, ...included])].map(
    (name) => new RegExp(`^${name.replace(/\$\{\w+\}/g, "[a-z0-9_]+")}$`),
  );
  const queries = PATHS.filter((path) => /^storage\/queries\/.*\.sql$/.test(path)).map((path) =>
    path.slice("storage/queries/".length, -4),
  );
  expect(queries.filter((name) => !patterns.some((pattern) => pattern.test(name)))).toEqual([]);
});

const EXPORT = /^export (?:declare )?(?:async )?(?:abstract )?(?:const|let|function\*?|class|interface|type) (\w+)/;
/** A type that only names what the constant above it holds needs no sentence of its own. */
const DERIVED =
  /^export type \w+ = (\(typeof \w+\)\[number\]|keyof typeof \w+|\(typeof \w+\)\[keyof typeof \w+\]|z\.\w+<.*);$/;

test("every export has a doc comment", () => {
  const bare = product
    .filter((file) => /\.tsx?$/.test(file.path))
    .flatMap((file) => {
      const lines = file.text.split("\n");
      return lines.flatMap((line, index) => {
        const name = EXPORT.exec(line)?.[1];
        if (name === undefined || DERIVED.test(line)) return [];
        const above = (lines[index - 1] ?? "").trim();
        // Overloads, and constants in a row, share the comment of the first.
        const isNext = EXPORT.test(above) && (EXPORT.exec(above)?.[1] === name || above.endsWith(";"));
        return above.endsWith("*/") || isNext ? [] : [`${file.path}:${index + 1} ${name}`];
      });
    });
  const counts = new Map<string, number>();
  for (const line of bare) counts.set(line.split(":")[0] ?? "", (counts.get(line.split(":")[0] ?? "") ?? 0) + 1);
  expect(
    bare.filter((line) => (counts.get(line.split(":")[0] ?? "") ?? 0) > (UNDOCUMENTED[line.split(":")[0] ?? ""] ?? 0)),
  ).toEqual([]);
  expect(Object.keys(UNDOCUMENTED).filter((path) => (counts.get(path) ?? 0) < (UNDOCUMENTED[path] ?? 0))).toEqual([]);
});

test("every file says at its top what comes in, what goes out and what bounds it", () => {
  const wrong = code.flatMap((file) => {
    const lines = file.text.split("\n").filter((line) => !line.startsWith("#!"));
    const opening = lines.findIndex((line) => !line.startsWith("//"));
    const wanted = file.path.startsWith("test/") ? 1 : 2;
    return opening >= wanted && opening <= 16 ? [] : [`${file.path} opens with ${opening} comment lines`];
  });
  expect(wrong).toEqual([]);
});

test("queries and migrations open with a comment", () => {
  const sql = files.filter((file) => file.path.endsWith(".sql"));
  expect(sql.filter((file) => !file.text.startsWith("--")).map((file) => file.path)).toEqual([]);
});

test("no folder for odds and ends, no barrel, no default export", () => {
  const folders = PATHS.filter((path) => /(^|\/)(utils?|common|helpers?|shared|misc|lib)\//.test(path));
  const barrels = code
    .filter((file) => /(^|\/)index\.tsx?$/.test(file.path) || isBarrel(file.text))
    .map((file) => file.path);
  const defaults = code
    .filter((file) => /^export default /m.test(file.text) && !file.path.endsWith(".config.ts"))
    .map((file) => file.path);
  expect([...folders, ...barrels, ...defaults]).toEqual([]);
});

function isBarrel(text: string): boolean {
  const statements = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("//"));
  return statements.length > 0 && statements.every((line) => /^export (\*|type \{|\{)[^;]*from "/.test(line));
}

function limitOf(path: string): number {
  return path.startsWith("test/") ? TEST_LINES_MAX : LINES_MAX;
}

test(`files keep to ${LINES_MAX} lines, and the exceptions shrink`, () => {
  const isGenerated = (text: string): boolean => /^(\/\/|--|#|<!--) ?Generated/i.test(text);
  const lengths = new Map(
    code.filter((file) => !isGenerated(file.text)).map((file) => [file.path, file.text.split("\n").length - 1]),
  );
  const tooLong = [...lengths]
    .filter(([path, length]) => length > (LONGER[path] ?? limitOf(path)))
    .map(([path, length]) => `${path}: ${length}`);
  const needless = Object.keys(LONGER).filter((path) => (lengths.get(path) ?? 0) <= limitOf(path));
  expect(tooLong).toEqual([]);
  expect(needless, "these need no exception any more").toEqual([]);
});

test("nothing of the machine it was written on", () => {
  const local = new RegExp(["(^|[\\s\"'`(=])/(work|root|home/\\w+)/", "/tmp/[a-z]/", "\\bfile:///\\w"].join("|"), "m");
  const wrong = files.filter((file) => local.test(file.text)).map((file) => file.path);
  const lock = files.find((file) => file.path === "package-lock.json")?.text ?? "";
  expect(wrong).toEqual([]);
  expect(lock).not.toContain('"resolved"');
});

test("no debugging left behind and no work put off", () => {
  const left = new RegExp(
    ["TO" + "DO", "FIX" + "ME", "X" + "XX", "debugger;", "\\.only\\("].map((word) => `\\b${word}`).join("|"),
  );
  expect(
    code.filter((file) => left.test(file.text) && file.path !== "test/tidy.test.ts").map((file) => file.path),
  ).toEqual([]);
});

test("every dependency is pinned and has its sentence in docs/dependencies.md", () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<
    string,
    Record<string, string>
  >;
  const wanted = { ...manifest["dependencies"], ...manifest["optionalDependencies"], ...manifest["devDependencies"] };
  const page = files.find((file) => file.path === "docs/dependencies.md")?.text ?? "";
  const wrong = Object.entries(wanted).filter(
    ([name, version]) => !/^\d/.test(version) || !page.includes(`\`${name}\``),
  );
  expect(wrong.map(([name, version]) => `${name}@${version}`)).toEqual([]);
});

test("docs/errors/ is what the catalogue says", () => {
  const folder = join(ROOT, "docs", "errors");
  const wanted = errorPages();
  if (process.env["UPDATE_GOLDEN"] === "1") {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, page] of wanted) writeFileSync(join(folder, name), page);
  }
  const found = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, page] of wanted) expect(found.get(name)).toBe(page);
});
