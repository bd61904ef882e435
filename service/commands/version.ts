// `faultline version`: the version of this build and of the Node that runs it.
// In: package.json beside the build. Out: one line.
// Bounds: works from the sources and from dist alike.
import { readFileSync } from "node:fs";
import type { Command } from "../main.ts";

/** Prints the version. */
export const version: Command = ({ print }) => {
  print(`faultline ${readVersion()} (node ${process.versions.node}, ${process.platform}-${process.arch})`);
  return Promise.resolve(0);
};

function readVersion(): string {
  for (const path of ["../../package.json", "../../../package.json"]) {
    try {
      const content = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as {
        name?: string;
        version?: string;
      };
      if (content.name === "faultline" && content.version !== undefined) return content.version;
    } catch {
      // The other place.
    }
  }
  return "unknown";
}
