// The demo as a newcomer meets it: one command, two named causes, and the console that shows them.
// In: the bundled recording, replayed by the built program. Out: what it prints, and a picture at test/artifacts/demo.png.
// Bounds: needs dist/ (npm test builds it); one demo process, ended by Ctrl-C; truth is read by this test only.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenConsole, openConsole, SKIP_BROWSER } from "./browser/chromium.ts";

const LIMIT_MS = 240_000;

let demo: ChildProcess;
let printed = "";
let told = "";
let page: OpenConsole | undefined;

beforeAll(async () => {
  if (!existsSync("dist/service/main.js")) throw new Error("dist/ is missing: run npm run build");
  demo = spawn(process.execPath, ["bin/faultline.mjs", "demo", "--no-open"], { stdio: ["ignore", "pipe", "pipe"] });
  demo.stdout?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  demo.stderr?.on("data", (chunk: Buffer) => (told += chunk.toString()));
  const ended = once(demo, "exit");
  while (!told.includes("Serving until Ctrl-C")) {
    const isOver = await Promise.race([
      ended.then(() => true),
      new Promise<false>((resolve) => setTimeout(() => resolve(false), 200)),
    ]);
    if (isOver) throw new Error(`the demo ended early: ${told}`);
  }
}, LIMIT_MS);

afterAll(async () => {
  await page?.close();
  if (demo.exitCode === null) demo.kill("SIGKILL");
});

function addressOf(word: string): string {
  const address = printed.match(new RegExp(`${word}\\s+(http://\\S+)`))?.[1];
  if (address === undefined) throw new Error(`no address of ${word} in: ${printed}`);
  return address;
}

interface Shown {
  readonly title: string;
  readonly localization: {
    readonly verdict: string;
    readonly causes: readonly {
      readonly faultKind: string;
      readonly confidence: number;
      readonly entity: {
        readonly kind: string;
        readonly service: string;
        readonly version: string | null;
        readonly instance: string | null;
      };
      readonly change: { readonly summary: string } | null;
      readonly evidence: readonly { readonly source: string; readonly traceIds: readonly string[] }[];
    }[];
  };
}

async function readIncidents(): Promise<Shown[]> {
  const query = `{ incidents(first: 10) { nodes { title localization { verdict causes { faultKind confidence
    entity { kind service version instance } change { summary } evidence { source traceIds } } } } } }`;
  const response = await fetch(addressOf("GraphQL"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const body = (await response.json()) as { data: { incidents: { nodes: Shown[] } } };
  return body.data.incidents.nodes;
}

describe("npm run demo", () => {
  test("names both injected causes at rank 1, the bad release with its change", async () => {
    const incidents = await readIncidents();
    expect(incidents).toHaveLength(2);
    const [errors, latency] = incidents.map((incident) => incident.localization.causes[0]);
    expect(latency?.entity).toMatchObject({ kind: "VERSION", service: "pricing", version: "v2" });
    expect(["LATENCY", "BAD_RELEASE"]).toContain(latency?.faultKind);
    expect(latency?.change?.summary).toContain("pricing-v2");
    expect(latency?.evidence.map((e) => e.source)).toEqual(
      expect.arrayContaining(["exclusive-time", "cohort-version"]),
    );
    expect(errors?.entity).toMatchObject({ kind: "INSTANCE", instance: "inventory-wbhrmjpjz-vz75n" });
    expect(errors?.faultKind).toBe("CODE_ERROR");
    expect(errors?.evidence[0]?.traceIds.length).toBeGreaterThan(0);
    for (const cause of [errors, latency]) expect(cause?.confidence).toBeGreaterThan(0.8);
  });

  test("prints each incident in a sentence with evidence and a link", () => {
    expect(printed).toMatch(/pricing v2/);
    expect(printed).toMatch(/inventory-wbhrmjpjz-vz75n/);
    expect(printed.match(/\/incidents\/[0-9a-f]{16}/g)).toHaveLength(2);
    expect(printed.match(/^ {2}- /gm)?.length).toBeGreaterThanOrEqual(4);
  });

  test.skipIf(SKIP_BROWSER)("needs Chromium: the console shows the incident and the whole mesh", async () => {
    const link = printed.match(/http:\S+\/incidents\/[0-9a-f]{16}/)?.[0] ?? "";
    page = await openConsole(link);
    await page.page.getByText("pricing v2").first().waitFor();
    await page.page.getByText(/^\d+ places · \d+ calls$/).waitFor();
    await page.screenshot("demo");
    const text = await page.page.locator("body").innerText();
    for (const word of ["own time", "confidence"]) expect(text).toContain(word);
    // The map is a picture; its table has the words.
    await page.page.getByText("Table", { exact: true }).click();
    for (const service of ["gateway", "frontend", "checkout", "inventory"]) {
      await page.page.getByRole("table").getByText(service, { exact: true }).first().waitFor();
    }
    expect(page.errors).toEqual([]);
  });

  test("ends cleanly on Ctrl-C", async () => {
    const ended = once(demo, "exit");
    demo.kill("SIGINT");
    await ended;
    expect(demo.exitCode).toBe(0);
  });
});
