// `faultline doctor` tells of names past their limits, and takes a storage without our tables as nothing to tell.
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseCommandLine } from "../../service/command-line.ts";
import { doctor } from "../../service/commands/doctor.ts";
import { loadConfig } from "../../service/config.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

let test: TestStorage;
beforeAll(async () => {
  test = await startTestStorage();
});
afterAll(() => test.stop());

async function namesLine(database: string): Promise<string | undefined> {
  const { url, user, password } = test.connection;
  const words = ["doctor", `--storage.url=${url}`, `--storage.user=${user}`, `--storage.database=${database}`];
  const parsed = parseCommandLine([
    ...words,
    `--storage.password=${password}`,
    "--ingest.httpPort=1",
    "--ingest.grpcPort=0",
    "--api.port=0",
  ]);
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const config = loadConfig({ file: null, environment: {}, flags: parsed.settingFlags });
  await doctor({ parsed, config, now: Date.now, abort: new AbortController(), print, tell: print });
  return lines.find((line) => line.includes("  names: "));
}

it("tells what passed a limit, whose and how much", async () => {
  const { database } = test.storage;
  expect(await namesLine(database)).toBe("ok    names: no tenant passed a limit on names in the last 24 hours");
  const hour = Math.floor(Date.now() / 3_600_000) * 3_600;
  await test.storage.insertRows("cardinality_overflows", [
    {
      Tenant: "a",
      Hour: hour,
      Dimension: "operation",
      Service: "cart",
      RowCount: 12,
      Sample: "job 7f",
      LastSeen: hour,
    },
  ]);
  expect(await namesLine(database)).toBe(
    'note  names: stored as __overflow__ in the last 24 hours: operation of cart of tenant a (12 rows, such as "job 7f"). Limits: ingest.cardinality',
  );
  expect(await namesLine("not_there")).toBe("ok    names: nothing can be read now");
});
