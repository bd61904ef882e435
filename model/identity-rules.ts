// The table of identity: which attribute names which part of a sender, in what order, and how it is read.
// In: one attribute's text with all others at hand. Out: the part's value, or the reason why this rule does not count.
// Bounds: a fixed table; a reader only takes text apart. model/identity.ts walks it.
import { cleanName, flawOf, isAddress, type NameFlaw, withoutPort } from "./names.ts";
import { type Attributes, isOutsideKubernetes, POD_LABELS } from "./runtime.ts";

/** The parts of identity that are resolved at ingest. */
export const IDENTITY_PARTS = ["cluster", "namespace", "service", "version", "instance", "node"] as const;
export type IdentityPart = (typeof IDENTITY_PARTS)[number];

/** Attributes of proxy spans that say more about the sender than its resource does. */
export const PROXY_IDENTITY_ATTRIBUTES = [
  "istio.canonical_service",
  "istio.canonical_revision",
  "istio.namespace",
  "istio.cluster_id",
  "node_id",
] as const;

/** What a rule may look at; `namespace` is '' while that is being resolved. */
export interface Sources {
  readonly resource: Attributes;
  readonly proxy: Attributes;
  readonly namespace: string;
}

/** One way to read a part; the table that `faultline explain identity` prints. */
export interface IdentityRule {
  readonly id: string;
  readonly from: "resource" | "proxy";
  readonly attribute: string;
  /** Takes the part out of the value; '' when it does not say. */
  readonly read?: (value: string, sources: Sources) => string;
  readonly when?: (sources: Sources) => boolean;
  /** In words, what `when` asks for. */
  readonly needs?: string;
  /** Flaws that this rule puts up with. */
  readonly allows?: ReadonlySet<NameFlaw>;
}

/** `reason` is '' where the attribute was not meant to hold the part, which is not worth telling. */
type Judged = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly reason: string };

// A machine may be known by its address, a service is not; a version may look like one (4.18.0.1).
const ADDRESSES: ReadonlySet<NameFlaw> = new Set<NameFlaw>(["an address"]);
const WEAK_NAMES: ReadonlySet<NameFlaw> = new Set<NameFlaw>(["an address", "an SDK's default"]);
const KUBERNETES_HOST = /^([^.]+)\.([^.]+)\.svc(\.|$)/;

/** The rules of each part in order of rank. */
export const IDENTITY_RULES: Readonly<Record<IdentityPart, readonly IdentityRule[]>> = {
  cluster: [
    { id: "declared", from: "resource", attribute: "k8s.cluster.name" },
    { id: "mesh", from: "proxy", attribute: "istio.cluster_id" },
    { id: "mesh", from: "resource", attribute: "istio.cluster_id" },
  ],
  namespace: [
    { id: "kubernetes", from: "resource", attribute: "k8s.namespace.name" },
    { id: "service", from: "resource", attribute: "service.namespace" },
    { id: "mesh", from: "proxy", attribute: "istio.namespace" },
    { id: "mesh", from: "resource", attribute: "istio.namespace" },
    { id: "node-id", from: "proxy", attribute: "node_id", read: namespaceOfNodeId },
    { id: "node-id", from: "resource", attribute: "node_name", read: namespaceOfNodeId },
    {
      id: "proxy-name",
      from: "resource",
      attribute: "service.name",
      read: namespaceOfProxyName,
      when: isProxyResource,
    },
    { id: "host-name", from: "resource", attribute: "service.name", read: namespaceOfHost },
  ],
  service: [
    { id: "canonical", from: "proxy", attribute: "istio.canonical_service" },
    { id: "canonical", from: "resource", attribute: "istio.canonical_service" },
    { id: "service", from: "resource", attribute: "service.name", read: serviceOfName },
    ...workloadLabels("service.istio.io/canonical-name", "app.kubernetes.io/name", "app"),
    ...workloadNames("deployment", "statefulset", "daemonset", "cronjob", "job"),
    { id: "function", from: "resource", attribute: "faas.name" },
    { id: "proxy-cluster", from: "resource", attribute: "cluster_name", read: serviceOfName },
    { id: "weak-service", from: "resource", attribute: "service.name", read: weakName, allows: WEAK_NAMES },
  ],
  version: [
    { id: "service", from: "resource", attribute: "service.version", allows: ADDRESSES },
    { id: "canonical", from: "proxy", attribute: "istio.canonical_revision" },
    { id: "canonical", from: "resource", attribute: "istio.canonical_revision" },
    ...workloadLabels("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"),
    { id: "function", from: "resource", attribute: "faas.version", allows: ADDRESSES },
  ],
  instance: [
    { id: "pod", from: "resource", attribute: "k8s.pod.name" },
    { id: "node-id", from: "proxy", attribute: "node_id", read: podNameOfNodeId },
    { id: "node-id", from: "resource", attribute: "node_name", read: podNameOfNodeId },
    { id: "service", from: "resource", attribute: "service.instance.id", allows: ADDRESSES },
    { id: "host", from: "resource", attribute: "host.name", allows: ADDRESSES },
    { id: "function", from: "resource", attribute: "faas.instance" },
  ],
  node: [
    { id: "kubernetes", from: "resource", attribute: "k8s.node.name", allows: ADDRESSES },
    {
      id: "machine",
      from: "resource",
      attribute: "host.name",
      allows: ADDRESSES,
      when: isOwnMachine,
      needs: "only a machine outside Kubernetes and containers is its own node",
    },
  ],
};

