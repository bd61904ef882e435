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

/** One row of the table: what an attribute says of the runtime, and how sure it is. */
export interface RuntimeRule {
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

/** What runtimeClassName of the pod template is told under; '' says that the template was seen and names none. */
const RUNTIME_CLASS_ATTRIBUTE = "k8s.pod.runtime_class.name";
const RUNTIME_CLASS_NAME = [
  RUNTIME_CLASS_ATTRIBUTE,
  "k8s.pod.runtime_class",
  "k8s.pod.runtime_class.handler",
  "k8s.runtimeclass.name",
  "k8s.runtimeclass.handler",
  "container.runtime.name",
  "container.runtime",
];
/** Prefixes under which a pod's labels arrive; the Collector's k8s_attributes also stamps them bare, under names of the operator's choice. */
export const POD_LABELS: readonly string[] = ["k8s.pod.label.", "k8s.pod.labels.", ""];
const POD_ANNOTATIONS = ["k8s.pod.annotation.", "k8s.pod.annotations."];
const IMAGE_ANNOTATIONS = ["container.image.annotation.", "container.image.annotations.", "container.image.label."];
const OWNER_KIND = ["k8s.pod.owner.kind", "k8s.owner.kind", "istio.workload.kind"];
/** Any of these attributes says that the sender is in a pod or on a node; the cluster's name is stamped on machines beside it too. */
const IN_KUBERNETES = ["k8s.pod.name", "k8s.pod.uid", "k8s.namespace.name", "k8s.container.name", "k8s.node.name"];
/** Labels of a node that say `virtual-kubelet`. */
const VIRTUAL_NODE = ["k8s.node.label.type", "k8s.node.labels.type"];
const PRESENT = /./;

/** Classes by the word that declares them, lower case: the classes, and by name what carries no attribute that a rule could read. */
const DECLARED_RUNTIMES: ReadonlyMap<string, RuntimeClass> = new Map([
  ["runc", "RUNC"],
  ["crun", "RUNC"],
  ["kubevirt", "KUBEVIRT"],
  ["kata", "KATA"],
  ["gvisor", "GVISOR"],
  ["runsc", "GVISOR"],
  ["unikernel", "UNIKERNEL"],
  ["mirage", "UNIKERNEL"],
  ["mirageos", "UNIKERNEL"],
  ["halvm", "UNIKERNEL"],
  ["nanos", "UNIKERNEL"],
  ["osv", "UNIKERNEL"],
  ["unikraft", "UNIKERNEL"],
  ["includeos", "UNIKERNEL"],
  ["urunc", "UNIKERNEL"],
  ["libos", "LIBRARY_OS"],
  ["library_os", "LIBRARY_OS"],
  ["drawbridge", "LIBRARY_OS"],
  ["gramine", "LIBRARY_OS"],
  ["faas", "FAAS"],
  ["knative", "FAAS"],
  ["openfaas", "FAAS"],
  ["vm", "VM"],
]);
/** Attributes that declare a class; the first with a known word counts. */
const RUNTIME_DECLARED_BY = ["faultline.runtime_class", ...annotation("faultline.io/runtime")];
/** Classes that isolate a workload from its neighbours when they are declared. */
const ISOLATING_RUNTIMES: ReadonlySet<RuntimeClass> = new Set([
  "KATA",
  "GVISOR",
  "KUBEVIRT",
  "VM",
  "UNIKERNEL",
  "LIBRARY_OS",
]);

/** The table of classes, first match wins. */
export const RUNTIME_RULES: readonly RuntimeRule[] = [
  running("faas.otel", "FAAS", 0.99, ["faas.name", "faas.instance"], PRESENT),
  running(
    "faas.platform",
    "FAAS",
    0.99,
    ["cloud.platform"],
    /^(aws_lambda|gcp_cloud_functions|gcp_cloud_run|azure[._]functions|alibaba_cloud_fc|tencent_cloud_scf)$/,
  ),
  running("faas.knative", "FAAS", 0.99, label("serving.knative.dev/revision"), PRESENT),
  running("faas.openfaas", "FAAS", 0.95, label("faas_function"), PRESENT),
  isolating("kubevirt.label", "KUBEVIRT", 0.99, label("kubevirt.io"), /^virt-launcher$/),
  isolating("kubevirt.name", "KUBEVIRT", 0.99, label("vm.kubevirt.io/name"), PRESENT),
  isolating("kubevirt.owner", "KUBEVIRT", 0.99, OWNER_KIND, /^VirtualMachineInstance$/),
  isolating("kubevirt.pod", "KUBEVIRT", 0.9, ["k8s.pod.name"], /^virt-launcher-/),
  isolating("rtc.kata", "KATA", 0.98, RUNTIME_CLASS_NAME, /^(io\.containerd\.)?kata($|[-.])/),
  isolating("rtc.gvisor", "GVISOR", 0.95, RUNTIME_CLASS_NAME, /^(io\.containerd\.)?(gvisor|runsc)($|[-.])/),
  isolating("rtc.untrusted", "GVISOR", 0.95, annotation("io.kubernetes.cri.untrusted-workload"), /^true$/),
  isolating("rtc.unikernel", "UNIKERNEL", 0.95, RUNTIME_CLASS_NAME, /^(urunc|runu|kraft)/),
  isolating(
    "node.virtual",
    "UNIKERNEL",
    0.6,
    ["k8s.node.name", "k8s.node.provider", "k8s.node.provider_id"],
    /kraft/i,
    isVirtualKubelet,
  ),
  isolating(
    "image.annotation",
    "UNIKERNEL",
    0.7,
    [...POD_ANNOTATIONS, ...IMAGE_ANNOTATIONS].map((prefix) => `${prefix}com.urunc.unikernel.unikernelType`),
    PRESENT,
  ),
  isolating("image.unikernel", "UNIKERNEL", 0.7, ["container.image.name"], /unikraft\.org\/|\/unikernels\/|mirage/),
  isolating(
    "proc.mirage",
    "UNIKERNEL",
    0.7,
    ["process.runtime.name"],
    /mirage|solo5|halvm|nanos|osv|unikraft/i,
    isUnknownSystem,
  ),
  isolating(
    "vm.platform",
    "VM",
    0.8,
    ["cloud.platform"],
    /^(aws_ec2|gcp_compute_engine|azure[._]vm|alibaba_cloud_ecs|tencent_cloud_cvm)$/,
    isOutsideKubernetes,
  ),
  isolating("vm.host", "VM", 0.8, ["host.id"], PRESENT, isBareMachine),
  isolating("vm.workload_entry", "VM", 0.8, OWNER_KIND, /^Workload(Entry|Group)$/),
  running("default.pod.seen", "RUNC", 0.95, [RUNTIME_CLASS_ATTRIBUTE], /^$/, sawTemplate),
  running("default.pod", "RUNC", 0.6, ["k8s.pod.name", "k8s.pod.uid", "container.id"], PRESENT),
];

/** Ids of all rules, in order of rank. */
export const RUNTIME_RULE_IDS: readonly string[] = ["declared", ...RUNTIME_RULES.map((rule) => rule.id), "unknown"];

const NOTHING: RuntimeVerdict = { value: "UNKNOWN", rule: "unknown", attribute: "", confidence: 0 };

/** Reads class and isolation of a workload from its resource attributes; never fails, UNKNOWN when nothing says. */
export function resolveRuntime(attributes: Attributes): Runtime {
  const declared = declaredClass(attributes);
  const runtime = declared ?? firstMatch(attributes, () => true) ?? NOTHING;
  const isolation =
    declared !== null && ISOLATING_RUNTIMES.has(declared.value)
      ? declared
      : firstMatch(attributes, (rule) => rule.isolates);
  return { runtime, isolation };
}

/** True when no attribute says that the workload is a pod. */
export function isOutsideKubernetes(attributes: Attributes): boolean {
  return !isInKubernetes(attributes);
}

function isInKubernetes(attributes: Attributes): boolean {
  return IN_KUBERNETES.some((name) => attributes.has(name));
}

function sawTemplate(attributes: Attributes): boolean {
  return isInKubernetes(attributes) && attributes.has(RUNTIME_CLASS_ATTRIBUTE);
}

function isVirtualKubelet(attributes: Attributes): boolean {
  return VIRTUAL_NODE.some((name) => attributes.get(name) === "virtual-kubelet");
}

function isUnknownSystem(attributes: Attributes): boolean {
  return (attributes.get("os.type") ?? "unknown") === "unknown";
}

function isBareMachine(attributes: Attributes): boolean {
  return isOutsideKubernetes(attributes) && !attributes.has("container.id");
}

function declaredClass(attributes: Attributes): RuntimeVerdict | null {
  for (const attribute of RUNTIME_DECLARED_BY) {
    const value = DECLARED_RUNTIMES.get((attributes.get(attribute) ?? "").toLowerCase());
    if (value !== undefined) return { value, rule: "declared", attribute, confidence: 1 };
  }
  return null;
}

function firstMatch(attributes: Attributes, wanted: (rule: RuntimeRule) => boolean): RuntimeVerdict | null {
  for (const rule of RUNTIME_RULES) {
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

/** A rule of a class that says nothing of isolation. */
function running(
  id: string,
  value: RuntimeClass,
  confidence: number,
  attributes: readonly string[],
  fits: RegExp,
  when?: (attributes: Attributes) => boolean,
): RuntimeRule {
  return { id, value, confidence, isolates: false, attributes, fits, ...(when === undefined ? {} : { when }) };
}

/** A rule of a class that is a sandbox or a machine of its own. */
function isolating(...rule: Parameters<typeof running>): RuntimeRule {
  return { ...running(...rule), isolates: true };
}

function label(name: string): string[] {
  return POD_LABELS.map((prefix) => prefix + name);
}

function annotation(name: string): string[] {
  return POD_ANNOTATIONS.map((prefix) => prefix + name);
}
