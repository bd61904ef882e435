// Bounds the requests that gRPC calls are in the middle of sending, before anybody can count their bytes.
// In: calls as they open. Out: the same calls, at most `maxReads` of them being read and decompressed at a time; the others wait in order,
// held back by HTTP/2 flow control, so what they have sent is at most their window.
// Bounds: a call that waits longer than `readTimeoutMs` is told to try again later; one that takes longer to send its request is ended.
// Memory of requests under way is at most maxReads times the largest request, once as sent and once decompressed.
import { type Metadata, ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import { emitEvent } from "../model/events.ts";

/** Limits of reading; time in milliseconds. */
export interface ReadLimits {
  readonly maxReads: number;
  readonly readTimeoutMs: number;
}

/** A status that ends a call. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** Makes the interceptor; `throttled` makes the status for a call that waited in vain. */
export function limitReads(limits: ReadLimits, throttled: (detail: string) => CallStatus): ServerInterceptor {
  const waiting = new Set<() => void>();
  let reads = 0;

  function admitNext(): void {
    for (const admit of waiting) {
      if (reads >= limits.maxReads) return;
      waiting.delete(admit);
      admit();
    }
  }

  return (_method, call) => {
    let state: "waiting" | "reading" | "read" = "waiting";
    let timer: NodeJS.Timeout | undefined;

    function startTimer(): void {
      clearTimeout(timer);
      timer = setTimeout(expire, limits.readTimeoutMs);
    }
    function expire(): void {
      if (state === "waiting") {
        const detail = "too many requests are on their way";
        emitEvent("ingest.throttled", { signal: "grpc", reason: "reads" }, detail);
        call.sendStatus(throttled(detail));
      } else {
        // Counted with the others that do not arrive whole, when the call ends.
        call.sendStatus({ code: status.DEADLINE_EXCEEDED, details: "slow: the request took too long to arrive" });
      }
    }
    function end(admit: () => void): void {
      clearTimeout(timer);
      waiting.delete(admit);
      if (state === "reading") reads--;
      state = "read";
      admitNext();
    }

    return new ServerInterceptingCall(call, {
      start: (next) => {
        let admit = (): void => {};
        next({
          onReceiveMetadata: (metadata, proceed) => {
            admit = () => {
              state = "reading";
              reads++;
              startTimer();
              // Only now are bytes asked for.
              proceed(metadata);
            };
            startTimer();
            waiting.add(admit);
            admitNext();
          },
          onReceiveHalfClose: (proceed) => {
            end(admit);
            proceed();
          },
          onCancel: () => {
            if (state === "reading") {
              const detail =
                "a request did not arrive whole: it was too large, too slow, wrongly compressed or given up";
              emitEvent("ingest.refused", { signal: "grpc", reason: "incomplete" }, detail);
            }
            end(admit);
          },
        });
      },
    });
  };
}
