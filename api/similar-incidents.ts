// Past incidents that look like this one, so that nobody has to find the same cause twice.
// In: an incident, earlier ones and their answers. Out: the most similar, best first.
// Bounds: pure; similarity 0..1 is half the overlap of the alarmed places and half the agreement of the causes; below MIN_SIMILARITY nothing is said.
import { type Entity, entityId } from "../model/entity.ts";
import type { Cause, Localization } from "../model/localization.ts";
import type { StoredIncident } from "../storage/incidents.ts";

/** An earlier incident with how alike it is (0..1) and what it was put down to. */
export interface SimilarIncident {
  readonly incident: StoredIncident;
  readonly similarity: number;
  readonly reason: string;
}

const MIN_SIMILARITY = 0.4;

/** Versions and instances come and go; the service stays. */
function serviceOf({ cluster, namespace, service, peer }: Entity): string {
  return [
    cluster,
    namespace,
    service,
    ...(peer === undefined ? [] : [peer.cluster, peer.namespace, peer.service]),
  ].join("|");
}

function symptomsOf(incident: StoredIncident): Set<string> {
  return new Set(incident.symptoms.map(({ entity, indicator }) => `${indicator} ${serviceOf(entity)}`));
}

function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((one) => b.has(one)).length;
  const all = a.size + b.size - shared;
  return all === 0 ? 0 : shared / all;
}

function agreement(a: Cause | undefined, b: Cause | undefined): number {
  if (a === undefined || b === undefined) return 0;
  const isSame = entityId(a.entity) === entityId(b.entity);
  const place = isSame ? 1 : serviceOf(a.entity) === serviceOf(b.entity) ? 0.8 : 0;
  return place * (a.faultKind === b.faultKind ? 1 : 0.6);
}

/** The `count` most similar of the earlier incidents. */
export function similarIncidents(
  incident: StoredIncident,
  earlier: readonly StoredIncident[],
  answers: ReadonlyMap<string, Localization>,
  count: number,
): SimilarIncident[] {
  const causeOf = (one: StoredIncident) => answers.get(one.localizationId ?? "")?.causes[0];
  const own = { symptoms: symptomsOf(incident), cause: causeOf(incident) };
  return earlier
    .filter((one) => one.id !== incident.id && one.startedAt <= incident.startedAt)
    .map((one): SimilarIncident => {
      const shared = overlap(own.symptoms, symptomsOf(one));
      const agreed = agreement(own.cause, causeOf(one));
      const words = `${Math.round(shared * 100)} % of the alarmed places are the same`;
      const cause = causeOf(one);
      const reason = agreed > 0 && cause !== undefined ? `${words}, and so is the cause: ${cause.summary}` : words;
      return { incident: one, similarity: 0.5 * shared + 0.5 * agreed, reason };
    })
    .filter((one) => one.similarity >= MIN_SIMILARITY)
    .sort((a, b) => b.similarity - a.similarity || (a.incident.startedAt < b.incident.startedAt ? 1 : -1))
    .slice(0, count);
}
