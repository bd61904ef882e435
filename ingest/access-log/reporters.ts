// Who wrote an access log: the proxy's own workload, from its resource and from the labels of the record.
// In: the current resource of the payload and the fields that name the reporter. Out: identity and place by number, and what sort of proxy it is.
// Istio sends an empty Resource (disable_builtin_labels), so that thousands of pods share one: labels and resource together are the key.
// Bounds: identities are resolved once per distinct reporter and remembered over blocks, at most MAX_REMEMBERED, then all are forgotten.
import { type Aliases, type Identity, resolveIdentity } from "../../model/identity.ts";
import type { Attributes } from "../../model/runtime.ts";
import type { ServiceNames } from "../cardinality.ts";
import { CROWDED_DICTIONARY } from "../otlp/block.ts";
import { ByteColumn } from "../otlp/columns.ts";
import { StringDictionary } from "../otlp/dictionary.ts";
import type { OriginTable } from "../otlp/origins.ts";
import { FIELD, REPORTER_FIELDS } from "./field-names.ts";
import type { AccessFields } from "./fields.ts";
import type { Place } from "./peer-metadata.ts";
import type { PlaceTable } from "./places.ts";

const MAX_REMEMBERED = 16_384;
const MAX_VALUE_BYTES = 512;
const TWO_24 = 16_777_216;
/** Resource attributes that carry the name of an Envoy node. */
const NODE_ID_ATTRIBUTES = ["node_name", "node_id"];
/** Names of gateways that Istio installs itself, and of those that its Gateway API controller makes. */
const GATEWAY_NAME = /^istio-(ingress|egress)gateway|-gateway-istio$|-istio$/;

/** What sort of proxy it is, as far as its own name says. */
export type ProxyKind = "sidecar" | "gateway" | "waypoint" | "ztunnel" | "";

/** A reporting proxy in one block. */
export interface Reporter {
  /** Its number among the reporters of the block. */
  readonly index: number;
  /** Numbers of its identity and of its workload as a place. */
  readonly identity: number;
  readonly place: number;
  readonly parts: Place;
  /** The limits on what its service and tenant may name. */
  readonly names: ServiceNames;
  /** The service's name is only that of its workload, or unknown: a name that others call it by is better. */
  readonly isNameWeak: boolean;
  readonly proxy: ProxyKind;
  /** Its resource says that it listens for traffic from outside of the pod. */
  readonly isInboundListener: boolean;
}

const WEAK_RULES = new Set(["workload", "weak-service", ""]);

/** The reporters of one block. */
export class Reporters {
  private readonly origins: OriginTable;
  private readonly places: PlaceTable;
  private readonly aliases: Aliases;
  private readonly labels: StringDictionary;
  private readonly labelText = new ByteColumn(1024);
  private readonly ofBlock = new Map<number, Reporter>();
  private readonly remembered = new Map<string, Identity>();
  /** One for each set of resource attributes, so that it can be part of a key. */
  private readonly resourceKeys = new WeakMap<Attributes, number>();
  private nextResourceKey = 0;

  constructor(origins: OriginTable, places: PlaceTable, aliases: Aliases, seed: number) {
    this.origins = origins;
    this.aliases = aliases;
    this.places = places;
    this.labels = new StringDictionary(seed);
  }

  /** The reporter of the record being read. */
  find(fields: AccessFields): Reporter {
    const label = this.readLabels(fields);
    const key = (this.origins.currentNumber + 1) * TWO_24 + label;
    let reporter = this.ofBlock.get(key);
    if (reporter === undefined) {
      reporter = this.resolve(fields, label);
      this.ofBlock.set(key, reporter);
    }
    return reporter;
  }

