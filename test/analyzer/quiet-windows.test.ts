// Windows in which nothing is wrong, asked about on demand: the answer must be that there is no fault.
// In: four made meshes of different size and traffic, eight quiet minutes each, analysed by the real cycle.
// Out: the share of windows that were given a cause; a fault in one of them must be found all the same, or silence proves nothing.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CycleContext, runCycle } from "../../analyzer/cycle.ts";
import { localizeOnDemand } from "../../analyzer/on-demand.ts";
import { ANALYZER_DEFAULTS } from "../../analyzer/options.ts";
import { ASK_ANYWHERE, type Localization } from "../../model/localization.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { insertSpans } from "../golden/span-rows.ts";
import { parseScenario } from "../scenarios/language.ts";
import { generateTraffic } from "../scenarios/traffic.ts";

const START = Date.UTC(2026, 0, 5, 10) / 1000;
const SECONDS = 480;
const FIRST = 180;
const WINDOWS = [20, 30, 60, 90, 120];
const STEP = 10;
const TIMEOUT_MS = 900_000;

const MESHES = {
  chain: "service a takes 4ms calls b\nservice b takes 12ms calls c\nservice c takes 30ms\nusers call a 9/s",
  fan: "service web takes 4ms calls cart, ads + stock\nservice cart takes 8ms\nservice ads takes 25ms\nservice stock takes 9ms\nusers call web 6/s",
  sparse: "service desk takes 20ms calls mail\nservice mail takes 80ms\nusers call desk 2/s",
  failing:
    "service shop takes 6ms calls tax\nservice tax takes 15ms\nusers call shop 10/s\ninject 0s to 1000s: service tax fails 2%",
};
const FAULTY =
  "service front takes 4ms calls back\nservice back takes 12ms\nusers call front 9/s\ninject 300s to 480s: service back slower by 200ms";

let db: TestStorage;
beforeAll(async () => {
  db = await startTestStorage();
  const now = () => (START + SECONDS) * 1000;
  for (const [name, text] of Object.entries({ ...MESHES, faulty: FAULTY })) {
    const spans = generateTraffic(parseScenario(name, `${text}\nexpect no incident`), START, SECONDS).map(
      (one) => one.span,
    );
    for (let i = 0; i < spans.length; i += 20_000) await insertSpans(db.storage, spans.slice(i, i + 20_000));
  }
  const context: CycleContext = { storage: db.storage, options: ANALYZER_DEFAULTS, memories: new Map(), now };
  await runCycle(context, true);
}, TIMEOUT_MS);
afterAll(() => db.stop());

const iso = (seconds: number) => new Date((START + seconds) * 1000).toISOString();

function ask(tenant: string, from: number, to: number): Promise<Localization> {
  const range = { from: iso(from), to: iso(to) };
  return localizeOnDemand(db.storage, { tenant, range, ...ASK_ANYWHERE, maxCauses: 5 }, Date.now());
}

test(
  "of a hundred quiet windows at most one in twenty is given a cause, and nearly all are said to be quiet",
  async () => {
    const answers: Localization[] = [];
    for (const tenant of Object.keys(MESHES)) {
      for (let i = 0; i < 26; i++) {
        const length = WINDOWS[i % WINDOWS.length]!;
        const from = FIRST + ((i * STEP) % (SECONDS - FIRST - 120));
        answers.push(await ask(tenant, from, from + length));
      }
    }
    const count = (verdict: string) => answers.filter((one) => one.verdict === verdict).length;
    const wrong = answers.flatMap((one) => one.causes.slice(0, 1).map((cause) => cause.summary));
    expect(answers.length).toBeGreaterThanOrEqual(100);
    expect(count("FOUND"), wrong.join("\n")).toBeLessThanOrEqual(0.05 * answers.length);
    expect(count("NO_FAULT")).toBeGreaterThanOrEqual(0.9 * answers.length);
  },
  TIMEOUT_MS,
);

test(
  "the same question finds the fault where there is one",
  async () => {
    const answer = await ask("faulty", 300, 360);
    expect(answer.verdict).toBe("FOUND");
    expect(answer.causes[0]!.entity.service).toBe("back");
    expect(answer.causes[0]!.confidence).toBeGreaterThan(0.7);
  },
  TIMEOUT_MS,
);

test("a window before all telemetry is no answer, and says why", async () => {
  const answer = await ask("chain", -3600, -3500);
  expect(answer.verdict).toBe("INCONCLUSIVE");
  expect(answer.reason).toContain("baseline");
});
