// What the platform reports, as far as it may explain a fault: Kubernetes events, and containers that ended badly.
// In: records of the k8s_events receiver, Event objects of the k8sobjects receiver, Pod objects. Out: rows of `platform_events`.
// Bounds: messages are cut at MAX_MESSAGE; what only says that something normal goes on (NOISE) is left out, unless it is a warning.
// None of these is a change: who scales or rolls out changes an object, and that is the change.
import { createHash } from "node:crypto";
import type { PlatformEventRecord } from "../../storage/kubernetes-objects.ts";
import { child, firstText, list, nameOf, text, timeOf } from "./json-path.ts";
import type { ObservedObject } from "./observed-object.ts";

const MAX_MESSAGE = 1_000;
/** A container that ended longer ago is no news: watches begin with every pod there is. */
const NEWS_MS = 60 * 60_000;

const NOISE = new Set([
  "Scheduled",
  "Pulling",
  "Pulled",
  "Created",
  "Started",
  "SuccessfulCreate",
  "SuccessfulDelete",
  "SuccessfulAttachVolume",
  "LeaderElection",
  "Sync",
  "SandboxChanged",
  "AddedInterface",
  "Completed",
  "SawCompletedJob",
  "NoPods",
  "Resolved",
  "EnsuringLoadBalancer",
  "EnsuredLoadBalancer",
  "ExternalProvisioning",
  "Provisioning",
  "ProvisioningSucceeded",
  "UpdatedLoadBalancer",
]);

/** A row from a record of the k8s_events receiver; null when it is none, or noise. `atMs` in unix ms. */
export function eventOfRecord(
  resource: ReadonlyMap<string, unknown>,
  attributes: ReadonlyMap<string, unknown>,
  body: unknown,
  severity: string,
  atMs: number,
): PlatformEventRecord | null {
  const reason = text(attributes.get("k8s.event.reason"));
  if (reason === "") return null;
  return makeEvent({
    key: [attributes.get("k8s.event.uid") ?? attributes.get("k8s.event.name"), attributes.get("k8s.event.count"), atMs],
    atMs,
    cluster: text(resource.get("k8s.cluster.name")),
    namespace: firstText(attributes.get("k8s.namespace.name"), resource.get("k8s.namespace.name")),
    kind: text(resource.get("k8s.object.kind")),
    name: text(resource.get("k8s.object.name")),
    node: text(resource.get("k8s.node.name")),
    severity: /^normal$|^info$/i.test(severity) || severity === "" ? "Normal" : "Warning",
    reason,
    message: text(body),
  });
}

/** A row from an Event object; null when it says nothing, or noise. Both API groups are read. */
export function eventOfObject({
  cluster,
  uid,
  object,
  sighting,
  observedMs,
}: ObservedObject): PlatformEventRecord | null {
  if (sighting === "DELETED") return null;
  const about = child(object, "regarding") ?? child(object, "involvedObject");
  const reason = text(object["reason"]);
  if (reason === "") return null;
  const count = child(object, "series", "count") ?? object["count"] ?? object["deprecatedCount"];
  const times = [
    child(object, "series", "lastObservedTime"),
    object["lastTimestamp"],
    object["deprecatedLastTimestamp"],
    object["eventTime"],
    child(object, "metadata", "creationTimestamp"),
  ];
  const atMs = times.map(timeOf).find((time) => time !== null) ?? observedMs;
  const source = object["source"] ?? object["deprecatedSource"];
  return makeEvent({
    key: [uid, count, atMs],
    atMs,
    cluster,
    namespace: firstText(child(about, "namespace"), child(object, "metadata", "namespace")),
    kind: text(child(about, "kind")),
    name: text(child(about, "name")),
    node: text(child(source, "host")),
    severity: text(object["type"]) === "Warning" ? "Warning" : "Normal",
    reason,
    message: firstText(object["note"], object["message"]),
  });
}

/** Rows of the containers of a pod that ended badly within the last hour; an OOM kill is told nowhere else. */
export function eventsOfPod(seen: ObservedObject): PlatformEventRecord[] {
  const statuses = list(child(seen.object, "status", "containerStatuses"));
  return statuses.slice(0, 100).flatMap((status) => {
    const ended = [child(status, "state", "terminated"), child(status, "lastState", "terminated")];
    return ended.flatMap((end) => {
      const reason = text(child(end, "reason"));
      const atMs = timeOf(child(end, "finishedAt"));
      if (atMs === null || child(end, "exitCode") === 0 || reason === "" || reason === "Completed") return [];
      if (Math.abs(seen.observedMs - atMs) > NEWS_MS) return [];
      const container = text(child(status, "name"));
      const code = show(child(end, "exitCode"));
      const restarts = show(child(status, "restartCount"));
      const event = makeEvent({
        key: [seen.uid || seen.name, container, atMs],
        atMs,
        cluster: seen.cluster,
        namespace: seen.namespace,
        kind: "Pod",
        name: seen.name,
        node: text(child(seen.object, "spec", "nodeName")),
        severity: "Warning",
        reason,
        message: `container ${container} ended with exit code ${code}, ${restarts} restarts so far`,
      });
      return event === null ? [] : [event];
    });
  });
}

function show(value: unknown): string {
  return typeof value === "number" ? String(value) : "unknown";
}

interface EventFacts {
  readonly key: readonly unknown[];
  readonly atMs: number;
  readonly cluster: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly node: string;
  readonly severity: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** Times that the table can hold and that a row may have: 2000 to 2099. */
const EARLIEST_MS = Date.UTC(2000, 0);
const LATEST_MS = Date.UTC(2099, 0);

function makeEvent(facts: EventFacts): PlatformEventRecord | null {
  const { atMs, severity, message } = facts;
  const [cluster, namespace, kind, name, node, reason] = [
    nameOf(facts.cluster),
    nameOf(facts.namespace),
    nameOf(facts.kind),
    nameOf(facts.name),
    nameOf(facts.node),
    nameOf(facts.reason),
  ] as const;
  if (severity === "Normal" && NOISE.has(reason)) return null;
  if (atMs < EARLIEST_MS || atMs > LATEST_MS) return null;
  const about = [cluster, namespace, kind, name, reason, JSON.stringify(facts.key)];
  return {
    Id: createHash("sha256").update(about.join("\n")).digest("hex").slice(0, 16),
    At: new Date(atMs).toISOString(),
    Cluster: cluster,
    Namespace: namespace,
    Kind: kind,
    Name: name,
    Node: node,
    Severity: severity,
    Reason: reason,
    Message: message.slice(0, MAX_MESSAGE),
  };
}
