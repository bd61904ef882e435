// The built console in a real Chromium, against a stand-in for the API.
// In: the mock's scenes. Out: what a person sees and can do; pictures in test/artifacts.
// Bounds: skipped by name where there is no Chromium, but never under CI=true; no assertion on wall-clock speed but a generous
// bound on the time of a frame.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildConsole } from "./built-console.ts";
import { type ConsoleOptions, launchChromium, openConsole, type OpenConsole, SKIP_BROWSER } from "./chromium.ts";
import { INCIDENT_IDS } from "./mock/incidents.ts";
import { type MockApi, type Scene, startMockApi } from "./mock/server.ts";

const AXE = fileURLToPath(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url));
const MOBILE = { width: 390, height: 844 } as const;
let api: MockApi;
let browser: Browser;
let open: OpenConsole | null = null;

async function see(scene: Scene, path: string, options: ConsoleOptions = {}): Promise<OpenConsole> {
  api.show(scene);
  open = await openConsole(`${api.url}${path}`, { browser, ...options });
  return open;
}
const sentence = (page: Page): Promise<string> => page.getByTestId("sentence").innerText();
const mapReady = async (page: Page): Promise<void> => {
  await page.locator("[data-testid=map][data-ready=true]").waitFor();
};
const query = (page: Page): URLSearchParams => new URL(page.url()).searchParams;

