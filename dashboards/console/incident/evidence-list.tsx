// The evidence for and against a cause, heaviest first.
// In: statements with weights in nats, a time near which their traces happened. Out: a ranked list with bars.
// Bounds: bars share one scale, so that lengths can be compared; traces unfold on demand.
import { Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import type { Evidence } from "../api/types.ts";
import type { Key } from "../language/catalogue.ts";
import { EN_STORY } from "../language/en-story.ts";
import { useLanguage } from "../language/language.tsx";
import { ExampleTrace } from "./example-trace.tsx";
import classes from "./incident.module.css";
import { Section } from "./section.tsx";

const TRACE_LIMIT = 5;
type SourceKey = Extract<Key, `source.${string}`>;

/** Whether there are words for a source of evidence. */
function isSource(key: string): key is SourceKey {
  return Object.hasOwn(EN_STORY, key);
}

/** Evidence as two lists: what speaks for the cause, and what speaks against it; `around` is when its traces happened. */
export function EvidenceList({ evidence, around }: { evidence: readonly Evidence[]; around: string }): ReactNode {
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
            <EvidenceRow key={i} evidence={one} heaviest={heaviest} around={around} />
          ))}
        </ol>
      </Section>
      {against.length > 0 && (
        <Section title={t("evidence.against")}>
          <ol className={classes.evidence}>
            {against.map((one, i) => (
              <EvidenceRow key={i} evidence={one} heaviest={heaviest} around={around} />
            ))}
          </ol>
        </Section>
      )}
    </>
  );
}

function EvidenceRow(props: { evidence: Evidence; heaviest: number; around: string }): ReactNode {
  const { evidence, heaviest, around } = props;
  const { t, tn, format } = useLanguage();
  const source = `source.${evidence.source}`;
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
        <small title={evidence.source}>{isSource(source) ? t(source) : evidence.source.replaceAll("-", " ")}</small>
        {evidence.traceIds.length > 0 && (
          <details>
            <summary>{tn("evidence.traces", evidence.traceIds.length)}</summary>
            <ul>
              {evidence.traceIds.slice(0, TRACE_LIMIT).map((trace) => (
                <li key={trace}>
                  <ExampleTrace id={trace} around={around} />
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </li>
  );
}
