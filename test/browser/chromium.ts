// Opens a page in the real Chromium, as a person would, and watches for errors.
// In: an address. Out: the page with what its console and network complained about, and a way to keep a picture.
// Bounds: headless, a fresh profile a page, nothing leaves this machine; `close` ends what was started for the page.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));
const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The path of Chromium (environment FAULTLINE_CHROMIUM, else the usual places); null when there is none. */
export function chromiumPath(): string | null {
  const named = process.env["FAULTLINE_CHROMIUM"];
  if (named !== undefined && named !== "") return existsSync(named) ? named : null;
  return CANDIDATES.find((path) => existsSync(path)) ?? null;
}

/** Browser tests are left out only where there is no Chromium, and never under CI=true (they fail there instead). */
export const SKIP_BROWSER = chromiumPath() === null && process.env["CI"] !== "true";

/** How the page is seen. */
export interface ConsoleOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
  readonly locale?: string;
  readonly reducedMotion?: "reduce" | "no-preference";
  readonly isTouch?: boolean;
  /** A running browser to open the page in; without one, a browser is started and ends with the page. */
  readonly browser?: Browser;
}
/** An open page. `errors` lists what the page's console, its scripts and failed requests reported. */
export interface OpenConsole {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly errors: string[];
  /** Keeps a picture at test/artifacts/NAME.png and returns its path. */
  readonly screenshot: (name: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Starts Chromium with a profile of its own in a temporary folder; `close` of the browser removes it. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === null) throw new Error("There is no Chromium; name one with FAULTLINE_CHROMIUM.");
  return await chromium.launch({
    executablePath,
    headless: true,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Opens an address as a reader who was never there before. */
export async function openConsole(url: string, options: ConsoleOptions = {}): Promise<OpenConsole> {
  const browser = options.browser ?? (await launchChromium());
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
    colorScheme: options.colorScheme ?? "light",
    locale: options.locale ?? "en-GB",
    reducedMotion: options.reducedMotion ?? "no-preference",
    hasTouch: options.isTouch ?? false,
  });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("requestfailed", (request) => {
    // A request that the page itself gave up when it moved on is no error.
    const reason = request.failure()?.errorText ?? "";
    if (reason !== "net::ERR_ABORTED") errors.push(`${request.url()}: ${reason}`);
  });
  await page.goto(url);
  return {
    page,
    context,
    errors,
    screenshot: async (name) => {
      await mkdir(ARTIFACTS, { recursive: true });
      const path = join(ARTIFACTS, `${name}.png`);
      await page.screenshot({ path });
      return path;
    },
    close: async () => {
      await context.close();
      if (options.browser === undefined) await browser.close();
    },
  };
}
