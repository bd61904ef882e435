// `faultline serve`: runs the roles of the configuration until it is told to stop.
// In: the configuration. Out: a line with the URLs once everything answers; exit 0 after an orderly stop.
// Bounds: each role has stopDeadlineMs to stop; a second signal ends the process at once.
import { once } from "node:events";
import { startLogging } from "../logging.ts";
import type { Command } from "../main.ts";
import { startService } from "../roles.ts";
import { startTelemetry } from "../telemetry.ts";

/** Serves until SIGINT or SIGTERM. */
export const serve: Command = async ({ config, now, abort, tell }) => {
  const values = config.values;
  const telemetry = await startTelemetry({
    otlpEndpoint: values["telemetry.otlpEndpoint"],
    serviceName: values["telemetry.serviceName"],
    sampleRatio: values["telemetry.sampleRatio"],
    ingestSpans: values["telemetry.ingestSpans"],
  });
  startLogging({ level: values["log.level"], format: values["log.format"], file: null });
  try {
    const service = await startService(config, values.roles, { now, abort: abort.signal });
    const { urls } = service.context;
    const places = [
      { what: "console and GraphQL", url: urls.api },
      { what: "OTLP/HTTP", url: urls.ingest },
      { what: "OTLP/gRPC", url: urls.ingestGrpc },
      { what: "ClickHouse", url: urls.storage },
    ].flatMap(({ what, url }) => (url === null ? [] : [`${what} ${url}`]));
    tell(`Faultline serves ${values.roles.join(", ")}: ${places.join(", ")}`);
    if (!abort.signal.aborted) await once(abort.signal, "abort");
    await service.stop();
    return 0;
  } finally {
    await telemetry?.stop();
  }
};
