// What an access log can say: a closed list of fields, and every name under which Istio, Envoy, ztunnel or an operator sends one.
// In: a key. Out: the number of its field, or that it is none. Bounds: the closed lists below; any other key is the operator's own and is kept
// as an attribute. Names: Istio's JSON keys (pilot/pkg/model/telemetry_logging.go), the labels of our onboarding, ztunnel's access target.

/** Fields in order of their numbers; the names are Istio's where it has one. */
export const FIELD_NAMES = [
  "start_time",
  "method",
  "path",
  "protocol",
  "response_code",
  "response_flags",
  "response_code_details",
  "upstream_transport_failure_reason",
  "bytes_received",
  "bytes_sent",
  "duration",
  "upstream_service_time",
  "user_agent",
  "request_id",
  "authority",
  "upstream_host",
  "upstream_cluster",
  "downstream_remote_address",
  "route_name",
  "grpc_status",
  "upstream_request_attempt_count",
  "traceparent",
  "trace_id",
  "span_id",
  "upstream_peer",
  "downstream_peer",
  // Who reports.
  "pod",
  "namespace",
  "cluster",
  "workload",
  "canonical_service",
  "canonical_revision",
  "node",
  "node_id",
  "traffic_direction",
  // ztunnel.
  "src.workload",
  "src.namespace",
  "dst.service",
  "dst.workload",
  "dst.namespace",
  // Those of ztunnel that others may use for something else: theirs are kept.
  "direction",
  "message",
  "scope",
  // Kept in Attributes under these names: they have no column.
  "connection_termination_details",
  "requested_server_name",
  "x_forwarded_for",
  "upstream_local_address",
  "downstream_local_address",
  "downstream_peer_uri_san",
  "upstream_peer_uri_san",
  "src.addr",
  "src.identity",
  "dst.addr",
  "dst.hbone_addr",
  "dst.identity",
  "error",
  "rest",
] as const;
/** One field. */
export type FieldName = (typeof FIELD_NAMES)[number];

/** Number of each field. */
export const FIELD = Object.fromEntries(FIELD_NAMES.map((name, i) => [name, i])) as Readonly<Record<FieldName, number>>;

/** First of the fields that go into Attributes; those of ztunnel start later. */
export const FIRST_KEPT_FIELD = FIELD.direction;
/** First of the fields that go into Attributes where ztunnel sends them too. */
export const FIRST_KEPT_OF_ZTUNNEL = FIELD.connection_termination_details;

/** Fields that say who the reporting proxy is. */
export const REPORTER_FIELDS: readonly number[] = [
  FIELD.pod,
  FIELD.namespace,
  FIELD.cluster,
  FIELD.workload,
  FIELD.canonical_service,
  FIELD.canonical_revision,
  FIELD.node,
  FIELD.node_id,
];

const ALIASES: Readonly<Record<string, FieldName>> = {
  timestamp: "start_time",
  time: "start_time",
  "http.request.method": "method",
  "http.method": "method",
  "url.path": "path",
  "http.target": "path",
  "network.protocol": "protocol",
  "http.protocol": "protocol",
  "http.response.status_code": "response_code",
  "http.status_code": "response_code",
  duration_ms: "duration",
  upstream_service_time_ms: "upstream_service_time",
  "user_agent.original": "user_agent",
  x_request_id: "request_id",
  "x-request-id": "request_id",
  ":authority": "authority",
  upstream_cluster_raw: "upstream_cluster",
  "upstream_cluster.name": "upstream_cluster",
  "grpc.status": "grpc_status",
  grpc_status_code: "grpc_status",
  grpc_status_number: "grpc_status",
  "rpc.grpc.status_code": "grpc_status",
  upstream_attempts: "upstream_request_attempt_count",
  "wasm.upstream_peer": "upstream_peer",
  "wasm.downstream_peer": "downstream_peer",
  "k8s.pod.name": "pod",
  pod_name: "pod",
  "k8s.namespace.name": "namespace",
  pod_namespace: "namespace",
  "istio.cluster_id": "cluster",
  cluster_id: "cluster",
  "istio.workload": "workload",
  workload_name: "workload",
  "istio.canonical_service": "canonical_service",
  "istio.canonical_revision": "canonical_revision",
  "k8s.node.name": "node",
  bytes_recv: "bytes_received",
};

const FIELD_OF_KEY: ReadonlyMap<string, number> = new Map([
  ...FIELD_NAMES.filter((name) => name !== "rest").map((name) => [name, FIELD[name]] as const),
  ...Object.entries(ALIASES).map(([key, name]) => [key, FIELD[name]] as const),
]);

/** Length of the longest key that names a field. */
export const LONGEST_KEY = Math.max(...[...FIELD_OF_KEY.keys()].map((key) => key.length));

/** The field that a key names; -1 when it is none. */
export function fieldOfKey(key: string): number {
  return FIELD_OF_KEY.get(key) ?? -1;
}
