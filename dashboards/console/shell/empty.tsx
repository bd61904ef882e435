// What to say when there is nothing to show: which signal is missing, and how to get it.
// In: what is missing. Out: a title, a sentence and a text to copy.
// Bounds: one state at a time; nothing is guessed about the reader's set-up beyond this page's host.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { RequestFailure } from "../api/client.ts";
import { useLanguage } from "../language/language.tsx";
import { CopyBlock } from "./copy.tsx";
import classes from "./empty.module.css";

/** The frame of every empty state. */
export function EmptyState(props: {
  title: string;
  text?: string;
  code?: string;
  children?: ReactNode;
  /** A band above what there is, instead of a page of its own. */
  isBand?: boolean;
}): ReactNode {
  const { t } = useLanguage();
  return (
    <div className={props.isBand === true ? classes.band : classes.empty} data-testid="empty">
      <h2>{props.title}</h2>
      {props.text !== undefined && <p>{props.text}</p>}
      {props.code !== undefined && <CopyBlock text={props.code} label={t("empty.copy")} />}
      {props.children}
    </div>
  );
}

/** No spans in the period; offers the time of the newest spans when there are older ones. */
export function NoSpans({ newest, onShow }: { newest: string | null; onShow: (time: string) => void }): ReactNode {
  const { t, format } = useLanguage();
  const host = location.hostname === "localhost" || location.hostname === "" ? "127.0.0.1" : location.hostname;
  return (
    <EmptyState
      title={t("empty.spans.title")}
      text={t("empty.spans.text")}
      code={`OTEL_EXPORTER_OTLP_ENDPOINT=http://${host}:4318`}
    >
      {newest !== null && (
        <p className={classes.more}>
          {t("empty.spans.older", { time: format.moment(newest) })}{" "}
          <Button size="compact-xs" variant="light" onClick={() => onShow(newest)}>
            {t("empty.spans.show")}
          </Button>
        </p>
      )}
    </EmptyState>
  );
}

/** Places without any call between them. */
export function NoCalls(): ReactNode {
  const { t } = useLanguage();
  return (
    <EmptyState
      isBand
      title={t("empty.edges.title")}
      text={t("empty.edges.text")}
      code="OTEL_PROPAGATORS=tracecontext,baggage"
    />
  );
}

/** The server gave no answer. */
export function NoAnswer({ failure }: { failure: RequestFailure }): ReactNode {
  const { t } = useLanguage();
  switch (failure.reason) {
    case "refused":
      return <EmptyState title={t("empty.refused.title")} text={failure.message} />;
    case "unauthorized":
      return <EmptyState title={t("empty.unauthorized.title")} text={t("empty.unauthorized.text")} />;
    case "unreachable":
    case "aborted":
      return (
        <EmptyState
          title={t("empty.unreachable.title")}
          text={t("empty.unreachable.text")}
          code="npm run faultline -- serve"
        />
      );
  }
}
