// Deduplication tokens whose rows are not there: ClickHouse notes the token of an insert before it puts the rows in place, so a kill -9
// between the two makes every retry a duplicate of nothing. Before the server starts again such notes are taken back.
// In: the folder of the stopped server. Out: how many tokens were taken back; their logs have a line more each, as the server writes it itself.
// Bounds: the last RECORDS_LOOKED_AT notes of each table, more than can have been under way at once. Plain JavaScript, as child.mjs.
// A token that is taken back in vain (its rows expired meanwhile) is only forgotten.
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const LOG_FOLDER = "deduplication_logs";
const RECORDS_LOOKED_AT = 1_000;
const [ADDED, DROPPED] = ["1", "2"];
// partition, first and last block, level, and a mutation's number where there was one.
const PART_NAME = /^(.+)_(\d+)_(\d+)_\d+(?:_\d+)?$/;

/** Takes tokens back in every table under `path`, the engine's own folder; gives their number. */
export function takeBackUnkeptTokens(/** @type {string} */ path) {
  let count = 0;
  for (const folder of tableFolders(join(path, "store"))) count += takeBack(folder);
  return count;
}

/** @type {(store: string) => string[]} */
function tableFolders(store) {
  if (!existsSync(store)) return [];
  return readdirSync(store)
    .flatMap((prefix) => readdirSync(join(store, prefix)).map((id) => join(store, prefix, id)))
    .filter((folder) => existsSync(join(folder, LOG_FOLDER)));
}

/** @type {(folder: string) => number} */
function takeBack(folder) {
  const logs = readdirSync(join(folder, LOG_FOLDER))
    .filter((name) => /^deduplication_log_\d+\.txt$/.test(name))
    .sort((one, other) => numberOf(one) - numberOf(other))
    .map((name) => join(folder, LOG_FOLDER, name));
  const newest = logs.at(-1);
  if (newest === undefined) return 0;
  const records = logs
    .slice(-2)
    .flatMap((log) => readFileSync(log, "utf8").split("\n"))
    .filter((line) => line !== "")
    .slice(-RECORDS_LOOKED_AT);
  /** @type {Map<string, string>} */
  const partOfToken = new Map();
  for (const record of records) {
    const [kind, part = "", token = ""] = record.split("\t");
    if (kind === ADDED) partOfToken.set(token, part);
    else partOfToken.delete(token);
  }
  const kept = readdirSync(folder).flatMap((name) => rangeOf(name) ?? []);
  const unkept = [...partOfToken].filter(([, part]) => {
    const wanted = rangeOf(part);
    return wanted !== null && !kept.some((range) => covers(range, wanted));
  });
  if (unkept.length > 0) {
    appendFileSync(newest, unkept.map(([token, part]) => `${DROPPED}\t${part}\t${token}\n`).join(""));
  }
  return unkept.length;
}

/** @type {(name: string) => number} */
function numberOf(name) {
  return Number(/\d+/.exec(name)?.[0]);
}

/** @typedef {{ partition: string, first: number, last: number }} Range */

/** The blocks of a part by its name; null for what is none, such as one that is being written. @type {(name: string) => Range | null} */
function rangeOf(name) {
  if (name.startsWith("tmp") || name.startsWith("delete_tmp")) return null;
  const [, partition, first, last] = PART_NAME.exec(name) ?? [];
  if (partition === undefined) return null;
  return { partition, first: Number(first), last: Number(last) };
}

/** @type {(range: Range, wanted: Range) => boolean} */
function covers(range, wanted) {
  return range.partition === wanted.partition && range.first <= wanted.first && range.last >= wanted.last;
}