/** What a rule reads in an attribute: the part, or in words why it does not count. */
export function judgeRule(rule: IdentityRule, raw: string, sources: Sources): Judged {
  if (rule.when !== undefined && !rule.when(sources)) return { ok: false, reason: rule.needs ?? "" };
  const whole = cleanName(raw);
  const value = rule.read === undefined ? whole : rule.read(whole, sources);
  if (value === "" && rule.read !== undefined) return { ok: false, reason: "" };
  const flaw = flawOf(value);
  if (flaw !== null && rule.allows?.has(flaw) !== true) return { ok: false, reason: REASONS[flaw] };
  return { ok: true, value };
}

const REASONS: Readonly<Record<NameFlaw, string>> = {
  "says nothing": "says nothing",
  "unfilled template": "is a template that nobody filled in",
  reserved: "is reserved for names past their limit",
  "an address": "is an address and no name",
  "an SDK's default": "is what an SDK says when nobody named the service",
};

/** Pod and namespace of an Envoy node id such as `sidecar~10.0.0.7~cart-5d9f-x2x.shop~shop.svc.cluster.local`; '' when it is none. */
export function podOfNodeId(nodeId: string): { readonly pod: string; readonly namespace: string } {
  const parts = nodeId.split("~");
  const name = parts[2];
  if (parts.length < 4 || name === undefined) return { pod: "", namespace: "" };
  const dot = name.lastIndexOf(".");
  if (dot <= 0) return { pod: "", namespace: "" };
  return { pod: name.slice(0, dot), namespace: name.slice(dot + 1) };
}

/** True when the resource is that of an Envoy. */
export function isProxyResource(sources: { readonly resource: Attributes }): boolean {
  return sources.resource.get("telemetry.sdk.name") === "envoy";
}

function namespaceOfNodeId(value: string): string {
  return podOfNodeId(value).namespace;
}

function podNameOfNodeId(value: string): string {
  return podOfNodeId(value).pod;
}

/** A host of its own, not a pod's or a function's. */
function isOwnMachine({ resource }: Sources): boolean {
  return isOutsideKubernetes(resource) && !resource.has("container.id") && !resource.has("faas.name");
}

/** Envoy in Istio calls itself `catalog.shop`, its application `catalog`; some say `catalog.shop.svc.cluster.local:80`: one service. */
function serviceOfName(value: string, { namespace }: Sources): string {
  if (isAddress(value)) return value;
  const name = withoutPort(value);
  const host = KUBERNETES_HOST.exec(name)?.[1];
  if (host !== undefined) return host;
  const end = `.${namespace}`;
  return namespace !== "" && name.length > end.length && name.endsWith(end) ? name.slice(0, -end.length) : name;
}

/** An address without its port, or an SDK's default without the number that some builds add (`unknown_service:__debug_bin38291`). */
function weakName(value: string): string {
  return value.startsWith("unknown_service") ? value.replace(/\d{4,}$/, "") : withoutPort(value);
}

/** `shop` of `catalog.shop`; a name with more dots is a host, not Istio's default. */
function namespaceOfProxyName(value: string): string {
  const [name, namespace, ...more] = value.split(".");
  return name !== "" && more.length === 0 ? (namespace ?? "") : "";
}

function namespaceOfHost(value: string): string {
  return KUBERNETES_HOST.exec(value)?.[2] ?? "";
}

function workloadLabels(...names: string[]): IdentityRule[] {
  return names.flatMap((name) =>
    POD_LABELS.map((prefix) => ({ id: "label", from: "resource", attribute: prefix + name }) as const),
  );
}

function workloadNames(...kinds: string[]): IdentityRule[] {
  return kinds.map((kind) => ({ id: "workload", from: "resource", attribute: `k8s.${kind}.name` }));
}
