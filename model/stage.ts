// A stage of the data path: a named, timed piece of work that is also a span of Faultline's own telemetry.
// In: the stage's file as a name ("analyzer/graph") and the work. Out: the work's result; a span and a duration measurement.
// Bounds: names are file names of this repository, so their number is known; a failure is recorded and passed on.
import { type Histogram, metrics, SpanStatusCode, trace } from "@opentelemetry/api";
import { reasonOf } from "./errors.ts";

let durations: Histogram | undefined;

/** Runs one stage inside a span of that name and records `faultline.stage.duration` (seconds); rethrows what the work throws. */
export async function runStage<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  durations ??= metrics.getMeter("faultline").createHistogram("faultline.stage.duration", {
    unit: "s",
    description: "Time of each stage of the data path",
  });
  const started = performance.now();
  return trace.getTracer("faultline").startActiveSpan(name, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: reasonOf(error) });
      throw error;
    } finally {
      span.end();
      durations?.record((performance.now() - started) / 1000, { stage: name });
    }
  });
}
