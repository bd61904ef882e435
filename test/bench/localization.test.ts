// The localization benchmark's importer and scorer: a small data set in Nezha's layout, told by its format; strict ranks, intervals.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findDataSets } from "../../bench/localization/data-sets.ts";
import { isInner } from "../../bench/localization/nezha-run.ts";
import { nezhaCases, nezhaMetrics, nezhaMinutes, readMinute, referenceMinute } from "../../bench/localization/nezha.ts";
import { rankOf, recallAt, wilsonInterval } from "../../bench/localization/score.ts";

const DAY = "2030-05-06";
const at = (time: string) => Date.parse(`${DAY}T${time}Z`) / 1000;
const POD = "cart-5d8c7b9f4-x2x4z";

let folder = "";
const set = () => join(folder, "any-name");

function write(path: string, lines: readonly string[]): void {
  mkdirSync(join(set(), path, ".."), { recursive: true });
  writeFileSync(join(set(), path), `${lines.join("\n")}\n`);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "faultline-localization-"));
  const spans = [
    "TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano,Duration",
    `${"a".repeat(32)},${"1".repeat(16)},root,front-5d8c7b9f4-aaaaa,GET /,1000,9000,8`,
    `${"a".repeat(32)},${"2".repeat(16)},${"1".repeat(16)},front-5d8c7b9f4-aaaaa,Cart/Get,2000,8000,6`,
    `${"a".repeat(32)},${"3".repeat(16)},${"2".repeat(16)},${POD},Cart/Get,3000,7000,4`,
    `${"a".repeat(32)},${"4".repeat(16)},${"3".repeat(16)},${POD},SELECT shop.carts,4000,5000,1`,
  ];
  for (const minute of ["10_00", "10_01", "10_02", "10_10"]) write(`rca_data/${DAY}/trace/${minute}_trace.csv`, spans);
  write(`rca_data/${DAY}/log/10_02_log.csv`, [
    "Timestamp,TimeUnixNano,Node,PodName,Container,TraceID,SpanID,Log",
    `t,3500,n1,${POD},server,${"a".repeat(32)},${"3".repeat(16)},"{""log"":""10:02 ERROR c.Cart#12 lost\\n"",""stream"":""stdout""}"`,
  ]);
  write(`rca_data/${DAY}/metric/${POD}_metric.csv`, [
    "Time,TimeStamp,PodName,CpuUsageRate(%),NetworkReceiveBytes",
    // The number is garbled, as in some of the published files; the text is right.
    `${DAY} 10:00:19.6071 +0000 UTC m=+0.1,9999999999,${POD},50,100`,
    `${DAY} 10:01:19.6071 +0000 UTC m=+60.1,9999999999,${POD},,100`,
  ]);
  write("cases.jsonl", [
    JSON.stringify({
      id: "one",
      inject_time: `${DAY} 10:00:40`,
      inject_timestamp: 1,
      eval_minute: "10_02",
      root_cause: { service: "cart", pod: POD, kind: "code", inner: "c.Cart#12_c.Cart#15" },
    }),
  ]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a data set", () => {
  test("is told by what it holds, wherever it lies", () => {
    const found = { name: "any-name", folder: set(), format: "nezha" };
    expect(findDataSets(folder)).toEqual([found]);
    expect(findDataSets(set())).toEqual([found]);
    expect(findDataSets(join(folder, "absent"))).toEqual([]);
  });
  test("has files that end when its metrics are sampled", () => {
    const starts = nezhaMinutes(set()).map(({ start }) => start);
    expect(starts).toEqual(["09:59:20", "10:00:20", "10:01:20", "10:09:20"].map(at));
    expect(nezhaCases(set())).toMatchObject([{ id: "one", minute: at("10:01:20"), injectedAt: at("10:00:40") }]);
  });
  test("has the same minutes whichever pod comes first and however its samples lie about a full second", () => {
    const sampled = (pod: string, ...times: string[]) =>
      write(`rca_data/${DAY}/metric/${pod}_metric.csv`, [
        "Time,TimeStamp,PodName,CpuUsageRate(%)",
        ...times.map((time) => `${DAY} ${time} +0000 UTC m=+0.1,1,${pod},50`),
      ]);
    try {
      sampled("a-5d8c7b9f4-x2x4z", "10:00:20.1071", "10:01:20.1071", "10:02:20.2071");
      expect(nezhaMinutes(set())[0]?.start).toBe(at("09:59:20"));
      sampled("a-5d8c7b9f4-x2x4z", "10:00:59.9071", "10:02:00.1071", "10:03:00.1071", "10:03:59.9071", "10:05:00.1071");
      expect(nezhaMinutes(set())[0]?.start).toBe(at("09:59:00"));
    } finally {
      rmSync(join(set(), `rca_data/${DAY}/metric/a-5d8c7b9f4-x2x4z_metric.csv`));
    }
  });
  test("compares a case with a minute in which no fault was at work", () => {
    const [minutes, cases] = [nezhaMinutes(set()), nezhaCases(set())];
    expect(referenceMinute(minutes, cases, at("10:01:20"))?.start).toBe(at("09:59:20"));
    expect(referenceMinute(minutes.slice(1), cases, at("10:01:20"))?.start).toBe(at("10:09:20"));
    const reference = minutes.map((minute) => ({ ...minute, isReference: minute.name === "10_10" }));
    expect(referenceMinute(reference, cases, at("10:01:20"))?.start).toBe(at("10:09:20"));
    expect(referenceMinute(minutes.slice(1, 3), cases, at("10:01:20"))).toBeNull();
  });
  test("becomes spans with kinds, lines with severity and gauges with the times of their text", () => {
    const minute = nezhaMinutes(set()).find(({ name }) => name === "10_02")!;
    const { traces, logs } = readMinute(minute) as {
      traces: { resourceSpans: { scopeSpans: { spans: { name: string; kind: number }[] }[] }[] };
      logs: { resourceLogs: { scopeLogs: { logRecords: object[] }[] }[] };
    };
    const spans = traces.resourceSpans.flatMap((pod) => pod.scopeSpans[0]!.spans);
    expect(spans.map(({ name, kind }) => [name, kind])).toEqual([
      ["GET /", 2],
      ["Cart/Get", 3],
      ["Cart/Get", 2],
      ["SELECT shop.carts", 3],
    ]);
    expect(logs.resourceLogs[0]!.scopeLogs[0]!.logRecords[0]).toMatchObject({
      body: { stringValue: "10:02 ERROR c.Cart#12 lost" },
      severityNumber: 17,
    });
    const [pod] = nezhaMetrics(set(), at("10:00:00"), at("10:05:00")) as {
      resourceMetrics: { scopeMetrics: { metrics: { name: string; gauge?: { dataPoints: object[] } }[] }[] }[];
    }[];
    const { metrics } = pod!.resourceMetrics[0]!.scopeMetrics[0]!;
    expect(metrics.find(({ name }) => name === "k8s.pod.cpu_limit_utilization")?.gauge?.dataPoints).toEqual([
      { timeUnixNano: `${at("10:00:19") * 1000 + 607}000000`, asDouble: 0.5 },
    ]);
  });
});

