// How a workload runs, read from its attributes: the class, and apart from it what isolates it from its neighbours.
// In: resource attributes of any signal. Out: class, isolation, and for each the rule and the attribute that decided.
// Bounds: a fixed table, first match wins; a Knative function on Kata is FAAS *and* isolated by KATA, so the two are asked apart.
// What says nothing is UNKNOWN; MirageOS, HaLVM and library OSes carry no standard attribute and must be declared.
import type { RuntimeClass } from "./entity.ts";

/** Attributes by name; values as text. */
export type Attributes = ReadonlyMap<string, string>;

/** A verdict with its reason: `rule` is the id in the table, `attribute` what it read, `confidence` 0..1. */
export interface RuntimeVerdict {
  readonly value: RuntimeClass;
  readonly rule: string;
  readonly attribute: string;
  readonly confidence: number;
}

/** Class and isolation of a workload; `isolation` is null when nothing says that it is sandboxed or a machine of its own. */
export interface Runtime {
  readonly runtime: RuntimeVerdict;
  readonly isolation: RuntimeVerdict | null;
}

interface RuntimeRule {
  readonly id: string;
  readonly value: RuntimeClass;
  readonly confidence: number;
  /** The class says how it is isolated as well. */
  readonly isolates: boolean;
  /** Any of these attributes, with a value that fits. */
  readonly attributes: readonly string[];
  readonly fits: RegExp;
  /** Extra condition on the whole set. */
  readonly when?: (attributes: Attributes) => boolean;
}

const RUNTIME_CLASS_NAME = [
  "k8s.pod.runtime_class.name",
  "k8s.pod.runtime_class",
  "k8s.runtimeclass.name",
  "container.runtime.name",
  "container.runtime",
];
const POD_LABELS = ["k8s.pod.label.", "k8s.pod.labels."];
const POD_ANNOTATIONS = ["k8s.pod.annotation.", "k8s.pod.annotations."];
const PRESENT = /./;

const DECLARED: ReadonlyMap<string, RuntimeClass> = new Map([
  ["runc", "RUNC"],
  ["kubevirt", "KUBEVIRT"],
  ["kata", "KATA"],
  ["gvisor", "GVISOR"],
  ["unikernel", "UNIKERNEL"],
  ["libos", "LIBRARY_OS"],
  ["library_os", "LIBRARY_OS"],
  ["faas", "FAAS"],
  ["vm", "VM"],
]);
const DECLARED_BY = ["faultline.runtime_class", ...annotation("faultline.io/runtime")];
const ISOLATING: ReadonlySet<RuntimeClass> = new Set(["KATA", "GVISOR", "KUBEVIRT", "VM", "UNIKERNEL", "LIBRARY_OS"]);

