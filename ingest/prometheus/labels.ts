// The labels of one Prometheus series: which of them say who sent it, and the rest as attributes of OTLP points.
// In: ranges of bytes (name, value) in the request. Out: a resource by OpenTelemetry's names, written as OTLP attributes.
// Source: OpenTelemetry's Prometheus compatibility (job and instance) and the labels that Kubernetes scrape configurations set.
// Bounds: 256 labels a series; more refuse it. `exported_*` labels win over the plain ones: those are the exporter's own.
import { fieldLength, type ProtobufWriter, varintLength } from "./protobuf-writer.ts";

const MAX_LABELS = 256;

/** What a label is besides an attribute; smaller `rank` wins where several labels say the same. */
interface LabelRule {
  readonly target: number;
  readonly rank: number;
}

const TARGETS = [
  "k8s.cluster.name",
  "k8s.namespace.name",
  "k8s.pod.name",
  "k8s.container.name",
  "k8s.node.name",
  "k8s.deployment.name",
  "k8s.statefulset.name",
  "k8s.daemonset.name",
  "k8s.cronjob.name",
  "k8s.job.name",
  "service.instance.id",
  "service.name",
  "k8s.pod.label.service.istio.io/canonical-name",
  "k8s.pod.label.app.kubernetes.io/name",
  "k8s.pod.label.app",
  "k8s.pod.label.service.istio.io/canonical-revision",
  "k8s.pod.label.app.kubernetes.io/version",
  "k8s.pod.label.version",
] as const;
type Target = (typeof TARGETS)[number];

// Each target's labels, the best first.
const LABELS: Readonly<Record<Target, readonly string[]>> = {
  "k8s.cluster.name": ["k8s_cluster_name", "cluster"],
  "k8s.namespace.name": ["exported_namespace", "namespace", "kubernetes_namespace"],
  "k8s.pod.name": ["exported_pod", "pod", "pod_name", "kubernetes_pod_name"],
  "k8s.container.name": ["exported_container", "container", "container_name"],
  "k8s.node.name": ["exported_node", "node", "kubernetes_node"],
  "k8s.deployment.name": ["deployment"],
  "k8s.statefulset.name": ["statefulset"],
  "k8s.daemonset.name": ["daemonset"],
  "k8s.cronjob.name": ["cronjob"],
  "k8s.job.name": ["job_name"],
  "service.instance.id": ["exported_instance", "instance"],
  "service.name": ["exported_job", "job"],
  "k8s.pod.label.service.istio.io/canonical-name": ["service_istio_io_canonical_name"],
  "k8s.pod.label.app.kubernetes.io/name": ["app_kubernetes_io_name"],
  "k8s.pod.label.app": ["app"],
  "k8s.pod.label.service.istio.io/canonical-revision": ["service_istio_io_canonical_revision"],
  "k8s.pod.label.app.kubernetes.io/version": ["app_kubernetes_io_version"],
  "k8s.pod.label.version": ["version"],
};
const POD = TARGETS.indexOf("k8s.pod.name");
const INSTANCE = TARGETS.indexOf("service.instance.id");
const JOB = TARGETS.indexOf("service.name");
const FIRST_POD_LABEL = JOB + 1;
// Names of scrape configurations, not of services.
const SAYS_NO_SERVICE =
  /^(kubernetes-(pods|nodes|cadvisor|service|apiserver|endpoints)|(pod|service)monitor\/|envoy-stats|istio-mesh|ztunnel|linkerd-|cadvisor$|kubelet$)/i;

/** A label name that means more than an attribute; target -1 is the metric's name. */
interface KnownLabel extends LabelRule {
  readonly bytes: Buffer;
}

const KNOWN: readonly KnownLabel[] = [
  { bytes: Buffer.from("__name__"), target: -1, rank: 0 },
  ...TARGETS.flatMap((name, target) =>
    LABELS[name].map((label, rank) => ({ bytes: Buffer.from(label), target, rank })),
  ),
];
// By length and first byte, so that most names are none of them at a glance.
const KNOWN_BY_HEAD: (readonly KnownLabel[] | undefined)[] = [];
for (const label of KNOWN) {
  const head = headOf(label.bytes, 0, label.bytes.length);
  KNOWN_BY_HEAD[head] = [...(KNOWN_BY_HEAD[head] ?? []), label];
}
const TARGET_BYTES = TARGETS.map((name) => Buffer.from(name));
const SERVICE_NAMESPACE = Buffer.from("service.namespace");
const SLASH = 0x2f;

