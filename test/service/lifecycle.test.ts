// Starting and stopping: order by needs, reverse at the end, deadlines, failures half way.
// In: small tables of parts. Out: the order in which they were started and stopped.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type PartDefinition, orderParts, startParts } from "../../service/lifecycle.ts";

function recorder(needs: Record<string, string[]>, failing: string | null = null, hanging: string | null = null) {
  const log: string[] = [];
  const table: Record<string, PartDefinition<null>> = {};
  for (const [name, list] of Object.entries(needs)) {
    table[name] = {
      needs: list,
      start: () => {
        if (name === failing) return Promise.reject(new Error(`${name} cannot start`));
        log.push(`+${name}`);
        return Promise.resolve({
          stop: () => {
            log.push(`-${name}`);
            return name === hanging ? new Promise<void>(() => {}) : Promise.resolve();
          },
        });
      },
    };
  }
  return { log, table };
}

const NEEDS = {
  api: ["connection", "analyzer"],
  ingest: ["connection"],
  analyzer: ["connection"],
  connection: ["storage"],
  storage: [],
};

function limits(stopDeadlineMs: number, abort = new AbortController().signal) {
  return { stopDeadlineMs, abort };
}

test("parts start after their needs and stop in reverse, once", async () => {
  const { log, table } = recorder(NEEDS);
  const running = await startParts(table, Object.keys(NEEDS), null, limits(1_000));
  expect(log).toEqual(["+storage", "+connection", "+analyzer", "+api", "+ingest"]);
  await Promise.all([running.stop(), running.stop()]);
  expect(log.slice(5)).toEqual(["-ingest", "-api", "-analyzer", "-connection", "-storage"]);
});

test("for any table without a cycle every part comes after its selected needs", () => {
  const graph = fc
    .array(fc.array(fc.nat(9)), { maxLength: 10 })
    .map((rows) =>
      Object.fromEntries(
        rows.map((row, index) => [
          `p${index}`,
          { needs: row.filter((need) => need < index).map((need) => `p${need}`) },
        ]),
      ),
    );
  fc.assert(
    fc.property(graph, fc.array(fc.nat(9)), (table, picks) => {
      const selected = [...new Set(picks.map((pick) => `p${pick}`))].filter((name) => name in table);
      const order = orderParts(table, selected);
      expect([...order].sort()).toEqual([...selected].sort());
      for (const name of order) {
        for (const need of table[name]?.needs ?? []) {
          if (selected.includes(need)) expect(order.indexOf(need)).toBeLessThan(order.indexOf(name));
        }
      }
    }),
  );
});

test("a cycle is a mistake in the table", () => {
  expect(() => orderParts({ a: { needs: ["b"] }, b: { needs: ["a"] } }, ["a", "b"])).toThrow(/needs itself/);
});

test("when a part cannot start, those before it are stopped and its error is thrown", async () => {
  const { log, table } = recorder(NEEDS, "analyzer");
  await expect(startParts(table, Object.keys(NEEDS), null, limits(1_000))).rejects.toThrow("analyzer cannot start");
  expect(log).toEqual(["+storage", "+connection", "-connection", "-storage"]);
});

test("an abort during the start ends it and stops what runs", async () => {
  const { log, table } = recorder(NEEDS);
  const abort = new AbortController();
  const start = table["storage"]?.start;
  table["storage"] = {
    needs: [],
    start: async (context) => {
      abort.abort(new Error("stopped by SIGINT"));
      return (await start?.(context)) ?? { stop: () => Promise.resolve() };
    },
  };
  await expect(startParts(table, Object.keys(NEEDS), null, limits(1_000, abort.signal))).rejects.toThrow("SIGINT");
  expect(log).toEqual(["+storage", "-storage"]);
});

test("a part that hangs at its stop does not keep the others", async () => {
  const { log, table } = recorder(NEEDS, null, "api");
  const running = await startParts(table, Object.keys(NEEDS), null, limits(50));
  await running.stop();
  expect(log.slice(5)).toEqual(["-ingest", "-api", "-analyzer", "-connection", "-storage"]);
});