describe.skipIf(SKIP_BROWSER)("the console (needs Chromium)", () => {
  beforeAll(async () => {
    api = await startMockApi(await buildConsole(), "incident", Date.now());
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await api.stop();
  });
  afterEach(async () => {
    const errors = open?.errors ?? [];
    await open?.close();
    open = null;
    if (errors.length > 0) throw new Error(`The page reported: ${errors.join("; ")}`);
  });

  describe("during an incident", () => {
    it("says in one sentence what, since when, where and how sure, with the evidence ranked", async () => {
      const { page, screenshot } = await see("incident", "/");
      await mapReady(page);
      expect(await sentence(page)).toMatch(
        /^Since \d\d:\d\d:\d\d gateway is slow \(182 ms → 688 ms\): most likely a bad release of pricing v2, confidence 87%; up to 31% of the requests to gateway affected\.$/,
      );
      const weights = await page.getByTestId("evidence").locator("li > span").allInnerTexts();
      expect(weights.map((text) => text.trim())).toEqual(["+4.6", "+3.1", "+2.4", "+1.3"]);
      const panel = await page.locator("#panel").innerText();
      expect(panel).toContain("Speaks against it");
      expect(panel).toContain("Deployment pricing-v2 rolled out");
      expect(panel).toContain("42 s before the start");
      expect(await page.getByTestId("rejected").innerText()).toContain("pricing v1 calls it as often as v2");
      expect(await page.getByTestId("impact").innerText()).toContain("up to 42% of requests");
      expect(await page.getByTestId("blame-path").getByRole("button").allInnerTexts()).toEqual([
        "gateway",
        "frontend",
        "catalog",
        "pricing v2",
      ]);
      expect(Number(await page.getByTestId("map").getAttribute("data-moving"))).toBe(3);
      await screenshot("console-incident-light");
    });

    it("tells the story in order, and what callers met where it shows", async () => {
      const { page } = await see("incident", "/");
      await page.getByTestId("timeline").waitFor();
      const lines = await page.getByTestId("timeline").locator("li > span").allInnerTexts();
      expect(lines).toEqual([
        "Change Deployment pricing-v2 rolled out",
        "Start pricing v2",
        "Spread catalog, gateway",
        "Detected gateway latency 182 ms → 688 ms",
      ]);
      expect(await page.getByTestId("users").innerText()).toMatch(
        /^GET \/product\/\{id\}\s+about 63 of 373 requests hit$/,
      );
      await page.getByTestId("similar").getByRole("button").click();
      await expect.poll(() => new URL(page.url()).pathname).toBe(`/incidents/${INCIDENT_IDS.resolved}`);
    });

    it("opens an example trace where its evidence stands, and marks where it failed", async () => {
      const { page } = await see("incident", "/");
      const evidence = page.getByTestId("evidence");
      expect(await evidence.locator("small").first().innerText()).toBe("versions compared");
      await evidence.getByText("3 example traces").click();
      expect(api.requests).not.toContain("Trace");
      await evidence.getByRole("button", { name: "Show trace 4bf92f3577b34da6a3ce929d0e0e4736" }).click();
      await page.getByTestId("trace").waitFor();
      const calls = await page.getByTestId("trace").locator("li").allInnerTexts();
      expect(calls.map((text) => text.replaceAll(/\s+/g, " "))).toEqual([
        "gateway GET /gateway 688 ms",
        "catalog GET /catalog 600 ms failed",
        "pricing GET /pricing 560 ms the failure began here: no stock",
      ]);
    });

    it("explains of a place why it is, or is not, an incident, when it is asked", async () => {
      const { page } = await see("incident", "/");
      await mapReady(page);
      await page.getByTestId("impact").getByRole("button", { name: "cart" }).click();
      await page.getByRole("button", { name: /^Explain \d\d:\d\d:\d\d$/ }).click();
      const text = await page.getByTestId("check").innerText();
      expect(text).toContain("No incident: no indicator of cart deviates enough.");
      expect(text).toContain("cart, errors: normal");
    });

    it("has a link for each incident, which survives a reload", async () => {
      const { page } = await see("incident", `/incidents/${INCIDENT_IDS.resolved}?level=version`);
      await mapReady(page);
      const before = await sentence(page);
      expect(before).toMatch(/checkout began to fail .*most likely crashes of inventory, confidence 94%/);
      await page.reload();
      await mapReady(page);
      expect(await sentence(page)).toBe(before);
      expect(await page.getByLabel("Level").inputValue()).toBe("VERSION");
      // The map of a resolved incident is that of its own time.
      const range = api.ranges.at(-1)!;
      expect(Date.parse(range.to)).toBeLessThan(Date.now() - 3_600_000);
    });

    it("hears of a change at once, without waiting for the next poll", async () => {
      const { page } = await see("incident", "/");
      await page.getByTestId("sentence").waitFor();
      await expect.poll(() => api.subscribers()).toBeGreaterThan(0);
      api.show("quiet");
      api.push();
      const started = Date.now();
      await page.getByTestId("quiet").waitFor({ timeout: 4000 });
      expect(Date.now() - started).toBeLessThan(4000);
      expect(await page.getByTestId("open-count").innerText()).toBe("No open incident");
    });

    it("shows another cause with its own evidence, and says so in the URL", async () => {
      const { page } = await see("incident", "/");
      await mapReady(page);
      await page.getByRole("button", { name: /catalog → pricing/ }).click();
      await expect.poll(() => query(page).get("cause")).toBe("2");
      expect(await sentence(page)).toContain("network trouble at catalog → pricing");
      expect(await page.getByTestId("evidence").innerText()).toContain("Caller minus callee latency");
    });

    it("copies a link that leads back to what is on the screen", async () => {
      const { page, context } = await see("incident", "/?last=5&level=version");
      await mapReady(page);
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.keyboard.press("y");
      await page.getByText("Copied").waitFor();
      const link = new URL(await page.evaluate<string>("navigator.clipboard.readText()"));
      expect(link.pathname).toBe(`/incidents/${INCIDENT_IDS.open}`);
      expect(link.searchParams.get("level")).toBe("version");
      const length = Date.parse(link.searchParams.get("to")!) - Date.parse(link.searchParams.get("from")!);
      expect(length).toBe(300_000);
      await page.goto(link.href);
      await mapReady(page);
      expect(await sentence(page)).toContain("pricing v2");
      expect(await page.getByTestId("connection").innerText()).toBe("Fixed period");
    });

    it("says honestly when no cause was found", async () => {
      const { page } = await see("incident", `/incidents/${INCIDENT_IDS.unexplained}`);
      await page.getByTestId("sentence").waitFor();
      expect(await sentence(page)).toContain("no cause was found: only 14 requests failed");
    });

    it("says when an incident is not there", async () => {
      const { page } = await see("incident", "/incidents/withdrawn");
      await page.getByText("There is no incident of this id any more").waitFor();
      expect(await page.getByTestId("sentence").count()).toBe(0);
    });
  });

  describe("by keyboard alone", () => {
    it("finds, opens, changes level, toggles, and goes back step by step", async () => {
      const { page } = await see("incident", "/");
      await mapReady(page);
      await page.keyboard.press("/");
      await page.keyboard.type("redi");
      await page.keyboard.press("Enter");
      await page.getByTestId("place").waitFor();
      expect(await page.getByTestId("place").innerText()).toMatch(/redis[\s\S]*94\/s[\s\S]*1\.9 ms[\s\S]*cart/);
      await page.keyboard.press("Escape");
      await page.getByTestId("evidence").waitFor();
      await page.keyboard.press("g");
      await expect.poll(() => query(page).get("level")).toBe("version");
      await page.keyboard.press("b");
      await expect.poll(() => query(page).get("blame")).toBe("off");
      expect(await page.getByTestId("map").getAttribute("data-moving")).toBe("0");
      await page.keyboard.press("?");
      await page.getByRole("dialog").getByText("Colour and shape tell the status").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await page.keyboard.press("Escape");
      await page.getByTestId("incident-list").waitFor();
      expect(new URL(page.url()).pathname).toBe("/incidents");
      await page.keyboard.press("j");
      await page.keyboard.press("j");
      await page.keyboard.press("j");
      await page.keyboard.press("k");
      await page.keyboard.press("Enter");
      await expect.poll(() => new URL(page.url()).pathname).toBe(`/incidents/${INCIDENT_IDS.unexplained}`);
      await page.keyboard.press("[");
      await expect.poll(() => query(page).get("from")).not.toBeNull();
    });

    it("walks the map by arrow keys and opens a place", async () => {
      const { page } = await see("incident", "/");
      await mapReady(page);
      await page.getByTestId("map").focus();
      await page.keyboard.press("ArrowDown");
      expect(await page.getByTestId("map").locator("[aria-live=polite]").textContent()).toMatch(
        /^pricing, Failing, 164\/s/,
      );
      await page.keyboard.press("ArrowUp");
      await page.keyboard.press("Enter");
      await page.getByTestId("place").waitFor();
      expect(await page.getByTestId("place").locator("h2").innerText()).toBe("catalog");
    });

    it("leaves typing alone", async () => {
      const { page } = await see("incident", "/");
      await mapReady(page);
      await page.keyboard.press("/");
      await page.keyboard.type("bgt?");
      expect(query(page).get("find")).toBe("bgt?");
      expect(query(page).get("level")).toBeNull();
      expect(query(page).get("blame")).toBeNull();
    });
  });

  describe("the table behind the map", () => {
    it("lists every place and call, sorts by its headings, and is walked by keyboard", async () => {
      const { page, screenshot } = await see("incident", "/?view=table");
      const names = page.getByTestId("table").locator("tbody th button");
      await names.first().waitFor();
      expect((await names.allInnerTexts()).slice(0, 3)).toEqual(["pricing", "frontend", "catalog"]);
      expect(await names.count()).toBe(15);
      await page.getByRole("button", { name: "p99" }).click();
      expect((await names.allInnerTexts())[0]).toBe("gateway");
      expect(await page.getByRole("columnheader", { name: /p99/ }).getAttribute("aria-sort")).toBe("descending");
      expect(query(page).get("sort")).toBe("p99");
      await screenshot("console-table");
      await page.keyboard.press("Escape");
      await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      await page.getByTestId("place").waitFor();
      await page.getByText("Calls 18").click();
      await expect.poll(() => names.count()).toBe(18);
    });
  });

  describe("on the map", () => {
    it("opens a place by a click, with its figures and calls", async () => {
      const { page, screenshot } = await see("incident", "/?node=service:eu-1/shop/pricing");
      await mapReady(page);
      const place = await page.getByTestId("place").innerText();
      expect(place).toMatch(/pricing[\s\S]*Failing[\s\S]*164\/s[\s\S]*12%[\s\S]*618 ms/);
      await screenshot("console-place");
      await page
        .getByRole("button", { name: /^catalog|catalog$/ })
        .last()
        .click();
      await expect.poll(() => query(page).get("node")).toBe("service:eu-1/shop/catalog");
      await page.keyboard.press("Escape");
      const box = (await page.getByTestId("map").boundingBox())!;
      // The first card of the map is found by trying, as a person would: down the middle line.
      for (let y = 20; y < box.height && query(page).get("node") === null; y += 12) {
        await page.mouse.click(box.x + box.width * 0.32, box.y + y);
      }
      expect(query(page).get("node")).not.toBeNull();
    });

    it("keeps everything in its place when new figures come", async () => {
      const { page } = await see("incident", "/?last=15&blame=off", { reducedMotion: "reduce" });
      await mapReady(page);
      await page.waitForTimeout(300);
      const first = await page.getByTestId("map").screenshot();
      const asked = api.ranges.length;
      await expect.poll(() => api.ranges.length, { timeout: 9000 }).toBeGreaterThan(asked);
      await page.waitForTimeout(300);
      expect(Buffer.compare(first, await page.getByTestId("map").screenshot())).toBe(0);
    });

    it("moves nothing for who prefers reduced motion, and nothing without a reason", async () => {
      const count = `new Promise((done) => {
        const paint = CanvasRenderingContext2D.prototype.clearRect;
        let frames = 0;
        CanvasRenderingContext2D.prototype.clearRect = function (...box) { frames++; return paint.apply(this, box); };
        setTimeout(() => { CanvasRenderingContext2D.prototype.clearRect = paint; done(frames); }, 1500);
      })`;
      const moving = await see("incident", "/");
      await mapReady(moving.page);
      expect(await moving.page.evaluate<number>(count)).toBeGreaterThan(8);
      await moving.close();
      const still = await see("incident", "/", { reducedMotion: "reduce" });
      await mapReady(still.page);
      await still.page.waitForTimeout(500);
      expect(await still.page.evaluate<number>(count)).toBeLessThan(6);
      await still.close();
      const quiet = await see("quiet", "/");
      await mapReady(quiet.page);
      await quiet.page.waitForTimeout(500);
      expect(await quiet.page.evaluate<number>(count)).toBeLessThan(6);
    });
  });

  describe("with a thousand services and two thousand calls", () => {
    it("groups them, and paints all of them in reasonable time on demand", async () => {
      const { page, screenshot } = await see("large", "/");
      await mapReady(page);
      await page.getByText("Grouped by namespace").waitFor();
      await screenshot("console-large-grouped");
      await page.getByRole("button", { name: "Show all places" }).click();
      await expect.poll(() => query(page).get("open")).toBe("all");
      await page.getByRole("button", { name: "Group", exact: true }).waitFor();
      await page.waitForTimeout(1500);
      const box = (await page.getByTestId("map").boundingBox())!;
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      await page.evaluate("performance.clearMeasures()");
      await page.mouse.move(x, y);
      await page.mouse.down();
      for (let i = 1; i <= 30; i++) await page.mouse.move(x + i * 6, y + i * 3);
      await page.mouse.up();
      for (let i = 0; i < 12; i++) await page.mouse.wheel(0, -120);
      await page.waitForTimeout(300);
      const frames = await page.evaluate<number[]>(
        `performance.getEntriesByName("faultline.paint").map((entry) => entry.duration)`,
      );
      const sorted = frames.toSorted((a, b) => a - b);
      const median = sorted[Math.floor(sorted.length / 2)]!;
      console.log(`1,000 places, 2,000 calls: ${frames.length} frames, median ${median.toFixed(1)} ms a paint`);
      expect(frames.length).toBeGreaterThan(10);
      expect(median).toBeLessThan(60);
      await screenshot("console-large-all");
    });

    it("finds one of them", async () => {
      const { page } = await see("large", "/");
      await mapReady(page);
      await page.keyboard.press("/");
      await page.keyboard.type("svc-712");
      await page.keyboard.press("Enter");
      await page.getByTestId("place").waitFor();
      expect(await page.getByTestId("place").locator("h2").innerText()).toContain("svc-712");
    });
  });

  describe("when something is missing", () => {
    it("names the missing signal and what to do: spans", async () => {
      const { page, screenshot } = await see("empty", "/");
      await page.getByText("Missing signal: spans").waitFor();
      await page.getByText("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318").waitFor();
      await screenshot("console-no-telemetry");
      await page.getByRole("button", { name: "Show that time" }).click();
      await expect.poll(() => query(page).get("from")).not.toBeNull();
    });

    it("says that telemetry has stopped, not that services name no callers", async () => {
      const { page } = await see("silent", "/");
      await page.getByTestId("empty").waitFor();
      expect(await page.getByTestId("empty").innerText()).toContain("No telemetry in this period");
      expect(await page.getByTestId("connection").innerText()).toBe("No telemetry for 40 min");
    });

    it("names the missing signal and what to do: context", async () => {
      const { page, screenshot } = await see("unlinked", "/");
      await page.getByText("Missing signal: trace context").waitFor();
      await mapReady(page);
      expect(await page.getByTestId("empty").innerText()).toContain("OTEL_PROPAGATORS=tracecontext,baggage");
      await screenshot("console-no-calls");
    });

    it("tells that the server is away, keeps what it knows, and comes back by itself", async () => {
      const { page, errors } = await see("incident", "/?last=15");
      await mapReady(page);
      api.show("down");
      await page.getByText("Not reachable, trying again").waitFor({ timeout: 15_000 });
      expect(await sentence(page)).toContain("pricing v2");
      api.show("incident");
      await page.getByTestId("connection").getByText("Live").waitFor({ timeout: 20_000 });
      // The browser itself reports each 503; nothing else may be there.
      expect(errors.filter((error) => !error.includes("503"))).toEqual([]);
      errors.length = 0;
    }, 60_000);
  });

  describe("for everybody", () => {
    it("speaks Chinese when asked or when the browser does, and remembers the choice", async () => {
      const { page, screenshot } = await see("incident", "/", { locale: "zh-CN" });
      await mapReady(page);
      expect(await sentence(page)).toMatch(/^自 .*最可能是 pricing v2 发布有问题，置信度 87%/);
      expect(await page.evaluate<string>("document.documentElement.lang")).toBe("zh-CN");
      await screenshot("console-zh");
      await page.getByRole("button", { name: "语言" }).click();
      await page.getByRole("menuitem", { name: "English" }).click();
      await expect.poll(() => sentence(page)).toMatch(/^Since /);
      await page.reload();
      await page.getByTestId("sentence").waitFor();
      expect(await sentence(page)).toMatch(/^Since /);
      await page.goto(`${api.url}/?lang=zh`);
      await page.getByTestId("sentence").waitFor();
      expect(await sentence(page)).toMatch(/^自 /);
    });

    it("is dark when the reader's system is, and can be switched", async () => {
      const { page, screenshot } = await see("incident", "/", { colorScheme: "dark" });
      await mapReady(page);
      const ground = (): Promise<string> => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      expect(await ground()).toBe("rgb(13, 17, 25)");
      await screenshot("console-incident-dark");
      await page.getByRole("button", { name: "Switch to light colours" }).click();
      await expect.poll(ground).toBe("rgb(245, 246, 248)");
    });

    it.each(["light", "dark"] as const)("fits a phone, %s", async (colorScheme) => {
      const { page, screenshot } = await see("incident", "/", { ...MOBILE, colorScheme, isTouch: true });
      await mapReady(page);
      const width = await page.evaluate<number>("document.documentElement.scrollWidth");
      expect(width).toBeLessThanOrEqual(MOBILE.width);
      expect(await page.getByTestId("sentence").isVisible()).toBe(true);
      await screenshot(`console-phone-${colorScheme}`);
    });

    it.each([
      ["light", "/"],
      ["dark", "/"],
      ["light", "/?view=table&rows=calls"],
      ["light", "/incidents?node=service:eu-1/shop/pricing"],
      ["dark", "/incidents"],
    ] as const)("has no accessibility violation that a tool can find: %s %s", async (colorScheme, path) => {
      const { page } = await see("incident", path, { colorScheme, reducedMotion: "reduce" });
      await page.locator("[data-testid=map][data-ready=true], [data-testid=table] tbody tr").first().waitFor();
      await page.waitForTimeout(400);
      await page.addScriptTag({ content: await readFile(AXE, "utf8") });
      const found = await page.evaluate<string[]>(
        `axe.run(document, { resultTypes: ["violations"] }).then((result) => result.violations
          .map((one) => one.id + ": " + one.nodes.map((node) => node.target.join(" ")).join(", ")))`,
      );
      expect(found).toEqual([]);
    });
  });
});
