// The incidents, newest first.
// In: the listed incidents. Out: a list that can be walked by j and k.
// Bounds: as many as the server gives at once; says so when there are more.
import type { ReactNode } from "react";
import type { Change, ListedIncident } from "../api/types.ts";
import { useLanguage } from "../language/language.tsx";
import { ChangeCard } from "./change-card.tsx";
import classes from "./incident.module.css";
import { Section } from "./section.tsx";
import { tellIncident } from "./sentence.tsx";

interface IncidentListProps {
  readonly incidents: readonly ListedIncident[];
  readonly hasMore: boolean;
  readonly changes: readonly Change[];
  readonly nowMs: number;
  readonly onOpen: (id: string) => void;
}

/** The list of incidents, and the changes of the period. */
export function IncidentList({ incidents, hasMore, changes, nowMs, onOpen }: IncidentListProps): ReactNode {
  const language = useLanguage();
  const { t, format } = language;
  return (
    <div className={classes.finding}>
      <Section degree="h2" title={t("incident.list")}>
        {incidents.length === 0 && <p className={classes.dim}>{t("incident.none")}</p>}
        <ul className={classes.list} data-testid="incident-list">
          {incidents.map((incident) => {
            const isOpen = incident.status === "OPEN";
            const endMs = incident.resolvedAt === null ? nowMs : Date.parse(incident.resolvedAt);
            const lasted = format.duration((endMs - Date.parse(incident.startedAt)) / 1000);
            return (
              <li key={incident.id}>
                <button type="button" data-list-item onClick={() => onOpen(incident.id)}>
                  <span className={classes.listHead}>
                    <span className={classes.status} data-open={isOpen}>
                      {isOpen ? t("incident.open") : t("incident.resolved")}
                    </span>
                    <span className={classes.dim}>
                      {t(isOpen ? "incident.lasting" : "incident.lasted", { duration: lasted })}
                    </span>
                  </span>
                  <span className={classes.listText}>{tellIncident(incident, 0, language)}</span>
                </button>
              </li>
            );
          })}
        </ul>
        {hasMore && <p className={classes.dim}>{t("incident.more", { count: format.count(incidents.length) })}</p>}
      </Section>
      {changes.length > 0 && (
        <Section degree="h2" title={t("change.recent")}>
          <ul className={classes.changes}>
            {changes.map((change) => (
              <li key={change.id}>
                <ChangeCard change={change} onset={null} />
              </li>
            ))}
          </ul>
        </Section>
      )}
    </div>
  );
}
