// What happens to a gRPC call until its request is read: who sends, whether he may now, when it is his turn, and whether there is room.
// In: calls as they open. Out: the same calls with their tenant, at most `maxReads` of them being read at a time; the others wait, tenant
// by tenant in turn, held back by HTTP/2 flow control, so what they have sent is at most their window.
// Bounds: a call that waits longer than `readTimeoutMs` is told to try again later; one that takes longer to send its request is ended.
// Each piece of a request is counted as it arrives, in the room that is also that of requests on their way to storage; past it: later.
import { Metadata, ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import type { Access, AdmissionRefusal } from "./access.ts";
import { emitFrequent } from "./frequent-events.ts";
import { insideOf, type RequestEncoding } from "./grpc-inside.ts";
import { retryStatus } from "./otlp/responses.ts";
import { type NoRoom, Room, type TenantGuard } from "./tenant-limits.ts";

/** Limits of reading; times in milliseconds but the one senders are told. */
export interface ReadLimits {
  readonly maxReads: number;
  readonly readTimeoutMs: number;
  readonly retryAfterSeconds: number;
}

/** A status that ends a call. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** A call that was read. */
export interface ReadCall {
  readonly tenant: string;
  /** How its request is compressed, null: not. */
  encoding(): RequestEncoding | null;
  /** Bytes that are held for it now: at first those of the request as sent. */
  held(): number;
  /** Takes room for more bytes of it, or says why there is none. */
  hold(bytes: number): NoRoom | null;
  /** Gives room back: so much, or all. */
  release(bytes?: number): void;
}

/** Calls on their way to being read. */
export interface CallReads {
  readonly interceptor: ServerInterceptor;
  /** The call, by the metadata that its handler gets; the handler releases what it holds. */
  callOf(metadata: Metadata): ReadCall | undefined;
}

/** What senders are told when there is no room. */
export const NO_ROOM: Readonly<Record<NoRoom, { readonly reason: string; readonly detail: string }>> = {
  full: { reason: "in_flight", detail: "too many bytes are on their way" },
  share: { reason: "share", detail: "too many bytes of this tenant are on their way" },
};

const CODE_OF_ADMISSION: Readonly<Record<AdmissionRefusal, status>> = {
  token: status.UNAUTHENTICATED,
  scope: status.PERMISSION_DENIED,
  unchecked: status.UNAVAILABLE,
};

/** A status after which an exporter sends the same again, `seconds` later. */
export function retryLater(code: status, details: string, seconds: number): CallStatus {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(retryStatus(code, details, seconds)));
  return { code, details, metadata };
}

/** Makes the bound of one server; `room` counts bytes. */
export function limitReads(limits: ReadLimits, access: Access, tenants: TenantGuard, room: Room): CallReads {
  const reads = new Room(limits.maxReads, tenants.limits.timesFree);
  const waiting = new Map<string, Set<() => void>>();
  const calls = new WeakMap<Metadata, ReadCall>();

  /** Lets calls in, one of each tenant in turn, as long as anybody's fits. */
  function admitNext(): void {
    for (let admitted = true; admitted;) {
      admitted = false;
      for (const [tenant, calls] of waiting) {
        const [admit] = calls;
        if (admit === undefined) waiting.delete(tenant);
        else if (reads.take(tenant, 1) === null) {
          calls.delete(admit);
          admitted = true;
          admit();
        }
      }
    }
  }

  function join(tenant: string, admit: () => void): void {
    const calls = waiting.get(tenant);
    if (calls === undefined) waiting.set(tenant, new Set([admit]));
    else calls.add(admit);
    admitNext();
  }

  const interceptor: ServerInterceptor = (_method, call) => {
    let state: "new" | "waiting" | "reading" | "read" = "new";
    let tenant = "";
    let timer: NodeJS.Timeout | undefined;
    let admit = (): void => {};
    let held = 0;
    let hasMessage = false;
    let isThrottled = false;
    const inside = insideOf(call);

    function refuse(refusal: CallStatus): void {
      call.sendStatus(refusal);
      // What has come of the request would otherwise be kept until its sender ends it.
      inside.close();
    }
    function hold(bytes: number): NoRoom | null {
      const reason = room.take(tenant, bytes, held);
      if (reason === null) held += bytes;
      return reason;
    }
    function release(bytes = held): void {
      room.give(tenant, bytes);
      held -= bytes;
    }
    function takePiece(bytes: number): void {
      if (state !== "reading") return;
      const reason = hold(bytes);
      if (reason !== null) throttle(NO_ROOM[reason].reason, NO_ROOM[reason].detail, limits.retryAfterSeconds);
    }
    function startTimer(): void {
      clearTimeout(timer);
      timer = setTimeout(expire, limits.readTimeoutMs);
    }
    function throttle(reason: string, detail: string, seconds: number): void {
      isThrottled = true;
      tenants.throttled("grpc", reason, tenant, detail);
      refuse(retryLater(status.RESOURCE_EXHAUSTED, `${reason}: ${detail}`, seconds));
    }
    function expire(): void {
      if (state === "waiting") throttle("reads", "too many requests are on their way", limits.retryAfterSeconds);
      // Counted with the others that do not arrive whole, when the call ends.
      else refuse({ code: status.DEADLINE_EXCEEDED, details: "slow: the request took too long to arrive" });
    }
    function end(): void {
      clearTimeout(timer);
      waiting.get(tenant)?.delete(admit);
      if (state === "reading") reads.give(tenant, 1);
      state = "read";
      admitNext();
    }
    async function open(metadata: Metadata, proceed: (metadata: Metadata) => void): Promise<void> {
      const admission = await access.admit(metadata.get("authorization")[0]?.toString());
      if (state !== "new") return;
      if (!admission.ok) {
        const { reason, detail } = admission;
        emitFrequent(
          reason === "unchecked" ? "ingest.throttled" : "ingest.refused",
          { signal: "grpc", reason },
          detail,
        );
        const code = CODE_OF_ADMISSION[reason];
        const details = `${reason}: ${detail}`;
        refuse(reason === "unchecked" ? retryLater(code, details, limits.retryAfterSeconds) : { code, details });
        return;
      }
      tenant = admission.tenant;
      const waitSeconds = tenants.waitSeconds(tenant);
      if (waitSeconds > 0) {
        throttle("rate", "this tenant sends too many bytes a second", waitSeconds);
        return;
      }
      calls.set(metadata, { tenant, encoding: () => inside.encoding(), held: () => held, hold, release });
      state = "waiting";
      admit = () => {
        state = "reading";
        startTimer();
        inside.onPiece(takePiece);
        // Only now are bytes asked for.
        proceed(metadata);
      };
      startTimer();
      join(tenant, admit);
    }

    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, proceed) => void open(metadata, proceed),
          onReceiveMessage: (message, proceed) => {
            hasMessage = true;
            proceed(message);
          },
          onReceiveHalfClose: (proceed) => {
            end();
            proceed();
          },
          onCancel: () => {
            if (state === "reading" && !isThrottled) {
              const detail = "a request did not arrive whole: it was too large, too slow or given up";
              emitFrequent("ingest.refused", { signal: "grpc", reason: "incomplete" }, detail);
            }
            // A whole request is in the hands of its handler, which releases it.
            if (state === "reading" || !hasMessage) release();
            end();
          },
        });
      },
    });
  };

  return { interceptor, callOf: (metadata) => calls.get(metadata) };
}
