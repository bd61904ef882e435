// The routes of Jaeger's dependencies: what is asked, what is refused and how, and what a long window costs the second time.
// That the answers are Jaeger's is the business of test/graph-oracle/jaeger.test.ts.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readDependencies } from "../../storage/dependencies.ts";
import { hexId, insertSpans, type TestSpan } from "../golden/span-rows.ts";
import { type JaegerApp, NOW_MS, startJaeger } from "./jaeger-fixture.ts";

vi.setConfig({ testTimeout: 120_000 });

const HOUR_MS = 3_600_000;

let jaeger: JaegerApp;
beforeAll(async () => {
  jaeger = await startJaeger();
  await insertSpans(
    jaeger.database.storage,
    [1, 3, 23, 30].flatMap((hours) => trace(hours, "default")),
  );
});
afterAll(() => jaeger.stop());

/** A call of `cart` by `shop`, so many hours ago. */
function trace(hoursAgo: number, tenant: string): TestSpan[] {
  const one = (id: string, parent: string, service: string): TestSpan => ({
    tenant,
    trace: hexId(`${tenant} ${hoursAgo}`, 32),
    id: hexId(id, 16),
    parent: parent === "" ? "" : hexId(parent, 16),
    startNs: BigInt(NOW_MS - hoursAgo * HOUR_MS) * 1_000_000n,
    durationNs: 1_000_000,
    kind: "Internal",
    service,
  });
  return [one("a", "", "shop"), one("b", "a", "cart")];
}

const ask: JaegerApp["ask"] = (...asked) => jaeger.ask(...asked);

const links = (callCount: number) => [{ parent: "shop", child: "cart", callCount }];

describe("dependencies", () => {
  it("are of the last day unless something else is asked for", async () => {
    expect(await ask("/api/dependencies")).toEqual({
      status: 200,
      body: { data: links(3), total: 1, limit: 0, offset: 0, errors: null },
    });
    expect((await ask(`/api/dependencies?lookback=${2 * HOUR_MS}`)).body).toMatchObject({ data: links(1) });
    const endTs = NOW_MS - 20 * HOUR_MS;
    expect((await ask(`/api/dependencies?endTs=${endTs}&lookback=${11 * HOUR_MS}`)).body).toMatchObject({
      data: links(2),
    });
    expect((await ask(`/api/dependencies?endTs=1000`)).body).toMatchObject({ data: [] });
  });

  it("are told in the form of version 3 as well", async () => {
    expect(
      await ask("/api/v3/dependencies?startTime=2026-03-01T09:00:00Z&endTime=2026-03-02T09:00:00.123456789Z"),
    ).toEqual({
      status: 200,
      body: { dependencies: [{ parent: "shop", child: "cart", callCount: "3" }] },
    });
    expect(
      (await ask("/api/v3/dependencies?start_time=2026-03-02T07:00:00Z&end_time=2026-03-02T09:00:00Z")).status,
    ).toBe(200);
  });

  it.each([
    ["/api/dependencies?endTs=yesterday", "unable to parse param 'endTs': it must be unix milliseconds"],
    ["/api/dependencies?endTs=-1", "unable to parse param 'endTs': it must be unix milliseconds"],
    ["/api/dependencies?lookback=1h", "unable to parse param 'lookback': it must be milliseconds"],
    [`/api/dependencies?lookback=${32 * 24 * HOUR_MS}`, "the window is longer than 31 days"],
  ])("%s is refused in Jaeger's form", async (url, msg) => {
    const { status, body } = await ask(url);
    expect([status, body]).toMatchObject([400, { data: null, errors: [{ code: 400, msg }] }]);
  });

  it.each([
    ["", "missing required parameter: startTime"],
    ["?startTime=2026-03-02T09:00:00Z", "missing required parameter: endTime"],
    ["?startTime=2026-03-02T09:00:00Z&endTime=2026-03-02T09:00:00Z", "endTime must be after startTime"],
  ])("/api/v3/dependencies%s is refused in the form of version 3", async (query, message) => {
    expect(await ask(`/api/v3/dependencies${query}`)).toEqual({
      status: 400,
      body: { error: { httpCode: 400, message } },
    });
  });

  it("of a long window are summed up once, request by request, and anew where spans come late", async () => {
    const tenant = "long";
    await insertSpans(
      jaeger.database.storage,
      [2, 5, 8].flatMap((hours) => trace(hours, tenant)),
    );
    let clock = 0;
    const read = (budgetMs: number) =>
      readDependencies(jaeger.database.storage, {
        tenant,
        fromMs: NOW_MS - 12 * HOUR_MS,
        toMs: NOW_MS,
        budgetMs,
        now: () => clock++,
      });
    // 71 blocks of ten minutes lie in the window with their margin.
    expect(await read(0)).toEqual({ ok: false, missing: 71, blocks: 71 });
    expect(await read(20)).toMatchObject({ ok: false, blocks: 71 });
    expect(await read(100_000)).toEqual({ ok: true, links: links(3) });
    expect(await read(0)).toEqual({ ok: true, links: links(3) });
    await insertSpans(jaeger.database.storage, trace(5.001, tenant));
    // The late spans began before the whole hour: their own block and the next one, in whose margin they lie.
    expect(await read(0)).toEqual({ ok: false, missing: 2, blocks: 71 });
    expect(await read(100_000)).toEqual({ ok: true, links: links(4) });
  });
});
