// The one sentence about an incident: what, since when, where, how sure.
// In: an incident with its finding. Out: the sentence, in pieces (with emphasis) or as plain text.
// Bounds: what is not known is left out; without a finding the sentence says so and why.
import type { ReactNode } from "react";
import type { Entity, FaultKind, Impact, Symptom } from "../api/types.ts";
import type { Language } from "../language/language.tsx";
import classes from "./incident.module.css";

/** What the sentence is made of; an incident of the list or a whole one. */
export interface Told {
  readonly status: "OPEN" | "RESOLVED";
  readonly title: string;
  readonly startedAt: string;
  readonly symptoms: readonly Symptom[];
  readonly impact: readonly Impact[];
  readonly localization: {
    readonly reason: string | null;
    readonly onset: string | null;
    readonly causes: readonly {
      readonly confidence: number;
      readonly faultKind: FaultKind;
      readonly entity: Entity;
      readonly blamePath: readonly Entity[];
    }[];
  } | null;
}

/** Where the trouble shows: what alarmed, else where the blame path starts, else who is affected. */
export function symptomPlace(told: Told): Entity | null {
  const first = told.localization?.causes[0];
  return told.symptoms[0]?.entity ?? first?.blamePath[0] ?? told.impact[0]?.entity ?? first?.entity ?? null;
}

/** The share that the sentence names: that of the symptom's place, else the largest. */
export function leadingImpact(told: Told): Impact | null {
  const place = symptomPlace(told);
  const known = told.impact.filter((impact) => impact.affectedRatio !== null);
  const own = known.find((impact) => impact.entity.id === place?.id);
  return own ?? known.toSorted((a, b) => (b.affectedRatio ?? 0) - (a.affectedRatio ?? 0))[0] ?? null;
}

/** A symptom's figure in its unit. */
export function symptomFigure(value: number, unit: string, { format }: Language): string {
  if (unit === "ms") return format.latency(value);
  if (unit === "ratio") return format.ratio(value);
  return `${format.rate(value)} ${unit}`.trim();
}

/** `182 → 642 ms`; '' when it was not measured. */
export function symptomChange(symptom: Symptom, language: Language): string {
  if (symptom.observed === null) return "";
  const observed = symptomFigure(symptom.observed, symptom.unit, language);
  return symptom.expected === null
    ? observed
    : `${symptomFigure(symptom.expected, symptom.unit, language)} → ${observed}`;
}

/** The sentence in pieces. */
export function tellIncident(told: Told, causeIndex: number, language: Language): ReactNode[] {
  const { t, pieces, format, name } = language;
  const strong = (text: string, key: string): ReactNode => <strong key={key}>{text}</strong>;
  const startedAt = told.localization?.onset ?? told.startedAt;
  const isToday = new Date(startedAt).toDateString() === new Date().toDateString();
  const time = strong(isToday ? format.clock(startedAt) : format.moment(startedAt), "time");
  const place = symptomPlace(told);
  const symptom = told.symptoms[0];
  const indicator = symptom?.indicator ?? "NONE";
  const change = symptom === undefined ? "" : symptomChange(symptom, language);
  const what: ReactNode[] =
    place === null
      ? [told.title]
      : pieces(told.status === "OPEN" ? `incident.symptom.${indicator}` : `incident.began.${indicator}`, {
          place: strong(name(place), "symptom"),
        });
  if (change !== "") {
    what.push(
      " ",
      <span key="change" className={classes.figure}>
        ({change})
      </span>,
    );
  }
  const cause = told.localization?.causes[causeIndex];
  const whatPiece = <span key="what">{what}</span>;
  if (cause === undefined) {
    const reason = told.localization?.reason ?? t("incident.sentence.no_reason");
    return pieces(told.status === "OPEN" ? "incident.sentence.unexplained" : "incident.sentence.unexplained.past", {
      time,
      symptom: whatPiece,
      reason,
    });
  }
  const causeName = (
    <strong key="cause" className={classes.culprit}>
      {name(cause.entity)}
    </strong>
  );
  const impact = leadingImpact(told);
  const share =
    impact === null || impact.affectedRatio === null
      ? ""
      : t("incident.sentence.share", { share: format.ratio(impact.affectedRatio), place: name(impact.entity) });
  return pieces(told.status === "OPEN" ? "incident.sentence" : "incident.sentence.past", {
    time,
    symptom: whatPiece,
    fault: <span key="fault">{pieces(`fault.${cause.faultKind}`, { place: causeName })}</span>,
    confidence: strong(format.confidence(cause.confidence), "confidence"),
    share,
  });
}
