// `faultline config print`: each setting in force and where it came from.
// In: the configuration. Out: YAML on stdout that can be read back, secrets as ***.
// Bounds: reads nothing but the configuration.
import { printConfig } from "../config.ts";
import type { Command } from "../main.ts";

/** Prints the configuration. */
export const configPrint: Command = ({ config, print }) => {
  print(printConfig(config));
  return Promise.resolve(0);
};
