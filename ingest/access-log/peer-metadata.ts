// Who the other proxy says it is: Istio's filter state `upstream_peer` and `downstream_peer`, SPIFFE names, pod names.
// In: JSON text of the filter state (istio/proxy's WorkloadMetadataObject, or the older node metadata of its Wasm plugin). Out: a place.
// Bounds: pure, called once a distinct text and block; what is no JSON object says nothing.

/** A caller or callee; unknown parts are ''. */
export interface Place {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly instance: string;
}

/** A place of which nothing is known. */
export const NOWHERE: Place = { cluster: "", namespace: "", service: "", version: "", instance: "" };

// ReplicaSet hashes and pod suffixes are made of these characters only (k8s.io/apimachinery/pkg/util/rand).
const POD_OF_DEPLOYMENT = /^(.+)-[bcdfghjklmnpqrstvwxz2456789]{5,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$/;
const POD_OF_SET = /^(.+)-(\d{1,4}|[bcdfghjklmnpqrstvwxz2456789]{5})$/;

/** Reads a filter state; NOWHERE when it does not say. */
export function readPeerMetadata(text: string): Place {
  if (!text.startsWith("{")) return NOWHERE;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return NOWHERE;
  }
  if (!isRecord(value)) return NOWHERE;
  const labels = isRecord(value["LABELS"]) ? value["LABELS"] : {};
  return {
    cluster: pick(value["cluster"], value["CLUSTER_ID"]),
    namespace: pick(value["namespace"], value["NAMESPACE"]),
    service: pick(
      value["service"],
      labels["service.istio.io/canonical-name"],
      labels["app.kubernetes.io/name"],
      value["app"],
      labels["app"],
      value["workload"],
      value["WORKLOAD_NAME"],
    ),
    version: pick(
      value["revision"],
      labels["service.istio.io/canonical-revision"],
      labels["app.kubernetes.io/version"],
      value["version"],
      labels["version"],
    ),
    instance: pick(value["name"], value["NAME"]),
  };
}

/** Namespace of `spiffe://cluster.local/ns/NAMESPACE/sa/ACCOUNT`; '' when it is none. An account is no service. */
export function namespaceOfSpiffe(name: string): string {
  return /^spiffe:\/\/[^/]*\/ns\/([^/]+)\/sa\//.exec(name)?.[1] ?? "";
}

/** The workload of a pod by its name: `curl` of `curl-7656cf8794-6lsm4`; the name itself when it follows no pattern. */
export function workloadOfPod(pod: string): string {
  return POD_OF_DEPLOYMENT.exec(pod)?.[1] ?? POD_OF_SET.exec(pod)?.[1] ?? pod;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function pick(...values: unknown[]): string {
  for (const value of values) {
    if (typeof value === "string" && value !== "" && value !== "-" && value !== "unknown") return value.slice(0, 256);
  }
  return "";
}