const MAX_KNOWN_BYTES = Math.max(...KNOWN.map(({ bytes }) => bytes.length));

function headOf(bytes: Uint8Array, from: number, length: number): number {
  return length * 256 + (bytes[from] ?? 0);
}

function areEqual(a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aFrom + i] !== b[bFrom + i]) return false;
  return true;
}

/** Bytes of one OTLP KeyValue with a string. */
function keyValueLength(keyLength: number, valueLength: number): number {
  return fieldLength(keyLength) + fieldLength(fieldLength(valueLength));
}

/** Writes one OTLP KeyValue with a string as a field of `tag`. */
function writeKeyValue(
  out: ProtobufWriter,
  tag: number,
  key: { readonly bytes: Uint8Array; readonly from: number; readonly length: number },
  value: { readonly bytes: Uint8Array; readonly from: number; readonly length: number },
): void {
  out.open(tag, keyValueLength(key.length, value.length));
  out.open(0x0a, key.length);
  out.range(key.bytes, key.from, key.length);
  out.open(0x12, fieldLength(value.length));
  out.open(0x0a, value.length);
  out.range(value.bytes, value.from, value.length);
}

/** The labels of the series being read; `name` is '' until they are sorted out. */
export class SeriesLabels {
  private bytes: Buffer = Buffer.alloc(0);
  private readonly nameFrom = new Int32Array(MAX_LABELS);
  private readonly nameLength = new Int32Array(MAX_LABELS);
  private readonly valueFrom = new Int32Array(MAX_LABELS);
  private readonly valueLength = new Int32Array(MAX_LABELS);
  private readonly isResource = new Uint8Array(MAX_LABELS);
  /** Label by target, -1 where none says it. */
  private readonly chosen = new Int32Array(TARGETS.length);
  private readonly ranks = new Uint8Array(TARGETS.length);
  /** Where the last series' resource is, and its text. */
  private readonly beforeFrom = new Int32Array(TARGETS.length).fill(-1);
  private readonly beforeLength = new Int32Array(TARGETS.length);
  private key = "";
  private count = 0;
  private nameLabel = -1;
  private isTooMany = false;

  /** Starts on another request. */
  open(bytes: Buffer): void {
    this.bytes = bytes;
    this.beforeFrom.fill(-1);
    this.key = "";
  }

  /** Starts on another series. */
  clear(): void {
    this.count = 0;
    this.nameLabel = -1;
    this.isTooMany = false;
    this.chosen.fill(-1);
  }

  /** Adds a label; one with an empty value is no label. */
  add(nameFrom: number, nameLength: number, valueFrom: number, valueLength: number): void {
    if (valueLength === 0) return;
    if (this.count >= MAX_LABELS) {
      this.isTooMany = true;
      return;
    }
    const i = this.count++;
    this.nameFrom[i] = nameFrom;
    this.nameLength[i] = nameLength;
    this.valueFrom[i] = valueFrom;
    this.valueLength[i] = valueLength;
    this.isResource[i] = 0;
    const known = nameLength > MAX_KNOWN_BYTES ? undefined : KNOWN_BY_HEAD[headOf(this.bytes, nameFrom, nameLength)];
    if (known === undefined) return;
    const label = known.find(({ bytes }) => areEqual(bytes, 0, this.bytes, nameFrom, nameLength));
    if (label === undefined) return;
    const { target, rank } = label;
    if (target < 0) this.nameLabel = i;
    else if ((this.chosen[target] ?? -1) >= 0 && (this.ranks[target] ?? 0) <= rank) return;
    else {
      this.chosen[target] = i;
      this.ranks[target] = rank;
    }
  }

  /** Why the series cannot be kept; null when it can. */
  get refusal(): "labels" | "name" | null {
    if (this.isTooMany) return "labels";
    return this.nameLabel < 0 ? "name" : null;
  }

  /** The metric's name. */
  get name(): string {
    return this.textOf(this.nameLabel);
  }

  /** Writes the metric's name as a field. */
  writeName(out: ProtobufWriter, tag: number): void {
    const length = this.valueLength[this.nameLabel] ?? 0;
    out.open(tag, length);
    out.range(this.bytes, this.valueFrom[this.nameLabel] ?? 0, length);
  }

  get nameFieldLength(): number {
    return fieldLength(this.valueLength[this.nameLabel] ?? 0);
  }

