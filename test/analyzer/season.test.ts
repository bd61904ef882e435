// What is usual at this hour: which hours are alike, and what they say of edges and services; on the real ClickHouse too.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Series } from "../../analyzer/history.ts";
import { hoursAlike, Season, usualRateOf } from "../../analyzer/season.ts";
import type { UsualRateRow } from "../../storage/usual-rates.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { node } from "./made.ts";

// A Wednesday, 10:20:30.
const NOW = Date.UTC(2026, 0, 14, 10, 20, 30) / 1000;
const HOUR = Date.UTC(2026, 0, 14, 10, 0, 0) / 1000;
const DAY = 86_400;
const service = (name: string) => ({ key: `service ${node(name)}` }) as Series;

test("working days are like working days, weekends like weekends", () => {
  const days = (at: number) => hoursAlike(at).map((hour) => (HOUR - hour) / DAY);
  expect(days(NOW)).toEqual([1, 2, 5, 6, 7, 8, 9, 12, 13, 14]);
  expect(days(NOW + 3 * DAY)).toEqual([3, 4, 10, 11].map((day) => day + 0));
});

test("a service's rate is the sum of what reaches it", () => {
  const ends = {
    src_cluster: "",
    dst_cluster: "",
    dst_namespace: "shop",
    dst_service: "cart",
    dst_kind: "service" as const,
  };
  const rows: UsualRateRow[] = [
    { ...ends, src_kind: "service", src_namespace: "shop", src_service: "frontend", requests: 3600 },
    { ...ends, src_kind: "unknown", src_namespace: "", src_service: "", requests: 360 },
  ];
  const usual = usualRateOf(rows);
  expect(usual(service("cart"))).toBe(11);
  expect(usual({ key: `edge ${node("frontend")}>${node("cart")}` } as Series)).toBe(10);
  expect(usual(service("ads"))).toBeNull();
});

describe("on ClickHouse", () => {
  let db: TestStorage;
  beforeAll(async () => {
    db = await startTestStorage();
    const edge = (dst: string, hour: number, calls: number, revision: number) => ({
      Tenant: "t",
      Hour: hour,
      Revision: revision,
      Source: "spans",
      SrcKind: "service",
      SrcNamespace: "shop",
      SrcService: "frontend",
      DstKind: "service",
      DstNamespace: "shop",
      DstService: dst,
      CallerCalls: calls,
      CalleeCalls: calls,
    });
    const rows = [1, 2, 7].flatMap((day) => [edge("cart", HOUR - day * DAY, 3600 * day, 5)]);
    const stale = edge("cart", HOUR - DAY, 99_999, 4);
    await db.storage.insertRows("edge_hours", [...rows, stale, edge("ads", HOUR - DAY, 3600, 5)]);
    const hours = [1, 2, 7].map((day) => ({ Hour: HOUR - day * DAY, Revision: 5, At: NOW, Stamp: 9 }));
    await db.storage.insertRows("hour_rollups", hours);
  });
  afterAll(() => db.stop());

  test("the median of the days, of the sums that hold; one day makes no season", async () => {
    const usual = await new Season().at(db.storage, "t", NOW - (NOW % 10));
    expect(usual(service("cart"))).toBe(20);
    expect(usual(service("ads"))).toBeNull();
  });
  test("another tenant has none", async () => {
    expect((await new Season().at(db.storage, "other", NOW))(service("cart"))).toBeNull();
  });
});
