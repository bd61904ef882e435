// GraphQL types of Faultline's own state: how far it has come, and which clusters it knows.
// In: a builder. Out: the fields `status` and `clusters`.
// Bounds: at most 1000 clusters.
import { type ClusterRow, type Progress, readClusters, readProgress } from "../../storage/graph-reads.ts";
import { instantOfSeconds } from "../instant.ts";
import type { ApiBuilder } from "./builder.ts";

const MAX_CLUSTERS = 1000;

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
