// Why Faultline says so: evidence, change, what to do, the story, affected places, rejected alternatives, other causes.
// In: an incident and the shown cause. Out: the panel beside the map.
// Bounds: evidence is ranked by weight; long lists fold after a few.
import type { ReactNode } from "react";
import type { Cause, Entity, Incident, RejectedCause } from "../api/types.ts";
import { useLanguage } from "../language/language.tsx";
import { CopyBlock } from "../shell/copy.tsx";
import { Icon } from "../shell/icons.tsx";
import { ChangeCard } from "./change-card.tsx";
import { EvidenceList } from "./evidence-list.tsx";
import classes from "./incident.module.css";
import { Section } from "./section.tsx";
import { symptomChange } from "./sentence.tsx";
import { Story } from "./story.tsx";

interface FindingProps {
  readonly incident: Incident;
  readonly causeIndex: number;
  readonly onCause: (rank: number) => void;
  readonly onPlace: (entity: Entity) => void;
  readonly onList: () => void;
  readonly onIncident: (id: string) => void;
}

/** The finding of an incident. */
export function FindingPanel(props: FindingProps): ReactNode {
  const { incident, causeIndex, onCause, onPlace, onList, onIncident } = props;
  const language = useLanguage();
  const { t, format, name } = language;
  const finding = incident.localization;
  const cause = finding?.causes[causeIndex];
  const others = finding?.causes.filter((one) => one !== cause) ?? [];
  const onset = finding?.onset ?? incident.startedAt;
  return (
    <div className={classes.finding}>
      <button type="button" className={classes.back} onClick={onList}>
        <Icon name="back" size={12} />
        {t("incident.all")}
      </button>
      {cause !== undefined && (
        <>
          <div className={classes.verdict}>
            <div>
              <h2 className={classes.cause}>{name(cause.entity)}</h2>
              <p>{t(`faultkind.${cause.faultKind}`)}</p>
            </div>
            <Confidence value={cause.confidence} />
          </div>
          <p className={classes.summary}>{cause.summary}</p>
          {cause.codeRegion !== null && (
            <p className={classes.code}>
              {t("cause.code")} <code>{cause.codeRegion}</code>
            </p>
          )}
          <EvidenceList evidence={cause.evidence} around={onset} />
        </>
      )}
      {cause === undefined && incident.symptoms.length > 0 && (
        <Section title={t("symptoms.title")}>
          <ul className={classes.rows}>
            {incident.symptoms.map((symptom, i) => (
              <li key={i}>
                <PlaceButton entity={symptom.entity} onPlace={onPlace} />
                <span className={classes.dim}>
                  {t("symptoms.only", {
                    indicator: t(`indicator.${symptom.indicator}`),
                    observed: symptomChange(symptom, language),
                  })}
                </span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {cause !== undefined && (
        <Section title={t("change.title")}>
          {cause.change === null ? (
            <p className={classes.dim}>{t("change.none")}</p>
          ) : (
            <ChangeCard change={cause.change} onset={onset} />
          )}
        </Section>
      )}
      {cause?.remedy !== undefined && cause.remedy !== null && (
        <Section title={t("cause.remedy")}>
          <p>{cause.remedy.summary}</p>
          {cause.remedy.patch !== null && <CopyBlock text={cause.remedy.patch} label={t("cause.copy_patch")} />}
        </Section>
      )}
      <Story incident={incident} onPlace={onPlace} onIncident={onIncident} />
      {incident.impact.length > 0 && (
        <Section title={t("impact.title")}>
          <ul className={classes.rows} data-testid="impact">
            {incident.impact.map(({ entity, affectedRatio }) => (
              <li key={entity.id}>
                <PlaceButton entity={entity} onPlace={onPlace} />
                <span className={classes.share}>
                  <span className={classes.meter} aria-hidden>
                    <span style={{ width: `${Math.min(100, (affectedRatio ?? 0) * 100)}%` }} />
                  </span>
                  {affectedRatio === null
                    ? t("impact.unknown")
                    : t("impact.share", { share: format.ratio(affectedRatio) })}
                </span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {finding !== null && cause !== undefined && (
        <Section title={t("rejected.title")}>
          {finding.rejected.length === 0 && <p className={classes.dim}>{t("rejected.none")}</p>}
          <ul className={classes.rejected} data-testid="rejected">
            {byReason(finding.rejected).map(({ reason, entities }) => (
              <li key={reason}>
                {entities.map((entity, at) => (
                  <span key={entity.id}>
                    {at > 0 && ", "}
                    <PlaceButton entity={entity} onPlace={onPlace} />
                  </span>
                ))}
                <p>{reason}</p>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {others.length > 0 && (
        <Section title={t("cause.others")}>
          <ul className={classes.others2}>
            {others.map((other) => (
              <OtherCause key={other.rank} cause={other} onCause={onCause} />
            ))}
          </ul>
        </Section>
      )}
    </div>
  );
}

/** Places that were rejected for the same reason together, in the order of the first of each. */
function byReason(rejected: readonly RejectedCause[]): { reason: string; entities: readonly Entity[] }[] {
  const reasons = [...new Set(rejected.map(({ reason }) => reason))];
  return reasons.map((reason) => ({
    reason,
    entities: rejected.filter((one) => one.reason === reason).map(({ entity }) => entity),
  }));
}

function PlaceButton({ entity, onPlace }: { entity: Entity; onPlace: (entity: Entity) => void }): ReactNode {
  const { name } = useLanguage();
  return (
    <button type="button" className={classes.place} onClick={() => onPlace(entity)}>
      {name(entity)}
    </button>
  );
}

function Confidence({ value }: { value: number }): ReactNode {
  const { t, format } = useLanguage();
  return (
    <div className={classes.confidence}>
      <span>{format.confidence(value)}</span>
      <small>{t("incident.confidence")}</small>
    </div>
  );
}

function OtherCause({ cause, onCause }: { cause: Cause; onCause: (rank: number) => void }): ReactNode {
  const { t, format, name } = useLanguage();
  return (
    <li>
      <button type="button" onClick={() => onCause(cause.rank)} title={t("cause.pick")}>
        <span>
          <strong>{name(cause.entity)}</strong>
          <small>{t(`faultkind.${cause.faultKind}`)}</small>
        </span>
        <span className={classes.dim}>{format.confidence(cause.confidence)}</span>
      </button>
    </li>
  );
}
