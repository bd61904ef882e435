// What leaves the process of an error, and localizations read together.
import { GraphQLError } from "graphql/index.js";
import { describe, expect, it } from "vitest";
import { formatErrors } from "../../api/error-format.ts";
import { batchLocalizations } from "../../api/localization-batch.ts";
import { refuse } from "../../api/refusal.ts";
import { makeLocalization } from "./findings.ts";

function wrapped(thrown: Error): GraphQLError {
  return new GraphQLError(thrown.message, { originalError: thrown, path: ["incident", 0] });
}

describe("formatErrors", () => {
  const one = (error: unknown) => formatErrors([error], false, "request-1").errors[0];

  it.each([
    ["a refusal", wrapped(refuse("BAD_ID", "The id is odd.")), "BAD_ID", "The id is odd."],
    [
      "a slow query",
      wrapped(Object.assign(new Error("Timeout exceeded: SELECT secret"), { code: "159" })),
      "TIMEOUT",
      "narrow",
    ],
    [
      "a storage away",
      wrapped(Object.assign(new Error("connect 10.0.0.1"), { code: "ECONNREFUSED" })),
      "STORAGE_UNAVAILABLE",
      "try again",
    ],
    ["a defect", wrapped(new TypeError("secret of undefined")), "INTERNAL", "requestId"],
    [
      "a null where none may be",
      new GraphQLError("Cannot return null for secret", { path: ["x"] }),
      "INTERNAL",
      "requestId",
    ],
    ["something odd", "secret", "INTERNAL", "requestId"],
    ["a document that does not fit", new GraphQLError('Cannot query field "x".'), "GRAPHQL_VALIDATION_FAILED", '"x"'],
    ["a document that is none", new GraphQLError("Syntax Error: oops"), "GRAPHQL_PARSE_FAILED", "oops"],
  ])("%s", (_name, error, code, words) => {
    const told = one(error);
    expect(told?.extensions).toEqual({ code, requestId: "request-1" });
    expect(told?.message).toContain(words);
    expect(JSON.stringify(told)).not.toMatch(/secret|10\.0\.0\.1/);
  });

  it("does not take a code that somebody else put there", () => {
    const foreign = new GraphQLError("secret", { path: ["x"], extensions: { code: "ELSE", secret: 1 } });
    expect(one(foreign)?.extensions).toEqual({ code: "INTERNAL", requestId: "request-1" });
  });
});

describe("batchLocalizations", () => {
  it("reads all ids of a turn at once and keeps nothing", async () => {
    const asked: string[][] = [];
    const load = batchLocalizations((ids) => {
      asked.push([...ids]);
      return Promise.resolve(new Map(ids.filter((id) => id !== "gone").map((id) => [id, makeLocalization({ id })])));
    });
    const found = await Promise.all(["a", "b", "a", "gone"].map((id) => load(id)));
    expect(found.map((one) => one?.id ?? null)).toEqual(["a", "b", "a", null]);
    await load("a");
    expect(asked).toEqual([["a", "b", "gone"], ["a"]]);
  });

  it("fails all of a turn together and works again after", async () => {
    let isAway = true;
    const load = batchLocalizations(() => (isAway ? Promise.reject(new Error("away")) : Promise.resolve(new Map())));
    const both = await Promise.allSettled([load("a"), load("b")]);
    expect(both.map((one) => one.status)).toEqual(["rejected", "rejected"]);
    isAway = false;
    expect(await load("a")).toBeNull();
  });
});
