// False discoveries: hours of a mesh in which nothing is wrong, while its latency, failures and rates wander from bucket to bucket.
// FAULTLINE_QUIET_MESH=full plays 1,000 services for six hours instead of a small mesh (minutes of CPU).
import { expect, test } from "vitest";
import { countFalseIncidents, type QuietWorld } from "./quiet-world.ts";

const isFull = process.env["FAULTLINE_QUIET_MESH"] === "full";
const WORLD: QuietWorld = {
  services: isFull ? 1000 : 60,
  buckets: isFull ? 2160 : 180,
  seed: 11,
  rates: [1, 3, 6, 16, 20, 30, 60, 120, 300],
  spread: 0.6,
  timeDrift: 0.05,
  errorDrift: 0,
  rateDrift: 0.1,
  errorRatio: 0.01,
};

test.each([
  { name: "nearly steady", wander: {} },
  { name: "failures that wander by 65 % (log-ratio drift 0.5)", wander: { errorDrift: 0.5 } },
  { name: "latency that wanders by 10 %, failures by 65 %", wander: { errorDrift: 0.5, timeDrift: 0.1, spread: 0.8 } },
  {
    name: "few failures that wander, rates that wander by 30 %",
    wander: { errorDrift: 0.5, errorRatio: 0.001, rateDrift: 0.3 },
  },
])("$name: at most one false incident an hour", { timeout: 3_600_000 }, ({ wander }) => {
  const { opened, tests, hours, byIndicator } = countFalseIncidents({ ...WORLD, ...wander });
  expect(tests).toBeGreaterThan(WORLD.services * WORLD.buckets);
  expect(opened / hours, JSON.stringify(byIndicator)).toBeLessThanOrEqual(1);
});
