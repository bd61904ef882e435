// A change of the running system, and how near it was to the start of the trouble.
// In: a change and, when there is trouble, its onset. Out: a small card.
// Bounds: before and after are shown as they were recorded, on one line each.
import type { ReactNode } from "react";
import type { Change } from "../api/types.ts";
import { useLanguage } from "../language/language.tsx";
import classes from "./incident.module.css";

/** One change. */
export function ChangeCard({ change, onset }: { change: Change; onset: string | null }): ReactNode {
  const { t, format, name } = useLanguage();
  const seconds = onset === null ? 0 : (Date.parse(change.at) - Date.parse(onset)) / 1000;
  const duration = format.duration(Math.abs(seconds));
  const when =
    onset === null
      ? format.clock(change.at)
      : Math.abs(seconds) < 1
        ? t("change.at")
        : t(seconds < 0 ? "change.before" : "change.after", { duration });
  return (
    <div className={classes.change} data-testid="change">
      <p>{change.summary}</p>
      <small title={format.moment(change.at)}>
        {name(change.entity)} · {change.kind} · {when}
      </small>
      {(change.before !== null || change.after !== null) && (
        <ul>
          {change.before !== null && <li data-sign="−">{change.before}</li>}
          {change.after !== null && <li data-sign="+">{change.after}</li>}
        </ul>
      )}
    </div>
  );
}
