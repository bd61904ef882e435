// Text that is cut to its place on the map: names keep what tells them apart, figures are whole or not there.
// In: texts and a width in characters. Out: texts.
import { expect, test } from "vitest";
import { fitEnds, fitFigures, fitStart } from "../../dashboards/console/map/fit-text.ts";

const measure = (text: string): number => text.length;

test.each([
  ["inventory", 9, "inventory", "inventory"],
  ["inventory-wbhrmjpjz-vz75n", 13, "inventory-wb…", "invent…-vz75n"],
  ["inventory-wbhrmjpjz-dpdnx", 13, "inventory-wb…", "invent…-dpdnx"],
  ["inventory", 2, "i…", "…y"],
  ["inventory", 1, "", ""],
])("%s in %i characters", (text, width, start, ends) => {
  expect(fitStart(measure, text, width)).toBe(start);
  expect(fitEnds(measure, text, width)).toBe(ends);
});

test.each([
  ["29.4/s · 1.9% · 520 ms", 22, "29.4/s · 1.9% · 520 ms"],
  ["29.4/s · 1.9% · 520 ms", 21, "1.9% · 520 ms"],
  ["29.4/s · 1.9% · 520 ms", 12, "520 ms"],
  ["29.4/s · 1.9% · 520 ms", 5, ""],
  ["Not measured", 6, "Not m…"],
])("%s in %i characters: no figure is cut", (line, width, shown) => {
  expect(fitFigures(measure, line, width)).toBe(shown);
});
