// Starts and stops the alerts: a loop of rounds a target, so that a slow target delays no other.
// In: storage and options. Out: running loops.
// Bounds: one round at a time a target; a failing storage is told once an outage and tried again; stopping waits for the attempt
// under way, so that its row is written.
import { setTimeout as sleep } from "node:timers/promises";
import { SpanStatusCode, trace } from "@opentelemetry/api";
import { reasonOf } from "../../model/errors.ts";
import { emitEvent } from "../../model/events.ts";
import type { Storage } from "../../storage/client.ts";
import { checkTargets } from "./check-targets.ts";
import { createDispatcher, type Dispatcher } from "./dispatcher.ts";
import type { AlertOptions } from "./options.ts";

export { ALERTS_DEFAULTS } from "./options.ts";

/** Running alerts. */
export interface RunningAlerts {
  stop(): Promise<void>;
}

async function repeatRounds(dispatcher: Dispatcher, intervalMs: number, stopping: AbortSignal): Promise<void> {
  const tracer = trace.getTracer("faultline");
  let hasFailed = false;
  while (!stopping.aborted) {
    const span = tracer.startSpan("api/alerts/role");
    try {
      span.setAttribute("faultline.attempts", await dispatcher.runRound());
      hasFailed = false;
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: reasonOf(error) });
      if (!hasFailed) emitEvent("alert.failed", { kind: "storage" }, reasonOf(error));
      hasFailed = true;
    } finally {
      span.end();
    }
    // An aborted sleep rejects; the loop's condition ends it.
    await sleep(intervalMs, undefined, { signal: stopping }).catch(() => {});
  }
}

/** Starts telling incidents to the targets; rejects with CONFIG_INVALID for a target that cannot work. */
export async function startAlerts({
  storage,
  options,
}: {
  readonly storage: Storage;
  readonly options: AlertOptions;
}): Promise<RunningAlerts> {
  checkTargets(options.targets);
  const stopping = new AbortController();
  const loops = options.targets.map((target) =>
    repeatRounds(
      createDispatcher({ storage, options, target, now: Date.now, random: Math.random, pause: (ms) => sleep(ms) }),
      options.pollIntervalMs,
      stopping.signal,
    ),
  );
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}
