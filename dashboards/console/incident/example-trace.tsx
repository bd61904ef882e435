// An example trace below its evidence: the calls in order, how long each took, and where it failed.
// In: a trace id and a time near which it happened. Out: a button; once it is open, one line a call with a bar.
// Bounds: read when it is opened and then kept; ROW_LIMIT calls; deep calls are indented only so far.
import { Loader } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { TRACE } from "../api/documents.ts";
import type { Trace, TraceRow } from "../api/types.ts";
import { useLiveQuery } from "../api/use-live-query.ts";
import { useLanguage } from "../language/language.tsx";
import { CopyButton } from "../shell/copy.tsx";
import classes from "./story.module.css";

const ROW_LIMIT = 60;
const INDENT_LIMIT = 8;

/** One example trace. */
export function ExampleTrace({ id, around }: { id: string; around: string }): ReactNode {
  const { t } = useLanguage();
  const [isOpen, setOpen] = useState(false);
  return (
    <div className={classes.trace}>
      <span className={classes.traceHead}>
        <button
          type="button"
          aria-expanded={isOpen}
          aria-label={t("trace.show", { trace: id })}
          onClick={() => setOpen(!isOpen)}
        >
          <code>{id}</code>
        </button>
        <CopyButton text={() => id} label={t("evidence.copy_trace", { trace: id })} />
      </span>
      {isOpen && <Calls id={id} around={around} />}
    </div>
  );
}

function Calls({ id, around }: { id: string; around: string }): ReactNode {
  const { t } = useLanguage();
  const { data, failure } = useLiveQuery(TRACE, () => ({ id, around, first: ROW_LIMIT }), {
    subject: id,
    everyMs: null,
  });
  if (data !== null) return data.trace === null ? <p>{t("trace.gone")}</p> : <Waterfall trace={data.trace} />;
  if (failure?.reason === "refused") return <p>{t("trace.refused", { reason: failure.message })}</p>;
  return <Loader size="xs" aria-label={t("trace.loading")} />;
}

function Waterfall({ trace }: { trace: Trace }): ReactNode {
  const { t, format } = useLanguage();
  return (
    <>
      <p>{t("trace.took", { duration: format.latency(trace.durationMs), count: format.count(trace.hopCount) })}</p>
      <ol className={classes.calls} data-testid="trace">
        {trace.rows.map((row) => (
          <Call key={row.index} row={row} wholeMs={trace.durationMs} />
        ))}
      </ol>
      {trace.hopCount > trace.rows.length && <p>{t("trace.more", { count: format.count(trace.rows.length) })}</p>}
    </>
  );
}

function Call({ row, wholeMs }: { row: TraceRow; wholeMs: number }): ReactNode {
  const { t, format, name } = useLanguage();
  const share = (ms: number): string => `${wholeMs <= 0 ? 0 : Math.min(100, Math.max(0, (ms / wholeMs) * 100))}%`;
  const duration = format.latency(row.durationMs);
  return (
    <li
      data-outcome={row.outcome}
      title={`${name(row.entity)} ${row.operation}\n${t("trace.own", { duration, own: format.latency(row.exclusiveMs) })}`}
    >
      <span className={classes.call} style={{ paddingLeft: Math.min(row.depth, INDENT_LIMIT) * 10 }}>
        <strong>{row.entity.service ?? name(row.entity)}</strong> <span>{row.operation}</span>
      </span>
      <span className={classes.took}>{duration}</span>
      <span className={classes.lane} aria-hidden>
        <span style={{ left: share(row.startMs), width: share(row.durationMs) }} />
      </span>
      {row.outcome === "FAILED" && (
        <small>
          {row.isFailureOrigin ? t("trace.origin") : t("trace.failed")}
          {row.message !== null && row.message !== "" && `: ${row.message}`}
        </small>
      )}
    </li>
  );
}
