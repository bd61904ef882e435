// The first ten seconds: one sentence, the way of the blame, and a link to hand on.
// In: an incident and the shown cause. Out: the band above the map.
// Bounds: one sentence; figures and reasons are in the panel.
import type { ReactNode } from "react";
import type { Entity, Incident } from "../api/types.ts";
import { useLanguage } from "../language/language.tsx";
import { CopyButton } from "../shell/copy.tsx";
import { Icon } from "../shell/icons.tsx";
import classes from "./incident.module.css";
import { tellIncident } from "./sentence.tsx";

interface BannerProps {
  readonly incident: Incident;
  readonly causeIndex: number;
  readonly openCount: number;
  readonly nowMs: number;
  readonly link: () => string;
  readonly onPlace: (entity: Entity) => void;
  readonly onList: () => void;
}

/** The band of an incident. */
export function IncidentBanner(props: BannerProps): ReactNode {
  const language = useLanguage();
  const { t, tn, format, name } = language;
  const { incident } = props;
  const cause = incident.localization?.causes[props.causeIndex];
  const startedMs = Date.parse(incident.startedAt);
  const endMs = incident.resolvedAt === null ? props.nowMs : Date.parse(incident.resolvedAt);
  const lasted = format.duration((endMs - startedMs) / 1000);
  const isOpen = incident.status === "OPEN";
  return (
    <section className={classes.banner} data-open={isOpen} aria-label={t("incident.list")} data-testid="incident">
      <div className={classes.words}>
        <p className={classes.eyebrow}>
          <span className={classes.status} data-open={isOpen}>
            {isOpen ? t("incident.open") : t("incident.resolved")}
          </span>
          <span>
            {isOpen ? t("incident.lasting", { duration: lasted }) : t("incident.lasted", { duration: lasted })}
          </span>
          <span className={classes.wide}>
            {t("incident.detected", {
              duration: format.duration((Date.parse(incident.detectedAt) - startedMs) / 1000),
            })}
          </span>
          {props.openCount > 1 && (
            <button type="button" className={classes.others} onClick={props.onList}>
              {tn("status.open", props.openCount)}
            </button>
          )}
        </p>
        <h1 className={classes.sentence} data-testid="sentence">
          {tellIncident(incident, props.causeIndex, language)}
        </h1>
        {cause !== undefined && cause.blamePath.length > 1 && (
          <nav aria-label={t("cause.path")}>
            <ol className={classes.path} title={t("cause.path.hint")} data-testid="blame-path">
              {cause.blamePath.map((entity, i) => (
                <li key={`${i} ${entity.id}`}>
                  {i > 0 && <Icon name="forward" size={12} />}
                  <button
                    type="button"
                    data-last={i === cause.blamePath.length - 1}
                    onClick={() => props.onPlace(entity)}
                  >
                    {name(entity)}
                  </button>
                </li>
              ))}
            </ol>
          </nav>
        )}
      </div>
      <div className={classes.actions}>
        <CopyButton text={props.link} label={t("incident.copy")} isLabelled icon="link" />
      </div>
    </section>
  );
}
