// GraphQL types of Faultline's own state: how far it has come, and which clusters it knows.
// In: a builder. Out: the fields `status` and `clusters`.
// Bounds: at most 1000 clusters and 100 overflows of names.
import { type ClusterRow, type Progress, readClusters, readProgress } from "../../storage/progress.ts";
import { type Overflow, readOverflows } from "../../storage/overflows.ts";
import { instantOfSeconds } from "../instant.ts";
import type { ApiBuilder } from "./builder.ts";

const MAX_CLUSTERS = 1000;
const MAX_OVERFLOWS = 100;
const OVERFLOWS_OF_SECONDS = 86_400;

interface StatusShape extends Progress {
  readonly version: string;
  readonly nowSeconds: number;
}

function instantOrNull(seconds: number): string | null {
  return seconds === 0 ? null : instantOfSeconds(seconds);
}

function lagOrNull(bucketSeconds: number, nowSeconds: number): number | null {
  return bucketSeconds === 0 ? null : Math.max(0, nowSeconds - bucketSeconds);
}

/** Adds Status, Cluster and the fields that ask for them. */
export function addStatusTypes(builder: ApiBuilder): void {
  const overflow = builder.objectRef<Overflow>("NameOverflow").implement({
    description:
      "Rows whose name was past a limit of ingest.cardinality; they are stored under the name `__overflow__`.",
    fields: (t) => ({
      dimension: t.exposeString("dimension", {
        description: "cluster, namespace, service, version, instance, node, operation, peer or response_flags.",
      }),
      service: t.string({
        nullable: true,
        description: "Whose version, instance or operation it was.",
        resolve: (row) => (row.service === "" ? null : row.service),
      }),
      rowCount: t.float({ resolve: (row) => row.rowCount }),
      sample: t.string({
        nullable: true,
        description: "One of the names, as it was sent.",
        resolve: (row) => (row.sample === "" ? null : row.sample),
      }),
      lastSeenAt: t.field({ type: "DateTime", resolve: (row) => row.lastSeen }),
    }),
  });
  const status = builder.objectRef<StatusShape>("Status").implement({
    description: "How far Faultline has come. Times are those of 10-second buckets; null: none yet.",
    fields: (t) => ({
      version: t.exposeString("version"),
      lastBucketArrivedAt: t.field({
        type: "DateTime",
        nullable: true,
        resolve: (row) => instantOrNull(row.LastArrived),
      }),
      ingestLagSeconds: t.float({
        nullable: true,
        description: "Age of the newest bucket that spans have arrived for.",
        resolve: (row) => lagOrNull(row.LastArrived, row.nowSeconds),
      }),
      lastBucketAnalyzedAt: t.field({
        type: "DateTime",
        nullable: true,
        resolve: (row) => instantOrNull(row.LastAnalyzed),
      }),
      analysisLagSeconds: t.float({
        nullable: true,
        description: "Age of the newest bucket that was analysed.",
        resolve: (row) => lagOrNull(row.LastAnalyzed, row.nowSeconds),
      }),
      spansLastMinute: t.float({
        description: "Spans whose time lies in the last minute.",
        resolve: (row) => row.SpansLastMinute,
      }),
      nameOverflows: t.field({
        type: [overflow],
        description: "What passed a limit on names in the last 24 hours, the most rows first.",
        resolve: (row, _args, { storage, tenant }) =>
          readOverflows(storage, {
            tenant,
            fromSeconds: Math.floor(row.nowSeconds) - OVERFLOWS_OF_SECONDS,
            limit: MAX_OVERFLOWS,
          }),
      }),
    }),
  });
  const cluster = builder.objectRef<ClusterRow>("Cluster").implement({
    fields: (t) => ({
      name: t.exposeString("Name"),
      serviceCount: t.exposeInt("ServiceCount"),
      instanceCount: t.exposeInt("InstanceCount"),
      lastSeenAt: t.expose("LastSeenAt", { type: "DateTime" }),
    }),
  });
  builder.queryField("status", (t) =>
    t.field({
      type: status,
      resolve: async (_root, _args, { storage, tenant, now, version }) => {
        const nowSeconds = now() / 1000;
        return { version, nowSeconds, ...(await readProgress(storage, tenant, nowSeconds)) };
      },
    }),
  );
  builder.queryField("clusters", (t) =>
    t.field({
      type: [cluster],
      description: "The clusters that telemetry was seen from, by name.",
      resolve: (_root, _args, { storage, tenant }) => readClusters(storage, tenant, MAX_CLUSTERS),
    }),
  );
}