  /** Number of what the record itself says of its reporter; 0 when it says nothing. */
  private readLabels(fields: AccessFields): number {
    let any = false;
    for (const field of REPORTER_FIELDS) if (fields.has(field)) any = true;
    if (this.labels.count === 0) this.labels.internText("");
    if (!any) return 0;
    const { labelText } = this;
    labelText.length = 0;
    for (const field of REPORTER_FIELDS) {
      const length = Math.min(fields.length(field), MAX_VALUE_BYTES);
      labelText.reserve(length + 4);
      labelText.putString(fields.source(field), fields.sourceView(field), fields.start(field), length);
    }
    return this.labels.intern(labelText.bytes, labelText.view, 0, labelText.length);
  }

  private resolve(fields: AccessFields, label: number): Reporter {
    const { currentAttributes: resource } = this.origins;
    const key = `${this.keyOf(resource)}:${label === 0 ? "" : this.labels.text(label)}`;
    let identity = this.remembered.get(key);
    const nodeId = fields.text(FIELD.node_id);
    if (identity === undefined) {
      identity = resolveReporter(resource, fields, nodeId, this.aliases);
      if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
      this.remembered.set(key, identity);
    }
    const number = this.origins.numberOf(identity);
    const names = this.origins.identities.namesOf(number);
    const parts = names.tenant.limitOnce(identity, {
      cluster: identity.cluster.value,
      namespace: identity.namespace.value,
      service: identity.service.value,
      version: identity.version.value,
      instance: identity.instance.value,
      node: identity.node.value,
    });
    return {
      index: this.ofBlock.size,
      identity: number,
      names,
      place: this.places.numberOf(parts, "service"),
      parts,
      isNameWeak: WEAK_RULES.has(identity.service.rule),
      proxy: kindOf(resource, nodeId, parts.service),
      isInboundListener: resource.get("traffic_direction")?.toUpperCase() === "INBOUND",
    };
  }

  private keyOf(resource: Attributes): number {
    let key = this.resourceKeys.get(resource);
    if (key === undefined) this.resourceKeys.set(resource, (key = this.nextResourceKey++));
    return key;
  }

  /** True when so many reporters were met that the block had better be sent. */
  get isCrowded(): boolean {
    return this.labels.count > CROWDED_DICTIONARY;
  }

  /** Numbers of identities and places are those of the block: to be called when they are taken back or cleared. */
  clear(): void {
    this.ofBlock.clear();
    this.labels.clear();
  }
}

function resolveReporter(resource: Attributes, fields: AccessFields, nodeId: string, aliases: Aliases): Identity {
  const merged = new Map(resource);
  const proxy = new Map<string, string>();
  const put = (target: Map<string, string>, attribute: string, field: number): void => {
    if (fields.has(field)) target.set(attribute, fields.text(field));
  };
  put(merged, "k8s.pod.name", FIELD.pod);
  put(merged, "k8s.namespace.name", FIELD.namespace);
  put(merged, "k8s.node.name", FIELD.node);
  // The workload names a service only where nothing better does: its rank is that of a Deployment.
  const workload = fields.has(FIELD.workload) ? fields.text(FIELD.workload) : resource.get("istio.workload");
  if (workload !== undefined && !merged.has("k8s.deployment.name")) merged.set("k8s.deployment.name", workload);
  put(proxy, "istio.cluster_id", FIELD.cluster);
  put(proxy, "istio.canonical_service", FIELD.canonical_service);
  put(proxy, "istio.canonical_revision", FIELD.canonical_revision);
  if (nodeId !== "") proxy.set("node_id", nodeId);
  return resolveIdentity(merged, proxy, aliases);
}

function kindOf(resource: Attributes, nodeId: string, service: string): ProxyKind {
  const ids = [nodeId, ...NODE_ID_ATTRIBUTES.map((attribute) => resource.get(attribute) ?? "")];
  for (const id of ids) {
    if (id.startsWith("sidecar~")) return "sidecar";
    if (id.startsWith("router~")) return "gateway";
    if (id.startsWith("waypoint~")) return "waypoint";
    if (id.startsWith("ztunnel~")) return "ztunnel";
  }
  return GATEWAY_NAME.test(service) ? "gateway" : "";
}
