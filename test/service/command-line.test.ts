// The words of the command line, and what the built-in commands answer.
// In: argv. Out: a parsed command, or one sentence with the nearest name and exit code 2.
import { expect, test } from "vitest";
import { helpText, parseCommandLine } from "../../service/command-line.ts";

test("commands, options, positionals and setting flags are told apart", () => {
  expect(
    parseCommandLine([
      "replay",
      "a.zst",
      "--endpoint",
      "http://x",
      "--speed=max",
      "--storage.url",
      "http://y",
      "--config",
      "f",
    ]),
  ).toEqual({
    name: "replay",
    positionals: ["a.zst"],
    options: { endpoint: "http://x", speed: "max" },
    configFile: "f",
    settingFlags: { "storage.url": "http://y" },
  });
  expect(parseCommandLine(["config", "print"]).name).toBe("config print");
  expect(parseCommandLine(["demo", "--once", "--json", "--no-open"]).options).toEqual({
    once: "true",
    json: "true",
    "no-open": "true",
  });
  expect(parseCommandLine(["serve", "--roles", "ingest,api"]).settingFlags).toEqual({ roles: "ingest,api" });
  expect(parseCommandLine(["localize", "--from", "-10m"]).options).toEqual({ from: "-10m" });
  expect(parseCommandLine([]).name).toBe("help");
  expect(parseCommandLine(["demo", "--help"])).toMatchObject({ name: "help", positionals: ["demo"] });
});

test.each<[string[], string]>([
  [["sevre"], 'There is no command "sevre"; did you mean serve?'],
  [["xyzzy"], 'There is no command "xyzzy".'],
  [["config"], "config needs a word more: config print."],
  [["demo", "--onec"], "demo has no option --onec; did you mean --once?"],
  [["serve", "--once"], "serve has no option --once."],
  [["replay"], "replay needs FILE."],
  [["replay", "a", "b"], 'replay does not take "b".'],
  [["replay", "a", "--speed"], "--speed needs a value."],
  [["replay", "a", "--speed", "--keep-times"], "--speed needs a value."],
  [["demo", "--json=yes"], "--json takes no value."],
  [["localize", "--from", "-1h", "--service", ""], "--service needs a value that is not empty."],
  [["serve", "--storage.ulr", "x"], "serve has no option --storage.ulr; did you mean --storage.url?"],
])("%j is refused in one sentence", (argv, sentence) => {
  expect(() => parseCommandLine(argv)).toThrow(sentence);
  expect(() => parseCommandLine(argv)).toThrow(expect.objectContaining({ code: "USAGE", exitCode: 2 }));
});

test("the help names every command", () => {
  for (const name of ["serve", "demo", "replay", "localize", "migrate", "config print", "doctor"])
    expect(helpText()).toContain(`  ${name}`);
});

test("the help of a word names its commands alone", () => {
  const text = helpText(["explain"]);
  expect(text).toContain("  explain incident SERVICE");
  expect(text).toContain("--span-kind KIND");
  expect(text).not.toContain("  replay");
  expect(helpText(["token", "create"])).not.toContain("token list");
  expect(() => helpText(["localise"])).toThrow('There is no command "localise"; did you mean localize?');
});
