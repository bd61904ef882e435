// The evidence for and against a cause, heaviest first.
// In: statements with weights in nats. Out: a ranked list with bars.
// Bounds: bars share one scale, so that lengths can be compared; trace ids unfold on demand.
import { Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import type { Evidence } from "../api/types.ts";
import { useLanguage } from "../language/language.tsx";
import { CopyButton } from "../shell/copy.tsx";
import classes from "./incident.module.css";
import { Section } from "./section.tsx";

const TRACE_LIMIT = 5;

/** Evidence as two lists: what speaks for the cause, and what speaks against it. */
export function EvidenceList({ evidence }: { evidence: readonly Evidence[] }): ReactNode {
  const { t } = useLanguage();
  const ranked = evidence.toSorted((a, b) => b.weight - a.weight);
  const heaviest = Math.max(1, ...ranked.map((one) => Math.abs(one.weight)));
  const against = ranked.filter((one) => one.weight < 0).toReversed();
  const supporting = ranked.filter((one) => one.weight >= 0);
  return (
    <>
      <Section title={t("evidence.title")}>
        {ranked.length === 0 && <p className={classes.dim}>{t("evidence.none")}</p>}
        <ol className={classes.evidence} data-testid="evidence">
          {supporting.map((one, i) => (
            <EvidenceRow key={i} evidence={one} heaviest={heaviest} />
          ))}
        </ol>
      </Section>
      {against.length > 0 && (
        <Section title={t("evidence.against")}>
          <ol className={classes.evidence}>
            {against.map((one, i) => (
              <EvidenceRow key={i} evidence={one} heaviest={heaviest} />
            ))}
          </ol>
        </Section>
      )}
    </>
  );
}

function EvidenceRow({ evidence, heaviest }: { evidence: Evidence; heaviest: number }): ReactNode {
  const { t, tn, format } = useLanguage();
  const weight = format.weight(evidence.weight);
  const factor = Math.exp(evidence.weight);
  const isAgainst = evidence.weight < 0;
  return (
    <li>
      <Tooltip
        label={t("evidence.weight", { weight, factor: factor < 0.01 ? "<0.01" : format.rate(factor) })}
        openDelay={200}
        events={{ hover: true, focus: true, touch: true }}
      >
        <span className={classes.weight} tabIndex={0} data-against={isAgainst}>
          <span>{weight}</span>
          <span className={classes.meter} aria-hidden>
            <span style={{ width: `${(Math.abs(evidence.weight) / heaviest) * 100}%` }} />
          </span>
        </span>
      </Tooltip>
      <div className={classes.statement}>
        <p>{evidence.summary}</p>
        <small>{evidence.source.replaceAll("-", " ")}</small>
        {evidence.traceIds.length > 0 && (
          <details>
            <summary>{tn("evidence.traces", evidence.traceIds.length)}</summary>
            <ul>
              {evidence.traceIds.slice(0, TRACE_LIMIT).map((trace) => (
                <li key={trace}>
                  <code>{trace}</code>
                  <CopyButton text={() => trace} label={t("evidence.copy_trace", { trace })} />
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </li>
  );
}
