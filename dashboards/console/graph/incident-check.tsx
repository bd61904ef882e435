// "Why (not) an incident?" of one service at one time, in the analyzer's words.
// In: a place with a service, a time. Out: a button; once it is asked, one sentence and a line an indicator.
// Bounds: asked only at the click, for the analyzer judges the bucket anew; an answer belongs to its place and time.
import { Button, Loader } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { INCIDENT_CHECK } from "../api/documents.ts";
import type { Entity } from "../api/types.ts";
import { useLiveQuery } from "../api/use-live-query.ts";
import { Section } from "../incident/section.tsx";
import { useLanguage } from "../language/language.tsx";
import classes from "./graph.module.css";

/** The question about a place at a time (RFC 3339); nothing for places that are not judged. */
export function IncidentCheck({ entity, at }: { entity: Entity; at: string }): ReactNode {
  const { t, format } = useLanguage();
  const [asked, setAsked] = useState<string | null>(null);
  const { service, namespace, cluster } = entity;
  if (service === null || !["SERVICE", "VERSION", "INSTANCE"].includes(entity.kind)) return null;
  return (
    <Section title={t("check.title")}>
      {asked === null ? (
        <Button size="xs" variant="default" onClick={() => setAsked(at)}>
          {t("check.ask", { time: format.clock(at) })}
        </Button>
      ) : (
        <Answer service={service} namespace={namespace} cluster={cluster} at={asked} />
      )}
    </Section>
  );
}

interface Question {
  readonly service: string;
  readonly namespace: string | null;
  readonly cluster: string | null;
  readonly at: string;
}

function Answer(question: Question): ReactNode {
  const { t, name } = useLanguage();
  const { data, failure } = useLiveQuery(INCIDENT_CHECK, () => question, {
    subject: JSON.stringify(question),
    everyMs: null,
  });
  if (data === null && failure?.reason === "refused")
    return <p className={classes.dim}>{t("check.refused", { reason: failure.message })}</p>;
  if (data === null) return <Loader size="xs" aria-label={t("check.loading")} />;
  const { sentence, checks } = data.incidentCheck;
  return (
    <div data-testid="check">
      <p>{sentence}</p>
      <ul className={classes.checks}>
        {checks.map((check, i) => (
          <li key={i} data-verdict={check.verdict}>
            <strong>
              {name(check.entity)}, {t(`indicator.${check.indicator}`)}: {t(`check.${check.verdict}`)}
            </strong>
            <span>{check.sentence}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
