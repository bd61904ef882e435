// Which data sets a folder holds, told by their format, never by their names.
// In: a data folder. Out: unpacked folders with the format of each.
// Bounds: the folder itself, its entries and its archives; nothing deeper but the few levels in which PetShop keeps its metrics.
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { unpackedFolder } from "./archive.ts";

/** The formats that can be imported. */
export type DataSetFormat = "nezha" | "petshop";

/** One unpacked data set. */
export interface DataSet {
  readonly name: string;
  readonly folder: string;
  readonly format: DataSetFormat;
}

const MAX_DEPTH = 4;

const foldersIn = (folder: string) =>
  readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);

function hasMetricsAndGraph(folder: string, depth: number): boolean {
  const names = readdirSync(folder);
  if (names.includes("graph.csv")) return true;
  return depth < MAX_DEPTH && foldersIn(folder).some((below) => hasMetricsAndGraph(below, depth + 1));
}

/** The format of a folder; null where it is none that can be imported. */
export function formatOf(folder: string): DataSetFormat | null {
  if (!existsSync(join(folder, "cases.jsonl"))) return null;
  if (existsSync(join(folder, "rca_data"))) return "nezha";
  return hasMetricsAndGraph(folder, 0) ? "petshop" : null;
}

/** All data sets of a folder (or the folder itself, where it is one), by name; empty where it is absent. */
export function findDataSets(dataDir: string): DataSet[] {
  if (!existsSync(dataDir)) return [];
  const own = formatOf(dataDir);
  if (own !== null) return [{ name: basename(resolve(dataDir)), folder: dataDir, format: own }];
  const names = readdirSync(dataDir).map((name) => name.replace(/\.tar\.xz$/, ""));
  return [...new Set(names)].toSorted().flatMap((name) => {
    const folder = unpackedFolder(dataDir, name);
    const format = folder === null ? null : formatOf(folder);
    return folder === null || format === null ? [] : [{ name, folder, format }];
  });
}
