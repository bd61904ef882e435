#!/usr/bin/env node
// The command line of the built product. In: arguments. Out: dist/service/main.js run with them in this process.
// Bounds: installs and builds nothing; bin/run.mjs does that (`npm run demo`, `npm run faultline -- ...`).
import { existsSync } from "node:fs";

const entry = new URL("../dist/service/main.js", import.meta.url);
if (existsSync(entry)) {
  const { main } = await import(entry.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  console.error("Faultline is not built yet. Run `npm run build`, or `npm run faultline -- help`, which builds first.");
  process.exitCode = 2;
}
