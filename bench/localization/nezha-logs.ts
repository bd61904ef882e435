// Rows of Nezha's log files as OTLP log records.
// In: the rows of one minute. Out: ResourceLogs in OTLP's JSON form, one a pod.
// The Log column is what a container runtime writes: JSON with the line in `log`. The node is the file's.
// Bounds: pure; as large as the minute; a line that is no such JSON is taken as it is.
import { groupBy } from "../../model/group-by.ts";
import { podResource } from "./nezha-spans.ts";

/** One row of HH_MM_log.csv. */
export interface NezhaLog {
  readonly TimeUnixNano: string;
  readonly Node: string;
  readonly PodName: string;
  readonly TraceID: string;
  readonly SpanID: string;
  readonly Log: string;
}

const SEVERITIES: Readonly<Record<string, number>> = { TRACE: 1, DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17, FATAL: 21 };

function lineOf(log: string): string {
  try {
    const record: unknown = JSON.parse(log);
    if (typeof record === "object" && record !== null && "log" in record && typeof record.log === "string") {
      return record.log.trimEnd();
    }
  } catch {
    // Taken as it is.
  }
  return log;
}

/** Makes OTLP of the log rows of one minute. */
export function logsToOtlp(rows: readonly NezhaLog[]): object {
  return {
    resourceLogs: [...groupBy(rows, (row) => row.PodName)].map(([pod, logs]) => {
      const resource = podResource(pod);
      const node = { key: "k8s.node.name", value: { stringValue: logs[0]?.Node ?? "" } };
      return {
        resource: { attributes: [...resource.attributes, node] },
        scopeLogs: [
          {
            scope: { name: "nezha" },
            logRecords: logs.map((row) => {
              const line = lineOf(row.Log);
              const severity = line.match(/\b(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b/)?.[1] ?? "";
              return {
                timeUnixNano: row.TimeUnixNano,
                body: { stringValue: line },
                ...(severity === "" ? {} : { severityText: severity, severityNumber: SEVERITIES[severity] }),
                ...(/^[0-9a-f]{32}$/.test(row.TraceID) ? { traceId: row.TraceID } : {}),
                ...(/^[0-9a-f]{16}$/.test(row.SpanID) ? { spanId: row.SpanID } : {}),
              };
            }),
          },
        ],
      };
    }),
  };
}
