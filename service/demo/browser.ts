// Opens a page in the user's browser, where there is a user and a browser.
// In: a URL. Out: nothing; a browser that cannot be started is no failure, the URL was printed.
// Bounds: only on a terminal, never under CI or over SSH; the browser does not keep the process alive.
import { spawn } from "node:child_process";

const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ["open"],
  linux: ["xdg-open"],
  win32: ["cmd", "/c", "start", ""],
};

/** Opens `url` unless nobody would see it. */
export function openBrowser(url: string): void {
  const environment = process.env;
  const isHeadless = process.platform === "linux" && !environment["DISPLAY"] && !environment["WAYLAND_DISPLAY"];
  if (!process.stdout.isTTY || environment["CI"] || environment["SSH_CONNECTION"] || isHeadless) return;
  const [program, ...before] = OPENERS[process.platform] ?? [];
  if (program === undefined) return;
  const child = spawn(program, [...before, url], { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}
