// Ids, ranges, pages and cursors as the fields share them.
import { describe, expect, it } from "vitest";
import { checkId, checkRange, page, pageArgs } from "../../api/arguments.ts";
import { decodeCursor, encodeCursor } from "../../api/cursor.ts";
import { refusalCodeOf } from "../../api/refusal.ts";

function codeOf(act: () => unknown): string | null {
  try {
    act();
  } catch (error) {
    return refusalCodeOf(error as object);
  }
  return "nothing thrown";
}

describe("arguments", () => {
  const range = (from: string, to: string) => ({ from: `2026-01-01T00:${from}Z`, to: `2026-01-01T00:${to}Z` });

  it("refuse empty, swapped and long ranges", () => {
    expect(codeOf(() => checkRange(range("00:00", "00:00"), 60))).toBe("BAD_RANGE");
    expect(codeOf(() => checkRange(range("01:00", "00:00"), 60))).toBe("BAD_RANGE");
    expect(codeOf(() => checkRange(range("00:00", "01:00.000000001"), 60))).toBe("BAD_RANGE");
    expect(() => checkRange(range("00:00", "01:00"), 60)).not.toThrow();
  });

  it("refuse ids that none of ours looks like", () => {
    for (const id of ["", "a b", "é", "x".repeat(201), "a\n"]) expect(codeOf(() => checkId(id))).toBe("BAD_ID");
    expect(checkId("edge:a/b>c")).toBe("edge:a/b>c");
  });

  it("keep pages within 1..100 and take only their own cursors", () => {
    const cursor = encodeCursor("incidents", { ms: 5, id: "x" });
    expect(pageArgs("incidents", 100, cursor)).toEqual({ first: 100, after: { ms: 5, id: "x" } });
    expect(codeOf(() => pageArgs("incidents", 0, null))).toBe("BAD_ARGUMENT");
    expect(codeOf(() => pageArgs("incidents", 101, null))).toBe("BAD_ARGUMENT");
    for (const bad of ["", "!", "bm9wZQ", cursor.slice(2), "x".repeat(600)]) {
      expect(codeOf(() => pageArgs("incidents", 1, bad))).toBe("BAD_CURSOR");
    }
    expect(codeOf(() => pageArgs("changes", 1, cursor))).toBe("BAD_CURSOR");
    expect(decodeCursor("incidents", Buffer.from('["incidents",1.5,"x"]').toString("base64url"))).toBeNull();
    expect(decodeCursor("incidents", Buffer.from('["incidents",1,{}]').toString("base64url"))).toBeNull();
  });

  it("make a page from one row more than asked", () => {
    const position = (id: string) => ({ ms: 1, id });
    expect(page("k", ["a", "b", "c"], 2, position)).toEqual({
      nodes: ["a", "b"],
      pageInfo: { hasNextPage: true, endCursor: encodeCursor("k", position("b")) },
    });
    expect(page("k", [], 2, position)).toEqual({ nodes: [], pageInfo: { hasNextPage: false, endCursor: null } });
  });
});
