// What the analyzer remembers of one tenant between cycles: history, taints, and the incident state after each bucket.
// In: findings of a bucket. Out: the state to go on from, also after a rollback or a restart.
// Bounds: `keepBuckets` buckets, of a large mesh the newest MAX_RESTORED_ROWS rows after a restart; after a restart nothing before it can be rolled back, only paired anew. What the restart lost
//   (runs, clean buckets, taints) is found again by recall.ts.
import { entityId } from "../model/entity.ts";
import type { Impact } from "../model/incident.ts";
import { BUCKET_SECONDS, readEdgeBuckets, readServiceBuckets } from "../storage/buckets.ts";
import type { Storage } from "../storage/client.ts";
import { readIncidentPage, type StoredIncident, type Symptom } from "../storage/incidents.ts";
import { readLocalizations } from "../storage/localizations.ts";
import type { Anomaly } from "./detect.ts";
import { History, type Series } from "./history.ts";
import type { Hit, Hits } from "./impact.ts";
import { type ActiveIncident, type IncidentState, NO_INCIDENTS } from "./incident.ts";
import { isOpenedBefore, type RecallOptions, recallIncidents } from "./recall.ts";
import { Season } from "./season.ts";
import { bucketAt, bucketsBetween, isoSeconds, unixSeconds } from "./time.ts";
import { nodesOf, symptomKey, witnessKey } from "./witness.ts";

/** A symptom as the analyzer stores it: with the anomaly, so that a restart goes on where it stopped. */
type StoredSymptom = Symptom & { readonly anomaly?: Anomaly };

const MAX_RESTORED = 100;
// Some 45 buckets of 1,000 services and 5,000 edges: a baseline and what recall.ts goes through. A mesh of 1,600 series is restored whole.
const MAX_RESTORED_ROWS = 270_000;
const RESTORED_PIECE_BUCKETS = 9;
// So long after an incident began what it shows still taints the buckets since.
const ONSET_SECONDS = 30;

/** The memory of one tenant. */
export class TenantMemory {
  readonly tenant: string;
  readonly history: History;
  readonly season = new Season();
  private readonly states = new Map<number, IncidentState>();
  /** By bucket: which keys deviated, and in which bucket that was seen. */
  private readonly taints = new Map<number, Map<string, number>>();
  private restored: IncidentState = NO_INCIDENTS;
  /** Stored incidents that begin after the restored state: told of by an earlier process, to be found again or withdrawn. */
  private ahead = new Map<string, ActiveIncident>();
  private restoredUntil = 0;
  private owedUntil = 0;
  private readonly keepBuckets: number;

  constructor(tenant: string, keepBuckets: number) {
    this.tenant = tenant;
    this.keepBuckets = keepBuckets;
    this.history = new History(keepBuckets, BUCKET_SECONDS);
  }

  /** Buckets before this one belong to an earlier process or are forgotten: they can be paired anew, but not analysed again. */
  get analyzableFrom(): number {
    return this.restoredUntil;
  }

  /** End of the newest analysed bucket, unix seconds; null before the first. */
  get analyzedUntil(): number | null {
    return this.states.size === 0 ? null : Math.max(...this.states.keys()) + BUCKET_SECONDS;
  }

  /** How far an analysis has to go that starts with a rollback, unix seconds: to where the one before it had come. */
  get analyzeUntil(): number {
    return Math.max(this.analyzedUntil ?? 0, this.owedUntil);
  }

  /** True when the bucket was analysed by this process. */
  hasAnalyzed(bucket: number): boolean {
    return this.states.has(bucket);
  }

  /** The state to analyse `bucket` from: that of the latest bucket before it. */
  stateBefore(bucket: number): IncidentState {
    const before = [...this.states.keys()].filter((b) => b < bucket);
    return before.length === 0 ? this.restored : this.states.get(Math.max(...before))!;
  }