describe("the scorer", () => {
  test("counts a region as found when it is the labelled one, and a resource by its kind", () => {
    const code = { service: "cart", pod: POD, kind: "code", inner: "c.Cart#12_c.Cart#15" };
    const cause = { codeRegion: "c.Cart#12 → c.Cart#15", faultKind: "CODE_ERROR" } as const;
    expect(isInner(cause, code)).toBe(true);
    expect(isInner({ ...cause, codeRegion: "c.Cart#12 → c.Cart#20" }, code)).toBe(false);
    expect(isInner({ ...cause, codeRegion: null }, code)).toBe(false);
    expect(isInner({ codeRegion: null, faultKind: "CPU" }, { ...code, kind: "cpu" })).toBe(true);
    expect(isInner({ codeRegion: null, faultKind: "NETWORK" }, { ...code, kind: "cpu" })).toBe(false);
  });
  test("gives strict ranks, and a miss where nothing was named", () => {
    expect(rankOf(["a", "b"], (item) => item === "b")).toBe(2);
    expect(rankOf([], () => true)).toBeNull();
    expect(recallAt([1, 3, null, 2], 1)).toMatchObject({ hits: 1, total: 4 });
    expect(recallAt([1, 3, null, 2], 3)).toMatchObject({ hits: 3, total: 4 });
  });
  test("gives Wilson's interval", () => {
    // (26 + z²/2 ± z √(26·2/28 + z²/4)) / (28 + z²), z = 1.96.
    const { low, high } = wilsonInterval(26, 28);
    expect([low, high].map((value) => Number(value.toFixed(3)))).toEqual([0.774, 0.98]);
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
  });
});
