// Every operation of the console fits the schema and the limits of the server that it will be sent to.
import { parse, specifiedRules, validate } from "graphql/index.js";
import { describe, expect, it } from "vitest";
import { limitOperation } from "../../api/operation-limits.ts";
import { API_DEFAULTS } from "../../api/options.ts";
import { buildApiSchema } from "../../api/schema.ts";
import * as documents from "../../dashboards/console/api/documents.ts";

const operations = Object.entries(documents).map(([name, { text }]) => [name, text] as const);
const rules = [...specifiedRules, limitOperation(API_DEFAULTS.limits)];

describe("the console's operations", () => {
  it("are there", () => {
    expect(operations.length).toBeGreaterThan(3);
  });

  it.each(operations)("%s", (_name, text) => {
    expect(validate(buildApiSchema(), parse(text), rules).map((error) => error.message)).toEqual([]);
  });
});
