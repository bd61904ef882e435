// Keeps one answer fresh while somebody looks at it.
// In: a document, its variables, how often to ask. Out: the newest answer, the failure since then, and when it was asked.
// Bounds: one request at a time; nothing is asked while the page is hidden; after failures it waits up to BACKOFF_LIMIT_MS;
// the last answer stays on the screen while a new one is awaited or cannot be had.
import { useEffect, useRef, useState } from "react";
import { request, type RequestFailure } from "./client.ts";
import type { GraphqlDocument } from "./documents.ts";

const BACKOFF_LIMIT_MS = 30_000;

/** The state of a live answer; `data` is the last good one, of the same `subject` as asked for. */
export interface LiveAnswer<Data> {
  readonly data: Data | null;
  readonly failure: RequestFailure | null;
  readonly answeredAt: number | null;
}

/**
 * Asks again every `everyMs` (null: once for each subject), and at once when `subject` or `nudge` changes.
 * `variables` is a function of the clock (unix ms), so that a sliding range is that of the moment; null asks nothing.
 */
export function useLiveQuery<Data, Variables>(
  document: GraphqlDocument<Data, Variables>,
  variables: ((nowMs: number) => Variables) | null,
  options: {
    readonly subject: string;
    readonly everyMs: number | null;
    readonly nudge?: number;
    /** Keeps showing the answer about the earlier subject until the new one is there. */
    readonly keep?: boolean;
  },
): LiveAnswer<Data> {
  const [state, setState] = useState<LiveAnswer<Data> & { subject: string }>({
    subject: options.subject,
    data: null,
    failure: null,
    answeredAt: null,
  });
  const variablesOf = useRef(variables);
  variablesOf.current = variables;
  const isAsked = variables !== null;
  const { subject, everyMs, nudge = 0, keep = false } = options;

  useEffect(() => {
    if (!isAsked) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const ask = async (): Promise<void> => {
      const make = variablesOf.current;
      if (make === null || stop.signal.aborted) return;
      if (globalThis.document.hidden) return;
      const result = await request(document, make(Date.now()), stop.signal);
      if (stop.signal.aborted) return;
      if (result.ok) {
        failures = 0;
        setState({ subject, data: result.data, failure: null, answeredAt: Date.now() });
      } else {
        failures++;
        setState((before) => ({
          subject,
          data: before.subject === subject || keep ? before.data : null,
          failure: result,
          answeredAt: before.answeredAt,
        }));
      }
      const wait = failures === 0 ? everyMs : Math.min(BACKOFF_LIMIT_MS, (everyMs ?? 3000) * 2 ** (failures - 1));
      if (wait !== null) timer = setTimeout(() => void ask(), wait);
    };
    const onVisible = (): void => {
      if (globalThis.document.hidden) return;
      clearTimeout(timer);
      void ask();
    };
    globalThis.document.addEventListener("visibilitychange", onVisible);
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
      globalThis.document.removeEventListener("visibilitychange", onVisible);
    };
  }, [document, isAsked, subject, everyMs, nudge, keep]);

  const isCurrent = state.subject === subject || keep;
  return isCurrent ? state : { data: null, failure: null, answeredAt: null };
}
