// Rows of Nezha's trace files as OTLP spans.
// In: the rows of one minute. Out: ResourceSpans in OTLP's JSON form, one a pod.
// The files carry no span kind: a span whose parent ran in another pod received a call, one with a child in another pod made one; the
// children of a statement's name (SELECT ts.orders) are the database client's. Status is not in the files and stays unset.
// Bounds: pure; as large as the minute.
import { groupBy } from "../../model/group-by.ts";

/** One row of HH_MM_trace.csv; Duration in microseconds. */
export interface NezhaSpan {
  readonly TraceID: string;
  readonly SpanID: string;
  readonly ParentID: string;
  readonly PodName: string;
  readonly OperationName: string;
  readonly StartTimeUnixNano: string;
  readonly EndTimeUnixNano: string;
}

const KIND = { internal: 1, server: 2, client: 3 } as const;
const STATEMENT = /^(SELECT|INSERT|UPDATE|DELETE)\b/;

/** The attributes of a pod's resource: a Deployment's pod is named after it. */
export function podResource(pod: string): { attributes: object[] } {
  const service = pod.replace(/-[0-9a-f]{6,10}-[a-z0-9]{5}$/, "");
  return {
    attributes: [
      { key: "service.name", value: { stringValue: service } },
      { key: "k8s.pod.name", value: { stringValue: pod } },
      { key: "k8s.deployment.name", value: { stringValue: service } },
    ],
  };
}

function kindOf(span: NezhaSpan, podOf: ReadonlyMap<string, string>, callers: ReadonlySet<string>): number {
  const parentPod = podOf.get(span.ParentID);
  if (span.ParentID === "root" || (parentPod !== undefined && parentPod !== span.PodName)) return KIND.server;
  return callers.has(span.SpanID) || STATEMENT.test(span.OperationName) ? KIND.client : KIND.internal;
}

/** Makes OTLP of the spans of one minute. */
export function spansToOtlp(rows: readonly NezhaSpan[]): object {
  const podOf = new Map(rows.map((row) => [row.SpanID, row.PodName]));
  const callers = new Set(rows.filter((row) => podOf.get(row.ParentID) !== row.PodName).map((row) => row.ParentID));
  const byPod = groupBy(rows, (row) => row.PodName);
  return {
    resourceSpans: [...byPod].map(([pod, spans]) => ({
      resource: podResource(pod),
      scopeSpans: [
        {
          scope: { name: "nezha" },
          spans: spans.map((span) => ({
            traceId: span.TraceID,
            spanId: span.SpanID,
            ...(span.ParentID === "root" ? {} : { parentSpanId: span.ParentID }),
            name: span.OperationName,
            kind: kindOf(span, podOf, callers),
            startTimeUnixNano: span.StartTimeUnixNano,
            endTimeUnixNano: span.EndTimeUnixNano,
            attributes: STATEMENT.test(span.OperationName)
              ? [
                  { key: "db.system.name", value: { stringValue: "other_sql" } },
                  { key: "db.query.summary", value: { stringValue: span.OperationName } },
                ]
              : [],
          })),
        },
      ],
    })),
  };
}
