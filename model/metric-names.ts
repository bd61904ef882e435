// Metrics whose names say something about a mesh or its platform: what each measures, however it came (OTLP or Prometheus).
// In: a metric's name. Out: its meaning: whose metric it is, what it measures in which unit, counter or gauge, and about whom it speaks.
// Bounds: a closed table; names are matched whole, with Prometheus' endings where the kind has them (`_total`; `_bucket`, `_sum`, `_count`).
// The views of storage/migrations/0007_mesh_metrics.sql recognise the same names; test/storage/mesh-points.test.ts compares them.

/** counter: only rises; gauge: a level; distribution: a histogram, whole or as its series. */
export type MetricKind = "counter" | "gauge" | "distribution";

/** edge: a caller and a callee; sender: whoever exposes it; labels: an object that only its labels name. */
export type MetricSubject = "edge" | "sender" | "labels";

/** What a name means; `measure` is the word of storage and carries the unit. */
export interface MetricMeaning {
  readonly origin: string;
  readonly measure: string;
  readonly kind: MetricKind;
  readonly subject: MetricSubject;
}

// One line a measure: measure, kind letter (c, g, d), names. Envoy's names are listed by what follows `cluster.`: see below.
const ISTIO = `
requests c istio_requests_total
request_duration_ms d istio_request_duration_milliseconds
request_bytes d istio_request_bytes
response_bytes d istio_response_bytes
request_messages c istio_request_messages_total
response_messages c istio_response_messages_total
tcp_request_bytes c istio_tcp_received_bytes_total
tcp_response_bytes c istio_tcp_sent_bytes_total
tcp_connections_opened c istio_tcp_connections_opened_total
tcp_connections_closed c istio_tcp_connections_closed_total`;

const LINKERD = `
requests_started c request_total
requests c response_total
request_duration_ms d response_latency_ms
tcp_connections_opened c tcp_open_total
tcp_connections_closed c tcp_close_total`;

const ENVOY_CLUSTER = `
upstream_requests c upstream_rq_total
upstream_responses c upstream_rq
upstream_response_classes c upstream_rq_xx
upstream_duration_ms d upstream_rq_time
upstream_retries c upstream_rq_retry
upstream_retry_overflows c upstream_rq_retry_overflow
upstream_retries_exceeded c upstream_rq_retry_limit_exceeded
upstream_timeouts c upstream_rq_timeout upstream_rq_per_try_timeout
upstream_resets c upstream_rq_rx_reset
upstream_pending_overflows c upstream_rq_pending_overflow
upstream_pending_failures c upstream_rq_pending_failure_eject
upstream_requests_active g upstream_rq_active
upstream_requests_pending g upstream_rq_pending_active
upstream_connections c upstream_cx_total
upstream_connections_active g upstream_cx_active
upstream_connect_failures c upstream_cx_connect_fail
upstream_connect_timeouts c upstream_cx_connect_timeout
upstream_connection_overflows c upstream_cx_overflow
upstream_hosts g membership_total
upstream_hosts_healthy g membership_healthy
upstream_hosts_ejected g outlier_detection_ejections_active
circuit_breaker_open g circuit_breakers_default_cx_open circuit_breakers_default_cx_pool_open circuit_breakers_default_rq_open circuit_breakers_default_rq_pending_open circuit_breakers_default_rq_retry_open`;

const ENVOY_SERVER = `
proxy_live g live
proxy_memory_bytes g memory_allocated
proxy_uptime_seconds g uptime
proxy_connections g total_connections`;

