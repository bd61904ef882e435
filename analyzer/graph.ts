// Takes one bucket of the service graph into the analyzer's memory.
// In: a bucket whose edges and operations were just computed. Out: the history holds it; a bucket taken again is replaced.
// Bounds: two reads, one row a service and one an edge.
import { BUCKET_SECONDS, readEdgeBuckets, readServiceBuckets } from "../storage/buckets.ts";
import type { Storage } from "../storage/client.ts";
import type { History } from "./history.ts";

/** Reads the bucket (unix seconds) of a tenant into its history. */
export async function takeBucket(storage: Storage, tenant: string, history: History, bucket: number): Promise<void> {
  const end = bucket + BUCKET_SECONDS;
  const [services, edges] = await Promise.all([
    readServiceBuckets(storage, tenant, bucket, end),
    readEdgeBuckets(storage, tenant, bucket, end),
  ]);
  history.replace(bucket, end, services, edges);
}