const RULES: readonly RuntimeRule[] = [
  {
    id: "faas.otel",
    value: "FAAS",
    confidence: 0.99,
    isolates: false,
    attributes: ["faas.name", "faas.instance"],
    fits: PRESENT,
  },
  {
    id: "faas.platform",
    value: "FAAS",
    confidence: 0.99,
    isolates: false,
    attributes: ["cloud.platform"],
    fits: /^(aws_lambda|gcp_cloud_functions|gcp_cloud_run|azure[._]functions|alibaba_cloud_fc|tencent_cloud_scf)$/,
  },
  {
    id: "faas.knative",
    value: "FAAS",
    confidence: 0.99,
    isolates: false,
    attributes: label("serving.knative.dev/revision"),
    fits: PRESENT,
  },
  {
    id: "faas.openfaas",
    value: "FAAS",
    confidence: 0.95,
    isolates: false,
    attributes: label("faas_function"),
    fits: PRESENT,
  },
  {
    id: "kubevirt.label",
    value: "KUBEVIRT",
    confidence: 0.99,
    isolates: true,
    attributes: label("kubevirt.io"),
    fits: /^virt-launcher$/,
  },
  {
    id: "kubevirt.name",
    value: "KUBEVIRT",
    confidence: 0.99,
    isolates: true,
    attributes: label("vm.kubevirt.io/name"),
    fits: PRESENT,
  },
  {
    id: "kubevirt.pod",
    value: "KUBEVIRT",
    confidence: 0.9,
    isolates: true,
    attributes: ["k8s.pod.name"],
    fits: /^virt-launcher-/,
  },
  {
    id: "rtc.kata",
    value: "KATA",
    confidence: 0.98,
    isolates: true,
    attributes: RUNTIME_CLASS_NAME,
    fits: /^(io\.containerd\.)?kata($|[-.])/,
  },
  {
    id: "rtc.gvisor",
    value: "GVISOR",
    confidence: 0.95,
    isolates: true,
    attributes: RUNTIME_CLASS_NAME,
    fits: /^(io\.containerd\.)?(gvisor|runsc)($|[-.])/,
  },
  {
    id: "rtc.untrusted",
    value: "GVISOR",
    confidence: 0.95,
    isolates: true,
    attributes: annotation("io.kubernetes.cri.untrusted-workload"),
    fits: /^true$/,
  },
  {
    id: "rtc.unikernel",
    value: "UNIKERNEL",
    confidence: 0.95,
    isolates: true,
    attributes: RUNTIME_CLASS_NAME,
    fits: /^(urunc|runu|kraft)/,
  },
  {
    id: "node.virtual",
    value: "UNIKERNEL",
    confidence: 0.6,
    isolates: true,
    attributes: ["k8s.node.name"],
    fits: /kraft|unikraft/i,
    when: (attributes) => attributes.get("k8s.node.label.type") === "virtual-kubelet",
  },
  {
    id: "image.annotation",
    value: "UNIKERNEL",
    confidence: 0.7,
    isolates: true,
    attributes: annotation("com.urunc.unikernel.unikernelType"),
    fits: PRESENT,
  },
  {
    id: "image.unikernel",
    value: "UNIKERNEL",
    confidence: 0.7,
    isolates: true,
    attributes: ["container.image.name"],
    fits: /unikraft\.org\/|\/unikernels\/|mirage/,
  },
  {
    id: "proc.mirage",
    value: "UNIKERNEL",
    confidence: 0.7,
    isolates: true,
    attributes: ["process.runtime.name"],
    fits: /mirage|solo5|halvm|nanos|osv|unikraft/i,
    when: (attributes) => (attributes.get("os.type") ?? "unknown") === "unknown",
  },
  {
    id: "vm.platform",
    value: "VM",
    confidence: 0.8,
    isolates: true,
    attributes: ["cloud.platform"],
    fits: /^(aws_ec2|gcp_compute_engine|azure[._]vm|alibaba_cloud_ecs|tencent_cloud_cvm)$/,
    when: isOutsideKubernetes,
  },
  {
    id: "vm.host",
    value: "VM",
    confidence: 0.8,
    isolates: true,
    attributes: ["host.id"],
    fits: PRESENT,
    when: (attributes) => isOutsideKubernetes(attributes) && !attributes.has("container.id"),
  },
  {
    id: "default.pod",
    value: "RUNC",
    confidence: 0.6,
    isolates: false,
    attributes: ["k8s.pod.name", "k8s.pod.uid", "container.id"],
    fits: PRESENT,
  },
];

const NOTHING: RuntimeVerdict = { value: "UNKNOWN", rule: "unknown", attribute: "", confidence: 0 };

/** Reads class and isolation of a workload from its resource attributes; never fails, UNKNOWN when nothing says. */
export function resolveRuntime(attributes: Attributes): Runtime {
  const declared = declaredClass(attributes);
  const runtime = declared ?? firstMatch(attributes, () => true) ?? NOTHING;
  const isolation =
    declared !== null && ISOLATING.has(declared.value) ? declared : firstMatch(attributes, (rule) => rule.isolates);
  return { runtime, isolation };
}

/** True when no attribute says that the workload is a pod. */
export function isOutsideKubernetes(attributes: Attributes): boolean {
  return !attributes.has("k8s.pod.name") && !attributes.has("k8s.pod.uid") && !attributes.has("k8s.namespace.name");
}

function declaredClass(attributes: Attributes): RuntimeVerdict | null {
  for (const attribute of DECLARED_BY) {
    const value = DECLARED.get((attributes.get(attribute) ?? "").toLowerCase());
    if (value !== undefined) return { value, rule: "declared", attribute, confidence: 1 };
  }
  return null;
}

function firstMatch(attributes: Attributes, wanted: (rule: RuntimeRule) => boolean): RuntimeVerdict | null {
  for (const rule of RULES) {
    if (!wanted(rule) || (rule.when !== undefined && !rule.when(attributes))) continue;
    for (const attribute of rule.attributes) {
      const value = attributes.get(attribute);
      if (value !== undefined && rule.fits.test(value)) {
        return { value: rule.value, rule: rule.id, attribute, confidence: rule.confidence };
      }
    }
  }
  return null;
}

function label(name: string): string[] {
  return POD_LABELS.map((prefix) => prefix + name);
}

function annotation(name: string): string[] {
  return POD_ANNOTATIONS.map((prefix) => prefix + name);
}
