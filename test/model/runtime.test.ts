// How a workload runs: one example a rule, and class apart from isolation.
import { describe, expect, it } from "vitest";
import { resolveRuntime } from "../../model/runtime.ts";

const POD = { "k8s.pod.name": "cart-1", "k8s.namespace.name": "shop", "container.runtime.name": "containerd" };

describe("runtime", () => {
  it.each<[Record<string, string>, string, string | null, string]>([
    [{ ...POD, "faultline.runtime_class": "libos" }, "LIBRARY_OS", "LIBRARY_OS", "declared"],
    [{ ...POD, "k8s.pod.annotation.faultline.io/runtime": "unikernel" }, "UNIKERNEL", "UNIKERNEL", "declared"],
    [{ ...POD, "faultline.runtime_class": "nonsense" }, "RUNC", null, "default.pod"],
    [{ "faas.name": "resize" }, "FAAS", null, "faas.otel"],
    [{ "cloud.platform": "aws_lambda" }, "FAAS", null, "faas.platform"],
    [{ ...POD, "k8s.pod.label.serving.knative.dev/revision": "r-1" }, "FAAS", null, "faas.knative"],
    [{ ...POD, "k8s.pod.labels.faas_function": "resize" }, "FAAS", null, "faas.openfaas"],
    [{ ...POD, "faas.name": "resize", "k8s.pod.runtime_class.name": "kata-qemu" }, "FAAS", "KATA", "faas.otel"],
    [{ ...POD, "k8s.pod.label.kubevirt.io": "virt-launcher" }, "KUBEVIRT", "KUBEVIRT", "kubevirt.label"],
    [{ ...POD, "k8s.pod.label.vm.kubevirt.io/name": "tax" }, "KUBEVIRT", "KUBEVIRT", "kubevirt.name"],
    [{ ...POD, "k8s.pod.name": "virt-launcher-tax-x" }, "KUBEVIRT", "KUBEVIRT", "kubevirt.pod"],
    [{ ...POD, "k8s.pod.runtime_class.name": "kata" }, "KATA", "KATA", "rtc.kata"],
    [{ ...POD, "container.runtime.name": "kata-qemu" }, "KATA", "KATA", "rtc.kata"],
    [{ ...POD, "container.runtime.name": "katamari" }, "RUNC", null, "default.pod"],
    [{ ...POD, "container.runtime.name": "runsc" }, "GVISOR", "GVISOR", "rtc.gvisor"],
    [{ ...POD, "k8s.pod.runtime_class.name": "gvisor" }, "GVISOR", "GVISOR", "rtc.gvisor"],
    [{ ...POD, "k8s.pod.runtime_class.name": "urunc" }, "UNIKERNEL", "UNIKERNEL", "rtc.unikernel"],
    [{ ...POD, "container.image.name": "unikraft.org/nginx" }, "UNIKERNEL", "UNIKERNEL", "image.unikernel"],
    [{ "process.runtime.name": "mirage" }, "UNIKERNEL", "UNIKERNEL", "proc.mirage"],
    [{ "process.runtime.name": "mirage", "os.type": "linux", "k8s.pod.uid": "u" }, "RUNC", null, "default.pod"],
    [{ "cloud.platform": "aws_ec2" }, "VM", "VM", "vm.platform"],
    [{ ...POD, "cloud.platform": "aws_ec2" }, "RUNC", null, "default.pod"],
    [{ "host.id": "h-1" }, "VM", "VM", "vm.host"],
    [{ "host.id": "h-1", "container.id": "c" }, "RUNC", null, "default.pod"],
    [POD, "RUNC", null, "default.pod"],
    [{}, "UNKNOWN", null, "unknown"],
  ])("of %o is %s, isolated by %s", (attributes, runtime, isolation, rule) => {
    const result = resolveRuntime(new Map(Object.entries(attributes)));
    expect([result.runtime.value, result.isolation?.value ?? null, result.runtime.rule]).toEqual([
      runtime,
      isolation,
      rule,
    ]);
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