  /**
   * Settles which labels are the resource and returns a text that is equal for equal resources. `speaksOfOthers`: job and instance are
   * those of an exporter, not of what the series is about.
   */
  settle(speaksOfOthers: boolean): string {
    const { chosen } = this;
    if (speaksOfOthers) chosen[INSTANCE] = chosen[JOB] = -1;
    else if ((chosen[JOB] ?? -1) >= 0 && SAYS_NO_SERVICE.test(this.textOf(chosen[JOB] ?? -1))) chosen[JOB] = -1;
    // Without a pod, `app` and `version` are labels of the metric's own.
    if ((chosen[POD] ?? -1) < 0) chosen.fill(-1, FIRST_POD_LABEL);
    let isSame = true;
    for (let target = 0; target < chosen.length; target++) {
      const label = chosen[target] ?? -1;
      if (label >= 0) this.isResource[label] = 1;
      isSame &&= this.isAsBefore(target, label);
    }
    if (isSame) return this.key;
    this.key = "";
    for (let target = 0; target < chosen.length; target++) {
      const label = chosen[target] ?? -1;
      this.beforeFrom[target] = label < 0 ? -1 : (this.valueFrom[label] ?? 0);
      this.beforeLength[target] = label < 0 ? 0 : (this.valueLength[label] ?? 0);
      if (label >= 0) this.key += `${target}=${this.textOf(label)}\0`;
    }
    return this.key;
  }

  /** Whether the last series said the same of a target. */
  private isAsBefore(target: number, label: number): boolean {
    const before = this.beforeFrom[target] ?? -1;
    if (label < 0 || before < 0) return label < 0 && before < 0;
    const from = this.valueFrom[label] ?? 0;
    const length = this.valueLength[label] ?? 0;
    if (length !== this.beforeLength[target]) return false;
    return from === before || areEqual(this.bytes, before, this.bytes, from, length);
  }

  /** Writes the resource's attributes as fields of `tag`. */
  writeResource(out: ProtobufWriter, tag: number): void {
    for (const [target, key] of TARGET_BYTES.entries()) {
      const label = this.chosen[target] ?? -1;
      if (label < 0) continue;
      const to = { bytes: key, from: 0, length: key.length };
      const from = this.valueFrom[label] ?? 0;
      const length = this.valueLength[label] ?? 0;
      const slash = target === JOB ? this.bytes.subarray(from, from + length).indexOf(SLASH) : -1;
      if (slash <= 0 || slash === length - 1) writeKeyValue(out, tag, to, { bytes: this.bytes, from, length });
      else {
        const namespace = { bytes: SERVICE_NAMESPACE, from: 0, length: SERVICE_NAMESPACE.length };
        writeKeyValue(out, tag, namespace, { bytes: this.bytes, from, length: slash });
        const name = { bytes: this.bytes, from: from + slash + 1, length: length - slash - 1 };
        writeKeyValue(out, tag, to, name);
      }
    }
  }

  /** Bytes of the attributes of one point. */
  get attributesLength(): number {
    let length = 0;
    for (let i = 0; i < this.count; i++) {
      if (!this.isAttribute(i)) continue;
      const pair = keyValueLength(this.nameLength[i] ?? 0, this.valueLength[i] ?? 0);
      length += 1 + varintLength(pair) + pair;
    }
    return length;
  }

  /** Writes the attributes of one point as fields of `tag`. */
  writeAttributes(out: ProtobufWriter, tag: number): void {
    const { bytes } = this;
    for (let i = 0; i < this.count; i++) {
      if (!this.isAttribute(i)) continue;
      const nameLength = this.nameLength[i] ?? 0;
      const valueLength = this.valueLength[i] ?? 0;
      out.open(tag, keyValueLength(nameLength, valueLength));
      out.open(0x0a, nameLength);
      out.range(bytes, this.nameFrom[i] ?? 0, nameLength);
      out.open(0x12, fieldLength(valueLength));
      out.open(0x0a, valueLength);
      out.range(bytes, this.valueFrom[i] ?? 0, valueLength);
    }
  }

  private isAttribute(label: number): boolean {
    return label !== this.nameLabel && this.isResource[label] === 0;
  }

  private textOf(label: number): string {
    const from = this.valueFrom[label] ?? 0;
    return label < 0 ? "" : this.bytes.toString("latin1", from, from + (this.valueLength[label] ?? 0));
  }
}
