// The reference of the configuration, docs/configuration.md, written from the table of settings.
// In: SETTINGS. Out: Markdown. Bounds: pure; a test compares it with the committed page.
import { SETTING_KEYS, settingOf, variableOf } from "./config.ts";

/** The whole page as Markdown. */
export function configReference(): string {
  const lines = [
    "<!-- Generated from service/settings.ts; UPDATE_GOLDEN=1 npm test -- test/service/config.test.ts rewrites it. -->",
    "",
    "# Configuration",
    "",
    "A value comes from, the last wins: its default, a file (`--config FILE`, `FAULTLINE_CONFIG`, or `./faultline.yaml`; YAML or JSON),",
    "the environment, a flag. Every setting is a variable and a flag: `storage.url` is `FAULTLINE_STORAGE_URL` and `--storage.url URL`. Lists",
    "are comma-separated there, structures are JSON. `faultline config print` shows what is in force and where it came from; secrets are hidden.",
  ];
  let section: string | null = null;
  for (const key of SETTING_KEYS) {
    const dot = key.indexOf(".");
    const head = dot < 0 ? "" : key.slice(0, dot);
    if (head !== section) {
      lines.push(
        "",
        head === "" ? "## General" : `## ${head}`,
        "",
        "| setting | variable | kind | default | meaning |",
        "|---|---|---|---|---|",
      );
      section = head;
    }
    const setting = settingOf(key);
    const shown = setting.isSecret ? "" : `\`${JSON.stringify(setting.defaultValue)}\``;
    lines.push(
      `| \`${key}\` | \`${variableOf(key)}\` | ${setting.kind} | ${shown} | ${setting.description.replaceAll("|", "\\|")} |`,
    );
  }
  return `${lines.join("\n")}\n`;
}
