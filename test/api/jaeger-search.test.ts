// Jaeger's searches for traces as Grafana's data source asks them, against a real ClickHouse: what is found, what is refused.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { hexId } from "../golden/span-rows.ts";
import {
  FAILED,
  type JaegerApp,
  type LegacyTrace,
  LONG,
  MINUTE_MS,
  NOW_MS,
  OLD,
  SHORT,
  SLOW,
  startJaegerWithTraces,
} from "./jaeger-fixture.ts";

vi.setConfig({ testTimeout: 60_000 });

let jaeger: JaegerApp;
beforeAll(async () => {
  jaeger = await startJaegerWithTraces();
});
afterAll(() => jaeger.stop());

const ask: JaegerApp["ask"] = (...asked) => jaeger.ask(...asked);

const US = (ms: number) => String(ms * 1_000);
const LAST_HOUR = `start=${US(NOW_MS - 60 * MINUTE_MS)}&end=${US(NOW_MS)}`;

async function find(query: string): Promise<string[]> {
  const { status, body } = await ask(`/api/traces?${query}`);
  expect({ status, errors: (body as { errors: unknown }).errors }).toEqual({ status: 200, errors: null });
  return (body as { data: LegacyTrace[] }).data.map(({ traceID }) => traceID);
}

describe("a search", () => {
  it.each([
    ["of a service, the newest first", `service=cart&${LAST_HOUR}`, [FAILED, SLOW, SHORT.slice(16), LONG]],
    ["with fewer traces than there are", `service=cart&limit=1&${LAST_HOUR}`, [FAILED]],
    ["of the last hour without times", "service=cart", [FAILED, SLOW, SHORT.slice(16), LONG]],
    ["back as far as is asked for", "service=cart&lookback=15m", [FAILED, SLOW]],
    ["of an operation", `service=shop&operation=checkout&${LAST_HOUR}`, [FAILED, SLOW, SHORT.slice(16)]],
    ["of an operation that is another's", `service=cart&operation=checkout&${LAST_HOUR}`, []],
    ["by the least duration", `service=cart&minDuration=1.5s&${LAST_HOUR}`, [SLOW]],
    ["by both durations", `service=cart&minDuration=15ms&maxDuration=0.025s&${LAST_HOUR}`, [FAILED]],
    [
      "by a tag of a span",
      `service=cart&limit=2&tags=${encodeURIComponent('{"user":"u5"}')}&${LAST_HOUR}`,
      [FAILED, SLOW],
    ],
    ["by a tag of its resource", `service=cart&limit=1&tag=k8s.pod.name:cart-1&${LAST_HOUR}`, [FAILED]],
    ["by tags of which one is another's", `service=cart&tag=user:u5&tag=k8s.pod.name:shop-1&${LAST_HOUR}`, []],
    ["of failures", `service=cart&tags=${encodeURIComponent('{"error":"true"}')}&${LAST_HOUR}`, [FAILED]],
    ["by kind", `service=cart&tag=span.kind:client&${LAST_HOUR}`, []],
    ["of another tenant's service", `service=hidden&${LAST_HOUR}`, []],
  ])("finds traces %s", async (_, query, expected) => {
    expect(await find(query)).toEqual(expected);
  });

  it("by ids takes those that are there", async () => {
    expect(await find(`traceID=${FAILED}&traceID=${hexId("none", 32)}&traceID=${OLD}`)).toEqual([FAILED, OLD]);
  });

  it("in the form of version 3 finds the same", async () => {
    const times = "query.start_time_min=2026-03-02T08:00:00Z&query.start_time_max=2026-03-02T09:00:00.5Z";
    const { body } = await ask(`/api/v3/traces?query.service_name=cart&query.duration_min=1s&${times}`);
    const { result } = body as { result: { resourceSpans: { scopeSpans: { spans: { traceId: string }[] }[] }[] } };
    const ids = result.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
    expect(ids.map(({ traceId }) => traceId)).toEqual([SLOW, SLOW]);
  });

  it.each([
    [LAST_HOUR, "parameter 'service' is required"],
    ["service=cart&start=now", "unable to parse param 'start': it must be unix microseconds"],
    [`service=cart&start=${US(NOW_MS)}&end=${US(NOW_MS)}`, "the end of the period must be after its start"],
    ["service=cart&lookback=7h", "the period is longer than 6 hours; ask for a part of it"],
    ["service=cart&limit=201", "limit is 201; it may be 1 to 200"],
    ["service=cart&minDuration=5", 'could not parse minDuration: "5" is no duration such as 1.2s, 100ms, 500us'],
    ["service=cart&minDuration=2s&maxDuration=1s", "'maxDuration' should be greater than 'minDuration'"],
    ["service=cart&tag=user", "malformed 'tag' parameter, expecting key:value, received: user"],
    ["service=cart&tags=user", "malformed 'tags' parameter, expecting a JSON object of texts"],
    ["traceID=xyz", "a trace id has up to 32 hexadecimal digits"],
  ])("for %s is refused in Jaeger's form", async (query, msg) => {
    const { status, body } = await ask(`/api/traces?${query}`);
    expect([status, body]).toMatchObject([400, { data: null, errors: [{ code: 400, msg }] }]);
  });

  it.each([
    ["", "missing required parameter: query.start_time_min"],
    [
      "?query.start_time_min=today&query.start_time_max=2026-03-02T09:00:00Z",
      "malformed parameter query.start_time_min",
    ],
  ])("of version 3 for '%s' is refused in its form", async (query, message) => {
    const { status, body } = await ask(`/api/v3/traces${query}`);
    expect([status, body]).toMatchObject([
      400,
      { error: { httpCode: 400, message: expect.stringContaining(message) as string } },
    ]);
  });
});
