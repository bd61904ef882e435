// Settings of the endpoints that delivery tools tell of their changes.
// In: the sources and parts of ingest/changes/hints.ts. Out: the rows of SETTINGS under `changes`.
// Bounds: paths are dotted texts; secrets are never printed.
import { z } from "zod";
import { CHANGE_HOOK_DEFAULTS, type ChangeHookOptions } from "../../ingest/changes/endpoints.ts";
import { CHANGE_SOURCES, HINT_PARTS } from "../../ingest/changes/hints.ts";
import { secret, structure } from "../setting-kinds.ts";

const paths = z.array(z.string().min(1));
const hints = z.partialRecord(z.enum(HINT_PARTS), paths);
const fields: z.ZodType<ChangeHookOptions["fields"]> = z.partialRecord(z.enum(CHANGE_SOURCES), hints);

/** Settings of change webhooks. */
export const CHANGE_SETTINGS = {
  "changes.fluxSecret": secret(
    CHANGE_HOOK_DEFAULTS.fluxSecret,
    "The secret with which Flux signs (provider generic-hmac). Set: an unsigned event is refused with 401. Empty: the bearer tokens of the server hold.",
  ),
  "changes.githubSecret": secret(
    CHANGE_HOOK_DEFAULTS.githubSecret,
    "The secret of the GitHub webhook. Set: an unsigned event is refused with 401. Empty: the bearer tokens of the server hold.",
  ),
  "changes.fields": structure(
    "paths by source and part",
    fields,
    CHANGE_HOOK_DEFAULTS.fields,
    "Where webhooks name the place that changed: by source (cdevents, argocd, flux, github) and part (cluster, namespace, service, version) the dotted paths that are tried in order.",
  ),
} as const;
