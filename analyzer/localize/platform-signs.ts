// Platform signs: what resources, restarts, Kubernetes events and the runtime class say of a blamed workload.
// In: the instances of one place, resource figures and events of the window, its runtime. Out: findings that decide the kind.
// Bounds: pure; a sign adds to a place that other evidence already names, it never blames on its own.
import type { RuntimeClass } from "../../model/entity.ts";
import type { FaultKind } from "../../model/localization.ts";
import type { PlatformEventRow, ResourceRow } from "../../storage/platform-signals.ts";
import { percent } from "./finding.ts";
import { WEIGHTS } from "./weights.ts";

/** What is known of the platform in the fault's window. */
export interface PlatformSigns {
  readonly resources: readonly ResourceRow[];
  readonly events: readonly PlatformEventRow[];
}

/** One sign: a sentence, its weight in nats, and the kind it speaks for. */
export interface Sign {
  readonly source: string;
  readonly summary: string;
  readonly weight: number;
  readonly kind: FaultKind;
}

// The window's average; the first bucket is often only half hit.
const SATURATED = 0.75;
const FULL = 0.85;

// Reasons of Kubernetes and KubeVirt events and what they speak for (API reference of events; KubeVirt migration controller).
const EVENT_KINDS: readonly { reason: RegExp; message?: RegExp; kind: FaultKind; runtime?: RuntimeClass }[] = [
  { reason: /^(OOMKilling|OOMKilled|SystemOOM)$/, kind: "MEMORY" },
  { reason: /^(FreeDiskSpaceFailed|ImageGCFailed|NodeHasDiskPressure|FailedMount|FailedAttachVolume)$/, kind: "DISK" },
  { reason: /^(Evicted|EvictionThresholdMet)$/, message: /ephemeral|disk|filesystem/i, kind: "DISK" },
  { reason: /^(Evicted|EvictionThresholdMet)$/, message: /memory/i, kind: "MEMORY" },
  { reason: /^(BackOff|CrashLoopBackOff|Failed)$/, message: /restart|crash/i, kind: "CRASH" },
  {
    reason: /^(Evicted|Preempted|NodeNotReady|TaintManagerEviction|NodeHasInsufficientMemory|Rebooted)$/,
    kind: "NODE",
  },
  { reason: /Migrat|PreparingTarget|Paused/, kind: "PAUSE", runtime: "KUBEVIRT" },
  { reason: /^ScalingReplicaSet$/, message: /from 0/, kind: "COLD_START", runtime: "FAAS" },
];

function figure(signs: PlatformSigns, side: 0 | 1, instance: string, metric: RegExp) {
  return signs.resources.filter((r) => r.side === side && r.instance === instance && metric.test(r.metric));
}

const highest = (rows: readonly ResourceRow[], field: "average" | "most" | "rise") =>
  rows.reduce((max, row) => Math.max(max, row[field]), 0);

function saturation(signs: PlatformSigns, instance: string): Sign[] {
  const found: Sign[] = [];
  for (const [metric, kind, word] of [
    [/cpu_limit_utilization$/, "CPU", "CPU"],
    [/memory_limit_utilization$/, "MEMORY", "memory"],
  ] as const) {
    const isMemory = kind === "MEMORY";
    // Memory that was at its limit once is at an end, whatever it used on average; CPU is shared over time.
    const now = highest(figure(signs, 1, instance, metric), isMemory ? "most" : "average");
    const before = highest(figure(signs, 0, instance, metric), isMemory ? "most" : "average");
    if (now >= (isMemory ? FULL : SATURATED) && before < 0.6 * now) {
      found.push({
        source: "resource",
        summary: `${word} of ${instance} is at ${percent(now)} of its limit, before ${percent(before)}`,
        weight: WEIGHTS.resource,
        kind,
      });
    }
  }
  return found;
}

