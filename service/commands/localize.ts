// `faultline localize --from --to`: says what was wrong in a period, from what is stored.
// In: a period and, to narrow it, a place and an indicator. Out: a sentence with evidence, or JSON; exit 0 whatever the verdict.
// Bounds: asks a running Faultline (api.host, api.port) when one answers, for it holds the storage; else opens the storage itself.
import { ServiceError } from "../../model/errors.ts";
import {
  INDICATORS,
  type Indicator,
  type Localization,
  type LocalizeRequest,
  MAX_CAUSES,
} from "../../model/localization.ts";
import { localizationJson } from "../contract-json.ts";
import { evidenceLines, findingSentence } from "../finding-text.ts";
import { startLogging } from "../logging.ts";
import type { Command, CommandContext } from "../main.ts";
import { askRunningApi, ownStorageNote } from "../remote-localize.ts";
import { startService } from "../roles.ts";
import { checkPast, readTime } from "../time-argument.ts";

/** Localizes once. */
export const localize: Command = async (context) => {
  const { config, parsed, print, tell } = context;
  startLogging({ level: "error", format: config.values["log.format"], file: null });
  const request = readRequest(context);
  const apiUrl = `http://${config.values["api.host"]}:${config.values["api.port"]}`;
  const remote = await askRunningApi(apiUrl, request);
  if (remote === null) tell(ownStorageNote(apiUrl, config.values["storage.url"], config.values["storage.dataDir"]));
  const answer = remote ?? (await localizeHere(context, request));
  if (parsed.options["json"] !== undefined) {
    print(JSON.stringify(localizationJson(answer), null, 2));
  } else {
    print(findingSentence(answer, null));
    for (const line of evidenceLines(answer)) print(`  - ${line}`);
  }
  return 0;
};

async function localizeHere({ config, now, abort }: CommandContext, request: LocalizeRequest): Promise<Localization> {
  const service = await startService(config, ["storage", "analyzer"], { now, abort: abort.signal });
  try {
    if (service.context.localize === null) throw new Error("the analyzer was started without localize");
    return await service.context.localize(request);
  } finally {
    await service.stop();
  }
}

function readRequest({ parsed, config, now }: CommandContext): LocalizeRequest {
  const { options } = parsed;
  if (options["from"] === undefined)
    throw usage("localize needs --from, such as --from -10m or --from 2026-11-22T22:40:00Z.");
  const from = readTime("from", options["from"], now());
  const to = readTime("to", options["to"] ?? "-0m", now());
  if (from >= to) throw usage("--from must lie before --to.");
  checkPast("from", from, now());
  const indicator = options["indicator"] ?? null;
  if (indicator !== null && !isIndicator(indicator))
    throw usage(`--indicator is one of ${INDICATORS.join(", ")}, not "${indicator}".`);
  const maxCausesText = options["max-causes"] ?? "5";
  const maxCauses = Number(maxCausesText);
  if (!Number.isInteger(maxCauses) || maxCauses < 1 || maxCauses > MAX_CAUSES)
    throw usage(`--max-causes needs a number from 1 to ${MAX_CAUSES}, not "${maxCausesText}".`);
  return {
    tenant: config.values.tenant,
    range: { from: new Date(from).toISOString(), to: new Date(to).toISOString() },
    baseline: null,
    cluster: options["cluster"] ?? null,
    namespace: options["namespace"] ?? null,
    service: options["service"] ?? null,
    operation: options["operation"] ?? null,
    indicator,
    maxCauses,
  };
}

function isIndicator(text: string): text is Indicator {
  return INDICATORS.some((indicator) => indicator === text);
}

function usage(detail: string): ServiceError {
  return new ServiceError("USAGE", { detail });
}
