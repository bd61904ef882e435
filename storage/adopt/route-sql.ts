// Route templates as SQL: `/cart/u54?x=1` → `/cart/{id}`, by the rules of model/route-template.ts.
// In: a column with a URL or a path. Out: expressions for its path and its template; '/' for an empty path.
// Segments are judged as LowCardinality, so that a block pays for each distinct one. Bounds: at most 8 segments and 120 bytes, then `/*`.
// Written by hand, for the original works on bytes; a test compares both on many texts.
import { FILE_ENDINGS, NAMES_WITH_DIGITS } from "../../model/route-template.ts";
import { fits, literals, rewritten } from "./sql-text.ts";

const MAX_SEGMENTS = 8;
const MAX_BYTES = 120;

/** The path of a URL or path: behind `scheme://host`, up to the query or fragment. */
export function pathOf(source: string): string {
  const hostless = `if(startsWith(${source}, '/') OR position(${source}, '://') NOT BETWEEN 1 AND 12, ${source}, replaceRegexpOne(substring(${source}, position(${source}, '://') + 3), '^[^/?#;]*', ''))`;
  return `extract(${hostless}, '^[^?#;]*')`;
}

/** True for a column with a plain path, without anything that looks like an identifier: it is its own template. */
export function isPlain(path: string): string {
  return fits(path, /^(\/[a-z_.-]{1,24}){1,4}$/);
}

/** The segments of the column `path` where it is not plain; one more than a template may have. */
export const SEGMENTS = `if(path = '' OR ${isPlain("path")}, [], arraySlice(arrayFilter(s -> s != '', splitByChar('/', path)), 1, ${MAX_SEGMENTS + 1}))`;

/** What of each segment may be an identifier: without the ending of a file or a custom verb. */
export const STEMS = `arrayMap(s -> ${rewritten("toLowCardinality(s)", [[`^(.+)(?::[A-Za-z]+|\\.(?i:${[...FILE_ENDINGS].join("|")}))$`, "\\1"]])}, segments)`;

/** Each segment as it stands in the template. */
export const PIECES = `arrayMap((s, stem) -> if(${isIdentifier("stem")}, concat('{id}', substring(s, length(stem) + 1)), s), segments, stems)`;

/** The template: piece by piece until one passes the limits; that and the rest are one star. */
export const TEMPLATE = `multiIf(empty(pieces), if(path = '', '/', path), length(pieces) <= ${MAX_SEGMENTS} AND length(arrayStringConcat(pieces, '/')) < ${MAX_BYTES}, concat('/', arrayStringConcat(pieces, '/')), concat(arrayStringConcat(arrayMap((piece, end, n) -> if(end <= ${MAX_BYTES} AND n <= ${MAX_SEGMENTS}, concat('/', piece), ''), pieces, arrayCumSum(piece -> length(piece) + 1, pieces), arrayEnumerate(pieces))), '/*'))`;

function isIdentifier(s: string): string {
  const digits = `length(${s}) - length(replaceRegexpAll(${s}, '[0-9]', ''))`;
  const isHex = `length(${s}) >= 8 AND NOT ${fits(s, /[G-Zg-z]/)} AND length(replaceRegexpAll(${s}, '[0-9A-Za-z]', '')) <= 4`;
  const turns = `replaceRegexpOne(${s}, '^[0-9]+', '')`;
  const cases = [
    `${fits(s, /[@%]/)}, true`,
    `NOT ${fits(s, /[0-9]/)}, ${fits(s, /^[B-DF-HJ-NP-TV-XZ]{8,}$/)} OR length(${s}) > 48 OR (length(${s}) > 24 AND NOT isValidASCII(${s}))`,
    `${fits(s, /^\{.*\}$/)}, false`,
    `NOT ${fits(s, /[A-Za-z]/)}, NOT ${fits(s, /^[0-9]\.[0-9]$/)}`,
    `length(${s}) >= 24 OR (${isHex}), true`,
    `length(${s}) <= 10 AND ${fits(s, /^v[0-9]{1,3}(\.[0-9]+)*((alpha|beta|rc)[0-9]*)?$/i)}, false`,
    `length(${s}) <= 8 AND lower(${s}) IN ${literals(NAMES_WITH_DIGITS)}, false`,
    `${fits(s, /^[A-Z0-9]{8,}$/)}, true`,
    `length(${s}) >= 8 AND ${fits(s, /[A-Z]/)} AND ${fits(s, /[a-z]/)} AND ${fits(turns, /[0-9][A-Za-z].*[0-9][A-Za-z]/)}, true`,
  ];
  return `multiIf(${cases.join(", ")}, (${digits}) * 3 >= length(${s}) OR (NOT ${fits(s, /^[A-Za-z]{13}/)} AND ${fits(s, /[-_][0-9]+$/)}))`;
}
