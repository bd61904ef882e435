// The words of the console: the languages say the same things, and every word is used.
// In: the catalogues and the sources. Out: assertions; no list of words is repeated here.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FAULT_KINDS, GRAPH_LEVELS, HEALTHS } from "../../dashboards/console/api/types.ts";
import { fillPieces, fillText, placeholdersIn } from "../../dashboards/console/language/catalogue.ts";
import { EN } from "../../dashboards/console/language/en.ts";
import { makeFormats } from "../../dashboards/console/language/format.ts";
import { nameOf } from "../../dashboards/console/language/names.ts";
import { ZH } from "../../dashboards/console/language/zh.ts";
import { place, shopService } from "../browser/mock/mesh.ts";

const CONSOLE = fileURLToPath(new URL("../../dashboards/console/", import.meta.url));
const sources = readdirSync(CONSOLE, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.tsx?$/.test(path) && !/language[/\\](en|zh)(-\w+)?\.ts$/.test(path))
  .map((path) => readFileSync(join(CONSOLE, path), "utf8"))
  .join("\n");
const keys = Object.keys(EN) as (keyof typeof EN)[];

describe("catalogues", () => {
  it("have the same keys, none of them empty", () => {
    expect(Object.keys(ZH).toSorted()).toEqual(keys.toSorted());
    for (const key of keys) expect(ZH[key].trim(), key).not.toBe("");
  });

  it("have the same placeholders for each key", () => {
    for (const key of keys) expect(placeholdersIn(ZH[key]), key).toEqual(placeholdersIn(EN[key]));
  });

  it("are translated: hardly a Chinese text equals the English one", () => {
    const same = keys.filter((key) => EN[key] === ZH[key] && /[a-z]{4}/i.test(EN[key].replace(/\{\w+\}/g, "")));
    expect(same).toEqual(["app.title"]);
  });

  it("have both plural forms", () => {
    for (const key of keys.filter((one) => one.endsWith("_one"))) {
      expect(keys).toContain(key.replace(/_one$/, "_other"));
    }
  });

  it("hold no word that nobody says", () => {
    const unused = keys.filter((key) => {
      const stem = key.replace(/_(one|other)$/, "");
      if (sources.includes(`"${stem}"`)) return false;
      // Keys that are put together: `health.${health}`.
      return !sources.includes(`\`${stem.slice(0, stem.lastIndexOf(".") + 1)}\${`);
    });
    expect(unused).toEqual([]);
  });

  it("have words for everything that the API may say", () => {
    for (const kind of FAULT_KINDS) expect(EN[`fault.${kind}`]).toContain("{place}");
    for (const level of GRAPH_LEVELS) expect(EN[`level.${level}`]).not.toBe("");
    for (const health of HEALTHS) expect(EN[`health.${health}`]).not.toBe("");
  });
});

describe("filling in", () => {
  it("puts values where the language wants them", () => {
    expect(fillText("{b} before {a}", { a: "1", b: "2" })).toBe("2 before 1");
    expect(fillPieces<string | number>("a {n} b", { n: 3 })).toEqual(["a ", 3, " b"]);
  });

  it("leaves a placeholder visible rather than losing it", () => {
    expect(fillText("{missing}", {})).toBe("{missing}");
  });
});

describe("names", () => {
  it.each([
    [shopService("pricing", "v2"), "pricing v2"],
    [shopService("postgres"), "postgres"],
    [place("NODE", { node: "node-3" }), "node node-3"],
    [place("CLUSTER", { cluster: "eu-1" }), "cluster eu-1"],
    [place("INSTANCE", { service: "cart", instance: "cart-7d" }), "cart instance cart-7d"],
    [place("OPERATION", { service: "cart", operation: "GET /cart" }), "cart GET /cart"],
    [place("UNKNOWN", {}), "unknown place"],
    [place("EDGE", { service: "catalog", peer: shopService("pricing") }), "catalog → pricing"],
    [place("EDGE", { cluster: "eu-1", peer: place("CLUSTER", { cluster: "us-1" }) }), "cluster eu-1 → cluster us-1"],
  ])("%#", (entity, wanted) => {
    expect(nameOf(entity as Parameters<typeof nameOf>[0], EN)).toBe(wanted);
  });
});

describe("figures", () => {
  const format = makeFormats("en", "en-GB", "UTC");
  const zh = makeFormats("zh", "zh-CN", "Asia/Shanghai");
  it.each([
    [format.latency(0.42), "0.42 ms"],
    [format.latency(618.4), "618 ms"],
    [format.latency(4120), "4.12 s"],
    [format.rate(0.034), "0.034"],
    [format.rate(12_345), "12.3K"],
    [format.ratio(0), "0%"],
    [format.ratio(0.0004), "<0.1%"],
    [format.ratio(0.0131), "1.3%"],
    [format.ratio(0.312), "31%"],
    [format.confidence(0.874), "87%"],
    [format.confidence(0.9997), ">99%"],
    [format.weight(4.62), "+4.6"],
    [format.weight(-0.6), "−0.6"],
    [format.duration(42.4), "42 s"],
    [format.duration(400), "7 min"],
    [format.duration(3 * 3600), "3 h"],
    [format.duration(-5), "0 s"],
    [format.clock("2026-11-23T14:03:20Z"), "14:03:20"],
    [zh.clock("2026-11-23T14:03:20Z"), "22:03:20"],
    [zh.duration(400), "7 分"],
  ])("%s = %s", (shown, wanted) => {
    expect(shown).toBe(wanted);
  });
});