  /** Remembers a bucket's outcome and which series it tainted; forgets what is too old. */
  remember(bucket: number, state: IncidentState, tainted: ReadonlySet<string>): void {
    this.states.set(bucket, state);
    this.taintKeys(bucket, tainted, bucket);
    // A fault begins within a bucket, which seldom shows it beyond doubt; the next one tells that it had begun.
    for (const incident of state.open) if (bucket - incident.startedAt <= ONSET_SECONDS) this.taint(incident, bucket);
    const oldest = bucket - this.keepBuckets * BUCKET_SECONDS;
    for (const [old, forgotten] of this.states) {
      if (old >= oldest) continue;
      // What is forgotten becomes the ground: nothing before it can be analysed again, and the rest starts from it.
      if (old + BUCKET_SECONDS > this.restoredUntil) {
        this.restored = forgotten;
        this.restoredUntil = old + BUCKET_SECONDS;
      }
      this.states.delete(old);
    }
    for (const old of this.taints.keys()) if (old < oldest) this.taints.delete(old);
  }

  /** Forgets the outcomes from `bucket` on; returns the incidents that were seen in them. */
  rollback(bucket: number): Map<string, ActiveIncident> {
    const seen = this.ahead;
    this.ahead = new Map();
    for (const [at, state] of [...this.states].sort((a, b) => a[0] - b[0])) {
      if (at < bucket) continue;
      for (const incident of state.open) seen.set(incident.id, incident);
      this.states.delete(at);
      this.taints.delete(at);
    }
    for (const keys of this.taints.values()) for (const [key, by] of keys) if (by >= bucket) keys.delete(key);
    return seen;
  }

  /** Takes back the incidents of a rollback whose analysis failed, so that the next one knows what to withdraw, and how far to go. */
  expectAgain(seen: ReadonlyMap<string, ActiveIncident>, until: number): void {
    this.ahead = new Map([...seen, ...this.ahead]);
    this.owedUntil = Math.max(this.owedUntil, until);
  }

  /** True when a series' bucket deviated and must not teach what is normal. */
  readonly isTainted = (series: Series, bucket: number): boolean => this.isKeyTainted(series.key, bucket);

  /** The same by key (witnessKey of witness.ts). */
  readonly isKeyTainted = (key: string, bucket: number): boolean => this.taints.get(bucket)?.has(key) ?? false;

  /** Fills the memory from storage after a restart: buckets up to `until`, incidents that are open or recent at `now`. */
  async restore(storage: Storage, until: number, now: number, options: RecallOptions): Promise<void> {
    this.restoredUntil = until;
    const from = until - this.keepBuckets * BUCKET_SECONDS;
    const [, incidents] = await Promise.all([
      this.restoreHistory(storage, until),
      readIncidentPage(storage, {
        tenant: this.tenant,
        range: { from: isoSeconds(from), to: isoSeconds(now) },
        status: null,
        limit: MAX_RESTORED,
        after: null,
      }),
    ]);
    const ids = incidents.map((i) => i.localizationId).filter((id) => id !== null);
    const answers = await readLocalizations(storage, this.tenant, ids);
    const stored = incidents.map((i) => fromStored(i, answers.get(i.localizationId ?? "") ?? null, until));
    const isActive = (i: ActiveIncident) => isOpenedBefore(i, until, options.graceSeconds);
    const active = stored.filter(isActive);
    this.ahead = new Map(stored.filter((i) => !isActive(i)).map((i) => [i.id, i]));
    for (const incident of active) this.taint(incident, incident.lastBucket);
    const { tenant, history, isKeyTainted } = this;
    const recalled = recallIncidents(tenant, history, active, until, isKeyTainted, options);
    for (const [bucket, keys] of recalled.taints) {
      this.taints.delete(bucket);
      this.taintKeys(bucket, keys, bucket);
    }
    for (const incident of recalled.state.open) {
      const lastBucket = Math.min(incident.lastBucket, bucketAt(incident.startedAt) + ONSET_SECONDS);
      this.taint({ ...incident, lastBucket }, lastBucket);
    }
    this.restored = recalled.state;
  }