// What the platform says of pods, containers, nodes and machines: the Collector's kubeletstats and k8s_cluster receivers, cAdvisor and
// kube-state-metrics.
const PLATFORM = `
restarts g k8s.container.restarts
restarts c kube_pod_container_status_restarts_total
ready g k8s.container.ready kube_pod_container_status_ready
pod_phase g k8s.pod.phase kube_pod_status_phase
last_terminated_reason g kube_pod_container_status_last_terminated_reason
waiting_reason g kube_pod_container_status_waiting_reason
oom_kills c container_oom_events_total
cpu_seconds c container.cpu.time k8s.pod.cpu.time container_cpu_usage_seconds_total
cpu_cores g container.cpu.usage k8s.pod.cpu.usage
cpu_limit_cores g k8s.container.cpu_limit kube_pod_container_resource_limits
cpu_limit_ratio g k8s.container.cpu_limit_utilization k8s.pod.cpu_limit_utilization
cpu_throttled_ns c container.cpu.throttling_data.throttled_time
cpu_throttled_seconds c container_cpu_cfs_throttled_seconds_total
cpu_throttled_periods c container.cpu.throttling_data.throttled_periods container_cpu_cfs_throttled_periods_total
memory_bytes g container.memory.working_set k8s.pod.memory.working_set container_memory_working_set_bytes
memory_rss_bytes g container.memory.rss k8s.pod.memory.rss container_memory_rss
memory_limit_bytes g k8s.container.memory_limit container_spec_memory_limit_bytes
memory_limit_ratio g k8s.container.memory_limit_utilization k8s.pod.memory_limit_utilization
node_ready g k8s.node.condition_ready kube_node_status_condition
node_cpu_cores g k8s.node.cpu.usage
node_memory_bytes g k8s.node.memory.working_set
pods_desired g k8s.deployment.desired kube_deployment_spec_replicas
pods_available g k8s.deployment.available kube_deployment_status_replicas_available
vm_vcpu_delay_seconds c kubevirt_vmi_vcpu_delay_seconds_total
vm_vcpu_wait_seconds c kubevirt_vmi_vcpu_wait_seconds_total
vm_panics c kubevirt_vmi_guest_os_panic_total
vm_migration_started g kubevirt_vmi_migration_start_time_seconds
vm_migration_ended g kubevirt_vmi_migration_end_time_seconds
vm_migration_failed g kubevirt_vmi_migration_failed
vm_migration_dirty_bytes_per_second g kubevirt_vmi_migration_dirty_memory_rate_bytes
guest_memory_bytes g kata_guest_meminfo
guest_vm g kata_guest_vm_stat`;

const FUNCTIONS = `
cold_starts c faas.coldstarts faas_coldstarts_total
function_init_seconds d faas.init_duration faas_init_duration_seconds
function_errors c faas.errors faas_errors_total
function_timeouts c faas.timeouts faas_timeouts_total
queue_depth g kn.serving.queue.depth kn_serving_queue_depth queue_depth
invocation_duration_seconds d kn.serving.invocation.duration kn_serving_invocation_duration_seconds
invocation_duration_ms d revision_request_latencies`;

const KINDS: Readonly<Record<string, MetricKind>> = { c: "counter", g: "gauge", d: "distribution" };
const MEANINGS: ReadonlyMap<string, MetricMeaning> = readTables();

/** What a metric of this name means; null for a name that is not in the table. */
export function meaningOfMetric(name: string): MetricMeaning | null {
  return MEANINGS.get(name) ?? null;
}

/** Every recognised name with its meaning, the endings of Prometheus included. */
export function recognisedMetrics(): IterableIterator<[string, MetricMeaning]> {
  return MEANINGS.entries();
}

/** True when the scrape target that exposes the metric is not what it is about: cAdvisor and kube-state-metrics speak of all pods. */
export function speaksOfOthers(name: string): boolean {
  return MEANINGS.get(name)?.subject === "labels" || /^(kube_|container_|kubevirt_|kata_)/.test(name);
}

function readTables(): Map<string, MetricMeaning> {
  const meanings = new Map<string, MetricMeaning>();
  const add = (name: string, meaning: MetricMeaning): void => {
    meanings.set(name, meaning);
    if (meaning.kind === "distribution")
      for (const end of ["_bucket", "_sum", "_count"]) meanings.set(name + end, meaning);
    // A Collector may trim the ending of a counter.
    if (meaning.kind === "counter" && name.endsWith("_total") && name.startsWith("istio_"))
      meanings.set(name.slice(0, -6), meaning);
  };
  const read = (origin: string, subject: MetricSubject, table: string, spell: (name: string) => string[]): void => {
    for (const line of table.trim().split("\n")) {
      const [measure = "", letter = "", ...names] = line.split(" ");
      const kind = KINDS[letter] ?? "gauge";
      for (const name of names.flatMap(spell)) add(name, { origin, measure, kind, subject });
    }
  };
  read("istio", "edge", ISTIO, (name) => [name]);
  read("linkerd", "edge", LINKERD, (name) => [name]);
  read("envoy", "edge", ENVOY_CLUSTER, envoyNames("cluster"));
  read("envoy", "sender", ENVOY_SERVER, envoyNames("server"));
  read("functions", "sender", FUNCTIONS, (name) => [name]);
  read("kubernetes", "labels", PLATFORM, (name) => [name]);
  return meanings;
}

/** Prometheus' spelling of an Envoy statistic, and OTLP's: there the groups within a cluster have dots. */
function envoyNames(group: string): (name: string) => string[] {
  return (name) => {
    const dotted = name
      .replace("circuit_breakers_default_", "circuit_breakers.default.")
      .replace("outlier_detection_", "outlier_detection.");
    return [`envoy_${group}_${name}`, `envoy.${group}.${dotted}`];
  };
}
