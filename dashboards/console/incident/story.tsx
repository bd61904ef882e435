// The story of an incident: what came when, what callers met, and whether it was like this before.
// In: an incident. Out: up to three sections of the panel; nothing while they are read.
// Bounds: asked for every STORY_MS while the incident is open, once when it is over; the rest of the finding does not wait for it.
import type { ReactNode } from "react";
import { INCIDENT_STORY } from "../api/documents.ts";
import type { Entity, Incident, TimelineEvent } from "../api/types.ts";
import { useLiveQuery } from "../api/use-live-query.ts";
import { useLanguage } from "../language/language.tsx";
import { Section } from "./section.tsx";
import { symptomPlace } from "./sentence.tsx";
import classes from "./story.module.css";

const STORY_MS = 20_000;
const OPERATION_LIMIT = 6;

interface StoryProps {
  readonly incident: Incident;
  readonly onPlace: (entity: Entity) => void;
  readonly onIncident: (id: string) => void;
}

/** Timeline, what callers met, similar incidents. */
export function Story({ incident, onPlace, onIncident }: StoryProps): ReactNode {
  const { t, format, name } = useLanguage();
  const { data } = useLiveQuery(INCIDENT_STORY, () => ({ id: incident.id }), {
    subject: `${incident.id} ${incident.status}`,
    everyMs: incident.status === "OPEN" ? STORY_MS : null,
  });
  const story = data?.incident ?? null;
  if (story === null) return null;
  const door = symptomPlace(incident);
  const met = story.entryImpact.filter(({ entity, affectedRequests }) => affectedRequests > 0 && isOf(entity, door));
  return (
    <>
      <Section title={t("story.title")}>
        <ol className={classes.timeline} data-testid="timeline">
          {joinSpread(story.timeline).map(({ event, places }, i) => (
            <li key={i} data-kind={event.kind}>
              <time dateTime={event.at} title={format.moment(event.at)}>
                {format.clock(event.at)}
              </time>
              <span>
                <strong>{t(`story.${event.kind}`)}</strong> {event.kind === "RESOLUTION" && t("story.over")}
                {event.kind !== "RESOLUTION" && places.length === 0 && event.summary}
                {places.map((place, at) => (
                  <span key={place.id}>
                    {at > 0 && ", "}
                    <button type="button" onClick={() => onPlace(place)}>
                      {name(place)}
                    </button>
                  </span>
                ))}
              </span>
            </li>
          ))}
        </ol>
      </Section>
      {door !== null && met.length > 0 && (
        <Section title={t("users.title", { place: name(door) })}>
          <ul className={classes.met} data-testid="users">
            {met.slice(0, OPERATION_LIMIT).map(({ entity, requests, affectedRequests }) => (
              <li key={entity.id}>
                <code>{entity.operation ?? name(entity)}</code>
                <small>
                  {t("users.share", { affected: format.count(affectedRequests), requests: format.count(requests) })}
                </small>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {story.similar.length > 0 && (
        <Section title={t("similar.title")}>
          <ul className={classes.met} data-testid="similar">
            {story.similar.map(({ incident: earlier, similarity, reason }) => (
              <li key={earlier.id}>
                <button type="button" onClick={() => onIncident(earlier.id)}>
                  {earlier.title}
                </button>
                <small title={reason}>
                  {t("similar.when", { time: format.moment(earlier.startedAt), share: format.ratio(similarity) })}
                </small>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

/** The operations of the place where it shows: what is called from inside as well says less of users. */
function isOf(entity: Entity, door: Entity | null): boolean {
  return door !== null && entity.service === door.service && entity.namespace === door.namespace;
}

/** What spread at the same moment in one line; the other events keep their words, but for the onset, whose summary stands above. */
function joinSpread(timeline: readonly TimelineEvent[]): { event: TimelineEvent; places: readonly Entity[] }[] {
  const lines: { event: TimelineEvent; places: Entity[] }[] = [];
  for (const event of timeline) {
    const last = lines.at(-1);
    const isNamed = event.kind === "SPREAD" || event.kind === "ONSET";
    const place = isNamed && event.entity !== null ? [event.entity] : [];
    if (event.kind === "SPREAD" && last?.event.kind === "SPREAD" && last.event.at === event.at)
      last.places.push(...place);
    else lines.push({ event, places: place });
  }
  return lines;
}
