// Why nodes are healthy or not, beside what the range itself tells: their own latency before it, clusters that fell silent.
// In: nodes of a graph, storage. Out: the same nodes with reasons.
// Bounds: one more read of what places answered, as long as the range and an hour at most; operations are not compared.
import { entityId } from "../model/entity.ts";
import { addHistogram, quantileMs } from "../model/histogram.ts";
import type { Storage } from "../storage/client.ts";
import { type GraphRequest, readGraphNodes } from "../storage/graph-reads.ts";
import type { GraphNode } from "./graph-nodes.ts";
import { createPlaces } from "./graph-places.ts";
import type { SilentCluster } from "./graph.ts";
import { healthReasons } from "./health.ts";
import { instantOfSeconds } from "./instant.ts";

const BEFORE_SECONDS_MAX = 3600;

interface Before {
  requests: number;
  histogram: number[];
}

/** The nodes with their reasons. */
export async function withReasons(
  storage: Storage,
  request: GraphRequest,
  nodes: readonly GraphNode[],
  silent: readonly SilentCluster[],
): Promise<GraphNode[]> {
  const { fromSeconds, toSeconds } = request.range;
  const seconds = Math.min(BEFORE_SECONDS_MAX, toSeconds - fromSeconds, fromSeconds);
  const range = { fromSeconds: fromSeconds - seconds, toSeconds: fromSeconds };
  const rows = request.histograms ? await readGraphNodes(storage, { ...request, range }, false) : [];
  const places = createPlaces(request.detail);
  const before = new Map<string, Before>();
  for (const row of rows) {
    const { bareId } = places.at(row);
    const known = before.get(bareId);
    if (known === undefined) before.set(bareId, { requests: row.RequestCount, histogram: [...row.Histogram] });
    else {
      known.requests += row.RequestCount;
      addHistogram(known.histogram, row.Histogram);
    }
  }
  const silentSince = new Map(silent.map(({ cluster, lastSeen }) => [cluster, instantOfSeconds(lastSeen)]));
  return nodes.map((node) => {
    const { entity, counts, latencyP99Ms, idleSince } = node;
    const own = before.get(entity.node === "" ? node.id : entityId({ ...entity, node: "" }));
    const reasons = healthReasons({
      counts,
      latencyP99Ms,
      before: own === undefined ? null : { requests: own.requests, latencyP99Ms: quantileMs(own.histogram, 0.99) },
      silentSince: silentSince.get(entity.cluster) ?? null,
      idleSince,
    });
    return { ...node, reasons };
  });
}
