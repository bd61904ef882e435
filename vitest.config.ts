// How the tests run: every file under test/ in a process of its own, few at a time, because many of them start servers.
// In: test/**/*.test.ts(x). Out: the default reporter; bin/run.mjs test adds the closing line.
// Bounds: two files at a time; half a minute a test, three a hook (a first start of ClickHouse or a browser).
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    exclude: ["test/artifacts/**"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 180_000,
    teardownTimeout: 30_000,
  },
});
