// Who sent it: the table of identity, with the attribute that decided.
import { describe, expect, it } from "vitest";
import { resolveIdentity } from "../../model/identity.ts";
import { type IdentityPart, podOfNodeId } from "../../model/identity-rules.ts";

const NODE_ID = "sidecar~10.0.0.7~cart-5d9f-x2x.shop~shop.svc.cluster.local";

type Given = Record<string, string>;

function part(name: IdentityPart, resource: Given, proxy: Given = {}): [string, string] {
  const { value, attribute } = resolveIdentity(new Map(Object.entries(resource)), new Map(Object.entries(proxy)))[name];
  return [value, attribute];
}

describe("identity", () => {
  it.each<[IdentityPart, string, Given, Given, string, string]>([
    [
      "cluster",
      "is what we stamped",
      { "k8s.cluster.name": "east" },
      { "istio.cluster_id": "Kubernetes" },
      "east",
      "k8s.cluster.name",
    ],
    ["cluster", "else the mesh's", {}, { "istio.cluster_id": "west" }, "west", "istio.cluster_id"],
    [
      "namespace",
      "is Kubernetes'",
      { "k8s.namespace.name": "shop", "service.namespace": "x" },
      {},
      "shop",
      "k8s.namespace.name",
    ],
    [
      "namespace",
      "else the service's",
      { "service.namespace": "shop" },
      { "istio.namespace": "x" },
      "shop",
      "service.namespace",
    ],
    ["namespace", "else the mesh's", {}, { "istio.namespace": "shop" }, "shop", "istio.namespace"],
    ["namespace", "else the node id's", {}, { node_id: NODE_ID }, "shop", "node_id"],
    [
      "namespace",
      "else that of an Envoy's name",
      { "service.name": "cart.shop", "telemetry.sdk.name": "envoy" },
      {},
      "shop",
      "service.name",
    ],
    ["namespace", "never that of an application's name", { "service.name": "cart.shop" }, {}, "", ""],
    ["service", "is the name", { "service.name": "cart" }, {}, "cart", "service.name"],
    [
      "service",
      "without the namespace that Envoy adds",
      { "service.name": "cart.shop", "k8s.namespace.name": "shop" },
      {},
      "cart",
      "service.name",
    ],
    [
      "service",
      "keeps another ending",
      { "service.name": "cart.v2", "k8s.namespace.name": "shop" },
      {},
      "cart.v2",
      "service.name",
    ],
    [
      "service",
      "is the canonical one for a proxy's span",
      { "service.name": "istio-proxy" },
      { "istio.canonical_service": "cart" },
      "cart",
      "istio.canonical_service",
    ],
    [
      "service",
      "is not the canonical one that is unknown",
      { "service.name": "cart" },
      { "istio.canonical_service": "unknown" },
      "cart",
      "service.name",
    ],
    [
      "service",
      "is the label before an SDK's default",
      { "service.name": "unknown_service:java", "k8s.pod.labels.app": "cart" },
      {},
      "cart",
      "k8s.pod.labels.app",
    ],
    [
      "service",
      "is the deployment before an SDK's default",
      { "service.name": "unknown_service", "k8s.deployment.name": "cart" },
      {},
      "cart",
      "k8s.deployment.name",
    ],
    [
      "service",
      "is an SDK's default before nothing",
      { "service.name": "unknown_service:java" },
      {},
      "unknown_service:java",
      "service.name",
    ],
    ["service", "is the function's name", { "faas.name": "resize" }, {}, "resize", "faas.name"],
    [
      "version",
      "is the service's",
      { "service.version": "v2" },
      { "istio.canonical_revision": "v1" },
      "v2",
      "service.version",
    ],
    [
      "version",
      "else the canonical revision",
      {},
      { "istio.canonical_revision": "v1" },
      "v1",
      "istio.canonical_revision",
    ],
    [
      "instance",
      "is the pod",
      { "k8s.pod.name": "cart-1", "service.instance.id": "shop.cart-1.app" },
      {},
      "cart-1",
      "k8s.pod.name",
    ],
    [
      "instance",
      "else the pod of the node id",
      { "service.instance.id": "x" },
      { node_id: NODE_ID },
      "cart-5d9f-x2x",
      "node_id",
    ],
    ["instance", "else that of an access log's node name", { node_name: NODE_ID }, {}, "cart-5d9f-x2x", "node_name"],
    [
      "instance",
      "else the service's",
      { "service.instance.id": "i-1", "host.name": "h" },
      {},
      "i-1",
      "service.instance.id",
    ],
    ["instance", "else the host", { "host.name": "h" }, {}, "h", "host.name"],
    ["instance", "else the function's", { "faas.instance": "f" }, {}, "f", "faas.instance"],
    ["node", "is Kubernetes'", { "k8s.node.name": "n1", "host.name": "cart-1" }, {}, "n1", "k8s.node.name"],
    ["node", "is the host of a machine", { "host.name": "vm-7" }, {}, "vm-7", "host.name"],
    ["node", "is never the host name of a pod", { "host.name": "cart-1", "k8s.pod.name": "cart-1" }, {}, "", ""],
  ])("%s %s", (name, _why, resource, proxy, value, attribute) => {
    expect(part(name, resource, proxy)).toEqual([value, attribute]);
  });

  it("is empty when nothing is known, and says so", () => {
    const identity = resolveIdentity(new Map(), new Map());
    expect(identity.service).toEqual({ value: "", attribute: "", rule: "" });
    expect(identity.runtime.value).toBe("UNKNOWN");
  });

  it("makes a sidecar and its application one", () => {
    const app = {
      "service.name": "catalog",
      "service.namespace": "shop",
      "service.version": "v1",
      "k8s.pod.name": "catalog-1",
      "k8s.cluster.name": "east",
    };
    const sidecar = { ...app, "service.name": "catalog.shop", "telemetry.sdk.name": "envoy" };
    const said = { "istio.canonical_service": "catalog", "istio.canonical_revision": "v1", "istio.namespace": "shop" };
    for (const name of ["cluster", "namespace", "service", "version", "instance"] as const) {
      expect(part(name, sidecar, said)[0], name).toBe(part(name, app)[0]);
    }
  });

  it.each<[string, Given, string]>([
    ["an unfilled shell template", { "service.name": "${SERVICE_NAME}", "k8s.deployment.name": "cart" }, "cart"],
    ["a label that the Collector stamped bare", { app: "cart", "k8s.deployment.name": "cart-v2" }, "cart"],
    ["an unfilled Helm template", { "service.name": "{{ .Values.name }}", "k8s.pod.labels.app": "cart" }, "cart"],
    ["an unfilled Kubernetes variable", { "service.name": "$(APP_NAME)", "faas.name": "cart" }, "cart"],
    ["Go's missing value", { "service.name": "<no value>", "k8s.job.name": "cart" }, "cart"],
    ["JavaScript's missing value", { "service.name": "undefined", "k8s.deployment.name": "cart" }, "cart"],
    ["nothing but control characters", { "service.name": "\u0000\u001b", "k8s.deployment.name": "cart" }, "cart"],
    ["the name that is kept for overflows", { "service.name": "__overflow__", "k8s.deployment.name": "cart" }, "cart"],
    ["an address before a better name", { "service.name": "10.0.0.7:8080", "k8s.deployment.name": "cart" }, "cart"],
    ["an address, without its port, when there is no other", { "service.name": "10.0.0.7:41234" }, "10.0.0.7"],
    ["an IPv6 address, without its port", { "service.name": "[2001:db8::1]:80" }, "[2001:db8::1]"],
    ["Node's default", { "service.name": "unknown_service:node" }, "unknown_service:node"],
    [
      "a debugger's default, without its number",
      { "service.name": "unknown_service:__debug_bin38291" },
      "unknown_service:__debug_bin",
    ],
    ["a host header", { "service.name": "cart.shop.svc.cluster.local:8080" }, "cart"],
    ["a name with its port", { "service.name": "cart:8080" }, "cart"],
    ["a template alone", { "service.name": "${NAME}" }, ""],
    ["a terminal's escape sequence", { "service.name": "ca\u001b[31mrt" }, "ca [31mrt"],
    ["text that turns its direction", { "service.name": "cart\u202etxt" }, "cart txt"],
    ["surrounding space", { "service.name": "  cart\n" }, "cart"],
    ["markup as it is, for whoever shows it escapes", { "service.name": "<b>cart" }, "<b>cart"],
  ])("takes %s", (_why, resource, service) => {
    expect(part("service", resource)[0]).toBe(service);
  });

  it("reads the namespace of a Kubernetes host name", () => {
    expect(part("namespace", { "service.name": "cart.shop.svc.cluster.local" })).toEqual(["shop", "service.name"]);
  });

  it("takes a version that looks like an address, and an instance that is one", () => {
    expect(part("version", { "service.version": "4.18.0.1" })[0]).toBe("4.18.0.1");
    expect(part("instance", { "service.instance.id": "10.0.0.7:8080" })[0]).toBe("10.0.0.7:8080");
  });

  it.each<[string, Record<string, string>, Given, [string, string]]>([
    ["a name", { old: "cart" }, { "service.name": "old", "service.namespace": "shop" }, ["shop", "cart"]],
    [
      "a name in its namespace",
      { "a/old": "b/cart" },
      { "service.name": "old", "service.namespace": "a" },
      ["b", "cart"],
    ],
    [
      "not one of another namespace",
      { "a/old": "b/cart" },
      { "service.name": "old", "service.namespace": "c" },
      ["c", "old"],
    ],
    [
      "the closer one first",
      { old: "far", "a/old": "near" },
      { "service.name": "old", "service.namespace": "a" },
      ["a", "near"],
    ],
    ["and not again", { old: "new", new: "newest" }, { "service.name": "old" }, ["", "new"]],
    [
      "a sidecar's name after its namespace was taken off",
      { catalog: "items" },
      { "service.name": "catalog.shop", "telemetry.sdk.name": "envoy" },
      ["shop", "items"],
    ],
  ])("renames by alias %s", (_why, aliases, resource, wanted) => {
    const identity = resolveIdentity(new Map(Object.entries(resource)), new Map(), new Map(Object.entries(aliases)));
    expect([identity.namespace.value, identity.service.value]).toEqual(wanted);
  });

  it("cuts absurd names at a whole character", () => {
    expect(part("service", { "service.name": "é🎈".repeat(5_000) })[0]).toMatch(/^(é🎈)+é?$/u);
  });

  it("cuts absurd names", () => {
    expect(part("service", { "service.name": "x".repeat(5_000) })[0].length).toBe(256);
  });

  it.each([
    [NODE_ID, "cart-5d9f-x2x", "shop"],
    ["router~10.0.0.1~gw-1.istio-system~istio-system.svc.cluster.local", "gw-1", "istio-system"],
    ["sidecar~10.0.0.1", "", ""],
    ["anything", "", ""],
    ["a~b~.ns~d", "", ""],
  ])("reads the node id %s", (nodeId, pod, namespace) => {
    expect(podOfNodeId(nodeId)).toEqual({ pod, namespace });
  });
});
