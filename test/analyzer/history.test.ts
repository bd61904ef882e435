// What the analyzer remembers of a bucket: requests that wait on purpose have no say in how slow their callee or its edges are.
import { describe, expect, it } from "vitest";
import { History } from "../../analyzer/history.ts";
import type { EdgeBucketRow, ServiceBucketRow } from "../../storage/buckets.ts";
import { histogramOf, node } from "./made.ts";

const BUCKET = 1000;

function service(name: string, requests: number, more: Partial<ServiceBucketRow> = {}): ServiceBucketRow {
  return {
    bucket: BUCKET,
    cluster: "",
    namespace: "shop",
    service: name,
    requests,
    failed: 0,
    degraded: 0,
    origin_failed: 0,
    total_ns: 0,
    self_ns: 0,
    hist: histogramOf([requests, 10]),
    ...more,
  };
}

function edge(to: string): EdgeBucketRow {
  return {
    bucket: BUCKET,
    src_kind: "service",
    src_cluster: "",
    src_namespace: "shop",
    src_service: "web",
    dst_kind: "service",
    dst_cluster: "",
    dst_namespace: "shop",
    dst_service: to,
    caller_calls: 100,
    caller_failed: 3,
    caller_ns: 0,
    callee_calls: 100,
    callee_failed: 0,
    never_arrived: 0,
    origin_failed: 0,
    hist: histogramOf([90, 10], [10, 25_000]),
  };
}

describe("History", () => {
  it("requests that only proxies saw are the service's, and say who told of them", () => {
    const history = new History(10, 10);
    const told = { ...edge("inbox"), source: "metrics" as const };
    history.replace(BUCKET, BUCKET + 10, [service("inbox", 10), service("web", 10)], [told]);
    const pointOf = (key: string) => history.series.get(key)!.points.get(BUCKET)!;
    expect(pointOf(`service ${node("inbox")}`)).toMatchObject({ calls: 100, source: "metrics" });
    expect(pointOf(`edge ${node("web")}>${node("inbox")}`).source).toBe("metrics");
    expect(pointOf(`service ${node("web")}`).source).toBeUndefined();
  });
  it.each([
    ["none waits", 0, 100],
    ["one in a thousand waits", 0.1, 100],
    ["one in ten waits", 10, 0],
  ])("an edge is judged by latency unless its callee's requests wait: %s", (_, held, durations) => {
    const history = new History(10, 10);
    history.replace(BUCKET, BUCKET + 10, [service("inbox", 100, { held_requests: held })], [edge("inbox")]);
    const point = history.series.get(`edge ${node("web")}>${node("inbox")}`)!.points.get(BUCKET)!;
    expect(point).toMatchObject({ calls: 100, failed: 3 });
    expect(point.hist.reduce((sum, count) => sum + count, 0)).toBe(durations);
  });
});
