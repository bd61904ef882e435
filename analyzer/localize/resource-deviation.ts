// Resource deviation: instances that use far more of something than they ever do, as candidates of their own.
// In: figures beside their own history (storage/resource-history.ts). Out: one finding a service and kind of resource.
// What is used more is a cause only where it comes to an end: a pod at its limit, throttled, waiting for a pool. A rise below any limit
//   is mostly load, and says little.
// Bounds: pure but for one read; at most MAX_FINDINGS findings.
import type { FaultKind, Indicator } from "../../model/localization.ts";
import {
  type ResourceDeviationRow,
  type ResourceMeaning,
  readResourceDeviations,
} from "../../storage/resource-history.ts";
import { serviceKey } from "../history.ts";
import type { EvidenceSource } from "./evidence.ts";
import { type Finding, percent } from "./finding.ts";
import type { Scene, ServiceScene } from "./scene.ts";
import { RESOURCE_WEIGHTS } from "./weights.ts";

// Below, a figure is within what its history does now and then (a normal one passes 3 once in 700 windows).
const MIN_Z = 3;
// At its ceiling a figure can rise no further, so its distance says too little.
const CEILING = 0.95;
const CEILING_Z = 2;
// Among thousands of instances one passes 3 at any time; what is only unusual must be very much so.
const FAR_Z = 8;
const FAR_FACTOR = 2;
const MAX_FINDINGS = 50;

interface Rule {
  readonly kind: FaultKind;
  /** The figure at which the resource is at an end; null: it has no end that the figure tells. */
  readonly end: number | null;
  readonly word: string;
  readonly show: (value: number) => string;
}

const cores = (value: number) => `${value.toPrecision(2)} cores`;
const mebibytes = (value: number) => `${(value / 2 ** 20).toFixed(0)} MiB`;
const plain = (value: number) => value.toPrecision(2);

const RULES: Readonly<Record<ResourceMeaning, Rule>> = {
  cpu_of_limit: { kind: "CPU", end: 0.75, word: "CPU of its limit", show: percent },
  cpu_cores: { kind: "CPU", end: null, word: "CPU", show: cores },
  cpu_throttled_ratio: { kind: "CPU", end: 0.25, word: "time throttled", show: percent },
  memory_of_limit: { kind: "MEMORY", end: 0.9, word: "memory of its limit", show: percent },
  memory_bytes: { kind: "MEMORY", end: null, word: "memory", show: mebibytes },
  disk_bytes: { kind: "DISK", end: null, word: "disk", show: mebibytes },
  disk_io_bytes: { kind: "DISK", end: null, word: "disk traffic a second", show: mebibytes },
  network_errors: { kind: "NETWORK", end: 10, word: "packets lost a second", show: plain },
  pool_waiting: { kind: "DEPENDENCY", end: 5, word: "requests that wait for a connection", show: plain },
  gc_ratio: { kind: "MEMORY", end: 0.25, word: "time in garbage collection", show: percent },
};

const OF_LIMIT: ReadonlySet<ResourceMeaning> = new Set(["cpu_of_limit", "memory_of_limit"]);
const VOTE = 4;

function judge(row: ResourceDeviationRow, indicator: Indicator): Finding | null {
  const rule = RULES[row.meaning];
  const leastZ = OF_LIMIT.has(row.meaning) && row.observed >= CEILING ? CEILING_Z : MIN_Z;
  const isAtEnd = rule.end !== null && row.observed >= rule.end && row.z >= leastZ;
  const isFar = row.z >= FAR_Z && row.observed >= FAR_FACTOR * row.median;
  if (!isAtEnd && !isFar) return null;
  const { observed, median, points } = row;
  return {
    place: serviceKey(row),
    source: "resource-deviation",
    // What is short of something is slow or fails: as good an explanation of either.
    indicator,
    weight: isAtEnd ? RESOURCE_WEIGHTS.atEnd : RESOURCE_WEIGHTS.far,
    excess: 0,
    summary: `${row.instance} has ${rule.word} at ${rule.show(observed)}, over ${points} earlier points usually ${rule.show(median)}`,
    kinds: { [rule.kind]: isAtEnd ? VOTE : VOTE / 2 },
    ...(row.instance === "" ? {} : { instances: [row.instance] }),
    ...(isAtEnd ? { isSymptom: true } : {}),
  };
}

/** The findings of deviating figures: for each service and kind of resource the one that says most. */
export function findResourceDeviations(rows: readonly ResourceDeviationRow[], indicator: Indicator): Finding[] {
  const best = new Map<string, { finding: Finding; z: number }>();
  for (const row of rows) {
    const finding = row.service === "" ? null : judge(row, indicator);
    if (finding === null) continue;
    const key = `${finding.place} ${RULES[row.meaning].kind}`;
    const known = best.get(key);
    const isBetter =
      known === undefined ||
      finding.weight > known.finding.weight ||
      (finding.weight === known.finding.weight && row.z > known.z);
    if (isBetter) best.set(key, { finding, z: row.z });
  }
  return [...best.values()]
    .toSorted((a, b) => b.finding.weight - a.finding.weight || b.z - a.z)
    .slice(0, MAX_FINDINGS)
    .map(({ finding }) => finding);
}

/**
 * The rows with their instances at the services that requests know them by: who watches containers names a workload, not a service. An
 * instance that two services share, or none knows, stays where the sender put it.
 */
export function atKnownServices(rows: readonly ResourceDeviationRow[], scene: Scene): ResourceDeviationRow[] {
  const owners = new Map<string, ServiceScene | null>();
  for (const service of scene.services.values()) {
    for (const { instance } of service.instances.values()) {
      const known = owners.get(instance);
      if (instance !== "") owners.set(instance, known === undefined || known === service ? service : null);
    }
  }
  return rows.map((row) => {
    const owner = scene.services.has(serviceKey(row)) ? null : owners.get(row.instance);
    if (owner === null || owner === undefined) return row;
    const { cluster, namespace, service } = owner.entity;
    return { ...row, cluster, namespace, service };
  });
}

/** Resource figures as a source of evidence. */
export const RESOURCE_DEVIATION: EvidenceSource = {
  name: "resource-deviation",
  collect: async ({ storage, question: { tenant, windows, indicator }, scene }) => {
    const instances = [...scene.services.values()].reduce((sum, service) => sum + service.instances.size, 0);
    const rows = await readResourceDeviations(storage, tenant, windows, CEILING_Z, instances);
    return findResourceDeviations(atKnownServices(rows, scene), indicator);
  },
};
