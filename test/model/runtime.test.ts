// How a workload runs: one example a rule, and class apart from isolation.
import { describe, expect, it } from "vitest";
import { resolveRuntime, RUNTIME_RULE_IDS } from "../../model/runtime.ts";

const POD = { "k8s.pod.name": "cart-1", "k8s.namespace.name": "shop", "container.runtime.name": "containerd" };

type Example = readonly [attributes: Record<string, string>, runtime: string, isolation: string | null, rule: string];

const EXAMPLES: readonly Example[] = [
  // Declared beats everything that could be inferred.
  [{ ...POD, "faultline.runtime_class": "libos" }, "LIBRARY_OS", "LIBRARY_OS", "declared"],
  [{ ...POD, "k8s.pod.annotation.faultline.io/runtime": "unikernel" }, "UNIKERNEL", "UNIKERNEL", "declared"],
  [{ ...POD, "k8s.pod.annotations.faultline.io/runtime": "runc" }, "RUNC", null, "declared"],
  [{ ...POD, "faultline.runtime_class": "runc", "k8s.pod.runtime_class.name": "kata" }, "RUNC", "KATA", "declared"],
  [{ "faultline.runtime_class": "MirageOS" }, "UNIKERNEL", "UNIKERNEL", "declared"],
  [{ "faultline.runtime_class": "halvm" }, "UNIKERNEL", "UNIKERNEL", "declared"],
  [{ "faultline.runtime_class": "nanos" }, "UNIKERNEL", "UNIKERNEL", "declared"],
  [{ "faultline.runtime_class": "drawbridge" }, "LIBRARY_OS", "LIBRARY_OS", "declared"],
  [{ "faultline.runtime_class": "kata" }, "KATA", "KATA", "declared"],
  [{ "faultline.runtime_class": "gvisor" }, "GVISOR", "GVISOR", "declared"],
  [{ "faultline.runtime_class": "kubevirt" }, "KUBEVIRT", "KUBEVIRT", "declared"],
  [{ "faultline.runtime_class": "faas" }, "FAAS", null, "declared"],
  [{ "faultline.runtime_class": "faas", "k8s.pod.runtime_class.name": "kata-qemu" }, "FAAS", "KATA", "declared"],
  [{ ...POD, "faultline.runtime_class": "nonsense" }, "RUNC", null, "default.pod"],
  // Functions; what isolates them is asked apart.
  [{ "faas.name": "resize" }, "FAAS", null, "faas.otel"],
  [{ "faas.instance": "i-1" }, "FAAS", null, "faas.otel"],
  ...[
    "aws_lambda",
    "gcp_cloud_functions",
    "gcp_cloud_run",
    "azure.functions",
    "azure_functions",
    "alibaba_cloud_fc",
    "tencent_cloud_scf",
  ].map((platform): Example => [{ "cloud.platform": platform }, "FAAS", null, "faas.platform"]),
  [{ ...POD, "k8s.pod.label.serving.knative.dev/revision": "r-1" }, "FAAS", null, "faas.knative"],
  [
    { ...POD, "k8s.pod.labels.serving.knative.dev/revision": "r-1", "k8s.pod.runtime_class.name": "kata-qemu" },
    "FAAS",
    "KATA",
    "faas.knative",
  ],
  [
    { ...POD, "k8s.pod.label.serving.knative.dev/revision": "r-1", "k8s.pod.runtime_class.name": "gvisor" },
    "FAAS",
    "GVISOR",
    "faas.knative",
  ],
  [{ ...POD, "k8s.pod.labels.faas_function": "resize" }, "FAAS", null, "faas.openfaas"],
  [{ ...POD, "faas.name": "resize", "k8s.pod.runtime_class.name": "kata-qemu" }, "FAAS", "KATA", "faas.otel"],
  // Virtual machines in pods.
  [{ ...POD, "kubevirt.io": "virt-launcher" }, "KUBEVIRT", "KUBEVIRT", "kubevirt.label"],
  [{ ...POD, "k8s.pod.label.kubevirt.io": "virt-launcher" }, "KUBEVIRT", "KUBEVIRT", "kubevirt.label"],
  [{ ...POD, "k8s.pod.label.kubevirt.io": "virt-handler" }, "RUNC", null, "default.pod"],
  [{ ...POD, "k8s.pod.label.vm.kubevirt.io/name": "tax" }, "KUBEVIRT", "KUBEVIRT", "kubevirt.name"],
  [{ ...POD, "k8s.pod.owner.kind": "VirtualMachineInstance" }, "KUBEVIRT", "KUBEVIRT", "kubevirt.owner"],
  [{ ...POD, "k8s.pod.owner.kind": "ReplicaSet" }, "RUNC", null, "default.pod"],
  [{ ...POD, "k8s.pod.name": "virt-launcher-tax-x" }, "KUBEVIRT", "KUBEVIRT", "kubevirt.pod"],
  // Sandboxes by runtimeClassName or handler.
  [{ ...POD, "k8s.pod.runtime_class.name": "kata" }, "KATA", "KATA", "rtc.kata"],
  [{ ...POD, "k8s.runtimeclass.handler": "kata-clh" }, "KATA", "KATA", "rtc.kata"],
  [{ ...POD, "container.runtime.name": "kata-qemu" }, "KATA", "KATA", "rtc.kata"],
  [{ ...POD, "container.runtime.name": "io.containerd.kata.v2" }, "KATA", "KATA", "rtc.kata"],
  [{ ...POD, "container.runtime.name": "katamari" }, "RUNC", null, "default.pod"],
  [{ ...POD, "container.runtime.name": "runsc" }, "GVISOR", "GVISOR", "rtc.gvisor"],
  [{ ...POD, "k8s.pod.runtime_class.name": "gvisor" }, "GVISOR", "GVISOR", "rtc.gvisor"],
  [{ ...POD, "k8s.pod.annotation.io.kubernetes.cri.untrusted-workload": "true" }, "GVISOR", "GVISOR", "rtc.untrusted"],
  [{ ...POD, "k8s.pod.annotation.io.kubernetes.cri.untrusted-workload": "false" }, "RUNC", null, "default.pod"],
  // Unikernels.
  ...["urunc", "runu", "kraftkit"].map((name): Example => [
    { ...POD, "k8s.pod.runtime_class.name": name },
    "UNIKERNEL",
    "UNIKERNEL",
    "rtc.unikernel",
  ]),
  [
    { ...POD, "k8s.node.label.type": "virtual-kubelet", "k8s.node.name": "vk-kraftcloud" },
    "UNIKERNEL",
    "UNIKERNEL",
    "node.virtual",
  ],
  [
    {
      ...POD,
      "k8s.node.labels.type": "virtual-kubelet",
      "k8s.node.name": "vk-1",
      "k8s.node.provider_id": "unikraft://1",
    },
    "UNIKERNEL",
    "UNIKERNEL",
    "node.virtual",
  ],
  [{ ...POD, "k8s.node.label.type": "virtual-kubelet", "k8s.node.name": "vk-aci" }, "RUNC", null, "default.pod"],
  [{ ...POD, "k8s.node.name": "kraft-1" }, "RUNC", null, "default.pod"],
  [
    { ...POD, "k8s.pod.annotation.com.urunc.unikernel.unikernelType": "rumprun" },
    "UNIKERNEL",
    "UNIKERNEL",
    "image.annotation",
  ],
  [
    { ...POD, "container.image.annotation.com.urunc.unikernel.unikernelType": "unikraft" },
    "UNIKERNEL",
    "UNIKERNEL",
    "image.annotation",
  ],
  [{ ...POD, "container.image.name": "unikraft.org/nginx" }, "UNIKERNEL", "UNIKERNEL", "image.unikernel"],
  [
    { ...POD, "container.image.name": "registry.example.com/unikernels/redis" },
    "UNIKERNEL",
    "UNIKERNEL",
    "image.unikernel",
  ],
  ...["mirage", "solo5-hvt", "HaLVM", "nanos", "osv", "unikraft"].map((name): Example => [
    { "process.runtime.name": name },
    "UNIKERNEL",
    "UNIKERNEL",
    "proc.mirage",
  ]),
  [{ "process.runtime.name": "mirage", "os.type": "linux", "k8s.pod.uid": "u" }, "RUNC", null, "default.pod"],
  // Machines outside Kubernetes; the cluster's name is stamped on those of a mesh.
  [{ "cloud.platform": "aws_ec2" }, "VM", "VM", "vm.platform"],
  [{ "cloud.platform": "azure.vm", "k8s.cluster.name": "east" }, "VM", "VM", "vm.platform"],
  [{ ...POD, "cloud.platform": "aws_ec2" }, "RUNC", null, "default.pod"],
  [{ "cloud.platform": "gcp_compute_engine", "host.id": "h", "k8s.node.name": "n1" }, "UNKNOWN", null, "unknown"],
  [{ "host.id": "h-1" }, "VM", "VM", "vm.host"],
  [{ "host.id": "h-1", "container.id": "c" }, "RUNC", null, "default.pod"],
  [{ "istio.workload.kind": "WorkloadEntry", "k8s.namespace.name": "shop" }, "VM", "VM", "vm.workload_entry"],
  // Pods.
  [{ ...POD, "k8s.pod.runtime_class.name": "" }, "RUNC", null, "default.pod.seen"],
  [POD, "RUNC", null, "default.pod"],
  [{ "container.id": "c" }, "RUNC", null, "default.pod"],
  [{}, "UNKNOWN", null, "unknown"],
];

describe("runtime", () => {
  it.each(EXAMPLES)("of %o is %s, isolated by %s", (attributes, runtime, isolation, rule) => {
    const result = resolveRuntime(new Map(Object.entries(attributes)));
    expect([result.runtime.value, result.isolation?.value ?? null, result.runtime.rule]).toEqual([
      runtime,
      isolation,
      rule,
    ]);
  });

  it("has an example of every rule", () => {
    expect(RUNTIME_RULE_IDS.filter((id) => !EXAMPLES.some(([, , , rule]) => rule === id))).toEqual([]);
  });

  it("is surer of a pod whose template was seen without a runtimeClassName", () => {
    const sure = (given: Record<string, string>): number =>
      resolveRuntime(new Map(Object.entries(given))).runtime.confidence;
    expect([sure(POD), sure({ ...POD, "k8s.pod.runtime_class.name": "" })]).toEqual([0.6, 0.95]);
  });

  it("names the attribute that decided and how sure that is", () => {
    expect(resolveRuntime(new Map(Object.entries({ ...POD, "container.runtime.name": "runsc" }))).runtime).toEqual({
      value: "GVISOR",
      rule: "rtc.gvisor",
      attribute: "container.runtime.name",
      confidence: 0.95,
    });
  });
});
