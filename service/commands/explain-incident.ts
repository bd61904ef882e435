// `faultline explain incident SERVICE --at TIME`: why a service was, or was not, part of an incident at a time.
// In: a service, a time. Out: a sentence and a line an indicator, or JSON; exit 0 whatever the verdict.
// Bounds: asks a running Faultline (api.host, api.port) when one answers, for it holds the storage; else opens the storage itself.
import { entityName } from "../../model/entity.ts";
import { ServiceError } from "../../model/errors.ts";
import type { IncidentCheck, IncidentCheckRequest } from "../../model/incident-check.ts";
import { startLogging } from "../logging.ts";
import type { Command, CommandContext } from "../main.ts";
import { askRunningCheck, ownStorageNote } from "../remote-localize.ts";
import { startService } from "../roles.ts";
import { checkPast, readTime } from "../time-argument.ts";

/** Explains once. */
export const explainIncident: Command = async (context) => {
  const { config, parsed, print, tell, now } = context;
  startLogging({ level: "error", format: config.values["log.format"], file: null });
  const { options } = parsed;
  if (options["at"] === undefined)
    throw new ServiceError("USAGE", {
      detail: "explain incident needs --at, such as --at -10m or --at 2026-11-22T22:40:00Z.",
    });
  const at = readTime("at", options["at"], now());
  checkPast("at", at, now());
  const request: IncidentCheckRequest = {
    tenant: config.values.tenant,
    service: parsed.positionals[0]!,
    namespace: options["namespace"] ?? null,
    cluster: options["cluster"] ?? null,
    at: new Date(at).toISOString(),
  };
  const apiUrl = `http://${config.values["api.host"]}:${config.values["api.port"]}`;
  const remote = await askRunningCheck(apiUrl, request);
  if (remote === null) tell(ownStorageNote(apiUrl, config.values["storage.url"], config.values["storage.dataDir"]));
  const answer = remote ?? (await explainHere(context, request));
  if (options["json"] !== undefined) print(JSON.stringify(answer, null, 2));
  else for (const line of linesOf(answer)) print(line);
  return 0;
};

async function explainHere(
  { config, now, abort }: CommandContext,
  request: IncidentCheckRequest,
): Promise<IncidentCheck> {
  const service = await startService(config, ["storage", "analyzer"], { now, abort: abort.signal });
  try {
    if (service.context.explainDetection === null) throw new Error("the analyzer was started without it");
    return await service.context.explainDetection(request);
  } finally {
    await service.stop();
  }
}

/** The answer as lines of text. */
export function linesOf({ range, sentence, incidentId, checks }: IncidentCheck): string[] {
  return [
    `${range.from} .. ${range.to}${incidentId === null ? "" : ` (incident ${incidentId})`}`,
    sentence,
    ...checks.map(
      (check) =>
        `  ${check.verdict.padEnd(10)} ${check.indicator.padEnd(10)} ${entityName(check.entity)}: ${check.sentence}` +
        ` [${check.requests} requests in ${check.windowSeconds} s, baseline of ${check.baselineBuckets} buckets]`,
    ),
  ];
}