// A working set that grew so many times and by so much is no chance; what lies below is caches and garbage.
const GROWN_RATIO = 2;
const GROWN_BYTES = 48 * 1024 * 1024;
const DISK_GROWN_BYTES = 256 * 1024 * 1024;

function growth(signs: PlatformSigns, instance: string): Sign[] {
  const found: Sign[] = [];
  for (const [metric, kind, word, least] of [
    [/memory\.working_set$/, "MEMORY", "memory", GROWN_BYTES],
    [/filesystem\.usage$/, "DISK", "disk", DISK_GROWN_BYTES],
  ] as const) {
    const now = highest(figure(signs, 1, instance, metric), "most");
    const before = highest(figure(signs, 0, instance, metric), "most");
    if (before === 0 || now < GROWN_RATIO * before || now - before < least) continue;
    const summary = `${word} of ${instance} grew from ${mebibytes(before)} to ${mebibytes(now)}`;
    found.push({ source: "resource", summary, weight: WEIGHTS.resource, kind });
  }
  return found;
}

const mebibytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;

const THROTTLED_RATIO = 0.1;

function throttling(signs: PlatformSigns, instance: string): Sign[] {
  const [now, before] = ([1, 0] as const).map((side) => {
    const rows = figure(signs, side, instance, /throttled_time$/);
    return rows.reduce((max, row) => Math.max(max, row.rise / 1e9 / row.seconds), 0);
  }) as [number, number];
  if (now < THROTTLED_RATIO || before > 0.5 * now) return [];
  const summary = `${instance} was throttled for ${percent(now)} of the time, before ${percent(before)}`;
  return [{ source: "resource", summary, weight: WEIGHTS.resource, kind: "CPU" }];
}

function restarts(signs: PlatformSigns, instance: string, runtime: RuntimeClass): Sign[] {
  const count = highest(figure(signs, 1, instance, /^k8s\.container\.restarts$/), "rise");
  if (count < 1) return [];
  const kind = runtime === "FAAS" ? "COLD_START" : "CRASH";
  const summary = `${instance} restarted ${count.toFixed(0)} times in the window`;
  return [{ source: "restart", summary, weight: WEIGHTS.resource, kind }];
}

/** True when an event's object is the instance, its VM or its controller: their names are parts of one another. */
export function concerns(objectName: string, instance: string): boolean {
  return objectName.length >= 3 && instance.includes(objectName);
}

/** The signs on some instances of one place. */
export function findPlatformSigns(
  signs: PlatformSigns,
  names: readonly { readonly instance: string }[],
  runtime: RuntimeClass,
): Sign[] {
  const found: Sign[] = [];
  const instances = names.map((name) => name.instance);
  for (const instance of instances) {
    found.push(...saturation(signs, instance), ...growth(signs, instance), ...throttling(signs, instance));
    found.push(...restarts(signs, instance, runtime));
  }
  for (const event of signs.events) {
    // A kernel's OOM kill is an event of the node that names the process or the pod in its message.
    const isNamed = (instance: string) => concerns(event.name, instance) || event.message.includes(instance);
    if (!instances.some(isNamed)) continue;
    const rule = EVENT_KINDS.find(
      (r) =>
        r.reason.test(event.reason) &&
        (r.message === undefined || r.message.test(event.message)) &&
        (r.runtime === undefined || r.runtime === runtime),
    );
    if (rule === undefined) continue;
    const times = event.events === 1 ? "once" : `${event.events} times`;
    found.push({
      source: "platform-event",
      summary: `${event.kind} ${event.name}: ${event.reason} ${times} (${event.message.slice(0, 160)})`,
      weight: WEIGHTS.resource,
      kind: rule.kind,
    });
  }
  // Who is killed for memory restarts: the restart says nothing more.
  const isMemory = found.some((sign) => sign.kind === "MEMORY");
  return found.map((sign) => (isMemory && sign.kind === "CRASH" ? { ...sign, kind: "MEMORY" } : sign));
}
