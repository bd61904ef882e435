// Shared reads: one statement for all who ask the same, another for other parameters, and a failure is not kept.
import { expect, test } from "vitest";
import { shareReads } from "../../analyzer/shared-reads.ts";
import type { Storage } from "../../storage/client.ts";

function counting(answer: (call: number) => Promise<unknown[]>) {
  const asked: string[] = [];
  const query = (name: string, params?: Record<string, unknown>) => {
    asked.push(`${name} ${JSON.stringify(params)}`);
    return answer(asked.length);
  };
  return { asked, storage: shareReads({ query } as unknown as Storage) };
}

test("the same read is made once, at once or later", async () => {
  const { asked, storage } = counting((call) => Promise.resolve([{ call }]));
  const [first, second] = await Promise.all([storage.query("a", { at: 1 }), storage.query("a", { at: 1 })]);
  expect(first).toEqual([{ call: 1 }]);
  expect(second).toBe(first);
  expect(await storage.query("a", { at: 1 })).toBe(first);
  expect(await storage.query("a", { at: 2 })).toEqual([{ call: 2 }]);
  expect(await storage.query("b", { at: 1 })).toEqual([{ call: 3 }]);
  expect(asked).toEqual(['a {"at":1}', 'a {"at":2}', 'b {"at":1}']);
});

test("a read that failed is made again", async () => {
  const { storage } = counting((call) => (call === 1 ? Promise.reject(new Error("away")) : Promise.resolve([call])));
  await expect(storage.query("a")).rejects.toThrow("away");
  expect(await storage.query("a")).toEqual([2]);
});