  /** Reads the newest buckets first, piece by piece, until the history is full or enough is known of a large mesh. */
  private async restoreHistory(storage: Storage, until: number): Promise<void> {
    const pieces = [];
    const first = until - this.keepBuckets * BUCKET_SECONDS;
    let rows = 0;
    for (let to = until; to > first && rows < MAX_RESTORED_ROWS;) {
      const from = Math.max(first, to - RESTORED_PIECE_BUCKETS * BUCKET_SECONDS);
      const [services, edges] = await Promise.all([
        readServiceBuckets(storage, this.tenant, from, to),
        readEdgeBuckets(storage, this.tenant, from, to),
      ]);
      rows += services.length + edges.length;
      pieces.unshift({ from, to, services, edges });
      to = from;
    }
    // Buckets from before the tenant's first data are not quiet ones: they would make everything after them a surge.
    const known = pieces.findIndex(({ services, edges }) => services.length + edges.length > 0);
    if (known === -1) return;
    const oldest = pieces[known]!;
    const begin = [...oldest.services, ...oldest.edges].reduce(
      (least, { bucket }) => Math.min(least, bucket),
      oldest.to,
    );
    // Oldest first, as they came: which instance is new is known by that.
    for (const { from, to, services, edges } of pieces.slice(known)) {
      this.history.replace(Math.max(from, begin), to, services, edges);
    }
  }

  /** Taints what shows an incident from its onset on; `seenIn`: the bucket in which that was known. */
  private taint(incident: ActiveIncident, seenIn: number): void {
    const keys = [...incident.symptoms.values()].filter((a) => a.opensAfter !== null).map(witnessKey);
    const from = Math.min(incident.firstBucket, incident.startedAt);
    for (const b of bucketsBetween(from, incident.lastBucket + BUCKET_SECONDS)) this.taintKeys(b, keys, seenIn);
  }

  private taintKeys(bucket: number, keys: Iterable<string>, seenIn: number): void {
    const known = this.taints.get(bucket) ?? new Map<string, number>();
    for (const key of keys) if (!known.has(key)) known.set(key, seenIn);
    this.taints.set(bucket, known);
  }
}

/** The anomalies that a stored incident's symptoms were. */
export function anomaliesOf(stored: StoredIncident): Anomaly[] {
  return (stored.symptoms as readonly StoredSymptom[])
    .map((symptom) => symptom.anomaly)
    .filter((anomaly) => anomaly !== undefined);
}

/** What was counted of a stored incident until it was stored. */
function hitsOf(stored: StoredIncident, anomalies: readonly Anomaly[], until: number): Hits {
  const keys = new Map(anomalies.map((a) => [entityId(a.entity), a.seriesKey]));
  const services = (stored.impact as readonly (Impact & Partial<Hit>)[]).flatMap(
    ({ entity, requests, affected }): [string, Hit][] => {
      const key = keys.get(entityId(entity));
      return key === undefined || requests === undefined || affected === undefined
        ? []
        : [[key, { entity, requests, affected }]];
    },
  );
  return { until, services: new Map(services) };
}

function fromStored(
  stored: StoredIncident,
  localization: ActiveIncident["localization"],
  until: number,
): ActiveIncident {
  const anomalies = anomaliesOf(stored);
  const startedAt = unixSeconds(stored.startedAt);
  const resolvedAt = stored.resolvedAt === null ? null : unixSeconds(stored.resolvedAt);
  return {
    id: stored.id,
    status: stored.status === "OPEN" ? "OPEN" : "RESOLVED",
    firstBucket: bucketAt(startedAt),
    lastBucket: (resolvedAt === null ? until : bucketAt(resolvedAt)) - BUCKET_SECONDS,
    startedAt,
    detectedAt: unixSeconds(stored.detectedAt),
    resolvedAt,
    clean: 0,
    silent: 0,
    symptoms: new Map(anomalies.map((a) => [symptomKey(a), a])),
    nodes: new Set(anomalies.flatMap(nodesOf)),
    hits: hitsOf(stored, anomalies, resolvedAt ?? until),
    localization,
  };
}
