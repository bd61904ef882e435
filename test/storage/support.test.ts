// Where the embedded server runs, and what a person reads where it does not.
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { type LibC, currentLibC, embeddedSupport, resolveLibrary } from "../../storage/embedded/support.ts";

test.each<[string, string, LibC, string]>([
  ["linux", "x64", "glibc", "@chdb/lib-linux-x64-gnu"],
  ["linux", "arm64", "glibc", "@chdb/lib-linux-arm64-gnu"],
  ["darwin", "arm64", "", "@chdb/lib-darwin-arm64"],
])("%s %s %s: %s", (platform, arch, libc, packageName) => {
  expect(embeddedSupport(platform, arch, libc)).toEqual({ ok: true, packageName });
});

test.each<[string, string, LibC, RegExp]>([
  ["linux", "x64", "musl", /Linux.*musl.*glibc/],
  ["linux", "arm64", "musl", /Linux.*musl/],
  ["linux", "arm", "glibc", /Linux \(arm\)/],
  ["linux", "riscv64", "glibc", /riscv64/],
  ["darwin", "x64", "", /macOS \(Intel/],
  ["win32", "x64", "", /Windows/],
  ["win32", "arm64", "", /Windows/],
  ["freebsd", "x64", "", /freebsd/],
])("%s %s %s is refused", (platform, arch, libc, reason) => {
  expect(embeddedSupport(platform, arch, libc)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  expect(() => resolveLibrary(platform, arch, libc)).toThrow(
    expect.objectContaining({ code: "STORAGE_PLATFORM", advice: expect.stringContaining("FAULTLINE_STORAGE_URL") }),
  );
});

test("a supported platform without its optional package says which one is missing", () => {
  // One of the two is never installed beside the other: npm takes the one for this machine.
  const [platform, arch, libc] =
    process.platform === "linux" ? (["darwin", "arm64", ""] as const) : (["linux", "x64", "glibc"] as const);
  expect(() => resolveLibrary(platform, arch, libc)).toThrow(
    expect.objectContaining({
      code: "STORAGE_PLATFORM",
      message: expect.stringMatching(/@chdb\/lib-.* is not installed/),
    }),
  );
});

test("this machine's library is found where the platform is supported", () => {
  const libc = currentLibC();
  const support = embeddedSupport(process.platform, process.arch, libc);
  if (support.ok) expect(existsSync(resolveLibrary(process.platform, process.arch, libc))).toBe(true);
  else expect(() => resolveLibrary(process.platform, process.arch, libc)).toThrow(support.reason);
});
