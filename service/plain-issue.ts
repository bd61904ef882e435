// What is wrong with a value of the configuration, in words of this project.
// In: what zod found. Out: a clause such as `it must be a number`, to stand behind "cannot be VALUE: ".
// Bounds: the kinds of issues that the settings can raise; others keep zod's words.
import type { z } from "zod";

const NAMES: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  object: "a structure of named values",
  record: "a structure of named values",
};

/** The clause for an issue; undefined leaves it to zod. */
export const plainIssue: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === "invalid_type")
    return issue.input === undefined ? "it is missing" : `it must be ${NAMES[issue.expected] ?? issue.expected}`;
  if (issue.code === "invalid_value")
    return `it must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.join(", ")}`;
  if (issue.code === "too_small") {
    if (issue.origin === "array" || issue.origin === "string") return "it must not be empty";
    return `it must be at least ${issue.minimum}`;
  }
  if (issue.code === "too_big") return `it must be at most ${issue.maximum}`;
  if (issue.code === "unrecognized_keys") return `${issue.keys[0] ?? "?"} is not one of its names`;
  return undefined;
};
